"""How far the wheels have carried the vehicle on along its way since its last trusted place: no jammer hides a stop.

Rules:
- C1 it is further along by what the wheels turned; they err by CARRY_ERROR_PERMILLE of that;
- C2 beyond an error of CARRY_ERROR_MAX_M nobody knows where it is;
- C3 doors that open while it stands name the stop, where exactly one lies within the error and the bay's length: the
  vehicle is there, and its error begins anew. Doors open between stops, too; those name none;
- C4 wheels that nobody heard for a while, or that are counted from anew, tell nothing until the next trusted place.
"""

from collections.abc import Iterable

from edge.core.limits import CARRY_ERROR_MAX_M, CARRY_ERROR_PERMILLE, STOP_REACH_M
from edge.core.wheels import Driven
from protocol.wire.timetable import Call


class Carry:
    """From one trusted place to the next. `Driven` None: nobody counts, or nobody knows."""

    def __init__(self) -> None:
        self._last: Driven | None = None
        self._onward_m = 0.0
        self._unsure_m = 0.0  # what was turned since the place was sure

    def placed(self, driven: Driven | None) -> None:
        """A trusted place: everything begins anew."""
        self._last, self._onward_m, self._unsure_m = driven, 0.0, 0.0

    def anew(self) -> None:
        """Another trip begins where it stands."""
        self.placed(self._last)

    def rolled(self, driven: Driven | None) -> None:
        """What the wheels say now."""
        last = self._last
        if driven is None or last is None or driven.run != last.run:
            self._last = None
            return
        self._last = driven
        self._onward_m += driven.metres - last.metres
        self._unsure_m += driven.metres - last.metres

    def along(self, from_m: float) -> float | None:
        """How far along its way it is, having been at `from_m` at its last trusted place; None where nobody knows."""
        if self._last is None or self._error_m() > CARRY_ERROR_MAX_M:
            return None
        return from_m + self._onward_m

    def stopped(self, from_m: float, calls: Iterable[Call]) -> Call | None:
        """The doors opened where it stands → at which of its stops; None where that is not sure."""
        along_m = self.along(from_m)
        if along_m is None:
            return None
        near = [call for call in calls if abs(call.metres - along_m) <= self._error_m() + STOP_REACH_M]
        if len(near) != 1:
            return None
        self._onward_m, self._unsure_m = near[0].metres - from_m, 0.0
        return near[0]

    def _error_m(self) -> float:
        return self._unsure_m * CARRY_ERROR_PERMILLE / 1_000
