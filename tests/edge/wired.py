"""A vehicle's wheels and doors by hand."""

from edge.core.vehicle import NoLines
from edge.core.wheels import Driven


class Wired(NoLines):
    """Set what they say. `mps` None: nobody counts the wheels."""

    mps: float | None = None
    metres = 0.0
    run = 1
    doors_open: bool | None = None
    is_parked = False

    def speed_mps(self, _mono_ms: int) -> float | None:
        return self.mps

    def driven(self, _mono_ms: int) -> Driven | None:
        return None if self.mps is None else Driven(self.run, self.metres)

    def parked(self, _mono_ms: int) -> bool:
        return self.is_parked

    def door_open(self, _mono_ms: int) -> bool | None:
        return self.doors_open
