"""`savar staff add|end|list|log|verify`: people of the office and the log of what they did, at the backend."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from backend.adapters.ledger.store import LedgerStore
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.staff import end_person, name_person
from backend.core.limits import PAGE_MAX
from backend.core.settlement.parties import Party
from backend.core.staff.log import Logged, check
from backend.core.staff.roles import STAFF_ROLES, Person, Role
from cli.backend_config import backend_config
from cli.output import json_option, write_json
from cli.whoami import account
from protocol.plurals import counted

_DIGEST_HEX = 64


@click.group()
def command() -> None:
    """Name people of the office and end them; read and check the log of what they did. The backend may run."""


def _ledger(path: Path) -> "closing[LedgerStore]":
    return closing(open_ledger(load_config(path)))


@command.command()
@backend_config
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in STAFF_ROLES]))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="New file for the token, for its owner alone; without it the token is shown, once.")  # fmt: skip
@click.option("--for", "party", metavar="PARTY",
              help="Whose settlement a partner or driver sees: operator:NAME, owner:NAME, driver:NUMBER.")  # fmt: skip
def add(*, path: Path, name: str, role: str, out: Path | None, party: str | None) -> None:
    """Name the person NAME and make the token. A name is given once, for the log tells of people by their names."""
    if out is not None and out.exists():
        raise click.ClickException(f"{out} is there already; name a new file: a token is never written over")
    with _ledger(path) as store:
        token = name_person(
            store, name, Role(role), by=account(), now_ms=wall_ms(), randomness=os.urandom, party=_party(party)
        )  # fmt: skip
    if out is None:
        click.echo(token)
        click.echo(f"the token of {name}, told only here: give it to nobody else", err=True)
        return
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise click.ClickException(
            f"cannot write {out}: {error.strerror}; `savar staff end {name}`, then add the person under another name"
        ) from error
    click.echo(f"the token of {name} is in {out}: give it to nobody else")


def _party(text: str | None) -> Party | None:
    try:
        return None if text is None else Party.named(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}: operator:metro is one", param_hint="--for") from error


@command.command()
@backend_config
@click.argument("name")
def end(*, path: Path, name: str) -> None:
    """End the person NAME: the token opens nothing from now on. What was done under it stays."""
    with _ledger(path) as store:
        end_person(store, name, by=account(), now_ms=wall_ms())
    click.echo(f"{name} is ended; proposals of theirs that are open may still be decided by others")


@command.command("list")
@backend_config
@json_option("the people")
def list_people(*, path: Path, out: str | None) -> None:
    """List everybody who was ever named."""
    with _ledger(path) as store:
        found = list(_people(store))
    if out is not None:
        write_json(out, [_of_person(it) for it in found])
        return
    for it in found:
        ended = "" if it.ended_ms is None else f", ended {_when(it.ended_ms)}"
        role = it.role.value if it.party is None else f"{it.role.value} for {it.party}"
        click.echo(f"{it.name:20} {role:12} since {_when(it.added_ms)}{ended}")
    click.echo(f"{counted(len(found), 'person', 'people')}; and who holds the operations token", err=True)


@command.command()
@backend_config
@click.option("--after", default=0, type=click.IntRange(0), help="Only entries behind this number.")
@json_option("the entries")
def log(*, path: Path, after: int, out: str | None) -> None:
    """Show what the staff did: who, in which role, what, on what, when, and how it ended."""
    with _ledger(path) as store:
        if out is not None:
            write_json(out, [_of_entry(row) for row in _entries(store, after)])
            return
        for row in _entries(store, after):
            it = row.entry
            on = f" {it.on}" if it.on else ""
            key = f" (key {it.key})" if it.key else ""
            click.echo(f"{row.number:6} {_when(it.at_ms)}  {it.person} ({it.role}) {it.action}{on}: {it.outcome}{key}")


@command.command()
@backend_config
@click.option("--known", multiple=True, metavar="NUMBER:HASH",
              help="An entry's hash as it was kept: shows a log that was written anew, or cut off.")  # fmt: skip
@json_option("what was found")
def verify(*, path: Path, known: tuple[str, ...], out: str | None) -> None:
    """Look the whole log through: every entry there, none changed, none cut off. Status 1 where it does not hold."""
    kept = dict(map(kept_hash, known))
    with _ledger(path) as store:
        mark = store.log_mark()
        broken = check(_entries(store, 0, mark.number), mark, kept)
    if out is not None:
        write_json(out, {
            "holds": broken is None, "entries": mark.number, "hash": mark.hash.hex(),
            "broken": None if broken is None else {"entry": broken.number, "why": broken.why},
        })  # fmt: skip
    elif broken is None:
        click.echo(f"holds: {counted(mark.number, 'entry', 'entries')}; keep {mark.number}:{mark.hash.hex()}")
    if broken is not None:
        click.echo(
            f"the log does not hold: {broken.why} — keep the ledger as it is, and compare it with its last backup",
            err=True,
        )
        sys.exit(1)


def kept_hash(value: str) -> tuple[int, bytes]:
    """An entry's number and its hash, as somebody kept them. Raises BadParameter."""
    number, colon, digest = value.partition(":")
    if not (colon and number.isdecimal() and len(digest) == _DIGEST_HEX and set(digest) <= set("0123456789abcdef")):
        raise click.BadParameter(f"{value} is not NUMBER:HASH, as verify or the API told it", param_hint="--known")
    return int(number), bytes.fromhex(digest)


def _entries(store: LedgerStore, after: int, until: int | None = None) -> Iterator[Logged]:
    """A page at a time; `until`: what is written meanwhile is not looked at."""
    while page := store.log(after, PAGE_MAX):
        for row in page:
            if until is not None and row.number > until:
                return
            yield row
        after = page[-1].number


def _people(store: LedgerStore) -> Iterator[Person]:
    after = ""
    while page := store.people(after, PAGE_MAX):
        yield from page
        after = page[-1].name


def _of_person(it: Person) -> dict[str, Any]:
    return {
        "name": it.name, "role": it.role.value, "added_ms": it.added_ms, "ended_ms": it.ended_ms,
        "party": None if it.party is None else str(it.party),
    }  # fmt: skip


def _of_entry(row: Logged) -> dict[str, Any]:
    it = row.entry
    return {
        "number": row.number, "at_ms": it.at_ms, "person": it.person, "role": it.role, "action": it.action,
        "on": it.on, "outcome": it.outcome, "key": it.key, "hash": row.hash.hex(),
    }  # fmt: skip


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
