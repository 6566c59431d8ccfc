"""A whole ledger read in its order, a page at a time, all of one moment: what verifying looks at."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.schema import NEWEST, VERSION
from backend.adapters.ledger.staff_tables import PROPOSAL
from backend.adapters.ledger.tables import ACCOUNT, LEDGER, PENDING, TRANSFER
from backend.adapters.ledger.verifying_sources import STREAMED, SourceReading
from backend.core.errors import StoreForeign
from backend.core.ledger.verifying import Account, Row
from backend.core.limits import VERIFY_FINDINGS_MAX
from backend.core.staff.two_people import Kind, State

_ROW = sa.select(*(TRANSFER.c[name] for name in Row._fields))
_ROWS, _LAST_FIRST = _ROW.order_by(TRANSFER.c.id), _ROW.order_by(TRANSFER.c.id.desc())
_ACCOUNTS = sa.select(*(ACCOUNT.c[name] for name in Account._fields)).order_by(ACCOUNT.c.id)
_MOVED = sa.or_(TRANSFER.c.phase.is_(None), TRANSFER.c.phase == "posted")
_NOTHING: sa.ColumnElement[int] = sa.literal_column("0", sa.BigInteger())
_SIDES = sa.union_all(
    sa.select(TRANSFER.c.debit.label("id"), TRANSFER.c.rials.label("debits"), _NOTHING.label("credits")).where(_MOVED),
    sa.select(TRANSFER.c.credit, _NOTHING, TRANSFER.c.rials).where(_MOVED),
).subquery()
_SUMS = (
    sa.select(_SIDES.c.id, sa.func.sum(_SIDES.c.debits), sa.func.sum(_SIDES.c.credits))
    .group_by(_SIDES.c.id)
    .order_by(_SIDES.c.id)
)
_TIMES = sa.func.count()
_DOUBLED = (
    sa.select(TRANSFER.c.key, _TIMES, sa.func.max(TRANSFER.c.id))
    .group_by(TRANSFER.c.key)
    .having(_TIMES > 1)
    .limit(VERIFY_FINDINGS_MAX)
)
_OPEN = sa.select(PENDING.c.key, PENDING.c.expires_ms)


class LedgerReading:
    """Implements `backend.app.verifying.Reading`, inside `reading`."""

    def __init__(self, core: sa.Connection, driver: Driver) -> None:
        self._core = core
        self.sources = SourceReading(core, driver)  # what its rows come from, of the same moment

    def mark(self) -> tuple[str, int, bytes]:
        """City, incarnation and head."""
        city, incarnation, head = self._core.execute(
            sa.select(LEDGER.c.city, LEDGER.c.incarnation, LEDGER.c.head)
        ).one()
        return str(city), int(incarnation), bytes(head)

    def last_row(self) -> int:
        """The highest id: about how many rows there are."""
        return self._core.execute(sa.select(sa.func.max(TRANSFER.c.id))).scalar() or 0

    def rows(self) -> Iterator[Row]:
        """All transfers, in the order of the chain."""
        with self._core.execute(_ROWS, execution_options=STREAMED) as rows:
            yield from map(Row._make, rows)

    def newest(self, before: int | None) -> Iterator[Row]:
        """Transfers before this one, or all, the last one first."""
        asked = _LAST_FIRST if before is None else _LAST_FIRST.where(TRANSFER.c.id < before)
        with self._core.execute(asked, execution_options=STREAMED) as rows:
            yield from map(Row._make, rows)

    def decided(self, kind: Kind) -> Iterator[tuple[str, bytes, int]]:
        """(id, content, when) of each approved proposal of a kind."""
        asked = sa.select(PROPOSAL.c.name, PROPOSAL.c.content, PROPOSAL.c.decided_ms)
        approved = asked.where(PROPOSAL.c.kind == kind.value, PROPOSAL.c.state == State.APPROVED.value)
        for name, content, decided_ms in self._core.execute(approved):
            yield name, bytes(content), decided_ms

    def sums(self) -> Iterator[tuple[str, int, int]]:
        """(account, debits, credits) of what has moved by rows, by name; sorted by the database, which has the disk."""
        for name, debits, credits_ in self._core.execute(_SUMS, execution_options=STREAMED):
            yield name, int(debits), int(credits_)

    def accounts(self) -> Iterator[Account]:
        """Every balance, by name."""
        return map(Account._make, self._core.execute(_ACCOUNTS, execution_options=STREAMED))

    def doubled(self) -> Iterator[tuple[bytes, int, int]]:
        """(key, how many rows, the last) of keys that are there more than once."""
        for key, times, last in self._core.execute(_DOUBLED):
            yield bytes(key), times, last

    def open(self) -> Iterator[tuple[bytes, int]]:
        """(key, time) of each open pending."""
        for key, expires_ms in self._core.execute(_OPEN, execution_options=STREAMED):
            yield bytes(key), expires_ms


@contextmanager
def reading(guarded: Guarded) -> Iterator[LedgerReading]:
    """All of one moment, however long it takes; the backend may write on. Raises StoreForeign for an older one."""
    with guarded.snapshot() as core:
        held = None
        if core.dialect.has_table(core, "alembic_version"):
            held = core.execute(sa.select(VERSION.c.version_num)).scalar()
        if held != NEWEST:
            raise StoreForeign(
                f"this ledger's tables are of version {held}, and this software reads {NEWEST}",
                fix="start this software's backend once, which brings an older one up; a newer one needs a newer Savar",
            )
        yield LedgerReading(core, guarded.speaks())
