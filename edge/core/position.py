"""Whether the vehicle is where its receiver says (P14): each fix is judged, and one in doubt decides nothing.

Rules, in this order; the first that applies is the doubt:
- W1 a fix without an accuracy, or a worse one than 100 m, says nothing about a stop;
- W2 one from fewer than four satellites is a guess of the receiver's;
- W3 one whose time is not ours, while our clock is trusted: who invents a sky invents its time (and a week counter that
  rolled over puts it 19.6 years back);
- W4 one outside the city, by the timetable's own extent: spoofing over a city usually shows an airport far away;
- W5 one that stays the same to the microdegree while the receiver says that it moves, or whose time stands still;
- W6 one further from the last trusted place than a bus can have driven since, or from the fix before;
- W7 the first five sound ones, after a start and after any doubt: receivers wander while they settle.

A place that was last trusted grows stale in 5 s and is forgotten after 10 minutes. What this cannot see is a sky forged
slowly, from the right place on and at the right time: so no place decides a fare alone.
"""

from dataclasses import dataclass
from typing import Protocol

from edge.core.limits import (
    ACCURACY_MAX_M,
    BUS_TOP_SPEED_MPS,
    CITY_MARGIN_M,
    FIX_FORGOTTEN_MS,
    FIX_STALE_MS,
    FROZEN_MS,
    FROZEN_SPEED_MPS,
    GNSS_TIME_OFF_MS,
    SATELLITES_MIN,
    SETTLE_FIXES,
)
from protocol.geometry import metres_between
from protocol.wire.records import Doubt, Instant, Position


@dataclass(frozen=True, slots=True)
class Fix:
    """What a receiver says at one time; None for what it does not say. `mono_ms`: when it came, by our own clock.

    `accuracy_m`: with 95 % probability it is no further off. `time_ms`: Unix milliseconds by the satellites.
    """

    mono_ms: int
    lat_e6: int
    lon_e6: int
    accuracy_m: int | None = None
    satellites: int | None = None
    speed_mps: float | None = None
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """A city's extent in microdegrees: from the timetable's stops."""

    south: int
    west: int
    north: int
    east: int

    def reaches(self, lat_e6: int, lon_e6: int, margin_m: int) -> bool:
        """Whether a place lies in it, or so far beside it."""
        lat, lon = min(max(lat_e6, self.south), self.north), min(max(lon_e6, self.west), self.east)
        return metres_between(lat, lon, lat_e6, lon_e6) <= margin_m


class FixSource(Protocol):
    """A receiver. Raises GnssLost when it is gone; then it is closed and opened anew."""

    def read(self, timeout_s: float) -> Fix | None:
        """The next fix; None where none came in time, or the receiver has none to give."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Whereabouts:
    """Judges fixes in their order, and says where the vehicle is."""

    def __init__(self) -> None:
        self._area: Area | None = None
        self._last: Fix | None = None
        self._told: tuple[Fix, Doubt] | None = None  # read from other threads: both or neither
        self._trusted: Fix | None = None
        self._before: Fix | None = None  # the last sound one, trusted or settling
        self._sound = 0
        self._moved_ms = self._ticked_ms = 0  # since when the place, and the receiver's time, are the same
        self.doubted = 0

    def know(self, area: Area | None) -> None:
        """The city's extent, or None where nobody knows it."""
        self._area = area

    def heard(self, fix: Fix, now: Instant) -> Doubt:
        """One fix more. NONE: it is trusted."""
        last = self._last
        if last is None or (last.lat_e6, last.lon_e6) != (fix.lat_e6, fix.lon_e6):
            self._moved_ms = fix.mono_ms
        if last is None or last.time_ms != fix.time_ms or fix.time_ms is None:
            self._ticked_ms = fix.mono_ms
        doubt = self._judge(fix, now)
        if doubt is Doubt.NONE:
            self._sound += 1
            self._before = fix
            if self._sound >= SETTLE_FIXES:
                self._trusted = fix
            else:
                doubt = Doubt.SETTLING
        else:
            self._sound, self._before = 0, None
        self.doubted += doubt is not Doubt.NONE
        self._last, self._told = fix, (fix, doubt)
        return doubt

    def position(self, mono_ms: int) -> Position | None:
        """Where the vehicle is as far as anybody knows, with its doubt; None if nothing was heard for ten minutes."""
        if self._told is None:
            return None
        last, doubt = self._told
        if mono_ms - last.mono_ms > FIX_FORGOTTEN_MS:
            return None
        stale = doubt is Doubt.NONE and mono_ms - last.mono_ms > FIX_STALE_MS
        return Position(last.lat_e6, last.lon_e6, last.accuracy_m or 0, Doubt.STALE if stale else doubt)

    def _judge(self, fix: Fix, now: Instant) -> Doubt:
        if (unsound := _unsound(fix, now)) is not Doubt.NONE:
            return unsound
        if self._area is not None and not self._area.reaches(fix.lat_e6, fix.lon_e6, CITY_MARGIN_M):
            return Doubt.OUTSIDE
        if self._frozen(fix):
            return Doubt.FROZEN
        before = (self._trusted, self._before)
        too_fast = fix.speed_mps is not None and fix.speed_mps > BUS_TOP_SPEED_MPS
        if too_fast or not all(_reachable(one, fix) for one in before if one is not None):
            return Doubt.JUMPED
        return Doubt.NONE

    def _frozen(self, fix: Fix) -> bool:
        """Whether the receiver says the same again and again."""
        says_it_moves = fix.speed_mps is not None and fix.speed_mps > FROZEN_SPEED_MPS
        stands = says_it_moves and fix.mono_ms - self._moved_ms > FROZEN_MS
        return stands or fix.mono_ms - self._ticked_ms > FROZEN_MS


def _unsound(fix: Fix, now: Instant) -> Doubt:
    """What a fix says against itself."""
    if fix.accuracy_m is None:
        return Doubt.NO_ACCURACY
    if fix.accuracy_m > ACCURACY_MAX_M:
        return Doubt.INACCURATE
    if fix.satellites is not None and fix.satellites < SATELLITES_MIN:
        return Doubt.FEW_SATELLITES
    if fix.time_ms is not None and now.trusted:
        age_ms = now.mono_ms - fix.mono_ms
        if abs(fix.time_ms + age_ms - now.wall_ms) > GNSS_TIME_OFF_MS + now.uncertainty_s * 1000:
            return Doubt.TIME_WRONG
    return Doubt.NONE


def _reachable(before: Fix, fix: Fix) -> bool:
    """Whether a bus can have come from there, each being as far off as it may be."""
    slack_m = (before.accuracy_m or 0) + (fix.accuracy_m or 0)
    driven_m = (fix.mono_ms - before.mono_ms) / 1000 * BUS_TOP_SPEED_MPS
    return metres_between(before.lat_e6, before.lon_e6, fix.lat_e6, fix.lon_e6) <= driven_m + slack_m


def grown(area: Area | None, lat_e6: int, lon_e6: int) -> Area:
    """The area with this place in it."""
    if area is None:
        return Area(lat_e6, lon_e6, lat_e6, lon_e6)
    return Area(min(area.south, lat_e6), min(area.west, lon_e6), max(area.north, lat_e6), max(area.east, lon_e6))
