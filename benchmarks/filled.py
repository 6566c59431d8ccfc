"""A ledger that holds N taps: what it takes a second more beside an empty one, and how long a rider's history takes.

Filled through the ledger's own commit, in groups as ingest makes them: 50 taps each of 20 devices, of a city whose taps
lie over 50 service days, each of any of its riders, who ride once a day. Then groups into it and into a ledger that is
new, by turns, so that both have the same machine, three times with a new one each; and the histories of riders drawn at
random, by the queries behind the rider's API. One database at a time; whoever stops it leaves nothing behind, unless
SQLite's is kept: then the next run goes on where it was ended.

It is filled by ten groups a transaction, made in a process beside: pages that many groups touch are written once, and
the ledger is the same in the end (102 ms a group instead of 178). What is compared is a group a transaction.
"""

import gc
import os
import random
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import psycopg

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.core.ledger import Payer, Transfer, TransferKind, tap_key
from backend.core.limits import RIDER_TAPS_MAX
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, new_boarding
from benchmarks.figures import percentile
from protocol.limits import DAY_S
from protocol.localtime import service_day
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark
from simulators.errors import SimulatorError
from simulators.postgres import LocalPostgres

Tick = Callable[[str, int, int], None]
CITY, EPOCH, FARE = "bench", 7, 60_000
DAYS: Final = 50  # service days: as many rides a rider, in two or three months
DEVICES, BLOCK, BATCH = 2_000, 20, 50  # a group: a batch of each of a block of devices
GROUP: Final = BLOCK * BATCH
FILLING: Final = 10  # groups a transaction while it is filled
_AHEAD: Final = 3  # transactions that are made ahead
BEGAN_MS: Final = 1_790_000_000_000
BYTES_A_TAP: Final = {"sqlite": 1_400, "postgresql": 1_800}  # on the disk at the end, its log with it
_SPARE: Final = 2 << 30
_SIDE_GROUPS: Final = 100  # on each side of the comparison
_WARM: Final = 10  # groups before a clock counts
_ROUNDS: Final = 3  # each with an empty one of its own: in a hundred groups SQLite copies its log three times or once
_RIDERS_ASKED: Final = 300


_riding: "Riding"


class NoRoom(SimulatorError):
    """The disk has not what a ledger of so many taps takes."""


class Riding:
    """The next groups of a city, in the order of their time. `taps`: of all its days; `riders`: who ride, if told."""

    def __init__(self, taps: int, *, riders: int | None = None, began_ms: int = BEGAN_MS) -> None:
        self._step_ms = DAYS * DAY_S * 1000 / taps
        self._riders = max(taps // DAYS, 1) if riders is None else riders
        self._began_ms = began_ms
        self._held: dict[str, Watermark] = {}
        self.groups = 0

    def go_on(self, store: LedgerStore) -> None:
        """Behind what a kept ledger holds."""
        for number in range(DEVICES):
            held = store.watermark(device(number), EPOCH)
            self._held[device(number)] = held
            self.groups += held.sequence
        self.groups //= GROUP

    def next(self) -> tuple[list[Commit], int]:
        """A group, and when it is stored."""
        first, block = self.groups * GROUP, self.groups % (DEVICES // BLOCK) * BLOCK
        self.groups += 1
        made = [self._batch(device(block + n), first + n * BATCH) for n in range(BLOCK)]
        return made, self._began_ms + int((first + GROUP) * self._step_ms)

    def _batch(self, device: str, first: int) -> Commit:
        before = self._held.get(device, Watermark.before(EPOCH))
        records, transfers, claims, vehicle = [], [], [], device[:-3]
        for number in range(first, first + BATCH):
            sequence = before.sequence + 1 + number - first
            wall_ms = self._began_ms + int(number * self._step_ms)
            digest = sha256(b"%d" % number).digest()
            credential = rider(who_rode(number, self._riders))
            raw = self._record(device, sequence, wall_ms, digest)
            records.append(StoredRecord(
                device, EPOCH, sequence, digest, raw, int(RecordKind.TAP), wall_ms, vehicle, 1, 1, 0,
                FARE, 1, Payer.RIDER, shift="s-1", line="r9", lat_e6=32_650_000, lon_e6=51_660_000,
            ))  # fmt: skip
            transfers.append(Transfer(
                tap_key(device, EPOCH, sequence, TransferKind.FARE), TransferKind.FARE, f"rider:{credential.hex()}",
                f"operator:{vehicle}", FARE, service_day(wall_ms),
            ))  # fmt: skip
            claims.append(Claim(
                device, EPOCH, sequence, Presentation(credential, wall_ms // 1_000, number % 65_536), vehicle, wall_ms,
                180_000, 0, 0, FARE, 1_000, 1_000, 0, FARE, FARE, 3, boarding=new_boarding(device, EPOCH, sequence),
                charged=True, rials=FARE,
            ))  # fmt: skip
        after = self._held[device] = Watermark(EPOCH, before.sequence + BATCH, digest)
        return Commit(device, before, after, records, bytes(64), device, transfers=transfers, claims=claims)

    def _record(self, _device: str, _sequence: int, _wall_ms: int, digest: bytes) -> bytes:
        """As long as a tap's; who reads it as one makes it one."""
        return digest * 9 + bytes(17)


def who_rode(tap: int, riders: int) -> int:
    """The number of the rider of a tap."""
    return int.from_bytes(sha256(b"%d" % tap).digest()[:6]) % riders


def device(number: int) -> str:
    return f"bus-{number:04}-d1"


@lru_cache(maxsize=1 << 20)
def rider(number: int) -> bytes:
    """A credential's id: drawn at random, as they are."""
    return sha256(b"rider %d" % number).digest()[:8]


def run(*, database: str, taps: int, folder: Path, tick: Tick, kept: Path | None = None) -> dict[str, Any]:
    """Figures of one database that holds so many. `folder`: SQLite's disk. Raises NoRoom, PostgresFailed.

    `kept`: SQLite's file, which is left, and gone on with if it is there. It must have been begun for as many `taps`.
    """
    where = folder if database == "sqlite" else Path(tempfile.gettempdir())
    stands = kept.stat().st_size if kept and kept.exists() else 0
    require_room(where, max(0, taps * BYTES_A_TAP[database] - stands) + _SPARE)
    groups, load = max(1, taps // GROUP), [round(os.getloadavg()[0], 2)]
    opened = _sqlite(folder, kept) if database == "sqlite" else _postgresql()
    with ProcessPoolExecutor(1, get_context("fork")) as maker, opened as (begin, size):
        maker.submit(int).result()  # its process has begun before a database is open
        full = begin("full")
        took = fill(full, Riding(taps), groups, maker, tick)
        riding = Riding(taps)
        riding.go_on(full)
        holds, held = riding.groups * GROUP, size("full")
        rounds = [_by_turns(full, riding, begin(f"empty{n}"), Riding(taps), tick) for n in range(_ROUNDS)]
        histories = _histories(full, taps, tick)
    load.append(round(os.getloadavg()[0], 2))
    full_s, empty_s = ([took for one in rounds for took in one[side]] for side in (0, 1))
    return {
        "db": database, "taps": holds, "full_to_empty": round(sum(empty_s) / sum(full_s), 3),
        "full_to_empty_by_round": [round(sum(empty) / sum(full), 3) for full, empty in rounds],
        "full_taps_per_s": _rate(full_s), "empty_taps_per_s": _rate(empty_s),
        "full_commit_ms": _of(full_s), "empty_commit_ms": _of(empty_s),
        "commits_to_fill_s": round(took), "bytes_a_tap": held // holds, "history_ms": histories, "load": load,
    }  # fmt: skip


def require_room(where: Path, needed: int) -> None:
    """Raises NoRoom, with what to do."""
    free = shutil.disk_usage(where).free
    if free < needed:
        raise NoRoom(
            f"{needed / 1e9:.0f} GB are needed on the disk of {where}, and {free / 1e9:.0f} GB are free",
            fix="make room, name another disk (--folder for SQLite, TMPDIR for PostgreSQL), or say fewer --taps",
        )


def fill(store: LedgerStore, riding: Riding, groups: int, maker: ProcessPoolExecutor, tick: Tick) -> float:
    """Until it holds so many, of taps that another process makes meanwhile → seconds of its commits."""
    riding.go_on(store)
    maker.submit(_begin_making, riding)
    asked = stored = riding.groups
    ahead: deque[Future[tuple[list[Commit], int]]] = deque()
    took = 0.0
    while stored < groups:
        while asked < groups and len(ahead) < _AHEAD:
            ahead.append(maker.submit(_made, min(FILLING, groups - asked)))
            asked = min(asked + FILLING, groups)
        commits, at_ms = ahead.popleft().result()
        began = time.perf_counter()
        store.commit(commits, at_ms)
        took += time.perf_counter() - began
        stored += len(commits) // BLOCK
        tick("filling the ledger (groups of 1,000 taps)", stored, groups)
    return took


def _begin_making(riding: Riding) -> None:
    global _riding  # noqa: PLW0603 - of the process that makes them
    _riding = riding


def _made(groups: int) -> tuple[list[Commit], int]:
    commits: list[Commit] = []
    for _ in range(groups):
        made, at_ms = _riding.next()
        commits += made
    return commits, at_ms


def _take(store: LedgerStore, riding: Riding) -> float:
    commits, at_ms = riding.next()
    began = time.perf_counter()
    store.commit(commits, at_ms)
    return time.perf_counter() - began


def _by_turns(
    full: LedgerStore, riding: Riding, empty: LedgerStore, anew: Riding, tick: Tick
) -> tuple[list[float], list[float]]:
    """Seconds of each group, behind the first ones."""
    sides: tuple[list[float], list[float]] = [], []
    gc.collect()
    for number in range(_WARM + _SIDE_GROUPS):
        for side, store, of in zip(sides, (full, empty), (riding, anew), strict=True):
            side.append(_take(store, of))
        tick("the full one and an empty one by turns", number + 1, _WARM + _SIDE_GROUPS)
    return sides[0][_WARM:], sides[1][_WARM:]


def _histories(store: LedgerStore, taps: int, tick: Tick) -> dict[str, dict[str, float]]:
    """Newest page of riders who are drawn: as `/taps` and as receipts tell it."""
    drawn = random.Random(taps)
    found: dict[str, list[float]] = {"taps": [], "receipts": []}
    for number in range(_RIDERS_ASKED):
        credential = rider(drawn.randrange(max(taps // DAYS, 1)))
        for name, ask in (
            ("taps", lambda: store.rider_taps(credential, RIDER_TAPS_MAX)),  # noqa: B023 - called at once
            ("receipts", lambda: store.charged_claims(credential, None, RIDER_TAPS_MAX)),  # noqa: B023
        ):
            began = time.perf_counter()
            ask()
            found[name].append(time.perf_counter() - began)
        tick("riders' histories", number + 1, _RIDERS_ASKED)
    return {name: _of(took) for name, took in found.items()}


def _of(seconds: Sequence[float]) -> dict[str, float]:
    return {name: round(1000 * percentile(seconds, at), 2) for name, at in (("p50", 50), ("p99", 99))}


def _rate(seconds: Sequence[float]) -> int:
    return round(GROUP * len(seconds) / sum(seconds))


_Opened = tuple[Callable[[str], LedgerStore], Callable[[str], int]]


@contextmanager
def _sqlite(folder: Path, kept: Path | None) -> Iterator[_Opened]:
    stores: list[LedgerStore] = []
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as made:

        def path(name: str) -> Path:
            return kept if kept and name == "full" else Path(made) / f"{name}.db"

        def begin(name: str) -> LedgerStore:
            stores.append(SqliteStore(path(name), CITY))
            return stores[-1]

        def size(name: str) -> int:
            return path(name).stat().st_size

        try:
            yield begin, size
        finally:
            for store in stores:
                store.close()


@contextmanager
def _postgresql() -> Iterator[_Opened]:
    stores: list[LedgerStore] = []
    server = LocalPostgres()

    def begin(name: str) -> LedgerStore:
        stores.append(PostgresStore(server.make(name), CITY))
        return stores[-1]

    def size(name: str) -> int:
        with psycopg.connect(server.conninfo(name)) as session:
            ((found,),) = session.execute("SELECT pg_database_size(current_database())").fetchall()
        return int(found)

    try:
        server.start()
        yield begin, size
    finally:
        for store in stores:
            store.close()
        server.stop()
