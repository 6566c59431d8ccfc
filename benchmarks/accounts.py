"""A city's accounts asked over real HTTP: passes, balances and receipts at a fixed rate, beside an empty ledger.

A backend as `savar backend run` starts it, in a process of its own, over a ledger that holds so many accounts; another
over one that holds a few thousand; and the open loop (`open_loop`) in a third process. Each round asks, one after the
other, for the time alone (a route that signs and asks no ledger: the baseline), the small ledger, and the full one. In
the same run: what a synced block takes on that disk.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, Final

from backend.adapters.ledger.store import LedgerStore
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from benchmarks.accounts_ledger import TARIFF, fill_ledger
from benchmarks.figures import percentile, processor_s
from benchmarks.filled import CITY, Tick, require_room
from benchmarks.limits import OverwriteSync
from benchmarks.open_loop import WARM_S, Load, Measured, measured
from provisioning.app.city import create_city
from provisioning.core.layout import CityFolder
from simulators.errors import SimulatorError
from simulators.mosquitto import free_port
from simulators.postgres import LocalPostgres

RATE: Final = 200  # requests a second
SMALL: Final = 2_000  # accounts of the ledger beside: as many as are asked in a round
BYTES_AN_ACCOUNT: Final = {"sqlite": 2_600, "postgresql": 3_400}  # on the disk, with its ride and the log
_SPARE: Final = 2 << 30
_SYNCS: Final = 50  # a round
_START_S: Final = 120.0  # Python's own start, and a ledger of gigabytes opened
_QUIET_S: Final = 2.0  # of looks at a backend that has begun: below _QUIET of a core it has nothing to do any more
_QUIET: Final = 0.05
_QUIET_WITHIN_S: Final = 900.0
_GOALS_MS: Final = {"pass": 100, "balance": 50}  # p95


class BackendFailed(SimulatorError):
    """The backend did not serve, so there is nothing to measure."""


def run(*, database: str, accounts: int, seconds: float, rounds: int, folder: Path, tick: Tick) -> dict[str, Any]:
    """Figures. `folder`: SQLite's disk; PostgreSQL's is TMPDIR's. Raises NoRoom, PostgresFailed, BackendFailed."""
    where = folder if database == "sqlite" else Path(tempfile.gettempdir())
    require_room(where, accounts * BYTES_AN_ACCOUNT[database] + _SPARE)
    loads = [_load()]
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".bench-", dir=where)))
        server = None if database == "sqlite" else stack.enter_context(_postgresql())
        sides: dict[str, tuple[int, int]] = {}
        towns = {}
        for name, many in (("small", min(SMALL, accounts)), ("full", accounts)):
            towns[name] = Town(root / name, server, name)
            began = time.perf_counter()
            sides[name] = many, towns[name].fill(many, tick)
            filled_s = time.perf_counter() - began
        loads.append(_load())
        backends = {name: stack.enter_context(town.served()) for name, town in towns.items()}
        settled_s = _settle(list(backends.values()), tick)
        found = _rounds(backends, sides, seconds=seconds, rounds=rounds, folder=root, tick=tick)
    loads.append(_load())
    return {
        "db": database, "accounts": accounts, "rides": sides["full"][1], "rate": RATE, "filled_s": round(filled_s),
        "settled_s": round(settled_s), **found, "load": loads,
    }  # fmt: skip


def _load() -> float:
    return round(os.getloadavg()[0], 2)


@contextmanager
def _postgresql() -> Iterator[LocalPostgres]:
    server = LocalPostgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Served:
    """A backend that serves: its port and its process."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port, self._process = port, process

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return processor_s(self._process.pid)


class Town:
    """A provisioned city, and its ledger in a file or in a database of this server's. No broker runs."""

    def __init__(self, root: Path, server: LocalPostgres | None, name: str) -> None:
        self._folder, self._port = CityFolder(root), free_port()
        create_city(
            root, name=CITY, tariff=TARIFF, now=datetime.now(UTC), randomness=os.urandom, http_port=self._port,
            broker_port=1,
        )  # fmt: skip
        if server is not None:
            with self._folder.backend_config.open("a", encoding="utf-8") as more:
                more.write(f'\n[database]\npostgresql = "{server.make(name)}"\n')

    def fill(self, accounts: int, tick: Tick) -> int:
        """So many accounts → their rides."""
        issuer = (self._folder.backend_keys / "issuer.key.pem").read_bytes()
        with ProcessPoolExecutor(1, get_context("fork")) as maker:
            maker.submit(int).result()  # its process has begun before a database is open
            store: LedgerStore = open_ledger(load_config(self._folder.backend_config))
            try:
                return fill_ledger(
                    store, issuer, accounts=accounts, now_ms=time.time_ns() // 1_000_000, maker=maker, tick=tick
                )
            finally:
                store.close()

    @contextmanager
    def served(self) -> Iterator[Served]:
        """`savar backend run`, until it answers. Raises BackendFailed."""
        log = self._folder.root / "backend.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "backend", "run", "--config", str(self._folder.backend_config)],
                stdout=said, stderr=said,
            )  # fmt: skip
        try:
            _wait(process, self._port, log)
            yield Served(self._port, process)
        finally:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
            asked.request("GET", f"/v1/time?nonce={'00' * 16}")
            if asked.getresponse().status == 200:
                return
        time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-500:]
    raise BackendFailed(f"the backend does not serve: {said}", fix="look at what it says")


def _settle(backends: Sequence[Served], tick: Tick) -> float:
    """Wait until nobody looks at the days that were just filled in → seconds. Raises BackendFailed."""
    began = time.monotonic()
    while True:
        before = [it.cpu_s for it in backends]
        time.sleep(_QUIET_S)
        busy = max(it.cpu_s - was for it, was in zip(backends, before, strict=True)) / _QUIET_S
        waited = time.monotonic() - began
        tick("backends look at the days that are new (seconds)", int(waited), int(_QUIET_WITHIN_S))
        if busy < _QUIET:
            return waited
        if waited > _QUIET_WITHIN_S:
            raise BackendFailed("the backend does not come to rest", fix="look at what its cases' thread does")


def _rounds(
    backends: Mapping[str, Served], sides: Mapping[str, tuple[int, int]], *, seconds: float, rounds: int, folder: Path,
    tick: Tick,
) -> dict[str, Any]:  # fmt: skip
    """Every phase of every round, by turns."""
    phases = [("time", "full", "time"), ("small", "small", "mix"), ("full", "full", "mix")]
    kept: dict[str, list[tuple[Measured, float]]] = {phase: [] for phase, *_ in phases}
    syncs: list[float] = []
    passes = dict.fromkeys(backends, 0)
    sync = OverwriteSync(folder)
    for number in range(rounds):
        for place, (phase, side, kind) in enumerate(phases):
            tick(f"asking: {phase}", number * len(phases) + place, rounds * len(phases))
            accounts, rides = sides[side]
            load = Load(backends[side].port, kind, RATE, seconds, accounts, rides, 1 + number, passes[side])
            before = backends[side].cpu_s
            found = measured(load)
            kept[phase].append((found, backends[side].cpu_s - before))
            passes[side] = found.passes
        syncs += [sync.once_ns() / 1e6 for _ in range(_SYNCS)]
    sync.close()
    told = {phase: _phase(found, seconds) for phase, found in kept.items()}
    return told | _ratios(told, syncs)


def _phase(found: Sequence[tuple[Measured, float]], seconds: float) -> dict[str, Any]:
    """Medians of the rounds, and each round's p95."""
    kinds = sorted({kind for it, _ in found for kind in it.ms})
    told: dict[str, Any] = {}
    for kind in kinds:
        rounds = [it.ms[kind] for it, _ in found if kind in it.ms]
        told[kind] = {f"p{at}_ms": round(median(percentile(one, at) for one in rounds), 1) for at in (50, 95, 99)} | {
            "p95_by_round_ms": [round(percentile(one, 95), 1) for one in rounds],
            "asked": sum(map(len, rounds)),
        }
    asked = RATE * (seconds + WARM_S)
    errors: dict[str, int] = {}
    for it, _ in found:
        for words, many in it.errors.items():
            errors[words] = errors.get(words, 0) + many
    return told | {
        "rate": [it.rate for it, _ in found], "errors": errors,
        "backend_cpu_ms_a_request": round(median(1_000 * cpu / asked for _, cpu in found), 2),
        "client_cpu_ms_a_request": round(median(1_000 * it.own_cpu_s / asked for it, _ in found), 2),
    }  # fmt: skip


def _ratios(told: Mapping[str, Any], syncs: Sequence[float]) -> dict[str, Any]:
    """To the baseline, the small ledger and the disk; what stands beside each goal."""
    full, small, base = told["full"], told["small"], told["time"]["time"]
    kinds = [it for it in ("pass", "balance", "receipts") if it in full and it in small]
    synced = median(syncs)
    return {
        "p95_over_time": {it: round(full[it]["p95_ms"] / base["p95_ms"], 2) for it in kinds},
        "p95_over_small": {it: round(full[it]["p95_ms"] / small[it]["p95_ms"], 2) for it in kinds},
        "cpu_over_time": round(full["backend_cpu_ms_a_request"] / told["time"]["backend_cpu_ms_a_request"], 2),
        "fdatasync_p50_ms": round(synced, 3),
        "pass_p50_over_fdatasync": round(full["pass"]["p50_ms"] / synced, 1) if "pass" in full else None,
        "p95_goals_ms": _GOALS_MS,
    }  # fmt: skip
