"""Top-ups against providers that misbehave, with the backend killed at random: wallets must be the providers' truth.

Real parts: the backend's process over HTTP and its own database, killed with SIGKILL, both providers over HTTP. Riders'
phones and browsers are threads here, and so are the providers, whose books survive every kill. At the end the backend
is left alone until nothing is open, and then compared (`verdict`).
"""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

import psycopg

from simulators.payments.books import Entry
from simulators.payments.crowd import Crowd
from simulators.payments.misbehaviour import Faults
from simulators.payments.office import MERCHANTS, Office
from simulators.payments.server import PaymentServer
from simulators.payments.verdict import Rows, compare, read
from simulators.postgres import LocalPostgres

FAULTS = Faults(
    unavailable=0.02, failed_after=0.02, answer_lost=0.02, stalled=0.003, odd=0.01, unpaid=0.08, no_callback=0.06,
    double_callback=0.06, verified_before=0.05, other_amount=0.02, late_reversal=0.04, gap=0.02,
)  # fmt: skip
RODE_RIALS = 40_000_000  # what every second rider's rides cost before he pays: a charge-back finds no wallet there
THREADS = 6
KILL_WITHIN_S = 0.5  # of its moment, so that a kill falls anywhere in the work
LOOK_S = 1.0
LATE_S = 2.0  # `backend_process.PACE` looks again later


class Tick(Protocol):
    """Told how far a stage is."""

    def __call__(self, what: str, done: int, of: int | None = None, /) -> None:
        """So many are done."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`settle_s`: how long what is open may take at the end; `weak`: what is planted (`backend_process.weaken`)."""

    topups: int
    riders: int
    kills: int
    seed: int
    database: str = "sqlite"
    settle_s: float = 300.0
    weak: str = ""


def run(terms: Terms, root: Path, tick: Tick) -> dict[str, Any]:
    """→ figures, with every difference under `differences`. Raises SimulatorError."""
    providers = {}
    for number, (kind, merchant) in enumerate(MERCHANTS.items()):
        seed = len(MERCHANTS) * terms.seed + number  # else both would give out the same tokens
        providers[kind] = PaymentServer(merchant=merchant, seed=seed, kind=kind, faults=FAULTS, late_s=LATE_S)
    with _database(terms.database) as conninfo:
        for provider in providers.values():
            provider.start()
        office = Office(root, providers, postgresql=conninfo, weak=terms.weak)
        try:
            return _play(terms, office, providers, _reader(office, conninfo), tick)
        finally:
            office.kill()
            for provider in providers.values():
                provider.stop()


def _play(terms: Terms, office: Office, providers: dict[str, PaymentServer], rows: Rows, tick: Tick) -> dict[str, Any]:
    began = time.monotonic()
    crowd = Crowd(office, terms.riders, terms.topups, terms.seed)
    office.start()
    crowd.register()
    ridden = {bytes.fromhex(it.credential_id): RODE_RIALS for it in crowd.phones[::2]}
    office.ride([*ridden], RODE_RIALS)
    threads = [threading.Thread(target=crowd.run, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    kills = _kill_now_and_then(terms, office, crowd, tick)
    for thread in threads:
        thread.join()
    settled_s = _settle(terms, rows, providers, ridden, tick)
    office.kill()
    entries, books = _truth(providers), read(rows)
    misbehaved: Counter[str] = Counter()
    for provider in providers.values():
        misbehaved.update(provider.books.counts)
    return {
        "db": terms.database, "seed": terms.seed, "topups": crowd.started, "riders": terms.riders, "kills": kills,
        "lost_starts": crowd.lost_starts, "lost_callbacks": crowd.lost_callbacks, "misbehaved": dict(misbehaved),
        "at_providers": dict(Counter(it.state for it in entries)),
        "in_ledger": dict(Counter(it.status for it in books.topups)),
        "verified_rials": sum(it.paid_rials for it in entries if it.state == "verified"),
        "denied": len(books.denied), "seconds": round(time.monotonic() - began),
        "settled_after_s": round(settled_s, 1), "differences": compare(books, entries, ridden),
    }  # fmt: skip


def _kill_now_and_then(terms: Terms, office: Office, crowd: Crowd, tick: Tick) -> int:
    """At so many moments, spread over the whole at random; → how many kills."""
    rng = Random(f"kills {terms.seed}")  # noqa: S311 - a simulation replays from its seed
    for kills, moment in enumerate(sorted(rng.randrange(terms.topups) for _ in range(terms.kills))):
        while crowd.started < moment:
            tick("top-ups", crowd.started, terms.topups)
            time.sleep(0.05)
        time.sleep(rng.uniform(0, KILL_WITHIN_S))
        office.kill()
        office.start()
        tick(f"top-ups; {kills + 1} kills", crowd.started, terms.topups)
    while crowd.started < terms.topups:
        tick("top-ups", crowd.started, terms.topups)
        time.sleep(0.2)
    return terms.kills


def _settle(
    terms: Terms, rows: Rows, providers: dict[str, PaymentServer], ridden: dict[bytes, int], tick: Tick
) -> float:
    """Leave the backend alone until nothing differs and nothing more can come, or too long → how long it took."""
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        differences = compare(read(rows), _truth(providers), ridden)
        late = sum(provider.books.to_come() for provider in providers.values())
        if (not differences and not late) or waited > terms.settle_s:
            return waited
        tick("still open", len(differences) + late, None)
        time.sleep(LOOK_S)


def _truth(providers: dict[str, PaymentServer]) -> list[Entry]:
    return [it for provider in providers.values() for it in provider.books.truth()]


@contextmanager
def _database(kind: str) -> Iterator[str | None]:
    """How a PostgreSQL of one's own is reached; None for a SQLite file."""
    if kind == "sqlite":
        yield None
        return
    server = LocalPostgres()
    try:
        server.start()
        yield server.make("savar")
    finally:
        server.stop()


def _reader(office: Office, conninfo: str | None) -> Rows:
    """Asks the database itself, through a connection of its own."""

    def sqlite(sql: str) -> Sequence[Sequence[Any]]:
        file = office.config.parent / "data" / "ledger.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def postgresql(sql: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(conninfo or "") as session:
            return session.execute(sql.encode()).fetchall()

    return sqlite if conninfo is None else postgresql
