"""A group of taps into the ledger against the same records into a table without any rule, in one run, by turns.

The ledger's side is everything that a group of charged taps adds: watermark, records, transfers with their chain,
balances, claims, totals; one durable transaction. The raw sides go into tables that have no key, no index and no check:
executemany in SQLite, COPY (psycopg's `write_row`) in PostgreSQL; durable, too. One is the records' columns alone; the
other all rows that the ledger adds in bulk, with all their columns. What they store is built before the clock starts.
What comes before a group is stored (opening, pricing) is `ingest_path`.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, NamedTuple

import psycopg

from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.connection import GuardedSession
from backend.adapters.postgresql.connection import open_ledger as open_database
from backend.adapters.postgresql.driver import PostgresDriver
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.connection import GuardedFile, open_ledger
from backend.adapters.sqlite.driver import SqliteDriver
from backend.adapters.sqlite.store import SqliteStore
from backend.core.ledger import Payer, Transfer, TransferKind
from backend.core.limits import SQLITE_LOG_PAGES
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, new_boarding
from benchmarks.figures import percentile
from protocol.localtime import service_day
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark
from simulators.postgres import LocalPostgres

Tick = Callable[[int], None]  # how many are done
DATABASES = ("sqlite", "postgresql")
CITY, EPOCH, BUSES, RIDERS, FARE = "bench", 7, 8, 100_000, 60_000
BEGAN_MS = 1_790_000_000_000
_WARM = 3  # transactions before the clock counts: caches, prepared statements


class _Added(NamedTuple):
    """Rows that a commit added in bulk."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class _Kept:
    """A driver that keeps what it is given to add; everything else is the real one's."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.added: list[_Added] = []

    def add(self, raw: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.added.append(_Added(table, columns, [*rows]))
        self._driver.add(raw, table, columns, self.added[-1].rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


@dataclass(frozen=True, slots=True)
class _Sides:
    """An open ledger, what keeps the rows it adds, and what puts rows into raw tables in a transaction of its own."""

    store: LedgerStore
    kept: _Kept
    put_raw: Callable[[Sequence[_Added]], None]


def run(*, database: str, transactions: int, taps: int, folder: Path, tick: Tick) -> dict[str, Any]:
    """`transactions` of so many taps → figures. `folder`: the disk of SQLite's file. Raises PostgresFailed."""
    opened = {"sqlite": _sqlite, "postgresql": _postgresql}[database]
    took: dict[str, list[float]] = {"ledger": [], "records": [], "rows": []}
    with opened(folder) as sides:
        for number in range(_WARM + transactions):
            commit = _commit(number, taps)
            sides.kept.added.clear()
            clock = [time.perf_counter()]
            sides.store.commit([commit], BEGAN_MS)
            clock.append(time.perf_counter())
            sides.put_raw([it for it in sides.kept.added if it.table == "record"])
            clock.append(time.perf_counter())
            sides.put_raw(sides.kept.added)
            clock.append(time.perf_counter())
            if number >= _WARM:
                for side, (began, ended) in zip(took.values(), pairwise(clock), strict=True):
                    side.append(ended - began)
                tick(number + 1 - _WARM)
    ledger_s, records_s, rows_s = (percentile(side, 50) for side in took.values())
    return {
        "db": database, "taps_a_transaction": taps, "transactions": transactions,
        "ledger_to_raw": round(rows_s / ledger_s, 3), "ledger_to_raw_records": round(records_s / ledger_s, 3),
        "taps_per_s": round(taps / ledger_s), "raw_taps_per_s": round(taps / rows_s),
        "raw_records_per_s": round(taps / records_s), "commit_ms": {
            "p50": round(1000 * ledger_s, 1), "p99": round(1000 * percentile(took["ledger"], 99), 1)
        },
    }  # fmt: skip


@contextmanager
def new_ledgers(database: str, folder: Path) -> Iterator[Callable[[], LedgerStore]]:
    """What opens new ones; all are gone afterwards."""
    with ExitStack() as opened:
        numbers = count()
        if database == "sqlite":
            made = Path(opened.enter_context(TemporaryDirectory(prefix=".bench-", dir=folder)))

            def begin() -> LedgerStore:
                return SqliteStore(made / f"{next(numbers)}.db", CITY)
        else:
            server = LocalPostgres()
            opened.callback(server.stop)
            server.start()

            def begin() -> LedgerStore:
                return PostgresStore(server.make(f"ledger_{next(numbers)}"), CITY)

        def kept() -> LedgerStore:
            store = begin()
            opened.callback(store.close)
            return store

        yield kept


@contextmanager
def _sqlite(folder: Path) -> Iterator[_Sides]:
    made = Path(mkdtemp(prefix=".bench-", dir=folder))
    kept = _Kept(SqliteDriver())
    file = made / "ledger.db"
    store = LedgerStore(open_ledger(file, CITY), GuardedFile(file), GuardedFile(file), kept)
    raw = sqlite3.connect(made / "raw.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={SQLITE_LOG_PAGES}"):  # as the ledger
        raw.execute(f"PRAGMA {pragma}")

    def put(added: Sequence[_Added]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        for table, columns, rows in added:
            raw.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})")
            raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in columns)})", rows)
        raw.execute("COMMIT")

    try:
        yield _Sides(store, kept, put)
    finally:
        raw.close()
        store.close()
        shutil.rmtree(made)


@contextmanager
def _postgresql(_folder: Path) -> Iterator[_Sides]:
    server = LocalPostgres()
    try:
        server.start()
        conninfo, kept = server.make("ledger"), _Kept(PostgresDriver())
        reader, aside = (GuardedSession(conninfo, durable=True) for _ in range(2))
        store = LedgerStore(open_database(conninfo, CITY, durable=True), reader, aside, kept)
        with psycopg.connect(server.conninfo("ledger"), autocommit=True) as raw:
            for table in ("record", "transfer", "claim"):  # their columns, and none of their rules
                raw.execute(f"CREATE TABLE raw_{table} AS SELECT * FROM {table} WITH NO DATA")

            def put(added: Sequence[_Added]) -> None:
                with raw.transaction(), raw.cursor() as cursor:
                    for table, columns, rows in added:
                        with cursor.copy(f"COPY raw_{table} ({', '.join(columns)}) FROM STDIN") as copy:
                            for row in rows:
                                copy.write_row(row)

            yield _Sides(store, kept, put)
            store.close()
    finally:
        server.stop()


def _commit(number: int, taps: int) -> Commit:
    """The next charged taps of one of the buses, each of another rider of RIDERS."""
    device, first = f"bus-{number % BUSES}-d1", number // BUSES * taps + 1
    records, transfers, claims = [], [], []
    for sequence in range(first, first + taps):
        digest = sha256(f"{device} {sequence}".encode()).digest()
        wall_ms = BEGAN_MS + 1_000 * sequence
        credential = (int.from_bytes(digest[:4]) % RIDERS).to_bytes(8)
        records.append(StoredRecord(
            device, EPOCH, sequence, digest, digest * 9 + bytes(17), int(RecordKind.TAP), wall_ms, "bus-1", 1, 1, 0,
            FARE, 1, Payer.RIDER, shift="s-1", line="r9", lat_e6=32_650_000, lon_e6=51_660_000,
        ))  # fmt: skip
        transfers.append(
            Transfer(
                digest, TransferKind.FARE, f"rider:{credential.hex()}", "operator:bus-1", FARE, service_day(wall_ms)
            )
        )
        claims.append(Claim(
            device, EPOCH, sequence, Presentation(credential, wall_ms // 1_000, sequence), "bus-1", wall_ms, 180_000, 0,
            0, FARE, 1_000, 1_000, 0, FARE, FARE, 3, boarding=new_boarding(device, EPOCH, sequence),
            charged=True, rials=FARE,
        ))  # fmt: skip
    return Commit(
        device, _mark(device, first - 1), _mark(device, first + taps - 1), records, bytes(64), device,
        transfers=transfers, claims=claims,
    )  # fmt: skip


def _mark(device: str, sequence: int) -> Watermark:
    if not sequence:
        return Watermark.before(EPOCH)
    return Watermark(EPOCH, sequence, sha256(f"{device} {sequence}".encode()).digest())
