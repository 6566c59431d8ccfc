"""A week of a city reconciled: taps, top-ups and statements with planted faults; each must be found, and no others.

The books are made once (`simulators.books`); each round plants other faults in a copy of them, from a seed of its own,
and reconciles in a process of its own, whose time and memory are measured. The statement's files are made before.
"""

import multiprocessing
import resource
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.app.reconciling import Reconciling, Source
from backend.app.tap_lookers import lookers
from simulators.books.ordinary import FIRST_DAY
from simulators.books.tampering import PostgresTables, SqliteTables, Tables
from simulators.books.week import LAST_DAY, NOW_MS, Files, Week, fill_week, plant_week
from simulators.postgres import LocalPostgres

Tick = Callable[[str, int], None]  # a stage, and how much of it is done
Found = tuple[Mapping[str, Any], set[str]]
DATABASES = ("sqlite", "postgresql")
CITY = "bench"
BUSES = 60
PROCESSES = 2  # that look at taps, as `savar reconcile` has them
_PAGE = 1_000
_MADE_SEED = 1


@dataclass(frozen=True, slots=True)
class Ledger:
    """One database: how it is opened, and its tables reached. `where`: a file, or psycopg's words for it."""

    database: str
    where: str

    def open(self) -> LedgerStore:
        """As a backend does."""
        return SqliteStore(Path(self.where), CITY) if self.database == "sqlite" else PostgresStore(self.where, CITY)

    def tables(self) -> Tables:
        """Behind the backend's back."""
        return SqliteTables(Path(self.where)) if self.database == "sqlite" else PostgresTables(self.where)


def run(
    *, database: str, taps: int, topups: int, faults: int, seed: int, rounds: int, folder: Path, tick: Tick
) -> dict[str, Any]:
    """Figures of each round. Raises PostgresFailed."""
    made = Path(mkdtemp(prefix=".bench-", dir=folder))
    try:
        with _databases(database, made) as copy:
            first = copy("books", None)
            with _opened(first) as sides:
                week = fill_week(
                    *sides, taps=taps, topups=topups, seed=_MADE_SEED, buses=max(3, min(BUSES, taps // 500)),
                    tick=lambda done: tick("books", done),
                )  # fmt: skip
            found = [
                _round(week, copy(f"round_{number}", first), made, faults=faults, seed=seed + number, tick=tick)
                for number in range(rounds)
            ]
    finally:
        shutil.rmtree(made)
    worst = max(found, key=lambda it: (it["missed"] + it["invented"], it["seconds"]))
    return {
        "db": database, "taps": taps, "topups": topups, **{name: worst[name] for name in (
            "faults", "found", "invented", "missed", "seconds", "cpu_s", "peak_bytes", "seed")},
        "rounds": {str(it["seed"]): it for it in found},
    }  # fmt: skip


def _round(week: Week, ledger: Ledger, folder: Path, *, faults: int, seed: int, tick: Tick) -> dict[str, Any]:
    tick(f"faults of seed {seed}", 0)
    with _opened(ledger) as sides:
        expected, files = plant_week(*sides, week, folder, faults=faults, seed=seed)
    tick(f"reconciling, seed {seed}", 0)
    figures, names = _process(ledger, files)
    return {
        "seed": seed, "faults": len(expected), "found": len(names & expected), "invented": len(names - expected),
        "missed": len(expected - names), **figures, "named": sorted(names ^ expected)[:20],
    }  # fmt: skip


@contextmanager
def _opened(ledger: Ledger) -> Iterator[tuple[LedgerStore, Tables]]:
    store, tables = ledger.open(), ledger.tables()
    try:
        yield store, tables
    finally:
        tables.close()
        store.close()


def _process(ledger: Ledger, files: Files) -> Found:
    """In a process of its own: the time and the memory that it takes are the reconciliation's."""
    own = multiprocessing.get_context("spawn")
    told, child = own.Pipe(duplex=False)
    process = own.Process(target=_tell, args=(child, ledger, files))
    process.start()
    child.close()
    try:
        found: Found = told.recv()
    finally:
        process.join()
        told.close()
    return found


def _tell(to: Connection, ledger: Ledger, files: Files) -> None:
    to.send(here(ledger, files))
    to.close()


def here(ledger: Ledger, files: Files) -> Found:
    """Reconcile → figures, and the names of what is open then."""
    began, cpu = time.perf_counter(), time.process_time()
    store = ledger.open()
    try:
        sources = [Source.of(*it) for it in files]
        with lookers(ledger.open, PROCESSES, store) as who:
            job = Reconciling(store, (FIRST_DAY, LAST_DAY), sources, now_ms=lambda: NOW_MS, lookers=who)
            stages = _stages(job)
        seconds = time.perf_counter() - began
        own, theirs = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cpu = sum(it.ru_utime + it.ru_stime for it in (own, theirs)) - cpu
        figures: Mapping[str, Any] = {
            "seconds": round(seconds, 1), "cpu_s": round(cpu, 1),
            "peak_bytes": 1024 * (own.ru_maxrss + PROCESSES * theirs.ru_maxrss),  # theirs is of the largest
            "steps": job.run.steps, "stages": stages,
        }  # fmt: skip
        return figures, found_in(store)
    finally:
        store.close()


def _stages(job: Reconciling) -> Mapping[str, float]:
    """All of its steps → how many seconds each stage took."""
    seconds: dict[str, float] = defaultdict(float)
    more = True
    while more:
        stage, began = job.run.stage, time.perf_counter()
        more = job.step()
        seconds[stage] += time.perf_counter() - began
    return {stage: round(it, 1) for stage, it in seconds.items()}


def found_in(store: LedgerStore) -> set[str]:
    """The names of all that are open."""
    names: set[str] = set()
    after: str | None = None
    while page := store.discrepancies(open_only=True, after=after, most=_PAGE):
        names |= {kept.it.name for kept in page}
        after = page[-1].it.name
    return names


Copy = Callable[[str, Ledger | None], Ledger]


@contextmanager
def _databases(database: str, folder: Path) -> Iterator[Copy]:
    """A name, and of what it is a copy → a ledger."""
    if database == "sqlite":

        def copied(name: str, of: Ledger | None) -> Ledger:
            path = folder / f"{name}.db"
            if of is not None:
                shutil.copyfile(of.where, path)
            return Ledger(database, str(path))

        yield copied
        return
    server = LocalPostgres()
    try:
        server.start()
        yield lambda name, of: Ledger(database, server.make(name, like="template1" if of is None else "books"))
    finally:
        server.stop()
