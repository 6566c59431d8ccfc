"""Where a rider's claims lie in their indexes: by day or week first, so that an index grows at few of its pages.

Riders come in no order. An index that begins with the rider grows at another page for each tap: of fifty million taps
none of these is in memory any more, and each is written whole. So the indexes begin with the day of the code, or with
the week of the boarding; a look-up says which, and all of a rider's lie in so many weeks as there are numbers for them.
"""

from collections.abc import Iterator
from typing import Final

from protocol.limits import DAY_S
from protocol.localtime import day_begins_ms

WEEKS: Final = 64  # their numbers begin anew after so many: over a year; travel is kept for half of one
_WEEK_S: Final = 7 * DAY_S
_SINCE_S: Final = -day_begins_ms(-5) // 1000  # a service week begins on Saturday; 1970-01-01 was a Thursday
ALL_WEEKS: Final = f"({', '.join(map(str, range(WEEKS)))})"


def day_of(time_s: str) -> str:
    """SQL of the day of a time in seconds."""
    return f"({time_s} / {DAY_S})"


def week_of(wall_ms: str) -> str:
    """SQL of the number of the service week of a time in milliseconds."""
    return f"(({wall_ms} / 1000 + {_SINCE_S}) / {_WEEK_S} & {WEEKS - 1})"


def days(begin_s: int, end_s: int) -> Iterator[tuple[int, int, int]]:
    """A span of seconds, both ends included → its parts, a day each, and which day. Nothing is before 1970."""
    for day in range(max(begin_s, 0) // DAY_S, end_s // DAY_S + 1):
        yield max(begin_s, day * DAY_S), min(end_s, (day + 1) * DAY_S - 1), day


def weeks(begin_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
    """A span of milliseconds, both ends included, and the number of each week in it: as often as there are those."""
    first, last = (_week(max(at, 0)) for at in (begin_ms, end_ms))
    for week in range(first, min(last, first + WEEKS - 1) + 1):
        yield begin_ms, end_ms, week % WEEKS


def _week(wall_ms: int) -> int:
    return (wall_ms // 1000 + _SINCE_S) // _WEEK_S
