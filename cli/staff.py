"""`savar staff`: people of the office and the log of what they did, at the backend."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from backend.adapters.ledger.store import LedgerStore
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.naming import end_passkeys, end_person, name_person, name_without_token, rotate_token, sign_out
from backend.app.naming import invite as new_invitation
from backend.core.errors import NotFound
from backend.core.limits import LOG_LINE_MAX_BYTES, PAGE_MAX, STAFF_TOKEN_DAYS_DEFAULT, STAFF_TOKEN_OVERLAP_DAYS
from backend.core.settlement.parties import Party
from backend.core.staff.log import Broken, Logged, Mark, check, check_copy
from backend.core.staff.log_file import NotALine, line_of, read_line
from backend.core.staff.roles import STAFF_ROLES, Person, Role
from cli.backend_config import backend_config
from cli.output import OutFile, json_option, write_json, write_texts
from cli.secrets_out import hand_over, require_new
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
              help="New file for what is made, for its owner alone; without it, it is shown, once.")  # fmt: skip
@click.option("--for", "party", metavar="PARTY",
              help="Whose settlement a partner or driver sees: operator:NAME, owner:NAME, driver:NUMBER.")  # fmt: skip
@click.option("--passkey", is_flag=True, help="An invitation to make a passkey, and no token.")
def add(*, path: Path, name: str, role: str, out: Path | None, party: str | None, passkey: bool) -> None:
    """Name the person NAME and make a token. A name is given once, for the log tells of people by their names."""
    require_new(out)
    who, at_ms, its = account(), wall_ms(), _party(party)
    with _ledger(path) as store:
        if passkey:
            name_without_token(store, name, Role(role), by=who, now_ms=at_ms, party=its)
            made = new_invitation(store, name, by=who, now_ms=at_ms, randomness=os.urandom)
        else:
            made = name_person(store, name, Role(role), by=who, now_ms=at_ms, randomness=os.urandom, party=its)
    again = f"savar staff {'invite' if passkey else 'token'} {name}"
    hand_over("the invitation" if passkey else "the token", made, name, out, again)
    if passkey:
        _warn_without_pages(path)


@command.command()
@backend_config
@click.argument("name")
@click.option("--days", default=STAFF_TOKEN_DAYS_DEFAULT, show_default=True, type=click.IntRange(1, 3_660),
              help="For how long it is good.")  # fmt: skip
@click.option("--overlap", default=STAFF_TOKEN_OVERLAP_DAYS, show_default=True, type=click.IntRange(0, 90),
              help="In how many days the ones before it end; 0: now.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="New file for it, for its owner alone; without it, it is shown, once.")  # fmt: skip
def token(*, path: Path, name: str, days: int, overlap: int, out: Path | None) -> None:
    """Make a new token for NAME, as for a machine; those before it end a little later, so that it can be changed."""
    require_new(out)
    with _ledger(path) as store:
        made = rotate_token(
            store, name, by=account(), now_ms=wall_ms(), randomness=os.urandom, days=days, overlap_days=overlap
        )
    hand_over("the token", made, name, out, f"savar staff token {name}")


@command.command()
@backend_config
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="New file for it, for its owner alone; without it, it is shown, once.")  # fmt: skip
def invite(*, path: Path, name: str, out: Path | None) -> None:
    """Invite NAME to make a passkey: good once, for a day, and in the place of any invitation before."""
    require_new(out)
    with _ledger(path) as store:
        made = new_invitation(store, name, by=account(), now_ms=wall_ms(), randomness=os.urandom)
    hand_over("the invitation", made, name, out, f"savar staff invite {name}")
    _warn_without_pages(path)


def _warn_without_pages(path: Path) -> None:
    """An invitation is used on the office's pages, which there are none of without [passkeys]."""
    if load_config(path).passkeys is None:
        click.echo(
            f"the backend has no pages for it: put [passkeys] with its origin into {path.name}, and start it anew",
            err=True,
        )


@command.command("sign-out")
@backend_config
@click.argument("name")
@click.option(
    "--passkeys", is_flag=True, help="End the passkeys, too, and an invitation that waits: a device was lost."
)
def end_sessions(*, path: Path, name: str, passkeys: bool) -> None:
    """End all sessions of NAME."""
    with _ledger(path) as store:
        if not any(it.name == name for it in _people(store)):
            raise NotFound(f"nobody was ever named {name}", fix="savar staff list")
        ended = sign_out(store, name, by=account(), now_ms=wall_ms())
        click.echo(f"{counted(ended, 'session', 'sessions')} of {name} ended")
        if passkeys:
            gone = end_passkeys(store, name, by=account(), now_ms=wall_ms())
            click.echo(f"{counted(gone, 'passkey', 'passkeys')} of {name} ended; savar staff invite {name}")


def _party(text: str | None) -> Party | None:
    try:
        return None if text is None else Party.named(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}: operator:metro is one", param_hint="--for") from error


@command.command()
@backend_config
@click.argument("name")
def end(*, path: Path, name: str) -> None:
    """End the person NAME: tokens, passkeys and sessions open nothing from now on. What was done stays."""
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
        opens = [_opened_by(store, it) for it in found]
    if out is not None:
        write_json(out, [_of_person(it) | more for it, more in zip(found, opens, strict=True)])
        return
    for it, more in zip(found, opens, strict=True):
        ended = "" if it.ended_ms is None else f", ended {_when(it.ended_ms)}"
        role = it.role.value if it.party is None else f"{it.role.value} for {it.party}"
        ends = ["token without an end" if at is None else f"token until {_when(at)}" for at in more["tokens_end_ms"]]
        by = ", ".join([*([counted(more["passkeys"], "passkey", "passkeys")] if more["passkeys"] else []), *ends])
        click.echo(f"{it.name:20} {role:12} since {_when(it.added_ms)}{ended}{f', by {by}' if by else ''}")
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


@command.command()
@backend_config
@click.option("--out", required=True, type=OutFile(), help="New file of entries, a line each; - is standard output.")
def export(*, path: Path, out: str) -> None:
    """Write the log into a file that is checked without this machine, and say which head to publish."""
    with _ledger(path) as store:
        mark = store.log_mark()
        write_texts(out, map(line_of, _entries(store, 0, mark.number)))
    click.echo(f"{counted(mark.number, 'entry', 'entries')}; publish {mark.number}:{mark.hash.hex()}", err=True)


@command.command("verify-export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--head", "heads", multiple=True, required=True, metavar="NUMBER:HASH",
              help="A head as it was published; more of them make no harm.")  # fmt: skip
@json_option("what was found")
def verify_export(*, file: Path, heads: tuple[str, ...], out: str | None) -> None:
    """Look an exported log through, anywhere, with a head that was published. Status 1 where it does not hold."""
    published = dict(map(kept_hash, heads))
    with file.open("rb") as lines:
        try:
            found = check_copy(map(read_line, iter(partial(lines.readline, LOG_LINE_MAX_BYTES + 1), b"")), published)
        except NotALine as error:
            raise click.ClickException(f"{file}: {error.message} — {error.fix}") from error
    proven = max(published)
    if out is not None:
        write_json(out, {
            "holds": isinstance(found, Mark), "published": proven,
            "entries": found.number if isinstance(found, Mark) else None,
            "broken": {"entry": found.number, "why": found.why} if isinstance(found, Broken) else None,
        })  # fmt: skip
    elif isinstance(found, Mark):
        behind = found.number - proven
        more = f"; {counted(behind, 'entry', 'entries')} behind it not published yet" if behind else ""
        click.echo(f"holds up to {proven}, as published{more}")
    if isinstance(found, Broken):
        click.echo(f"the log does not hold: {found.why}", err=True)
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


def _opened_by(store: LedgerStore, it: Person) -> dict[str, Any]:
    """How somebody signs in who is there still: how many passkeys, when each token ends."""
    there = it.ended_ms is None
    return {
        "passkeys": len(store.passkeys(it.name)) if there else 0,
        "tokens_end_ms": [token.ends_ms for token in store.tokens(it.name, wall_ms())] if there else [],
    }


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
