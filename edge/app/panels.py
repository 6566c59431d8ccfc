"""What shows a door's verdicts, by the configuration: words on the console, lamp and tone on pins or a panel board."""

import secrets
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from edge.adapters.console_panel import ConsolePanel
from edge.app.config import BoardConfig, BuzzerConfig, LampConfig, PanelConfig
from edge.core.errors import LocalError
from edge.core.ports import Panel, Showing
from edge.core.vehicle import NO_LINES, Vehicle
from protocol.fares.hints import Hint
from protocol.wire.health import BoardHealth


class Lamps(Panel, Protocol):
    """A panel with lamp and sounder, and a thread of its own."""

    def start(self) -> None:
        """Follow what is told from now on."""
        ...

    def stop(self) -> None:
        """Dark, silent, and given back."""
        ...

    @property
    def problem(self) -> LocalError | None:
        """Why riders may see or hear nothing."""
        ...

    @property
    def failure(self) -> BaseException | None:
        """What its thread died of."""
        ...


class Panels:
    """Several panels that show the same. Within `with`, those with lamps follow what they are told."""

    def __init__(
        self,
        panels: Sequence[Panel],
        lamps: Lamps | None = None,
        vehicle: Vehicle = NO_LINES,
    ) -> None:
        self._lamps = lamps
        self.vehicle = vehicle
        self.shown = 0  # verdicts of this run
        self._panels = [*panels] if lamps is None else [lamps, *panels]  # the lamp first: it is what riders look at

    def __enter__(self) -> Self:
        if self._lamps is not None:
            self._lamps.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._lamps is not None:
            self._lamps.stop()

    def show(self, showing: Showing) -> None:
        """On all of them."""
        self.shown += 1
        for panel in self._panels:
            panel.show(showing)

    def idle(self) -> None:
        """On all of them."""
        for panel in self._panels:
            panel.idle()

    def hint(self, hint: Hint | None) -> None:
        """On all of them."""
        for panel in self._panels:
            panel.hint(hint)

    def reached(self, wait_s: float) -> bool:
        """Wait until the lamps can be told, at most so long → whether they can; a board is greeted within a second."""
        return _wait(lambda: self.problem is None, wait_s)

    def hear_supply(self, wait_s: float) -> None:
        """Wait, at most so long, until it is known whether the supply fails: no tap is begun in its last seconds."""
        _wait(lambda: self.vehicle.supply_fails() is not None, wait_s)

    def dwell(self, wait_s: float) -> None:
        """Leave riders the time to see and hear what is shown; what is printed stays by itself."""
        if self._lamps is not None:
            time.sleep(wait_s)

    @property
    def problem(self) -> LocalError | None:
        """Why riders may see or hear nothing; a console does not fail."""
        return None if self._lamps is None else self._lamps.problem

    @property
    def failure(self) -> BaseException | None:
        """What a panel's thread died of, for the supervisor that ends the process."""
        return None if self._lamps is None else self._lamps.failure


def open_panels(
    config: PanelConfig,
    console: ConsolePanel | None,
    *,
    now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    on_power_fails: Callable[[], None] = lambda: None,
) -> Panels:
    """The panels of a door; `console` None: nobody reads one. Raises PanelFailed where the pins cannot be had.

    `on_power_fails`: a panel board says that the supply begins to fail; called on its thread, must return at once.
    """
    words = [] if console is None else [console]
    if config.board is not None:
        return Panels(words, *_board(config.board, now_ms, on_power_fails))
    if config.lamp is None or config.buzzer is None:
        return Panels(words)
    return Panels(words, _pins(config, config.lamp, config.buzzer, now_ms))


def _wait(holds: Callable[[], bool], wait_s: float) -> bool:
    """Whether it holds within so long."""
    until = time.monotonic() + wait_s
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.02)
    return held


def _board(it: BoardConfig, now_ms: Callable[[], int], on_power_fails: Callable[[], None]) -> tuple[Lamps, Vehicle]:
    from edge.adapters.board_panel import BoardPanel  # noqa: PLC0415 - pyserial is for doors that have one
    from edge.app.wired_vehicle import WiredVehicle  # noqa: PLC0415

    def facts() -> BoardHealth:
        return board.facts()

    vehicle = WiredVehicle(it.mm_per_pulse, it.wired, it.supply_v, facts, now_ms)
    board: BoardPanel = BoardPanel(
        it.port, session=secrets.randbits(8), on_power_fails=on_power_fails, on_inputs=vehicle.heard
    )
    return board, vehicle


def _pins(config: PanelConfig, lamp: LampConfig, buzzer: BuzzerConfig, now_ms: Callable[[], int]) -> Lamps:
    from edge.adapters.gpio_panel import GpioPanel, Wiring  # noqa: PLC0415 - gpiozero is for doors that have one

    wiring = Wiring(
        red=lamp.red, green=lamp.green, blue=lamp.blue,
        lamp_active_high=lamp.active_high, buzzer=buzzer.pin, tonal=buzzer.tonal,
        button=None if config.button is None else config.button.pin,
        button_pull_up=config.button is None or config.button.pull_up,
    )  # fmt: skip
    return GpioPanel(wiring, now_ms=now_ms)
