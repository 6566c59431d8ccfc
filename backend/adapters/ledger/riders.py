"""Riders and wallets."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.held import claim_back
from backend.adapters.ledger.local import ride_day_of
from backend.adapters.ledger.tables import ACCOUNT, CLAIM, RECORD, RIDER
from backend.adapters.ledger.upsert import upsert
from backend.adapters.ledger.walking import days_before, walk
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
# A rider's rides are listed from the index of his claims alone, which has what it shows: a page for each, if it has to
# be read from the disk, instead of his claim's, his record's and that of its look-up besides. Claims whose record tells
# another time, and those of before, do not tell it: of these, if there are any, the records are looked at.
_OF_RECORD = sa.and_(*(CLAIM.c[name] == RECORD.c[name] for name in ("device", "epoch", "sequence")))
# Where the record's clock was trusted, which is nearly always: then its month is known, and no other is asked.
_AT_ITS_TIME = sa.and_(_OF_RECORD, CLAIM.c.wall_ms == RECORD.c.wall_ms)
_CHARGED = CLAIM.c.credential == sa.bindparam("credential"), sa.text("claim.charged")
_UNTOLD = CLAIM.c.record.is_(None)
_UNTOLD_AT_THEIR_TIME = (  # how many, and of how many the record tells the claim's time
    sa.select(sa.func.count(), sa.func.count(RECORD.c.id))
    .select_from(CLAIM)
    .outerjoin(RECORD, _AT_ITS_TIME)
    .where(*_CHARGED, _UNTOLD)
)


_OF_DAYS = sa.literal_column(ride_day_of("claim.wall_ms")).in_(sa.bindparam("days", expanding=True))


@cache
def _told(*, before: bool) -> sa.Select[Any]:
    """A rider's charged boardings of days of some numbers that tell what is listed, newest first."""
    asked = sa.select(*(CLAIM.c[name] for name in ("wall_ms", "vehicle", "door", "verdict")), _paid(), CLAIM.c.record)
    asked = asked.where(_OF_DAYS, *_CHARGED, ~_UNTOLD)
    return _newest(asked, CLAIM.c.wall_ms, CLAIM.c.record, before=before)


@cache
def _untold(*, at_their_time: bool, before: bool) -> sa.Select[Any]:
    """The others."""
    asked = sa.select(*(RECORD.c[name] for name in ("wall_ms", "vehicle", "door", "verdict")), _paid(), RECORD.c.id)
    asked = asked.join_from(CLAIM, RECORD, _AT_ITS_TIME if at_their_time else _OF_RECORD)
    return _newest(asked.where(*_CHARGED, _UNTOLD), RECORD.c.wall_ms, RECORD.c.id, before=before)


def _paid() -> sa.ColumnElement[int]:
    return CLAIM.c.rials - claim_back()


def _newest(asked: sa.Select[Any], at: sa.Column[int], row: sa.Column[int], *, before: bool) -> sa.Select[Any]:
    asked = asked.order_by(at.desc(), row.desc()).limit(sa.bindparam("most"))
    if not before:
        return asked
    return asked.where((at < sa.bindparam("at")) | ((at == sa.bindparam("at")) & (row < sa.bindparam("row"))))


HOLDER = slice(11, 44)  # the holder key inside a credential (protocol/wire/passes)


class RiderTables:
    """Implements `RiderStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded) -> None:
        self._writer = writer
        self._reader = reader

    def add_rider(self, rider: Rider) -> None:
        """Register; the same credential again changes its token only."""
        with self._writer.transaction() as core:
            insert_rider(core, rider)

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
            days = days_before(core, None if before is None else before[0])
            told = _told(before=before is not None)

            def of_days(numbers: Sequence[int]) -> list[RiderTap]:
                return [RiderTap(*row) for row in core.execute(told, values | {"days": numbers})]

            found = walk(days, limit, of_days, _place)
            untold, at_theirs = core.execute(_UNTOLD_AT_THEIR_TIME, {"credential": credential_id}).one()
            if not untold:
                return found
            asked = _untold(at_their_time=untold == at_theirs, before=before is not None)
            found += [RiderTap(*row) for row in core.execute(asked, values)]
        return sorted(found, key=_place, reverse=True)[:limit]


def insert_rider(core: sa.Connection, rider: Rider) -> None:
    """Register; the same credential again changes its token only. The caller holds the transaction."""
    insert_riders(core, [rider])


def insert_riders(core: sa.Connection, riders: Sequence[Rider]) -> None:
    """The same of many at once."""
    core.execute(
        _registered(core.dialect.name),
        [
            {
                "credential_id": it.credential_id, "credential": it.credential, "public_key": it.credential[HOLDER],
                "rider_class": it.rider_class, "token_hash": it.token_hash, "created_ms": it.created_ms,
                "class_until": it.class_until,
            }
            for it in riders
        ],
    )  # fmt: skip


def _place(it: RiderTap) -> tuple[int, int]:
    return it.wall_ms, it.row


@cache
def _registered(dialect: str) -> Any:
    return upsert(dialect, RIDER, keys=["credential_id"], anew=["token_hash"])
