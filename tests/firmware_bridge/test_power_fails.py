"""The supply fails while riders board: no accepted tap is lost, and 50 ms after the line fell nothing green is lit.

A real journal, the real panel over a serial line, the unmodified firmware under QEMU; 200 times, each a start on the
journal that the one before left.
"""

import os
import random
import threading
import time
from pathlib import Path

import pytest

from benchmarks.bus import DEVICE, EPOCH, City, Lapse
from benchmarks.live_door import LiveDoor
from edge.adapters.board_panel import BoardPanel
from edge.adapters.journal import ApswJournal
from edge.app.power_fails import PowerFails
from firmware_bridge.core.declaration import Input
from firmware_bridge.core.limits import POWER_FAIL_DARK_MS
from firmware_bridge.core.link import Inputs
from protocol.wire.records import Tap, decode_record
from simulators.board.emulator import EmulatedBoard
from simulators.board.firmware import firmware

RUNS = 200
BOARDING_MS = (20, 120)  # so long riders board before the line falls
WAIT_S = 30.0


class Rig:
    """One board and its panel over all runs; a door a run."""

    def __init__(self, folder: Path) -> None:
        self.greens: list[float] = []  # when green was lit
        self.dark: list[float] = []
        self.emulated = EmulatedBoard(firmware(), folder, on_pin=self._moved)
        self.emulated.start()
        self.power: PowerFails | None = None
        self.good = threading.Event()
        self.panel = BoardPanel(
            self.emulated.line, session=os.getpid() % 255, on_power_fails=self._fails, on_inputs=self._heard
        )
        self.panel.start()
        self.journal = folder / "journal.db"
        self.city = City(b"power", issued_ms=1_790_000_000_000, regulars=2_000)
        self.now_ms = 1_790_000_000_000

    def _moved(self, name: str, level: bool, at: float) -> None:  # noqa: FBT001 - as the emulator calls it
        if name == "green":
            (self.greens if level else self.dark).append(at)

    def _fails(self) -> None:
        if self.power is not None:
            self.power.fails()

    def _heard(self, inputs: Inputs) -> None:
        (self.good.clear if inputs.inputs & 1 << Input.POWER_FAIL else self.good.set)()

    def ready(self) -> None:
        until = time.monotonic() + WAIT_S
        while self.panel.problem is not None:
            assert time.monotonic() < until, self.panel.problem
            time.sleep(0.01)

    def run(self, boarding_ms: float) -> tuple[list[int], float]:
        """Board, let the line fall, end → sequences of what was accepted, and when the line fell."""
        assert self.good.wait(WAIT_S)  # the board believes a line that is back only when it stays
        stop = threading.Event()
        door = LiveDoor(self.journal, self.city, Lapse(self.now_ms), panel=self.panel)
        door.start()
        self.power = PowerFails(stop)
        self.power.guards(door.station.boarding.shut)
        accepted: list[int] = []
        taps = threading.Thread(target=self._board, args=(door, accepted, stop))
        taps.start()
        time.sleep(boarding_ms / 1000)
        self.emulated.set("power good", high=False)
        fell = time.monotonic()
        assert stop.wait(WAIT_S)
        taps.join()
        self.now_ms = door.clock.read().wall_ms + 1_000
        door.stop()
        until = fell + POWER_FAIL_DARK_MS / 1000 + 0.02
        while time.monotonic() < until:
            time.sleep(0.005)
        self.power = None
        self.emulated.set("power good", high=True)
        return accepted, fell

    def _board(self, door: LiveDoor, accepted: list[int], stop: threading.Event) -> None:
        while not stop.is_set():
            now = door.clock.read()
            outcome = door.station.boarding.present(self.city.code(now), now, settled=True)
            if outcome is not None and outcome.showing.row.boards:
                assert outcome.sequence is not None
                accepted.append(outcome.sequence)

    def close(self) -> None:
        self.panel.stop()
        self.emulated.stop()


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_accepted_tap_is_lost_and_nothing_is_green_after_the_line_fell(tmp_path: Path) -> None:
    rig, rng = Rig(tmp_path), random.Random(6)
    accepted: list[int] = []
    late: list[float] = []
    try:
        rig.ready()
        for _ in range(RUNS):
            rig.greens.clear()
            before, fell = rig.run(rng.uniform(*BOARDING_MS))
            accepted += before
            late += [at - fell for at in rig.greens if at > fell + POWER_FAIL_DARK_MS / 1000]
    finally:
        rig.close()
    journal = ApswJournal(rig.journal, device=DEVICE, new_epoch=EPOCH)
    kept = [decode_record(row.raw) for sequence in accepted for row in journal.read(sequence, 1, 4_096)]
    journal.close()
    assert len(accepted) > RUNS  # riders did board
    assert len(kept) == len(set(accepted)) == len(accepted)
    assert all(isinstance(record, Tap) and record.verdict in (1, 2, 3) for record in kept)
    assert late == []
