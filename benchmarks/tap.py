"""A full tap after verification against the physical limit of the same disk, in one run.

A tap: decide, encode, seal, chain, sign, commit, and the panel told. The limit: fdatasync of an overwritten,
preallocated 4 KiB block. Two phases, because each alone can be argued with:

- `ratio_to_fdatasync`, paired: one tap, one sync, by turns, each after the same work (verifying a rider's code, as on
  the bus). A machine whose speed drifts drifts for both, and both start with the caches that verifying left. It counts
  the processor's slow start after every sleep as the tap's own time, since a sync has almost nothing to compute.
- `ratio_back_to_back`: 50 taps, then 50 syncs, each in a tight loop with nothing between. Nearer to what the tap's own
  code costs and further from a bus, where nobody taps 5,000 times a second. A drift between the two loops does not
  cancel out, and the disk meets a stream of small writes in one loop and of overwrites in the other.

Both are ratios of medians. The signature is made on a second thread while the commit syncs: that takes a second
processor that is free. On a busy machine the two share one and the ratio is about what signing first gives; `load` is
the number of runnable threads before the run. `cpu_us` is each part alone in a hot loop, without a disk; in a tap the
same work takes about 1.7 times that. Between turns of 50 the write-ahead log is folded in, as the sync thread does.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bus import LastShown
from benchmarks.figures import micros
from benchmarks.limits import OverwriteSync
from benchmarks.phones import phone
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.boarding import Boarding
from edge.core.asked import Door
from edge.core.daybook import DayBook
from edge.core.decide import decide
from edge.core.ports import Head
from edge.core.taps import next_link, tap_record
from edge.core.window import Window
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire import chain
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import LongPass, open_long_pass
from protocol.wire.records import ClockQuality, Instant, Service
from protocol.wire.seal import DAY_KEY_BYTES, DayKey
from simulators.held_riders import HeldRiders

TURN = 50  # taps between two checkpoints: more than a bus sees in its 10 s
DEVICE = "bench-1"
SERVICE = Service("bus-1", 1, "r1", 0)


@dataclass(slots=True)
class _Times:
    """Nanoseconds of every tap and every sync of one phase."""

    tap: list[int] = field(default_factory=list)
    sync: list[int] = field(default_factory=list)

    def ratio(self) -> float:
        return round(micros(self.tap)["p50"] / micros(self.sync)["p50"], 3)


class _Rig:
    """One door with its journal and its signing thread, and the limit on the same disk."""

    def __init__(self, folder: Path) -> None:
        self.issuer, self.device, backend = (SigningKey.from_secret(os.urandom(32)) for _ in range(3))
        at = _now()
        self.bundle = Bundle(
            "bench", 1, at.wall_ms, (self.issuer.public,), (backend.public,), backend.public, Tariff(1, 50_000)
        )
        self.journal = ApswJournal(folder / "journal.db", device=DEVICE, new_epoch=1)
        self.panel = LastShown()
        self.signer = ThreadTapSigner(self.device)
        self.signer.open()
        self.boarding = Boarding(
            device=DEVICE, service=SERVICE, bundle=self.bundle, journal=self.journal, riders=HeldRiders(),
            signer=self.signer, panel=self.panel, software="bench", randomness=os.urandom,
        )  # fmt: skip
        self.boarding.begin(at)
        self.limit = OverwriteSync(folder)
        self.boarding.present(self.codes(1)[0], _now(), settled=True)  # pays for the first day key
        self.limit.once_ns()

    def close(self) -> None:
        self.limit.close()
        self.journal.close()
        self.signer.close()

    def codes(self, count: int) -> list[bytes]:
        """One fresh code each of `count` riders."""
        at = _now()
        phones = (
            phone(self.issuer, SigningKey.from_secret(os.urandom(32)), int.from_bytes(os.urandom(8)),
                  expiry_day=service_day(at.wall_ms) + 200) for _ in range(count)
        )  # fmt: skip
        return [it.text(at.wall_ms // 1000).encode() for it in phones]

    def verify(self, text: bytes) -> LongPass:
        return open_long_pass(read_code(text), [self.issuer.verifying])

    def tap_ns(self, code: LongPass) -> int:
        """One tap that was accepted; nanoseconds taken."""
        now = _now()
        started = time.perf_counter_ns()
        self.boarding.decide_and_record(code, code.raw, now)
        taken = time.perf_counter_ns() - started
        assert self.panel.showing is not None and self.panel.showing.row.charged  # noqa: PT018
        return taken


def _now() -> Instant:
    return Instant(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000, ClockQuality.TRUSTED, 1)


def _paired(rig: _Rig, times: _Times, verify_ns: list[int]) -> None:
    """A turn of taps and syncs by turns, each after the same work."""
    for text in rig.codes(TURN):
        started = time.perf_counter_ns()
        code = rig.verify(text)
        verify_ns.append(time.perf_counter_ns() - started)
        times.tap.append(rig.tap_ns(code))
        rig.verify(text)
        times.sync.append(rig.limit.once_ns())
    rig.journal.checkpoint()


def _back_to_back(rig: _Rig, times: _Times) -> None:
    """A turn of taps in a tight loop, then as many syncs."""
    codes = [rig.verify(text) for text in rig.codes(TURN)]
    times.tap += [rig.tap_ns(code) for code in codes]
    times.sync += [rig.limit.once_ns() for _ in codes]
    rig.journal.checkpoint()


def _cpu(rig: _Rig) -> dict[str, float]:
    """Medians of the parts alone, hot and without a disk, in microseconds."""
    code, now = rig.verify(rig.codes(1)[0]), _now()
    door = Door(SERVICE, rig.bundle, Window(rig.bundle.window_s), DayBook(bytes(16)), now.wall_ms)
    key = DayKey.load(os.urandom(DAY_KEY_BYTES), service_day(now.wall_ms))
    head = Head(1, 1, bytes(32))
    decision = decide(code, door, now)
    parts: dict[str, Callable[[], object]] = {
        "decide": lambda: decide(code, door, now),
        "encode_seal_chain": lambda: tap_record(
            next_link(DEVICE, head), now, decision, service=SERVICE, bundle=rig.bundle, key=key, line_told=True
        ),
        "sign": lambda: chain.sign_hash(head.hash, rig.device),
    }
    return {name: micros([_timed(part) for _ in range(20 * TURN)])["p50"] for name, part in parts.items()}


def _timed(part: Callable[[], object]) -> int:
    started = time.perf_counter_ns()
    part()
    return time.perf_counter_ns() - started


def run(folder: Path, *, taps: int, tick: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """Measure `taps` taps of each phase in `folder` → figures as a JSON-ready dict. `tick(done)` reports progress."""
    load = round(os.getloadavg()[0], 2)
    paired, tight = _Times(), _Times()
    verify_ns: list[int] = []
    rig = _Rig(folder)
    try:
        while len(paired.tap) < taps:
            _paired(rig, paired, verify_ns)
            tick(len(paired.tap))
        while len(tight.tap) < taps:
            _back_to_back(rig, tight)
            tick(len(paired.tap) + len(tight.tap))
        cpu = _cpu(rig)
    finally:
        rig.close()
        for leftover in folder.glob("journal.db*"):
            leftover.unlink()
    return {
        "ratio_to_fdatasync": paired.ratio(),
        "tap_us": micros(paired.tap),
        "fdatasync_us": micros(paired.sync),
        "verify_us": micros(verify_ns),
        "ratio_back_to_back": tight.ratio(),
        "back_to_back": {"tap_us": micros(tight.tap), "fdatasync_us": micros(tight.sync)},
        "cpu_us": cpu,
        "taps": len(paired.tap),
        "processors": os.cpu_count(),
        "load": load,
    }
