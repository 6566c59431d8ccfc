"""`savar disputes list|show|answer`: what riders say is wrongly charged, at the backend's own machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from backend.app.backend import wall_ms
from backend.app.disputes import Disputes
from backend.app.staff import Staff
from backend.core.disputes.dispute import OWNER, Why
from backend.core.disputes.ports import Shown
from backend.core.disputes.words import REASONS, STATES, WHYS
from backend.core.explaining.explain import told_as
from cli.backend_config import backend_config
from cli.office_desk import actor_of, all_of, opened, own_token, utc
from cli.office_desk import approve as approve_as
from cli.output import json_option, write_json
from protocol.plurals import counted

_ENGLISH = 1  # of the two languages in which riders read it


@contextmanager
def _desks(path: Path) -> Iterator[tuple[Disputes, Staff]]:
    with opened(path) as (store, staff):
        yield Disputes(store, staff, clock=wall_ms, randomness=os.urandom), staff


@click.group()
def command() -> None:
    """Read and answer what riders dispute. Money goes back by two people's word. The backend may run meanwhile."""


@command.command("list")
@backend_config
@click.option("--answered", is_flag=True, help="Answered ones, too.")
@json_option("the disputes")
def listed(path: Path, answered: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """What waits for an answer, oldest first: what is due next stands first."""
    with _desks(path) as (desk, _):
        found = all_of(desk.listed, open_only=not answered)
    if out is not None:
        write_json(out, {"disputes": [_json(it) for it in found]})
        return
    for it in found:
        click.echo(_line(it))
    late = sum(it.overdue for it in found)
    click.echo(f"{counted(len(found), 'dispute')}, {late} overdue; `savar disputes show` says more of each", err=True)


@command.command()
@backend_config
@click.argument("dispute")
@json_option("the dispute")
def show(path: Path, dispute: str, out: str | None) -> None:
    """One DISPUTE, by its id, as its rider and finance see it."""
    with _desks(path) as (desk, _):
        it = desk.shown(dispute)
    if out is not None:
        write_json(out, _json(it))
        return
    one = it.dispute
    click.echo(_line(it))
    click.echo(f"rider says: {REASONS[one.reason][_ENGLISH]}" + (f": {one.words}" if one.words else ""))
    click.echo(f"charged {one.charged_rials:,} rials then, {it.now_rials:,} by now")
    if one.answered_ms is not None:
        why = "" if one.why is None else f" ({WHYS[one.why][_ENGLISH]})"
        click.echo(f"answered {utc(one.answered_ms)}: {one.given_rials:,} rials back{why}: {one.answer}")
    click.echo(f"why it cost what it did: savar explain {told_as(one.tap)}", err=True)


@command.command()
@backend_config
@click.argument("dispute")
@own_token
@click.option("--refuse", type=click.Choice([it.value for it in Why]), help="Nothing goes back, for this reason.")
@click.option("--refund", type=click.IntRange(min=1), help="Propose to give so many rials back.")
@click.option("--by-house", is_flag=True, help="The house bears the refund; else who was paid for the ride.")
@click.option("--approve", metavar="PROPOSAL:DIGEST", help="Approve what another proposed; nothing else is given then.")
@click.option("--answer", "words", help="What the rider reads, with --refuse and --refund.")
@click.option("--why", help="Why you propose the refund; staff read it.")
def answer(
    *, path: Path, dispute: str, token_file: Path, refuse: str | None, refund: int | None, by_house: bool,
    approve: str | None, words: str | None, why: str | None,
) -> None:  # fmt: skip
    """Answer a DISPUTE: refuse it, propose a refund, or approve one that somebody else has proposed."""
    if sum(it is not None for it in (refuse, refund, approve)) != 1:
        raise click.UsageError("say one of --refuse, --refund and --approve")
    if approve is None and not words:
        raise click.UsageError("say with --answer what the rider reads")
    with _desks(path) as (desk, staff):
        actor = actor_of(staff, token_file)
        if refuse is not None:
            click.echo(_line(desk.refuse(actor, dispute, Why(refuse), words or "", key="")))
        elif refund is not None:
            if not why:
                raise click.UsageError("say with --why why you propose the refund")
            made = desk.propose(actor, dispute, refund, words or "", by_house=by_house, why=why, key="")
            click.echo(
                f"proposed; another of finance reads and approves it:\n  --approve {made.id}:{made.digest.hex()}"
            )
        else:
            approve_as(staff, actor, approve or "", what="dispute", is_of=lambda it: it.subject == dispute)
            click.echo(_line(desk.shown(dispute)))


def _line(it: Shown) -> str:
    one = it.dispute
    late = "  OVERDUE" if it.overdue else ""
    return (
        f"{one.id}  {told_as(one.tap)}  {one.reason.value}  {it.now_rials:,} rials  {STATES[one.state][_ENGLISH]}"
        f"  {OWNER}, due {utc(one.due_ms)}{late}"
    )


def _json(it: Shown) -> dict[str, Any]:
    one = it.dispute
    return {
        "id": one.id, "tap": told_as(one.tap), "wall_ms": one.wall_ms, "reason": one.reason.value, "words": one.words,
        "state": one.state.value, "owner": OWNER, "opened_ms": one.opened_ms, "due_ms": one.due_ms,
        "overdue": it.overdue, "charged_rials": one.charged_rials, "charged_now_rials": it.now_rials,
        "given_rials": one.given_rials, "by_house": one.by_house, "why": None if one.why is None else one.why.value,
        "answer": one.answer, "answered_ms": one.answered_ms,
    }  # fmt: skip
