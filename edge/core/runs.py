"""Which trips of a pattern run at a time, by the timetable: a hint for line and trip, never the ground for a fare."""

from edge.core.limits import TRIP_EARLY_MAX_S, TRIP_LATE_MAX_S
from protocol.limits import DAY_S
from protocol.localtime import service_day, since_midnight_s
from protocol.wire.records import Instant
from protocol.wire.timetable import Pattern, Trip

_SPARE_S = 3_600  # a line whose last trip ended within the hour may still be running late


def runs_now(pattern: Pattern, now: Instant) -> bool:
    """Whether any trip runs within an hour of now; a pattern without trips says nothing against itself."""
    if not pattern.trips:
        return True
    return any(
        trip.start_s - _SPARE_S <= second <= trip.start_s + trip.run_s[-1] + _SPARE_S and trip.days.on(day)
        for day, second in _clocks(now)
        for trip in pattern.trips
    )


def closest_trip(pattern: Pattern, along_m: float, now: Instant) -> str | None:
    """The trip that should be nearest to here now: at most 10 minutes early or 30 late; None if there is none."""
    best: tuple[float, str] | None = None
    for day, second in _clocks(now):
        for trip in pattern.trips:
            late_s = second - trip.start_s - _passing_s(pattern, trip, along_m)
            if -TRIP_EARLY_MAX_S <= late_s <= TRIP_LATE_MAX_S and trip.days.on(day):
                best = min(best or (abs(late_s), trip.name), (abs(late_s), trip.name))
    return None if best is None else best[1]


def _clocks(now: Instant) -> tuple[tuple[int, int], tuple[int, int]]:
    """(local day, seconds since its midnight): of today, and of yesterday, whose last trips end after midnight."""
    day, second = service_day(now.wall_ms), since_midnight_s(now.wall_ms)
    return (day, second), (day - 1, second + DAY_S)


def _passing_s(pattern: Pattern, trip: Trip, along_m: float) -> float:
    """Seconds after its start at which a trip should pass here, as if it ran evenly from stop to stop."""
    calls = pattern.calls
    for at in range(1, len(calls)):
        if along_m <= calls[at].metres:
            long = calls[at].metres - calls[at - 1].metres or 1
            part = min(max((along_m - calls[at - 1].metres) / long, 0.0), 1.0)
            return trip.run_s[at - 1] + part * (trip.run_s[at] - trip.run_s[at - 1])
    return trip.run_s[-1]
