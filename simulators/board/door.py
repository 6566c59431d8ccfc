"""A door whose panel is an emulated board: what it was told, what its pins did, and how long that took."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from edge.adapters.board_panel import BoardPanel
from edge.core.ports import Showing
from firmware_bridge.core.looks import LAMPS
from protocol.fares.hints import Hint
from protocol.fares.verdicts import Lamp
from simulators.board.emulator import LAMP_PINS, EmulatedBoard
from simulators.board.firmware import firmware
from simulators.errors import EmulatorFailed

READY_S = 20.0
SETTLED_S = (
    0.2  # after a verdict its colour is lit: the dark before it (100 ms) is over, its first flash (250 ms) is not
)
KEPT = 100_000


@dataclass(slots=True)
class Pins:
    """Verdicts on the board: `lag_ms` from telling the panel to the first pin that moved.

    `right`: the lamp that came on next was the verdict's; `wrong`: it was another, and not the verdict's before it.
    """

    lag_ms: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    right: int = 0
    wrong: list[str] = field(default_factory=list)


class BoardDoor:
    """Fills `edge.core.ports.Panel`. `start` powers the board and waits for it. Raises EmulatorFailed."""

    def __init__(self, folder: Path, *, session: int = 1) -> None:
        self._folder, self._session = folder, session
        self._lock = threading.Lock()
        self._lit: set[str] = set()
        self._shown: tuple[Showing, float] | None = None  # the newest, until its first pin moves
        self._due: Showing | None = None  # the newest, until its lamp is lit
        self._last: Lamp | None = None
        self.pins = Pins()

    def start(self) -> None:
        """Power on; returns when the link is open."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._board = EmulatedBoard(firmware(), self._folder, on_pin=self._moved)
        self._board.start()
        self._panel = BoardPanel(self._board.line, session=self._session)
        self._panel.start()
        until = time.monotonic() + READY_S
        while (problem := self._panel.problem) is not None:
            if time.monotonic() > until:
                raise EmulatorFailed(f"the emulated board does not answer: {problem}", fix="make firmware")
            time.sleep(0.02)

    def stop(self) -> None:
        """Power off."""
        self._panel.stop()
        self._board.stop()

    # --- the panel ----------------------------------------------------------------------------------------------------

    def show(self, showing: Showing) -> None:
        """A verdict, to the board."""
        now = time.monotonic()
        with self._lock:
            self._shown, self._due = (showing, now), showing
        self._panel.show(showing)

    def idle(self) -> None:
        """Dark."""
        self._panel.idle()

    def hint(self, hint: Hint | None) -> None:
        """White, or not."""
        self._panel.hint(hint)

    @property
    def lit(self) -> frozenset[str]:
        """The lamps that are lit now."""
        with self._lock:
            return frozenset(self._lit)

    # --- the pins -----------------------------------------------------------------------------------------------------

    def _moved(self, name: str, level: bool, at_s: float) -> None:  # noqa: FBT001 - as the emulator calls it
        if name not in LAMP_PINS:
            return
        with self._lock:
            (self._lit.add if level else self._lit.discard)(name)
            if self._shown is not None:
                self.pins.lag_ms.append((at_s - self._shown[1]) * 1000)
                self._shown = None
            if self._due is not None:
                self._judge(name, self._due, lit=level)

    def _judge(self, name: str, showing: Showing, *, lit: bool) -> None:
        """A pin moved. The lamp of a verdict before, which flashes, may come on once more; a hint's white may go."""
        wanted, before = set(LAMPS[showing.row.lamp]), set() if self._last is None else set(LAMPS[self._last])
        if self._lit == wanted:
            self.pins.right += 1
            self._due, self._last = None, showing.row.lamp
        elif lit and name not in wanted | before:
            self.pins.wrong.append(f"{showing.verdict.name}: {name}, not {showing.row.lamp.value}")
            self._due = None


def colour(lit: frozenset[str]) -> Lamp:
    """The lamps that are lit, as one colour; OFF for what is none."""
    return next((lamp for lamp, names in LAMPS.items() if lit == set(names)), Lamp.OFF)
