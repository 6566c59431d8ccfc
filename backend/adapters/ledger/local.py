"""Where riders' claims and keys of transfers lie in their indexes: by day or week first, so they grow at few pages.

Riders come in no order, and keys are hashes. An index that begins with either grows at another page for each tap: of
fifty million taps none of these is in memory any more, and each is written whole. So the indexes begin with the day of
the code, with the week of the boarding, with the day of the transfer. A look-up says which; who does not know it looks
into all weeks or days that there are numbers for.
"""

from collections.abc import Iterator
from typing import Final

from protocol.limits import DAY_S
from protocol.localtime import day_begins_ms

WEEKS: Final = 64  # their numbers begin anew after so many: over a year; travel is kept for half of one
_WEEK_S: Final = 7 * DAY_S
_SINCE_S: Final = -day_begins_ms(-5) // 1000  # a service week begins on Saturday; 1970-01-01 was a Thursday
ALL_WEEKS: Final = f"({', '.join(map(str, range(WEEKS)))})"

DAYS: Final = 64  # their numbers likewise, of transfers' days: two of one number never lie in one month
ALL_DAYS: Final = f"({', '.join(map(str, range(DAYS)))})"
DAY: Final = f"(coalesce(day, 0) & {DAYS - 1})"  # SQL of the number of a transfer's day; none is 0's
BY_KEY: Final = f"{DAY} IN {ALL_DAYS} AND key"


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
