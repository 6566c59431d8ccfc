"""Whose telephone numbers are, within a transaction of the caller's: given up, taken away, come over."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.phone_tables import PHONE, PHONE_RECOVERY
from backend.core.phone.binding import Bound

_COLUMNS = PHONE.c.credential_id, PHONE.c.since_ms, PHONE.c.next_id, PHONE.c.next_ms, PHONE.c.until_ms


def settle(core: sa.Connection, now_ms: int) -> None:
    """Numbers that have come over are their new account's, and what was given up long enough ago is nobody's.

    What waits by a number that has gone is left to lapse: its key is told so, and gets no other account by that number.
    """
    core.execute(PHONE.update().where(PHONE.c.next_ms <= now_ms).values(
        credential_id=PHONE.c.next_id, since_ms=PHONE.c.next_ms, next_id=None, next_ms=None, until_ms=None
    ))  # fmt: skip
    core.execute(PHONE.delete().where(PHONE.c.until_ms <= now_ms))


def take_all_away(core: sa.Connection, credential_id: bytes, now_ms: int) -> None:
    """Whatever an account has of numbers is not its any more, at once, and what waits by them ends."""
    settle(core, now_ms)
    for number_mac, held in _rows_of(core, credential_id):
        keep(core, number_mac, held.without(credential_id, now_ms))
    end_recovery(core, credential_id)


def take_away(core: sa.Connection, number_mac: bytes, credential_id: bytes, now_ms: int) -> None:
    """One number is not this account's any more, at once."""
    held = bound(core, number_mac)
    if held is not None:
        keep(core, number_mac, held.without(credential_id, now_ms))


def give_up(core: sa.Connection, credential_id: bytes, now_ms: int, *, but: bytes = b"") -> None:
    """An account gives up whatever it has of numbers, but of one."""
    for number_mac, held in _rows_of(core, credential_id):
        if number_mac != but:
            keep(core, number_mac, held.given_up_by(credential_id, now_ms))


def keep(core: sa.Connection, number_mac: bytes, it: Bound | None) -> None:
    """As it stands now; None: it is nobody's."""
    core.execute(PHONE.delete().where(PHONE.c.number_mac == number_mac))
    if it is not None:
        core.execute(PHONE.insert(), {
            "number_mac": number_mac, "credential_id": it.credential_id, "since_ms": it.since_ms,
            "next_id": it.next_id, "next_ms": it.next_ms, "until_ms": it.until_ms,
        })  # fmt: skip


def bound(core: sa.Connection, number_mac: bytes) -> Bound | None:
    """Whose it is; None: nobody's."""
    row = core.execute(sa.select(*_COLUMNS).where(PHONE.c.number_mac == number_mac)).first()
    return None if row is None else _of(row)


def bound_of(core: sa.Connection, credential_id: bytes) -> Sequence[Bound]:
    """All that an account has, had or will have."""
    return [held for _, held in _rows_of(core, credential_id)]


def end_recovery(core: sa.Connection, credential_id: bytes) -> None:
    """Nobody waits for it any more."""
    core.execute(PHONE_RECOVERY.delete().where(PHONE_RECOVERY.c.credential_id == credential_id))


def _rows_of(core: sa.Connection, credential_id: bytes) -> Sequence[tuple[bytes, Bound]]:
    is_its = sa.or_(PHONE.c.credential_id == credential_id, PHONE.c.next_id == credential_id)
    rows = core.execute(sa.select(PHONE.c.number_mac, *_COLUMNS).where(is_its)).all()
    return [(bytes(row.number_mac), _of(row)) for row in rows]


def _of(row: Any) -> Bound:
    next_id = None if row.next_id is None else bytes(row.next_id)
    return Bound(bytes(row.credential_id), row.since_ms, next_id, row.next_ms, row.until_ms)
