"""A vehicle's wheels and doors by hand."""

from edge.core.vehicle import NoLines
from edge.core.wheels import Driven
from protocol.wire.health import BoardHealth


class Wired(NoLines):
    """Set what they say. `mps` None: nobody counts the wheels."""

    mps: float | None = None
    metres = 0.0
    run = 1
    doors_open: bool | None = None
    told: BoardHealth | None = None

    def __init__(self) -> None:
        self.accepted_at: list[int] = []

    def speed_mps(self, _mono_ms: int) -> float | None:
        return self.mps

    def driven(self, _mono_ms: int) -> Driven | None:
        return None if self.mps is None else Driven(self.run, self.metres)

    def door_open(self, _mono_ms: int) -> bool | None:
        return self.doors_open

    def accepted(self, mono_ms: int) -> None:
        self.accepted_at.append(mono_ms)

    def tamper(self) -> bool | None:
        return None if self.told is None else True

    def board(self, _mono_ms: int) -> BoardHealth | None:
        return self.told
