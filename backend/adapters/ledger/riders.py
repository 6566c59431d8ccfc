"""Riders and wallets."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.held import claim_back
from backend.adapters.ledger.local import any_ride_day
from backend.adapters.ledger.tables import ACCOUNT, CLAIM, RECORD, RIDER
from backend.adapters.ledger.upsert import upsert
from backend.core.limits import RIDERS_PAGE
from backend.core.ports import Rider, RiderTap

_RIDER = sa.select(
    RIDER.c.credential_id, RIDER.c.credential, RIDER.c.rider_class, RIDER.c.token_hash, RIDER.c.created_ms,
    RIDER.c.class_until,
)  # fmt: skip
_PAGE = (
    sa.select(RIDER.c.credential_id, RIDER.c.credential)
    .where(RIDER.c.credential_id > sa.bindparam("after"))
    .order_by(RIDER.c.credential_id)
    .limit(sa.bindparam("most"))
)
_OF_RECORD = sa.and_(*(CLAIM.c[name] == RECORD.c[name] for name in ("device", "epoch", "sequence")))
# Where the record's clock was trusted, which is nearly always: then its month is known, and no other is asked.
_AT_ITS_TIME = sa.and_(_OF_RECORD, CLAIM.c.wall_ms == RECORD.c.wall_ms)
_THEIRS = (
    sa.text(any_ride_day("claim.wall_ms")), CLAIM.c.credential == sa.bindparam("credential"),
    sa.text("claim.charged"),
)  # fmt: skip
_ALL_AT_THEIR_TIME = (
    sa.select(sa.func.count() == sa.func.count(RECORD.c.id))
    .select_from(CLAIM)
    .outerjoin(RECORD, _AT_ITS_TIME)
    .where(*_THEIRS)
)
_BEFORE = (RECORD.c.wall_ms < sa.bindparam("at")) | (
    (RECORD.c.wall_ms == sa.bindparam("at")) & (RECORD.c.id < sa.bindparam("row"))
)


@cache
def _taps(*, at_their_time: bool, before: bool) -> sa.Select[Any]:
    """A rider's charged boardings, newest first."""
    asked = (
        sa.select(
            RECORD.c.wall_ms,
            RECORD.c.vehicle,
            RECORD.c.door,
            RECORD.c.verdict,
            CLAIM.c.rials - claim_back(),
            RECORD.c.id,
        )
        .join_from(CLAIM, RECORD, _AT_ITS_TIME if at_their_time else _OF_RECORD)
        .where(*_THEIRS)
        .order_by(RECORD.c.wall_ms.desc(), RECORD.c.id.desc())
        .limit(sa.bindparam("most"))
    )
    return asked.where(_BEFORE) if before else asked


HOLDER = slice(11, 44)  # the holder key inside a credential (protocol/wire/passes)


class RiderTables:
    """Implements `RiderStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded) -> None:
        self._writer = writer
        self._reader = reader

    def add_rider(self, rider: Rider) -> None:
        """Register; the same credential again changes its token only."""
        with self._writer.transaction() as core:
            core.execute(
                _registered(core.dialect.name),
                {
                    "credential_id": rider.credential_id, "credential": rider.credential,
                    "public_key": rider.credential[HOLDER], "rider_class": rider.rider_class,
                    "token_hash": rider.token_hash, "created_ms": rider.created_ms,
                    "class_until": rider.class_until,
                },
            )  # fmt: skip

    def rider(self, credential_id: bytes) -> Rider | None:
        """One rider."""
        return self._rider(RIDER.c.credential_id == credential_id)

    def rider_with_key(self, public_key: bytes) -> Rider | None:
        """The rider whose credential holds this key, if any."""
        return self._rider(RIDER.c.public_key == public_key)

    def _rider(self, which: sa.ColumnElement[bool]) -> Rider | None:
        with self._reader.reading() as core:
            row = core.execute(_RIDER.where(which)).first()
        return None if row is None else Rider(*row)

    def credentials(self) -> Iterator[bytes]:
        """Every rider's credential, ascending by id; a page at a time, so that nobody waits for a million."""
        after = b""
        while True:
            with self._reader.reading() as core:
                page = core.execute(_PAGE, {"after": after, "most": RIDERS_PAGE}).all()
            if not page:
                return
            yield from (bytes(credential) for _, credential in page)
            after = page[-1][0]

    def balance(self, account: str) -> int:
        """Credits minus debits of one account, in rials; 0 if it has none."""
        with self._reader.reading() as core:
            found = core.execute(
                sa.select(ACCOUNT.c.credits - ACCOUNT.c.debits).where(ACCOUNT.c.id == account)
            ).scalar()
        return 0 if found is None else int(found)

    def rider_taps(self, credential_id: bytes, limit: int, before: tuple[int, int] | None = None) -> Sequence[RiderTap]:
        """Newest first; `before`: those older than the one of this time and row."""
        values: dict[str, Any] = {"credential": credential_id, "most": limit}
        if before is not None:
            values |= {"at": before[0], "row": before[1]}
        with self._reader.snapshot() as core:
            at_their_time = bool(core.execute(_ALL_AT_THEIR_TIME, {"credential": credential_id}).scalar())
            asked = _taps(at_their_time=at_their_time, before=before is not None)
            return [RiderTap(*row) for row in core.execute(asked, values)]


@cache
def _registered(dialect: str) -> Any:
    return upsert(dialect, RIDER, keys=["credential_id"], anew=["token_hash"])
