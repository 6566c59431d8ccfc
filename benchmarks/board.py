"""The bridge to the panel board, with the unmodified firmware under QEMU: round trips, a spoiling line, recoveries.

- `round_trip_ms`: one command and its answer on a clean line, nothing else waiting; beside it `line_ms`, what the bytes
  of both frames take at the line's speed, which an emulated line does not charge;
- `commands` over a line that spoils each byte with `byte_errors`, both ways: the board counts what it carried out;
- `recovery_s`: from the fault (a plug: from its being put back) until the link is open again.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import percentile
from firmware_bridge.core.declaration import COUNTS, SHOW
from firmware_bridge.core.limits import BAUD
from protocol.fares.verdicts import TABLE
from simulators.board.emulator import EmulatedBoard
from simulators.board.firmware import firmware
from simulators.board.rig import BridgedBoard
from simulators.board.spoiling_line import SpoilingLine

Tick = Callable[[str, int, int], None]  # stage, how many are done, of how many
ROUND_TRIPS = 2_000
RECOVERIES = 5  # of each kind
BITS_A_BYTE = 10  # one start and one stop bit
OTHER_VERSION = "-DLINK_VERSION=9u"


def run(*, commands: int, byte_errors: float, seed: int, tick: Tick) -> dict[str, Any]:
    """All of it → figures. Raises EmulatorFailed."""
    elf = firmware()
    with tempfile.TemporaryDirectory(prefix="savar-board-") as scratch:
        rig = BridgedBoard(elf, Path(scratch), seed=seed)
        try:
            rig.wait_open(1)
            trips = _round_trips(rig, tick)
            noisy = _over_noise(rig, commands, byte_errors, tick)
            recoveries = _recoveries(rig, tick)
        finally:
            rig.close()
    worst = max(seconds for each in recoveries.values() for seconds in each)
    return {
        **noisy, "byte_errors": byte_errors, "round_trip_ms": trips,
        "recovery_s": {"max": worst, **{kind: max(each) for kind, each in recoveries.items()}},
    }  # fmt: skip


def _round_trips(rig: BridgedBoard, tick: Tick) -> dict[str, float]:
    took = []
    for number in range(ROUND_TRIPS):
        began = time.perf_counter_ns()
        rig.answer(SHOW, 1 + number % len(TABLE), 0)
        took.append((time.perf_counter_ns() - began) / 1e6)
        tick("round trips on a clean line", number + 1, ROUND_TRIPS)
    line_ms = (11 + 9) * BITS_A_BYTE / BAUD * 1000  # a show and its answer
    return {"p50": round(percentile(took, 50), 2), "p99": round(percentile(took, 99), 2), "line_ms": round(line_ms, 2)}


def _over_noise(rig: BridgedBoard, commands: int, byte_errors: float, tick: Tick) -> dict[str, Any]:
    before, lost_before = rig.answer(COUNTS).values[1], rig.bridge.statistics.lost
    rig.line.rate = byte_errors
    began = time.monotonic()
    asked = []
    for number in range(commands):
        asked.append(rig.ask(SHOW, 1 + number % len(TABLE), 0))
        tick("commands over a spoiling line", number + 1, commands)
    while rig.bridge.statistics.answered + rig.bridge.statistics.lost < rig.bridge.statistics.asked:
        time.sleep(0.01)
    seconds = time.monotonic() - began
    rig.line.rate = 0.0
    executed = rig.answer(COUNTS).values[1] - before - 1
    done = sum(ticket in rig.done and rig.done[ticket].answer == 0 for ticket in asked)
    ended = sum(ticket in rig.done for ticket in asked)
    lost = rig.bridge.statistics.lost - lost_before
    return {
        "commands": commands, "executed": executed, "answered": ended, "lost_and_reported": lost,
        "executed_twice": max(0, executed - done - lost),
        "lost_unreported": commands - ended - lost + max(0, done - executed),
        "sent_again": rig.bridge.statistics.sent_again, "seconds": round(seconds, 1),
    }  # fmt: skip


def _recoveries(rig: BridgedBoard, tick: Tick) -> dict[str, list[float]]:
    kinds: dict[str, Callable[[], None]] = {
        "hang": rig.emulated.hang, "reset": rig.emulated.reset, "unplug": lambda: _replug(rig),
    }  # fmt: skip
    found: dict[str, list[float]] = {}
    for kind, fault in kinds.items():
        for number in range(RECOVERIES):
            opening = rig.openings + 1
            fault()
            began = time.monotonic()
            rig.wait_open(opening)
            found.setdefault(kind, []).append(round(time.monotonic() - began, 3))
            tick(f"recovery from: {kind}", number + 1, RECOVERIES)
    found["version mismatch"] = _mismatches(rig, tick)
    return found


def _replug(rig: BridgedBoard) -> None:
    rig.line.unplug()
    while rig.bridge.problem is None:
        time.sleep(0.01)
    rig.line.plug()


def _mismatches(rig: BridgedBoard, tick: Tick) -> list[float]:
    """Another board in between, whose firmware speaks another version; then ours again."""
    with tempfile.TemporaryDirectory(prefix="savar-board-") as scratch:
        folder = Path(scratch)
        other = EmulatedBoard(firmware(folder / "build", flags=OTHER_VERSION), folder)
        other.start()
        strange = SpoilingLine(other.line, seed=1, rate=0.0)
        strange.start()
        found = []
        try:
            for number in range(RECOVERIES):
                rig.path = lambda: strange.path
                rig.line.unplug()
                while "version" not in str(rig.bridge.problem):
                    time.sleep(0.01)
                opening = rig.openings + 1
                rig.line.plug()
                rig.path = lambda: rig.line.path
                strange.unplug()
                began = time.monotonic()
                rig.wait_open(opening)
                found.append(round(time.monotonic() - began, 3))
                strange.plug()
                tick("recovery from: version mismatch", number + 1, RECOVERIES)
        finally:
            strange.stop()
            other.stop()
    return found
