"""What hangs on a board, wire by wire, for who has just wired it: the state now, and what came of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.core.declaration import Input
from firmware_bridge.core.errors import MeasuredInVain
from firmware_bridge.core.limits import PULSES_MIN
from firmware_bridge.core.link import Inputs
from protocol.plurals import counted

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
        self._heard = False
        self.interruptions = 0
        self.pulses = 0  # of the odometer

    def heard(self, now: Inputs) -> Sequence[Told]:
        """A status → the wires that are otherwise than they were; all of them the first time.

        Pulses count on in the board, modulo 65536; more than that between two statuses is not seen.
        """
        before, self._last = self._last, now
        self._heard = True
        if before is None:
            return self.told()
        self.pulses += (now.odometer - before.odometer) % _COUNTS
        otherwise = now.inputs ^ before.inputs
        changed = [number for number, wire in enumerate(WIRES) if otherwise & 1 << wire.bit]
        for number in changed:
            self._changes[number] += 1
        return [self._told(number) for number in changed]

    def began_anew(self) -> bool:
        """The link is open, the first time or again → whether it was interrupted: counters may be those of another."""
        again = self._heard
        self._last = None
        self.interruptions += again
        return again

    def told(self) -> Sequence[Told]:
        """Every wire; empty before the first status."""
        return [] if self._last is None else [self._told(number) for number in range(len(WIRES))]

    @property
    def supply_mv(self) -> int | None:
        """What is measured at ADC0; None before the first status."""
        return None if self._last is None else self._last.supply_mv

    def mm_per_pulse(self, metres: float) -> int:
        """What [panel.board] should say, if the vehicle drove so far while it was watched. Raises MeasuredInVain."""
        if not self._heard:
            raise MeasuredInVain(
                "the board was never heard, so nothing was counted",
                fix="mend what was said of it, then drive again",
            )
        if self.interruptions:
            raise MeasuredInVain("the line to the board was gone meanwhile: pulses are missing", fix="drive again")
        if self.pulses < PULSES_MIN:
            raise MeasuredInVain(
                f"the odometer gave {counted(self.pulses, 'pulse')}: too few to measure by",
                fix="look at its wire on PG0, then drive again, further",
            )
        return round(metres * 1_000 / self.pulses)

    def _told(self, number: int) -> Told:
        wire, inputs = WIRES[number], 0 if self._last is None else self._last.inputs
        return Told(wire, wire.set if inputs & 1 << wire.bit else wire.clear, self._changes[number])
