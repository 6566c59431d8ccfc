"""What commands share that answer riders at the backend's own machine: ledger, tokens, a second person's word."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from backend.adapters.ledger.store import LedgerStore
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.staff import Staff
from backend.core.limits import PAGE_MAX
from backend.core.staff.roles import Actor
from backend.core.staff.two_people import Proposal

_Case = TypeVar("_Case")
own_token = click.option("--token", "token_file", required=True,
                         type=click.Path(path_type=Path, dir_okay=False, exists=True),
                         help="Your own token, as `savar staff add` gave it to you.")  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[tuple[LedgerStore, Staff]]:
    """The ledger of this backend.toml, and the staff's desk over it."""
    store = open_ledger(load_config(path))
    try:
        yield store, Staff(store, b"", clock=wall_ms, randomness=os.urandom, waiting=list)  # nobody is the first here
    finally:
        store.close()


def actor_of(staff: Staff, token_file: Path) -> Actor:
    """Whose token lies in a file."""
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"cannot read {token_file}; name the file of your token") from error
    actor = staff.actor(token)
    if actor is None:
        raise click.ClickException("this token opens nothing; use your own, as `savar staff add` gave it to you")
    return actor


def approve(staff: Staff, actor: Actor, named: str, *, what: str, is_of: Callable[[Proposal], bool]) -> None:
    """Approve PROPOSAL:DIGEST, where it is of the case that is answered; `what`: a case's name in words."""
    proposal_id, _, digest = named.partition(":")
    if not is_of(staff.proposal(proposal_id)):
        raise click.ClickException(f"that proposal is of another {what}; name the one that is proposed for this")
    try:
        read = bytes.fromhex(digest)
    except ValueError as error:
        raise click.ClickException("name PROPOSAL:DIGEST, as proposing told them") from error
    staff.decide(actor, proposal_id, read, approves=True, key="")


def all_of(listed: Callable[..., Sequence[tuple[int, _Case]]], *, open_only: bool) -> list[_Case]:
    """Every case of a desk's pages, oldest first."""
    found: list[_Case] = []
    after = 0
    while rows := listed(after, PAGE_MAX, open_only=open_only):
        found += [it for _, it in rows]
        after = rows[-1][0]
    return found


def utc(at_ms: int) -> str:
    """A time, as lists tell it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
