"""Lamp, sounder and button of a door on a Raspberry Pi's pins, through gpiozero.

gpiozero finds the pins by itself on a Pi (package lgpio from the system, see docs/HARDWARE.md); its mock pins serve
tests and machines that have none. What is shown when is decided in `edge.core.signals`; here it reaches the pins. A
panel has one thread, which waits for the next change; verdicts, hints and the button only wake it.
"""

import logging
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from gpiozero import RGBLED, Button, Buzzer, GPIOZeroError, PinFactoryFallback, TonalBuzzer
from gpiozero.pins import Factory
from gpiozero.tones import Tone

from edge.core.errors import LocalError, PanelFailed
from edge.core.ports import Showing
from edge.core.signals import Level, Signals
from protocol.fares.hints import Hint
from protocol.fares.lights import BUTTON_BOUNCE_MS
from protocol.fares.tones import Pitch
from protocol.fares.verdicts import Lamp

_log = logging.getLogger(__name__)
_FIX = (
    "look at the panel's cable and at [panel] in validator.toml; on a Pi: apt-get install python3-lgpio, and an"
    " environment that sees it (docs/DEPLOY.md)"
)
# Red, green and blue of each lamp, 0 to 1. Amber is red with some green: green diodes are brighter to the eye. Only
# amber is dimmed, by switching at 100 Hz, whose period the camera's exposure of 10 ms sees whole.
COLOURS: dict[Lamp, tuple[float, float, float]] = {
    Lamp.OFF: (0.0, 0.0, 0.0), Lamp.GREEN: (0.0, 1.0, 0.0), Lamp.AMBER: (1.0, 0.4, 0.0), Lamp.RED: (1.0, 0.0, 0.0),
    Lamp.BLUE: (0.0, 0.0, 1.0), Lamp.WHITE: (1.0, 1.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which BCM pins the parts are on. `button` None: there is none.

    `lamp_active_high` False: a lamp with a common anode. `tonal` False: a buzzer with a pitch of its own, on or off.
    `button_pull_up`: the button connects its pin to ground.
    """

    red: int
    green: int
    blue: int
    lamp_active_high: bool
    buzzer: int
    tonal: bool
    button: int | None
    button_pull_up: bool


class GpioPanel:
    """Fills `edge.core.ports.Panel`. `start` it, `stop` it; `show`, `idle`, `hint` from any thread.

    Raises PanelFailed where the pins cannot be had. `now_ms`: a monotonic clock.
    """

    def __init__(self, wiring: Wiring, *, now_ms: Callable[[], int], factory: Factory | None = None) -> None:
        self._now_ms = now_ms
        self._signals = Signals()
        self._level = Level()
        self._problem: LocalError | None = None
        self._woken = threading.Condition()
        self._stopping = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="panel")
        self._run: Future[None] | None = None
        self._parts: list[RGBLED | Buzzer | TonalBuzzer | Button] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PinFactoryFallback)  # if none is left, BadPinFactory says so
                self._open(wiring, factory)
        except (GPIOZeroError, OSError) as error:
            self._close()
            raise PanelFailed(f"the panel's pins cannot be had: {error}", fix=_FIX) from error

    def _open(self, wiring: Wiring, factory: Factory | None) -> None:
        self._lamp = RGBLED(
            wiring.red, wiring.green, wiring.blue, active_high=wiring.lamp_active_high, pin_factory=factory
        )
        self._parts.append(self._lamp)
        if wiring.tonal:  # an octave around the middle pitch holds all three
            self._buzzer = TonalBuzzer(wiring.buzzer, mid_tone=Tone(float(Pitch.MIDDLE)), pin_factory=factory)
        else:
            self._buzzer = Buzzer(wiring.buzzer, pin_factory=factory)
        self._parts.append(self._buzzer)
        if wiring.button is not None:
            button = Button(
                wiring.button, pull_up=wiring.button_pull_up, bounce_time=BUTTON_BOUNCE_MS / 1000, pin_factory=factory
            )
            self._parts.append(button)
            button.when_pressed = lambda: self._tell(self._signals.pressed)
            button.when_released = lambda: self._tell(self._signals.released)

    # --- any thread ---------------------------------------------------------------------------------------------------

    def show(self, showing: Showing) -> None:
        """A verdict: its lamp and its tune."""
        self._tell(lambda now_ms: self._signals.show(showing.row, now_ms))

    def idle(self) -> None:
        """Dark and silent."""
        self._tell(lambda _: self._signals.idle())

    def hint(self, hint: Hint | None) -> None:
        """White while something would help."""
        self._tell(lambda _: self._signals.hint(hint))

    def _tell(self, change: Callable[[int], None]) -> None:
        with self._woken:
            change(self._now_ms())
            self._woken.notify()

    @property
    def problem(self) -> LocalError | None:
        """Why riders may see or hear nothing."""
        return self._problem

    @property
    def failure(self) -> BaseException | None:
        """What its thread died of, for the supervisor that ends the process."""
        return self._run.exception() if self._run is not None and self._run.done() else None

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """From now on pins follow what is told."""
        self._run = self._thread.submit(self._follow)

    def stop(self) -> None:
        """Dark, silent, and the pins given back. Harmless twice."""
        with self._woken:
            self._stopping = True
            self._woken.notify()
        self._thread.shutdown()
        self._close()

    def _close(self) -> None:
        while self._parts:
            self._parts.pop().close()

    # --- the panel's thread -------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        with self._woken:
            while not self._stopping:
                wait_ms = self.step()
                self._woken.wait(None if wait_ms is None else wait_ms / 1000)

    def step(self) -> int | None:
        """Bring the pins to what they should be now; how long that stays so, in ms, None if until something is told."""
        now_ms = self._now_ms()
        level = self._signals.step(now_ms)
        try:
            if level.lamp is not self._level.lamp:
                self._lamp.value = COLOURS[level.lamp]
            if level.pitch is not self._level.pitch:
                self._sound(level.pitch)
        except (GPIOZeroError, OSError) as error:
            if self._problem is None:
                _log.error("the panel does not answer: %s", error)
            self._problem = PanelFailed(f"the panel does not answer: {error}", fix=_FIX)
        else:
            self._level, self._problem = level, None
        next_ms = self._signals.next_ms(now_ms)
        return None if next_ms is None else max(0, next_ms - now_ms)

    def _sound(self, pitch: Pitch | None) -> None:
        if isinstance(self._buzzer, TonalBuzzer):
            self._buzzer.play(None if pitch is None else Tone(float(pitch)))
        elif pitch is None:
            self._buzzer.off()
        else:
            self._buzzer.on()
