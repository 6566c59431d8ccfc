"""A rider's own rows, by the reading connection, a page at a time: who writes waits for none of it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded, raw
from backend.adapters.ledger.hot import Driver, rows_of_taps, transfers_of_keys
from backend.adapters.ledger.local import any_ride_day
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.tables import ACCOUNT, CLAIM, METADATA
from backend.core.exporting.entries import Posted
from backend.core.exporting.ports import Row
from backend.core.exporting.sections import RIDE_COLUMNS, Section
from backend.core.ledger import TapId, TransferKind
from backend.core.staff.two_people import State

_BALANCES = (ACCOUNT.c.id, ACCOUNT.c.debits, ACCOUNT.c.credits, ACCOUNT.c.debits_pending, ACCOUNT.c.credits_pending)


_TAP = ("device", "epoch", "sequence")


def _tap(row: Row) -> TapId:
    return row["device"], row["epoch"], row["sequence"]


class ExportTables:
    """Implements `ExportStore`."""

    _reader: Guarded
    _driver: Driver

    def own_rows(
        self, section: Section, credential_id: bytes, after: Sequence[Any] | None, limit: int
    ) -> Sequence[Row]:  # fmt: skip
        """Rows of a section behind this place of its `order`; of rides with what their records tell."""
        table = METADATA.tables[section.table]
        asked = sa.select(*(table.c[it.name] for it in section.columns)).where(table.c[section.whose] == credential_id)
        if table is CLAIM:
            asked = asked.where(sa.text(any_ride_day("claim.wall_ms")))
        order = [table.c[name] for name in section.order]
        if after is not None:
            asked = asked.where(sa.tuple_(*order) > sa.tuple_(*after))
        with self._reader.reading() as core:
            rows = [dict(row) for row in core.execute(asked.order_by(*order).limit(limit)).mappings()]
            return self._with_records(core, rows) if table is CLAIM else rows

    def _with_records(self, core: sa.Connection, rides: Sequence[dict[str, Any]]) -> Sequence[Row]:
        """What their records tell, each looked up by its tap: joined, a database may read all of a month for some."""
        names = [it.name for it in RIDE_COLUMNS]
        taps = [_tap(it) for it in rides]
        found = rows_of_taps(self._driver, raw(core), "record", taps, ", ".join((*_TAP, *names)))
        told = {tuple(row[: len(_TAP)]): dict(zip(names, row[len(_TAP) :], strict=True)) for row in found}
        nothing = dict.fromkeys(names)
        return [ride | told.get(tap, nothing) for ride, tap in zip(rides, taps, strict=True)]

    def own_decisions(self, kind: str, subjects: Sequence[str], after: int, limit: int) -> Sequence[Row]:
        """What was approved of a kind for these subjects, behind this `id`, with its `content`."""
        asked = sa.select(PROPOSAL).where(
            PROPOSAL.c.kind == kind, PROPOSAL.c.subject.in_(subjects), sa.text(f"state = '{State.APPROVED.value}'"),
            PROPOSAL.c.id > after,
        )  # fmt: skip
        with self._reader.reading() as core:
            return [dict(row) for row in core.execute(asked.order_by(PROPOSAL.c.id).limit(limit)).mappings()]

    def own_balances(self, accounts: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
        """(account, debits, credits, debits pending, credits pending) of those that there are."""
        with self._reader.reading() as core:
            asked = sa.select(*_BALANCES).where(ACCOUNT.c.id.in_(accounts)).order_by(ACCOUNT.c.id)
            return [tuple(row) for row in core.execute(asked)]

    def posted_under(self, keys: Sequence[bytes]) -> Sequence[Posted]:
        """What was posted under these keys."""
        what = "id, key, kind, debit, credit, rials, at_ms"
        with self._reader.reading() as core:
            rows = list(transfers_of_keys(self._driver, raw(core), what, keys))
        return [
            Posted(row_id, bytes(key), TransferKind(kind), debit, credit, rials, at_ms)
            for row_id, key, kind, debit, credit, rials, at_ms in rows
        ]
