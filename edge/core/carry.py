"""How far the wheels have carried the vehicle on along its way since its last trusted place: no jammer hides a stop.

It names stops, and no metres that a fare goes by: those are a trusted place's alone.

Rules:
- C1 it is further along by what the wheels turned; they err by CARRY_ERROR_PERMILLE of that;
- C2 beyond an error of CARRY_ERROR_MAX_M nobody knows where it is;
- C3 doors that open while it stands name the stop, where exactly one lies within the error and the bay's length: the
  vehicle is there, and what it was put right by is its error from then on. Once a halt: until the wheels have turned
  STOP_REACH_M more, doors that are open still say nothing new, and doors that open between stops name none;
- C4 wheels that nobody heard for a while, that are counted from anew, or that have stood for CARRY_STAND_MAX_MS, tell
  nothing until the next trusted place: a wire that broke stands, too;
- C5 they are asked only while they have agreed with the sky over the last WHEELS_CHECK_M and more of trusted driving.
"""

from collections.abc import Iterable

from edge.core.limits import (
    CARRY_ERROR_MAX_M,
    CARRY_ERROR_PERMILLE,
    CARRY_STAND_MAX_MS,
    STOP_REACH_M,
    WHEELS_CHECK_M,
    WHEELS_CHECK_STEP_MAX_M,
    WHEELS_OFF_PERMILLE,
)
from edge.core.wheels import Driven
from protocol.wire.timetable import Call


class Carry:
    """From one trusted place to the next. `Driven` None: nobody counts, or nobody knows. Times are monotonic ms."""

    def __init__(self) -> None:
        self._last: Driven | None = None
        self._turned_ms = 0
        self._onward_m = 0.0
        self._unsure_m = 0.0  # what was turned since the place was sure
        self._since_stop_m: float | None = None  # turned since a stop was named
        self._placed: Driven | None = None
        self._sky_m = self._wheels_m = 0.0  # of late, by trusted places and by the wheels between them

    @property
    def fits(self) -> bool | None:
        """Whether wheels and sky agree (C5); None until there was enough to compare."""
        if self._sky_m < WHEELS_CHECK_M:
            return None
        return abs(self._wheels_m - self._sky_m) * 1_000 <= WHEELS_OFF_PERMILLE * self._sky_m

    @property
    def wheels_to_sky(self) -> float | None:
        """Metres by the wheels for each by the sky, of late; None until there was enough to compare."""
        return None if self._sky_m < WHEELS_CHECK_M else self._wheels_m / self._sky_m

    def placed(self, driven: Driven | None, mono_ms: int, *, moved_m: float = 0.0) -> None:
        """A trusted place, so far from the one before; 0: none was there for a while. Everything begins anew."""
        before, self._placed = self._placed, driven
        if before is not None and driven is not None and before.run == driven.run:
            if 0 < moved_m <= WHEELS_CHECK_STEP_MAX_M:
                self._sky_m, self._wheels_m = self._sky_m + moved_m, self._wheels_m + driven.metres - before.metres
            if self._sky_m > 2 * WHEELS_CHECK_M:
                self._sky_m, self._wheels_m = self._sky_m / 2, self._wheels_m / 2
        self._begin(driven, mono_ms)

    def anew(self, mono_ms: int) -> None:
        """Another trip begins where it stands."""
        self._begin(self._last, mono_ms)

    def _begin(self, driven: Driven | None, mono_ms: int) -> None:
        self._last, self._turned_ms = driven, mono_ms
        self._onward_m, self._unsure_m, self._since_stop_m = 0.0, 0.0, None

    def rolled(self, driven: Driven | None, mono_ms: int) -> None:
        """What the wheels say now."""
        last = self._last
        if driven is None or last is None or driven.run != last.run:
            self._last = None
            return
        turned_m = driven.metres - last.metres
        if turned_m:
            self._turned_ms = mono_ms
        self._last = driven if mono_ms - self._turned_ms <= CARRY_STAND_MAX_MS else None
        self._onward_m += turned_m
        self._unsure_m += turned_m
        if self._since_stop_m is not None:
            self._since_stop_m += turned_m

    def along(self, from_m: float) -> float | None:
        """How far along its way it is, having been at `from_m` at its last trusted place; None where nobody knows."""
        if self._last is None or not self.fits or self._error_m() > CARRY_ERROR_MAX_M:
            return None
        return from_m + self._onward_m

    def stopped(self, from_m: float, calls: Iterable[Call]) -> Call | None:
        """Its doors are open where it stands → at which of its stops; None where that is not sure, or no news (C3)."""
        along_m = self.along(from_m)
        if along_m is None or (self._since_stop_m is not None and self._since_stop_m < STOP_REACH_M):
            return None
        near = [call for call in calls if abs(call.metres - along_m) <= self._error_m() + STOP_REACH_M]
        if len(near) != 1:
            return None
        self._onward_m, self._since_stop_m = near[0].metres - from_m, 0.0
        self._unsure_m = abs(near[0].metres - along_m) * 1_000 / CARRY_ERROR_PERMILLE
        return near[0]

    def _error_m(self) -> float:
        return self._unsure_m * CARRY_ERROR_PERMILLE / 1_000
