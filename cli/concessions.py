"""`savar concessions list|show|answer`: what riders apply for, at the backend's own machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from backend.app.applications import Applications
from backend.app.backend import wall_ms
from backend.app.staff import Staff
from backend.core.concessions.application import OWNER, Why
from backend.core.concessions.ports import Applied
from backend.core.concessions.words import PAPERS, STATES, WHYS
from backend.core.staff.subjects import Concession, read
from backend.core.staff.two_people import Proposal
from cli.backend_config import backend_config
from cli.days import ServiceDay
from cli.office_desk import actor_of, all_of, opened, own_token, utc
from cli.office_desk import approve as approve_as
from cli.output import json_option, write_json
from protocol.fares.tariff import RiderClass
from protocol.jalali import day_text
from protocol.plurals import counted

_ENGLISH = 1  # of the two languages in which riders read it


@contextmanager
def _desks(path: Path) -> Iterator[tuple[Applications, Staff]]:
    with opened(path) as (store, staff):
        yield Applications(store, staff, clock=wall_ms, randomness=os.urandom), staff


@click.group()
def command() -> None:
    """Read and answer what riders apply for. A class is granted by two people. The backend may run meanwhile."""


@command.command("list")
@backend_config
@click.option("--answered", is_flag=True, help="Answered ones, too.")
@json_option("the applications")
def listed(path: Path, answered: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """What waits for an answer, oldest first: what is due next stands first."""
    with _desks(path) as (desk, _):
        found = all_of(desk.listed, open_only=not answered)
    if out is not None:
        write_json(out, {"applications": [_json(it) for it in found]})
        return
    for it in found:
        click.echo(_line(it))
    late = sum(it.overdue for it in found)
    click.echo(
        f"{counted(len(found), 'application')}, {late} overdue; `savar concessions show` says more of each", err=True
    )


@command.command()
@backend_config
@click.argument("application")
@json_option("the application")
def show(path: Path, application: str, out: str | None) -> None:
    """One APPLICATION, by its id, as its rider and the office see it."""
    with _desks(path) as (desk, _):
        it = desk.shown(application)
    if out is not None:
        write_json(out, _json(it))
        return
    one = it.application
    click.echo(_line(it))
    for paper in one.documents:
        click.echo(f"{PAPERS[paper.paper][_ENGLISH]}, of {paper.issuer}: {paper.reference}")
    if one.words:
        click.echo(f"rider says: {one.words}")
    if one.until_day is not None:
        click.echo(f"granted until {day_text(one.until_day)}")
    if one.why is not None:
        click.echo(f"refused ({WHYS[one.why][_ENGLISH]}): {one.answer}")


@command.command()
@backend_config
@click.argument("application")
@own_token
@click.option("--refuse", type=click.Choice([it.value for it in Why]), help="Nothing is granted, for this reason.")
@click.option("--grant-until", "until", type=ServiceDay(), help="Propose to grant it until this last day, 1406/06/31.")
@click.option("--approve", metavar="PROPOSAL:DIGEST", help="Approve what another proposed; nothing else is given then.")
@click.option("--answer", "words", help="What the rider reads, with --refuse.")
@click.option("--document", help="Where the office keeps what was shown, with --grant-until; never a copy of it.")
@click.option("--why", help="Why you propose to grant it; staff read it.")
def answer(
    *, path: Path, application: str, token_file: Path, refuse: str | None, until: int | None, approve: str | None,
    words: str | None, document: str | None, why: str | None,
) -> None:  # fmt: skip
    """Answer an APPLICATION: refuse it, propose to grant it, or approve what somebody else has proposed."""
    if sum(it is not None for it in (refuse, until, approve)) != 1:
        raise click.UsageError("say one of --refuse, --grant-until and --approve")
    if refuse is not None and not words:
        raise click.UsageError("say with --answer what the rider reads")
    if until is not None and not (document and why):
        raise click.UsageError("say with --document where the papers are, and with --why why you propose it")
    with _desks(path) as (desk, staff):
        actor = actor_of(staff, token_file)
        if refuse is not None:
            click.echo(_line(desk.refuse(actor, application, Why(refuse), words or "", key="")))
        elif until is not None:
            made = desk.propose(actor, application, until, document or "", why=why or "", key="")
            click.echo(
                "proposed; another of operations reads and approves it:\n"
                f"  --approve {made.id}:{made.digest.hex()}"
            )  # fmt: skip
        else:
            approve_as(
                staff, actor, approve or "", what="application", is_of=lambda it: _application(it) == application
            )
            click.echo(_line(desk.shown(application)))


def _application(proposal: Proposal) -> str | None:
    it = read(proposal.kind, proposal.content)
    return it.application if isinstance(it, Concession) else None


def _line(it: Applied) -> str:
    one = it.application
    late = "  OVERDUE" if it.overdue else ""
    return (
        f"{one.id}  {RiderClass(one.rider_class).word}  {STATES[one.state][_ENGLISH]}  {OWNER}, due {utc(one.due_ms)}"
        f"{late}"
    )


def _json(it: Applied) -> dict[str, Any]:
    one = it.application
    return {
        "id": one.id, "rider_class": one.rider_class, "class_name": RiderClass(one.rider_class).word,
        "documents": [
            {"paper": paper.paper.value, "issuer": paper.issuer, "reference": paper.reference}
            for paper in one.documents
        ],
        "words": one.words, "state": one.state.value, "owner": OWNER, "opened_ms": one.opened_ms, "due_ms": one.due_ms,
        "overdue": it.overdue, "until": None if one.until_day is None else day_text(one.until_day),
        "why": None if one.why is None else one.why.value, "answer": one.answer, "answered_ms": one.answered_ms,
    }  # fmt: skip
