"""What hangs on a board, wire by wire, for who has just wired it: the state now, and what came of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.core.declaration import Input
from firmware_bridge.core.link import Inputs

_COUNTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Wire:
    """One line of the board. `clear`, `set`: what its two states are in a vehicle."""

    name: str
    pin: str
    bit: Input
    clear: str
    set: str


WIRES: tuple[Wire, ...] = (  # pins: docs/FIRMWARE.md, Wiring
    Wire("door, front leaf", "PB0", Input.DOOR_FRONT_LEAF, "shut", "open"),
    Wire("door, rear leaf", "PB1", Input.DOOR_REAR_LEAF, "shut", "open"),
    Wire("ignition", "PB2", Input.IGNITION, "off", "on"),
    Wire("supply", "PB3", Input.POWER_FAIL, "good", "fails"),
    Wire("housing", "PB4", Input.TAMPER, "shut", "opened"),
    Wire("driver's button", "PB5", Input.BUTTON_DRIVER, "free", "pressed"),
    Wire("rider's button", "PB6", Input.BUTTON_RIDER, "free", "pressed"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A wire as it is, and how often it changed while it was watched."""

    wire: Wire
    state: str
    changes: int


class Watch:
    """From the first status on. Used by one thread."""

    def __init__(self) -> None:
        self._last: Inputs | None = None
        self._changes = [0] * len(WIRES)
        self.pulses = 0  # of the odometer

    def heard(self, now: Inputs) -> Sequence[Told]:
        """A status → the wires that are otherwise than they were; all of them the first time.

        Pulses count on in the board, modulo 65536; more than that between two statuses is not seen.
        """
        before, self._last = self._last, now
        if before is None:
            return self.told()
        self.pulses += (now.odometer - before.odometer) % _COUNTS
        otherwise = now.inputs ^ before.inputs
        changed = [number for number, wire in enumerate(WIRES) if otherwise & 1 << wire.bit]
        for number in changed:
            self._changes[number] += 1
        return [self._told(number) for number in changed]

    def began_anew(self) -> None:
        """The board restarted, or another one hangs there: its counters say nothing of those before."""
        self._last = None

    def told(self) -> Sequence[Told]:
        """Every wire; empty before the first status."""
        return [] if self._last is None else [self._told(number) for number in range(len(WIRES))]

    @property
    def supply_mv(self) -> int | None:
        """What is measured at ADC0; None before the first status."""
        return None if self._last is None else self._last.supply_mv

    def mm_per_pulse(self, metres: float) -> int | None:
        """What [panel.board] should say, if the vehicle drove so far while it was watched; None without a pulse."""
        return None if not self.pulses else round(metres * 1_000 / self.pulses)

    def _told(self, number: int) -> Told:
        wire, inputs = WIRES[number], 0 if self._last is None else self._last.inputs
        return Told(wire, wire.set if inputs & 1 << wire.bit else wire.clear, self._changes[number])
