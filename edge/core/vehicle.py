"""What a vehicle's own lines say: wheels, doors, and the board that they hang on. A port, and one without any."""

from typing import Protocol

from edge.core.wheels import Driven
from protocol.wire.health import BoardHealth


class Vehicle(Protocol):
    """Asked from any thread; times are monotonic milliseconds, and None is: nobody knows."""

    def speed_mps(self, mono_ms: int) -> float | None:
        """By its wheels, which no transmitter can lie about."""
        ...

    def driven(self, mono_ms: int) -> Driven | None:
        """What its wheels turned."""
        ...

    def door_open(self, mono_ms: int) -> bool | None:
        """Whether a leaf stands open."""
        ...

    def supply_fails(self) -> bool | None:
        """Whether its supply fails; None before the first word of who would know."""
        ...

    def accepted(self, mono_ms: int) -> None:
        """A code was accepted; who does that in a parked vehicle is counted."""
        ...

    def tamper(self) -> bool | None:
        """Whether the housing was opened in this run."""
        ...

    def board(self, mono_ms: int) -> BoardHealth | None:
        """How the board is; None where there is none."""
        ...


class NoLines:
    """A vehicle that nobody has wired."""

    def speed_mps(self, _mono_ms: int) -> float | None:
        """Nobody knows."""
        return None

    def driven(self, _mono_ms: int) -> Driven | None:
        """Nobody knows."""
        return None

    def door_open(self, _mono_ms: int) -> bool | None:
        """Nobody knows."""
        return None

    def supply_fails(self) -> bool | None:
        """Nobody will say so."""
        return False

    def accepted(self, _mono_ms: int) -> None:
        """Nobody knows whether it was parked."""

    def tamper(self) -> bool | None:
        """Nobody knows."""
        return None

    def board(self, _mono_ms: int) -> BoardHealth | None:
        """There is none."""
        return None


NO_LINES = NoLines()
