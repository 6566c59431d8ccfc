"""A week of books in a ledger of a test, and its reconciliation."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.app.reconciling import Reconciling, Source
from backend.app.tap_spans import Lookers
from backend.core.reconciliation.ports import Run
from simulators.books.ordinary import FIRST_DAY
from simulators.books.payments import statement_of
from simulators.books.tampering import PostgresTables, SqliteTables, Tables
from simulators.books.week import LAST_DAY, NOW_MS, Files, Week, fill_week, plant_week, write_statements
from tests.backend import databases
from tests.backend.desk import CITY

TAPS, TOPUPS, BUSES = 700, 350, 4


def behind(folder: Path) -> Tables:
    """The tables of a test's ledger, behind the backend's back."""
    if isinstance(databases.now, databases.Server):
        return PostgresTables(databases.now._made[folder])
    return SqliteTables(folder / "ledger.db")


class Books:
    """A week in a ledger, and its reconciliation. `now_ms` is a clock in hand."""

    def __init__(self, folder: Path, *, taps: int = TAPS, topups: int = TOPUPS) -> None:
        self.folder, self.now_ms = folder, NOW_MS
        self.store: LedgerStore = databases.now.open(folder, CITY)
        self.tables = behind(folder)
        self.week: Week = fill_week(self.store, self.tables, taps=taps, topups=topups, seed=3, buses=BUSES)

    def plant(self, seed: int, faults: int) -> tuple[set[str], Files]:
        return plant_week(self.store, self.tables, self.week, self.folder, faults=faults, seed=seed)

    def statements(self) -> Files:
        told = statement_of(self.week.topups)
        told.pay_out()
        return write_statements(told, self.folder, "whole")

    def job(
        self, files: Files = (), days: tuple[int, int] = (FIRST_DAY, LAST_DAY), who: Lookers | None = None
    ) -> Reconciling:
        sources = [Source.of(*it) for it in files]
        return Reconciling(self.store, days, sources, now_ms=lambda: self.now_ms, taps_a_step=250, lookers=who)

    def opening(self) -> Callable[[], LedgerStore]:
        """As another process opens the same ledger."""
        if isinstance(databases.now, databases.Server):
            return partial(PostgresStore, databases.now._made[self.folder], CITY, durable=False)
        return partial(SqliteStore, self.folder / "ledger.db", CITY)

    def reconcile(self, files: Files = (), days: tuple[int, int] = (FIRST_DAY, LAST_DAY)) -> Run:
        return self.job(files, days).finish()

    def close(self) -> None:
        self.tables.close()
        self.store.close()

    def open(self) -> set[str]:
        return {it.it.name for it in self.store.discrepancies(open_only=True, after=None, most=10_000)}
