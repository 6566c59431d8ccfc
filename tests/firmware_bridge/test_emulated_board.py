"""The unmodified firmware on an emulated board: over a spoiling line, through hangs, resets, unplugging, failing supply."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.board_panel import BoardPanel
from edge.core.ports import Showing
from firmware_bridge.core.declaration import BOARD, COUNTS, SHOW, Answer, Cause, Input
from firmware_bridge.core.errors import BoardGone
from firmware_bridge.core.limits import POWER_FAIL_DARK_MS
from firmware_bridge.core.link import Inputs
from protocol.fares.verdicts import TABLE, Lamp, Reason, Verdict
from simulators.board.emulator import INPUT_PINS, PORTS, EmulatedBoard
from simulators.board.firmware import firmware
from simulators.board.rig import BridgedBoard
from simulators.board.spoiling_line import SpoilingLine
from tests.firmware_bridge.cable import WAIT_S, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
COMMANDS = 2_000  # of the 100,000 of `savar bench board`
BYTE_ERRORS = 0.01
PULL_UP, PULL_DOWN = 0x510, 0x514  # of a port, in the chip's data sheet
RESET_CAUSE, RESET_BROWN_OUT, RESET_WATCHDOG = 0x400FE05C, 0x04, 0x08


class Bench(BridgedBoard):
    """… and what its pins and inputs did."""

    def __init__(self, folder: Path) -> None:
        self.edges: list[tuple[str, bool, float]] = []
        self.inputs: list[Inputs] = []
        super().__init__(
            firmware(), folder, seed=1, on_pin=lambda *edge: self.edges.append(edge), on_inputs=self.inputs.append
        )
        self.wait_open(1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_over_a_spoiling_line_nothing_is_done_twice_and_nothing_is_lost_unsaid(bench: Bench) -> None:
    before = bench.answer(COUNTS).values[1]
    bench.line.rate = BYTE_ERRORS
    asked = [bench.ask(SHOW, 1 + number % len(TABLE), 0) for number in range(COMMANDS)]
    until(lambda: sum(it in bench.done for it in asked) + bench.bridge.statistics.lost == len(asked))
    bench.line.rate = 0.0
    done = sum(it in bench.done for it in asked)
    executed = bench.answer(COUNTS).values[1] - before - 1  # the first question itself
    assert {bench.done[it].answer for it in asked if it in bench.done} <= {Answer.DONE, Answer.OUT_OF_SERVICE}
    shown = sum(bench.done[it].answer is Answer.DONE for it in asked if it in bench.done)
    assert shown <= executed <= shown + bench.bridge.statistics.lost
    assert done + bench.bridge.statistics.lost == len(asked)
    assert bench.bridge.statistics.sent_again > COMMANDS // 20  # the line did spoil


def test_every_verdict_lights_its_pins(bench: Bench) -> None:
    for verdict, row in TABLE.items():
        bench.edges.clear()
        bench.answer(SHOW, verdict, 0)
        lamp = "amber" if row.lamp is Lamp.AMBER else row.lamp.value
        until(lambda lamp=lamp: (lamp, True) in [(name, level) for name, level, _ in bench.edges])
        until(lambda: ("sound", True) in [(name, level) for name, level, _ in bench.edges])


def test_inputs_of_the_board_are_told(bench: Bench) -> None:
    bench.emulated.set("door front", high=True)
    until(lambda: bool(bench.inputs) and bool(bench.inputs[-1].inputs & 1 << Input.DOOR_FRONT_LEAF))
    for pulses in (1, 2, 3):  # two that come within one interrupt are one, which no wheel is quick enough for
        bench.emulated.pulse_odometer()
        until(lambda pulses=pulses: bench.inputs[-1].odometer == pulses)
    bench.emulated.set("button driver", high=True)
    until(lambda: bench.inputs[-1].presses == 0x10)
    assert bench.inputs[-1].inputs & 1 << Input.IGNITION


def test_every_broken_wire_says_what_does_no_harm(bench: Bench) -> None:
    """By the chip's own pulls, read back: QEMU's pins float as nobody's do. The page says the same of each."""
    up, down = (int(bench.emulated.ask(f"readl {PORTS['B'] + at:#x}").split()[1], 16) for at in (PULL_UP, PULL_DOWN))
    assert up & down == 0
    page = (Path(__file__).parents[2] / "docs" / "FIRMWARE.md").read_text()
    for name, pin in INPUT_PINS.items():
        assert (up if name == "tamper" else down) >> pin & 1, name
        (row,) = [line for line in page.splitlines() if line.startswith(f"| PB{pin} |")]
        assert all(word in row for word in name.split()), name
    assert int(bench.emulated.ask(f"readl {PORTS['G'] + PULL_DOWN:#x}").split()[1], 16) & 1
    assert not (up | down) >> 7, "PB7 is the debugger's"


def test_the_cause_of_a_start_is_told_once(bench: Bench) -> None:
    """The chip keeps its causes until they are cleared: a later start would be told as the watchdog's, too."""
    for cause, told in ((RESET_WATCHDOG, Cause.WATCHDOG), (None, Cause.ASKED), (RESET_BROWN_OUT, Cause.POWER)):
        opening = bench.openings + 1
        if cause is not None:
            bench.emulated.ask(f"writel {RESET_CAUSE:#x} {cause:#x}")
        bench.emulated.reset()
        bench.wait_open(opening)
        assert bench.answer(BOARD).values[2] == told


def test_a_hang_ends_by_the_watchdog_and_a_reset_is_noticed(bench: Bench) -> None:
    bench.emulated.hang()
    until(lambda: bench.openings == 2)
    assert bench.answer(BOARD).values[1:3] == (2, Cause.WATCHDOG)
    bench.emulated.reset()
    until(lambda: bench.openings == 3)
    assert bench.answer(BOARD).values[1] == 3


def test_a_board_that_is_reset_again_and_again_hears_each_time(bench: Bench) -> None:
    """What a host sent to the program before fills the line's buffer, and woke nobody: one reset in thirty was deaf."""
    for _ in range(100):
        before = bench.openings  # a machine that stands still for a second opens once more
        bench.emulated.reset()
        until(lambda before=before: bench.openings > before)


def test_a_pulled_cable_is_one_board_again(bench: Bench) -> None:
    bench.line.stop()
    until(lambda: isinstance(bench.bridge.problem, BoardGone))
    bench.line = SpoilingLine(bench.emulated.line, seed=2, rate=0.0)
    bench.line.start()
    until(lambda: bench.openings == 2)
    assert bench.answer(BOARD).values[1] == 1  # it went on all the while


def test_without_a_host_it_says_out_of_service_by_itself(bench: Bench) -> None:
    bench.answer(SHOW, Verdict.ACCEPTED, 0)
    bench.line.stop()
    bench.edges.clear()
    until(lambda: ("red", True) in [(name, level) for name, level, _ in bench.edges])
    assert ("green", True) not in [(name, level) for name, level, _ in bench.edges]


def test_when_the_supply_fails_there_is_no_green_and_the_host_knows(tmp_path: Path) -> None:
    failed = threading.Event()
    edges: list[tuple[str, bool, float]] = []
    emulated = EmulatedBoard(firmware(), tmp_path, on_pin=lambda *edge: edges.append(edge))
    emulated.start()
    panel = BoardPanel(emulated.line, session=1, on_power_fails=failed.set)
    panel.start()
    until(lambda: panel.problem is None)
    accepted = Showing(Verdict.ACCEPTED, Reason.NONE, TABLE[Verdict.ACCEPTED], 0, 0)
    panel.show(accepted)
    until(lambda: ("green", True) in [(name, level) for name, level, _ in edges])
    emulated.set("power good", high=False)
    fell = time.monotonic()
    assert failed.wait(WAIT_S)
    for _ in range(5):
        panel.show(accepted)
        time.sleep(0.02)
    until(lambda: ("green", False) in [(name, level) for name, level, _ in edges])
    assert not [at for name, level, at in edges if name == "green" and level and at > fell + POWER_FAIL_DARK_MS / 1000]
    panel.stop()
    emulated.stop()
