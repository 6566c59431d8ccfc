"""`savar cards`: printed cards at the backend's own machine. No code is ever printed to the screen."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from backend.adapters.keys import load_keys
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.paper.card_pdf import Paper, cards_pdf
from backend.app.backend import wall_ms
from backend.app.cards import Cards, NewCards
from backend.app.config import BackendConfig, load_config
from backend.app.ledgers import open_ledger
from backend.app.staff import Staff
from backend.core.cards.card import Card, Ended, grouped, is_number
from backend.core.cards.issue import CardIssue
from backend.core.cards.kinds import SHAPES, CardKind
from backend.core.limits import CARDS_AN_ISSUE_MAX, CARDS_PAGE
from backend.core.staff.subjects import read
from cli.backend_config import backend_config
from cli.days import ServiceDay
from cli.office_desk import actor_of, own_token, utc
from cli.office_desk import approve as approve_as
from cli.output import json_option, write_json, write_private
from protocol.fares.tariff import CLASS_NAMED
from protocol.jalali import day_text
from protocol.limits import TICKET_RIDES_A_DAY_MAX
from protocol.plurals import counted

_why = click.option("--why", required=True, type=click.Choice([it.value for it in Ended]))
_pdf = click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
                    help="New file for the PDF, for its owner alone: it is as good as the cards.")  # fmt: skip


def _number(text: str) -> str:
    """A card's number as it is printed, too: by fours, and in Persian digits. What is no number stays what it is."""
    said = "".join(str(unicodedata.decimal(it, it)) for it in text if not it.isspace())
    return said if is_number(said) else text


@contextmanager
def _desks(path: Path) -> Iterator[tuple[BackendConfig, Cards, Staff]]:
    config = load_config(path)
    issuer = load_keys(config.keys_dir).issuer
    store: LedgerStore = open_ledger(config)
    try:
        staff = Staff(
            store, b"", clock=wall_ms, randomness=os.urandom, waiting=list,
            new_cards=NewCards(store, issuer, os.urandom),
        )  # fmt: skip
        yield config, Cards(store, staff, issuer, clock=wall_ms, randomness=os.urandom), staff
    finally:
        store.close()


@click.group()
def command() -> None:
    """Printed cards: issued by two people, printed, blocked, replaced. The backend may run meanwhile."""


@command.command()
@backend_config
@own_token
@click.argument("kind", type=click.Choice([it.value for it in CardKind]))
@click.option("--count", required=True, type=click.IntRange(1, CARDS_AN_ISSUE_MAX), help="Cards; of a strip, pieces.")
@click.option("--class", "rider_class", type=click.Choice(list(CLASS_NAMED)),
              help="Rider class, where a kind may be of several.")  # fmt: skip
@click.option("--from", "first_day", required=True, type=ServiceDay(), metavar="DAY", help="First day, 1405/09/10.")
@click.option("--until", "last_day", required=True, type=ServiceDay(), metavar="DAY", help="Last day.")
@click.option("--rides-a-day", default=0, type=click.IntRange(0, TICKET_RIDES_A_DAY_MAX), help="On each bus.")
@click.option("--document", required=True, help="Where the office keeps who gets them; never a copy of it.")
@click.option("--why", required=True, help="Why you propose it; staff read it.")
def propose(
    *, path: Path, token_file: Path, kind: str, count: int, rider_class: str | None, first_day: int, last_day: int,
    rides_a_day: int, document: str, why: str,
) -> None:  # fmt: skip
    """Propose an issue of cards of this KIND; another of operations reads and approves it."""
    able = SHAPES[CardKind(kind)].classes
    if rider_class is None and len(able) > 1:
        raise click.UsageError(f"say with --class whose: {', '.join(sorted(it.word for it in able))}")
    of = min(able) if rider_class is None else CLASS_NAMED[rider_class]
    it = CardIssue(kind, int(of), first_day, last_day, rides_a_day, count, document)
    with _desks(path) as (_, _desk, staff):
        made = staff.propose(actor_of(staff, token_file), it, why=why, key="")
    click.echo(f"proposed; another of operations reads and approves it:\n  savar cards approve {made.id}:"
               f"{made.digest.hex()}")  # fmt: skip


@command.command()
@backend_config
@own_token
@click.argument("named", metavar="PROPOSAL:DIGEST")
def approve(*, path: Path, token_file: Path, named: str) -> None:
    """Approve what another person proposed: then there are the cards, and they are printed."""
    with _desks(path) as (_, _desk, staff):
        approve_as(staff, actor_of(staff, token_file), named, what="kind", is_of=lambda it: isinstance(
            read(it.kind, it.content), CardIssue
        ))  # fmt: skip
    click.echo(f"issued: savar cards print {named.partition(':')[0]} --out cards.pdf")


@command.command("print")
@backend_config
@own_token
@click.argument("what", metavar="ISSUE|NUMBER", type=_number)
@click.option("--paper", type=click.Choice([it.value for it in Paper]), default=Paper.SHEET.value, show_default=True,
              help="A page a card of 85.6 × 54 mm, or ten on A4 to cut.")  # fmt: skip
@_pdf
def print_(*, path: Path, token_file: Path, what: str, paper: str, out: Path) -> None:
    """Print the live cards of an ISSUE, or the card of this NUMBER, into a PDF. Each time is told in the log."""
    with _desks(path) as (config, desk, staff):
        actor = actor_of(staff, token_file)
        made = [desk.print_card(actor, what, key="")] if is_number(what) else desk.print_issue(actor, what, key="")
    write_private(out, cards_pdf(made, Paper(paper), config.city))
    click.echo(f"secret           {out} ({counted(len(made), 'card')}: print it, then delete it)")


@command.command()
@backend_config
@own_token
@click.argument("number", metavar="NUMBER", type=_number)
@_why
def block(*, path: Path, token_file: Path, number: str, why: str) -> None:
    """Block the card of this NUMBER: at once in the ledger, at a bus once it has the next bundle."""
    with _desks(path) as (_, desk, staff):
        it = desk.block(actor_of(staff, token_file), number, Ended(why), key="")
    click.echo(_line(it))
    click.echo("next: savar backend denied --deny-file, then savar bundle make --deny-file", err=True)


@command.command()
@backend_config
@own_token
@click.argument("number", metavar="NUMBER", type=_number)
@_why
def replace(*, path: Path, token_file: Path, number: str, why: str) -> None:
    """Put another card in the place of this NUMBER, with what that had left; it is blocked. Repeated: the same one."""
    with _desks(path) as (_, desk, staff):
        it = desk.replace(actor_of(staff, token_file), number, Ended(why), key="")
    click.echo(_line(it))
    click.echo(f"next: savar cards print {it.number} --out card.pdf", err=True)


@command.command()
@backend_config
@click.argument("number", metavar="NUMBER", type=_number)
@json_option("the card")
def show(*, path: Path, number: str, out: str | None) -> None:
    """One card, by the NUMBER that is printed on it."""
    with _desks(path) as (_, desk, _staff):
        it = desk.card(number)
    if out is None:
        click.echo(_line(it))
    else:
        write_json(out, _json(it))


@command.command("list")
@backend_config
@json_option("the issues")
def listed(*, path: Path, out: str | None) -> None:
    """Issues, newest first, with how many cards of each are blocked."""
    with _desks(path) as (_, desk, _staff):
        found = [it for _, it in desk.issues(None, CARDS_PAGE)]
    if out is not None:
        write_json(out, {"issues": [
            {"name": it.name, "kind": it.terms.kind.value, "cards": it.cards, "blocked": it.ended,
             "until": day_text(it.terms.last_day), "made_ms": it.made_ms} for it in found
        ]})  # fmt: skip
        return
    for it in found:
        click.echo(f"{it.name}  {it.terms.kind.value}, until {day_text(it.terms.last_day)}  "
                   f"{counted(it.cards, 'card')}, {it.ended} blocked, made {utc(it.made_ms)}")  # fmt: skip


def _line(it: Card) -> str:
    state = "live" if it.ended_ms is None or it.why is None else f"blocked ({it.why.value}) {utc(it.ended_ms)}"
    return f"{grouped(it.number)}  {it.terms.kind.value}, until {day_text(it.terms.last_day)}  {state}"


def _json(it: Card) -> dict[str, Any]:
    return {
        "number": it.number, "issue": it.issue, "kind": it.terms.kind.value, "until": day_text(it.terms.last_day),
        "rides_a_day": it.terms.rides_a_day, "made_ms": it.made_ms, "blocked_ms": it.ended_ms,
        "blocked_why": None if it.why is None else it.why.value, "replaced": it.replaced_by is not None,
    }  # fmt: skip
