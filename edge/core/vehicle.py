"""What a vehicle's own lines say: wheels, doors, and the board that they hang on. A port, and one without any."""

from typing import Protocol

from edge.core.wheels import Driven


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

    def parked(self, mono_ms: int) -> bool:
        """Whether nobody can board, and has not for a while; False where that is not known."""
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

    def parked(self, _mono_ms: int) -> bool:
        """Not as far as anybody knows."""
        return False


NO_LINES = NoLines()
