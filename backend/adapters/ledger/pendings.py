"""Two phases in the ledger's tables: rows of the one chain, what is pending of each account, and which are open."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.local import BY_KEY
from backend.adapters.ledger.tables import ACCOUNT, LEDGER, PENDING, TRANSFER
from backend.adapters.ledger.upsert import insert
from backend.core.ledger import Transfer, TransferKind
from backend.core.ledger.two_phase import Balance, Entry, Phase, hold, moves, next_head_of, resolve

_SIDES = ("debits", "credits", "debits_pending", "credits_pending")
_ALONE = LEDGER.update().values(head=LEDGER.c.head).returning(LEDGER.c.head)  # as `ingest`: one chain, one writer
_ROW = sa.select(
    TRANSFER.c.key, TRANSFER.c.kind, TRANSFER.c.debit, TRANSFER.c.credit, TRANSFER.c.rials, TRANSFER.c.phase,
    TRANSFER.c.resolves, TRANSFER.c.expires_ms, TRANSFER.c.day,
)  # fmt: skip
_WITH_KEY = _ROW.where(sa.text(f"{BY_KEY} = :key"))
_RESOLVING = _ROW.where(TRANSFER.c.resolves == sa.bindparam("key"))
_DUE = (
    sa.select(PENDING.c.key)
    .where(PENDING.c.expires_ms <= sa.bindparam("now"))
    .order_by(PENDING.c.expires_ms, PENDING.c.key)
    .limit(sa.bindparam("most"))
)
_OPEN = sa.select(PENDING.c.key).where(PENDING.c.key == sa.bindparam("key"), PENDING.c.expires_ms > sa.bindparam("now"))
_BALANCE = sa.select(*(ACCOUNT.c[side] for side in _SIDES)).where(ACCOUNT.c.id == sa.bindparam("account"))


class PendingTables:
    """Implements `PendingStore` over the writing connection."""

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def make_pending(self, transfer: Transfer, *, expires_ms: int, at_ms: int) -> bool:
        """Make a transfer pending until then; False if it was made so before."""
        with self._writer.transaction() as core:
            return hold_within(core, transfer, expires_ms=expires_ms, at_ms=at_ms)

    def resolve_pending(self, key: bytes, phase: Phase, *, at_ms: int, rials: int | None = None) -> bool:
        """Post a pending (whole, or so many rials of it), void it or let it expire; False if that was done before."""
        with self._writer.transaction() as core:
            return resolve_within(core, key, phase, at_ms, rials)

    def expire_due(self, now_ms: int, limit: int) -> int:
        """Let up to so many whose time is over expire, the oldest first → how many did."""
        with self._writer.reading() as core:  # mostly there is none, and then nothing is written
            if not _due(core, now_ms, 1):
                return 0
        with self._writer.transaction() as core:
            return sum(resolve_within(core, key, Phase.EXPIRED, now_ms) for key in _due(core, now_ms, limit))

    def balance_of(self, account: str) -> Balance:
        """Both sides of one account, posted and pending; nothing of one that no row names."""
        with self._writer.reading() as core:
            return _balance(core, account)


def hold_within(core: sa.Connection, transfer: Transfer, *, expires_ms: int, at_ms: int) -> bool:
    """Make a transfer pending until then; False if it was made so before. The caller holds the transaction."""
    head = core.execute(_ALONE).scalar_one()
    held, debited = _found(core, _WITH_KEY, transfer.key), _balance(core, transfer.debit)
    entry = hold(transfer, expires_ms=expires_ms, now_ms=at_ms, held=held, debited=debited)
    if entry is None:
        return False
    _append(core, head, entry, transfer.rials, at_ms)
    core.execute(PENDING.insert(), {"key": transfer.key, "expires_ms": expires_ms})
    return True


def resolve_within(core: sa.Connection, key: bytes, phase: Phase, at_ms: int, rials: int | None = None) -> bool:
    """Post a pending, void it or let it expire; False if that was done before. The caller holds the transaction."""
    head = core.execute(_ALONE).scalar_one()
    resolved = _found(core, _RESOLVING, key)
    assert not isinstance(resolved, Transfer), "the tables let no row of one phase resolve anything"
    entry, held_rials = resolve(_found(core, _WITH_KEY, key), phase, now_ms=at_ms, resolved=resolved, rials=rials)
    if entry is None:
        return False
    _append(core, head, entry, held_rials, at_ms)
    core.execute(PENDING.delete().where(PENDING.c.key == key))
    return True


def let_go_within(core: sa.Connection, keys: Sequence[bytes], at_ms: int) -> None:
    """Void those of these pendings that are open and not over; the caller holds the transaction.

    What is over expires by itself, and what is not there was never made: a bus may board whom nobody set anything aside
    for, a rider who pays nothing.
    """
    for key in keys:
        if core.execute(_OPEN, {"key": key, "now": at_ms}).first() is not None:
            resolve_within(core, key, Phase.VOIDED, at_ms)


def _due(core: sa.Connection, now_ms: int, limit: int) -> list[bytes]:
    return list(core.execute(_DUE, {"now": now_ms, "most": limit}).scalars())


def _found(core: sa.Connection, asked: sa.Select[Any], key: bytes) -> Entry | Transfer | None:
    row = core.execute(asked, {"key": key}).first()
    if row is None:
        return None
    found_key, kind, debit, credit, rials, phase, resolves, expires_ms, day = row
    transfer = Transfer(bytes(found_key), TransferKind(kind), debit, credit, rials, day)
    if phase is None:
        return transfer
    return Entry(transfer, Phase(phase), None if resolves is None else bytes(resolves), expires_ms)


def _balance(core: sa.Connection, account: str) -> Balance:
    row = core.execute(_BALANCE, {"account": account}).first()
    return Balance() if row is None else Balance(*row)


def _append(core: sa.Connection, head: bytes, entry: Entry, held_rials: int, at_ms: int) -> None:
    """One row behind the head, and what it does to its two accounts; the caller holds the transaction and the chain."""
    it = entry.transfer
    head = next_head_of(head, entry, at_ms)
    core.execute(
        TRANSFER.insert(),
        {
            "key": it.key, "kind": it.kind.value, "debit": it.debit, "credit": it.credit, "rials": it.rials,
            "hash": head, "at_ms": at_ms, "phase": entry.phase.value, "resolves": entry.resolves,
            "expires_ms": entry.expires_ms, "day": it.day,
        },
    )  # fmt: skip
    for account, moved in sorted(moves(entry, held_rials), key=lambda it: it[0]):
        core.execute(_begun(core.dialect.name), {"id": account, "debits": 0, "credits": 0})
        core.execute(_MOVED, {"account": account} | {f"more_{side}": getattr(moved, side) for side in _SIDES})
    core.execute(LEDGER.update().values(head=head))


_MOVED = (
    ACCOUNT.update()
    .where(ACCOUNT.c.id == sa.bindparam("account"))
    .values({side: ACCOUNT.c[side] + sa.bindparam(f"more_{side}") for side in _SIDES})
)


@cache
def _begun(dialect: str) -> Any:
    return insert(dialect, ACCOUNT).on_conflict_do_nothing()
