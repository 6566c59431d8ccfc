"""A group of taps into the ledger against the same records into a table without any rule, in one run, by turns.

The ledger's side is everything that a group of charged taps adds: watermark, records, transfers with their chain,
balances, claims, totals; one durable transaction. The raw side is the records' columns alone, into a table that has no
key, no index and no check: executemany in SQLite, COPY (psycopg's `write_row`) in PostgreSQL; durable, too. Both sides
are built before the clock starts. What comes before a group
is stored (opening, pricing) is `ingest_path`.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import psycopg

from backend.adapters.ledger.ingest import RECORD_COLUMNS, record_row
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.core.ledger import Payer, Transfer, TransferKind
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


@dataclass(frozen=True, slots=True)
class _Sides:
    """An open ledger, and what puts rows into a raw table in a transaction of its own."""

    store: LedgerStore
    put_raw: Callable[[Sequence[Sequence[object]]], None]


def run(*, database: str, transactions: int, taps: int, folder: Path, tick: Tick) -> dict[str, Any]:
    """`transactions` of so many taps → figures. `folder`: the disk of SQLite's file. Raises PostgresFailed."""
    opened = {"sqlite": _sqlite, "postgresql": _postgresql}[database]
    ledger, raw = [], []
    with opened(folder) as sides:
        for number in range(_WARM + transactions):
            commit = _commit(number, taps)
            rows = [record_row(it) for it in commit.records]
            began = time.perf_counter()
            sides.store.commit([commit], BEGAN_MS)
            between = time.perf_counter()
            sides.put_raw(rows)
            if number >= _WARM:
                ledger.append(between - began)
                raw.append(time.perf_counter() - between)
                tick(number + 1 - _WARM)
    ledger_s, raw_s = percentile(ledger, 50), percentile(raw, 50)
    return {
        "db": database, "taps_a_transaction": taps, "transactions": transactions,
        "ledger_to_raw": round(raw_s / ledger_s, 3), "taps_per_s": round(taps / ledger_s),
        "raw_rows_per_s": round(taps / raw_s), "commit_ms": {
            "p50": round(1000 * ledger_s, 1), "p99": round(1000 * percentile(ledger, 99), 1)
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
    store = SqliteStore(made / "ledger.db", CITY)
    raw = sqlite3.connect(made / "raw.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute(f"CREATE TABLE raw ({', '.join(RECORD_COLUMNS)})")

    def put(rows: Sequence[Sequence[object]]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(f"INSERT INTO raw VALUES ({', '.join('?' for _ in RECORD_COLUMNS)})", rows)
        raw.execute("COMMIT")

    try:
        yield _Sides(store, put)
    finally:
        raw.close()
        store.close()
        shutil.rmtree(made)


@contextmanager
def _postgresql(_folder: Path) -> Iterator[_Sides]:
    server = LocalPostgres()
    try:
        server.start()
        store = PostgresStore(server.make("ledger"), CITY)
        with psycopg.connect(server.conninfo("ledger"), autocommit=True) as raw:
            raw.execute("CREATE TABLE raw AS SELECT * FROM record WITH NO DATA")  # its columns, and none of its rules
            raw.execute("ALTER TABLE raw DROP COLUMN id")

            def put(rows: Sequence[Sequence[object]]) -> None:
                with raw.transaction(), raw.cursor().copy("COPY raw FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)

            yield _Sides(store, put)
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
