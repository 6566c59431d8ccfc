"""Growing old: a device that had no network for 120 days of 2,000 taps, and what that costs its taps and its start.

The journal is made by the real code (decide, encode, seal, chain, sign, append), only without waiting for the disk; the
clock goes on from tap to tap. Then, on the real thing, with the station's thread beside the taps as on the bus:

- `runs`: taps on an empty journal and on the full one, by turns of 50, after a random pause of 5 to 35 ms and the
  verification of a code. The clock runs 25 times as fast as the world's, so a tap comes every half second and the log
  is folded in every twenty taps, as on a busy bus. `ratio_p99` is the median of the runs' full over empty;
- `start_ms`: opening, taking up the chain and the first step (which folds the log in), after a clean stop, and after
  SIGKILL with a log of just under WAL_PAGES_MAX pages; both with nothing of the files in memory;
- `drain`: everything goes out to a loopback that decodes each batch, verifies nothing and signs a receipt: first at the
  pace of the backend, turn by turn with taps while the station stands still (`quiet_us`), then as fast as it goes.
  `own_records_s` is what the station itself could do: the loopback's time left out;
- `prune`: 37 days later all of it may go, 200 records a step, again turn by turn with a station that stands still; the
  clock runs five times as fast as the world's, so a tap meets a step more often than on a bus. `after`: another run
  beside an empty journal, when all of it has gone and its pages are used again.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bus import City, Lapse
from benchmarks.figures import micros
from benchmarks.grow import Past, fill_log_and_die, forget_pages, grow
from benchmarks.live_door import LiveDoor
from protocol.limits import DAY_S, INT63_MAX, RECEIPTED_KEPT_S

RUNS = 5
TURN = 50  # taps of one door before the other has its turn: about a second, so that the disk's moods meet both
LAPSE = 25
PRUNING_LAPSE = 5
HURRY = 500  # for pruning what is left, when nobody taps
BACKEND_RECORDS_S = 4_700  # what ingest takes (docs/BENCHMARKS.md)
HOUR_MS = 3_600_000
Tick = Callable[[str, int], None]


class _Bus:
    """One device's life: its city, its full journal, and the time that has come."""

    def __init__(self, folder: Path, past: Past) -> None:
        self.folder = folder
        self.seed = os.urandom(32)
        self.past = past
        self.city = City(self.seed, issued_ms=past.begin_ms)
        self.now_ms = past.until_ms

    def path(self, name: str) -> Path:
        """A journal's place in a folder of its own."""
        path = self.folder / name / "journal.db"
        path.parent.mkdir(exist_ok=True)
        return path

    def door(self, path: Path, speed: int) -> LiveDoor:
        """A door that starts an hour after whatever was before."""
        self.now_ms += HOUR_MS
        door = LiveDoor(path, self.city, Lapse(self.now_ms, speed))
        door.start()
        return door

    def leave(self, door: LiveDoor) -> None:
        """Stop it; time has passed."""
        self.now_ms = door.clock.read().wall_ms
        door.stop()


def _alternate(bus: _Bus, empty: str, taps: int) -> dict[str, Any]:
    """One run: an empty journal and the one that has grown old, both doors live, one at a time."""
    doors = {"empty": bus.door(bus.path(empty), LAPSE), "full": bus.door(bus.path("full"), LAPSE)}
    took: dict[str, list[int]] = {name: [] for name in doors}
    for door in doors.values():
        door.hold()
    for turn in range(-(-taps // TURN)):
        for name in list(doors) if turn % 2 else reversed(doors):
            doors[name].go()
            took[name] += _turn(doors[name])
            doors[name].hold()
    for door in doors.values():
        door.go()
        bus.leave(door)
    return _compared(took["full"], took["empty"], "full", "empty") | {
        "longest_step_ms": {name: round(max(door.steps_ms), 1) for name, door in doors.items()}
    }


def _turn(door: LiveDoor) -> list[int]:
    return [door.tap_ns() for _ in range(TURN)]


def _compared(one: list[int], other: list[int], *names: str) -> dict[str, Any]:
    figures = [_micros(one), _micros(other)]
    ratios = {f"ratio_{at}": round(figures[0][at] / figures[1][at], 3) for at in ("p50", "p99")}
    return ratios | {f"{name}_us": times for name, times in zip(names, figures, strict=True)}


def _micros(nanoseconds: list[int]) -> dict[str, float]:
    return micros(nanoseconds) | {"max": round(max(nanoseconds) / 1000, 1)}


def _starts(bus: _Bus) -> dict[str, Any]:
    path = bus.path("full")
    forget_pages(path.parent)
    door = bus.door(path, 1)
    clean = door.started_ms
    bus.leave(door)
    fill_log_and_die(path, bus.seed, bus.past.begin_ms, bus.now_ms + HOUR_MS)
    bus.now_ms += DAY_S * 1000
    log_bytes = path.with_name("journal.db-wal").stat().st_size
    forget_pages(path.parent)
    door = bus.door(path, 1)
    bus.leave(door)
    return {"clean": clean, "cut": door.started_ms, "cut_log_bytes": log_bytes}


class _Watch:
    """What a door's station did since `begin`, while it was let."""

    def __init__(self, door: LiveDoor) -> None:
        self.door = door
        self.busy, self.quiet = list[int](), list[int]()
        self.steps, self.took_s, self.sink_s, self.batches = list[float](), 0.0, 0.0, 0

    def turn(self) -> None:
        """A turn of taps with the station's thread beside them."""
        steps, session = len(self.door.steps_ms), self.door.session
        batches, sink_ns, began = session.batches, session.busy_ns, time.perf_counter()
        self.busy += _turn(self.door)
        self.took_s += time.perf_counter() - began
        self.sink_s += (session.busy_ns - sink_ns) / 1e9
        self.batches += session.batches - batches
        self.steps += self.door.steps_ms[steps:]

    def turn_by_turn(self, taps: int) -> dict[str, Any]:
        """Taps with the station beside them, and as many while it stands still."""
        while len(self.busy) < taps:
            self.turn()
            self.door.hold()
            self.quiet += _turn(self.door)
            self.door.go()
        return _compared(self.busy, self.quiet, "tap", "quiet")


def _drain(bus: _Bus, taps: int) -> dict[str, Any]:
    """At the backend's pace for as many taps as are measured; what is left as fast as it goes."""
    door = bus.door(bus.path("full"), 1)
    door.go_online(BACKEND_RECORDS_S)
    paced, left = _Watch(door), door.station.backlog
    figures = {"at_the_backends_pace": paced.turn_by_turn(taps) | _rates(paced, left)}
    door.hold()
    door.go_online(0)
    hurried, left = _Watch(door), door.station.backlog
    door.go()
    while door.station.backlog > TURN:  # what is tapped meanwhile is always on its way
        hurried.turn()
    figures["as_fast_as_it_goes"] = {"tap_us": _micros(hurried.busy or [0])} | _rates(hurried, left)
    bus.leave(door)
    return figures


def _rates(watch: _Watch, before: int) -> dict[str, Any]:
    sent = before + len(watch.busy) + len(watch.quiet) - watch.door.station.backlog
    own_s = sum(watch.steps) / 1000 - watch.sink_s
    return {
        "records": sent, "batches": watch.batches, "taps": len(watch.busy),
        "records_s": round(sent / max(watch.took_s, 1e-3)), "own_records_s": round(sent / max(own_s, 1e-3)),
    }  # fmt: skip


def _prune(bus: _Bus, taps: int) -> dict[str, Any]:
    bus.now_ms += RECEIPTED_KEPT_S * 1000 + 2 * DAY_S * 1000
    door = bus.door(bus.path("full"), PRUNING_LAPSE)
    door.go_online(0)
    door.tap_ns()  # its receipt says that the backend's clock has gone on too
    while door.station.backlog:
        time.sleep(0.01)
    door.hold(HOUR_MS)  # it is looked every hour
    door.go()
    watch, first = _Watch(door), _oldest(door)
    figures = watch.turn_by_turn(taps)
    gone = _oldest(door) - first
    door.pace(HURRY)
    while _oldest(door) <= bus.past.taps:
        time.sleep(0.1)
    bus.leave(door)
    return figures | {
        "records_meanwhile": gone, "longest_step_ms": round(max(watch.steps), 1),
        "bytes_after": bus.path("full").stat().st_size, "after": _alternate(bus, "empty-after", taps),
    }  # fmt: skip


def _oldest(door: LiveDoor) -> int:
    return door.journal.read(1, INT63_MAX - 1, 1)[0].sequence


def run(folder: Path, *, days: int, daily: int, taps: int, tick: Tick = lambda _what, _done: None) -> dict[str, Any]:
    """Measure in `folder` → figures as a JSON-ready dict. `tick(what, done)` reports progress, 0 to 100."""
    load = round(os.getloadavg()[0], 2)
    past = Past(days, daily, time.time_ns() // 1_000_000)
    bus = _Bus(folder, past)
    began = time.perf_counter()
    grow(bus.path("full"), bus.city, past, lambda done: tick("growing", 100 * done // past.taps))
    grown_s = round(time.perf_counter() - began, 1)
    size = bus.path("full").stat().st_size
    runs = []
    for number in range(RUNS):
        tick("tapping", 100 * number // RUNS)
        runs.append(_alternate(bus, f"empty-{number}", taps))
    tick("starting", 0)
    starts = _starts(bus)
    tick("draining", 0)
    drain = _drain(bus, taps)
    tick("pruning", 0)
    prune = _prune(bus, taps)
    return {
        "ratio_p99": statistics.median(run["ratio_p99"] for run in runs),
        "ratio_p50": statistics.median(run["ratio_p50"] for run in runs),
        "start_ms": starts, "journal_bytes": size, "bytes_per_tap": round(size / past.taps, 1),
        "drain": drain, "prune": prune, "runs": runs, "taps": past.taps, "days": days, "measured_taps": taps,
        "grown_s": grown_s, "processors": os.cpu_count(), "load": load,
    }  # fmt: skip
