"""Riders and wallets."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.held import claim_back
from backend.adapters.ledger.tables import ACCOUNT, CLAIM, RECORD, RIDER
from backend.adapters.ledger.upsert import upsert
from backend.core.limits import RIDERS_PAGE
from backend.core.ports import Rider, RiderTap

_RIDER = sa.select(
    RIDER.c.credential_id, RIDER.c.credential, RIDER.c.rider_class, RIDER.c.token_hash, RIDER.c.created_ms
)  # fmt: skip
_PAGE = (
    sa.select(RIDER.c.credential_id, RIDER.c.credential)
    .where(RIDER.c.credential_id > sa.bindparam("after"))
    .order_by(RIDER.c.credential_id)
    .limit(sa.bindparam("most"))
)
_TAPS = (
    sa.select(
        RECORD.c.wall_ms, RECORD.c.vehicle, RECORD.c.door, RECORD.c.verdict, CLAIM.c.rials - claim_back(), RECORD.c.id
    )
    .join_from(
        CLAIM, RECORD,
        sa.and_(*(CLAIM.c[name] == RECORD.c[name] for name in ("device", "epoch", "sequence"))),
    )
    .where(CLAIM.c.credential == sa.bindparam("credential"), sa.text("claim.charged"))
    .order_by(RECORD.c.wall_ms.desc(), RECORD.c.id.desc())
    .limit(sa.bindparam("most"))
)  # fmt: skip
_TAPS_BEFORE = _TAPS.where(
    (RECORD.c.wall_ms < sa.bindparam("at"))
    | ((RECORD.c.wall_ms == sa.bindparam("at")) & (RECORD.c.id < sa.bindparam("row")))
)
_HOLDER = slice(11, 44)  # the holder key inside a credential (protocol/wire/passes)


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
                    "public_key": rider.credential[_HOLDER], "rider_class": rider.rider_class,
                    "token_hash": rider.token_hash, "created_ms": rider.created_ms,
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
        asked, values = _TAPS, {"credential": credential_id, "most": limit}
        if before is not None:
            asked = _TAPS_BEFORE
            values |= {"at": before[0], "row": before[1]}
        with self._reader.reading() as core:
            return [RiderTap(*row) for row in core.execute(asked, values)]


@cache
def _registered(dialect: str) -> Any:
    return upsert(dialect, RIDER, keys=["credential_id"], anew=["token_hash"])
