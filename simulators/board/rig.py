"""The firmware under QEMU, a line that can spoil, and the bridge at its end: what tests and benchmarks ask."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.adapters.serial_port import SerialPort
from firmware_bridge.app.board import Board
from firmware_bridge.core.declaration import Command
from firmware_bridge.core.errors import BoardBusy, BoardGone
from firmware_bridge.core.link import Done, Inputs
from simulators.board.emulator import EmulatedBoard, OnPin
from simulators.board.spoiling_line import SpoilingLine
from simulators.errors import EmulatorFailed

WAIT_S = 60.0  # far more than anything takes: a busy machine is no fault


class BridgedBoard:
    """Powered and asked for at once; `wait_open` says when the link is there. Raises EmulatorFailed.

    `path`: where the bridge finds its port, read at each opening. `done` by ticket; `openings` counts.
    """

    def __init__(
        self, elf: Path, folder: Path, *, seed: int, on_pin: OnPin = lambda *_: None,
        on_inputs: Callable[[Inputs], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.emulated = EmulatedBoard(elf, folder, on_pin=on_pin)
        self.emulated.start()
        self.line = SpoilingLine(self.emulated.line, seed=seed, rate=0.0)
        self.line.start()
        self.done: dict[int, Done] = {}
        self.openings = 0
        self.path: Callable[[], str] = lambda: self.line.path
        self._opened = threading.Condition()
        self._answered = threading.Event()
        self.bridge = Board(
            "", session=seed, on_done=self._done, on_ready=self._ready, on_inputs=on_inputs,
            open_port=lambda _: SerialPort(self.path()),
        )  # fmt: skip
        self.bridge.start()

    def _done(self, done: Done) -> None:
        self.done[done.ticket] = done
        self._answered.set()

    def _ready(self) -> None:
        with self._opened:
            self.openings += 1
            self._opened.notify_all()

    def wait_open(self, opening: int) -> None:
        """Until the link has opened so many times."""
        with self._opened:
            if not self._opened.wait_for(lambda: self.openings >= opening, WAIT_S):
                raise EmulatorFailed("the link does not open", fix="look at the emulator's log", opening=opening)

    def ask(self, command: Command, *values: int) -> int:
        """As soon as there is room → its ticket."""
        while True:
            try:
                return self.bridge.ask(command, *values)
            except (BoardBusy, BoardGone):
                time.sleep(0.001)

    def answer(self, command: Command, *values: int) -> Done:
        """Alone on the line."""
        self._answered.clear()
        ticket = self.ask(command, *values)
        until = time.monotonic() + WAIT_S
        while ticket not in self.done:
            if not self._answered.wait(WAIT_S) or time.monotonic() > until:
                raise EmulatorFailed(f"no answer to {command.name}", fix="look at the emulator's log")
            self._answered.clear()
        return self.done[ticket]

    def close(self) -> None:
        """All of it off."""
        self.bridge.stop()
        self.line.stop()
        self.emulated.stop()
