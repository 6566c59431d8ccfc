"""Where riders' claims and keys of transfers lie in their indexes: by their time first, so they grow at few pages.

Riders come in no order, and keys are hashes. An index that begins with either grows at another page for each tap: of
fifty million taps none of these is in memory any more, and each is written whole. So the indexes begin with the quarter
of an hour of the code, with the day of the boarding or of the transfer. A look-up says which; who does not know looks
into all days that there are numbers for.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from protocol.limits import DAY_S
from protocol.localtime import day_begins_ms, service_day

RIDE_DAYS: Final = 256  # their numbers begin anew after so many: travel is kept for half a year
_SINCE_S: Final = -day_begins_ms(0) // 1000

# A tap-out reaches two hours around its code: 17 of these. A city of a million riders a day has 10,000 codes in one.
QUARTER_S: Final = 900

DAYS: Final = 64  # their numbers likewise, of transfers' days: two of one number never lie in one month
ALL_DAYS: Final = f"({', '.join(map(str, range(DAYS)))})"
DAY: Final = f"(coalesce(day, 0) & {DAYS - 1})"  # SQL of the number of a transfer's day; none is 0's
BY_KEY: Final = f"{DAY} IN {ALL_DAYS} AND key"


def quarter_of(time_s: str) -> str:
    """SQL of the quarter of an hour of a time in seconds."""
    return f"({time_s} / {QUARTER_S})"


def ride_day_of(wall_ms: str) -> str:
    """SQL of the number of the service day of a time in milliseconds."""
    return f"(({wall_ms} / 1000 + {_SINCE_S}) / {DAY_S} & {RIDE_DAYS - 1})"


def any_ride_day(wall_ms: str) -> str:
    """SQL for who does not know the day: any number of one."""
    return of_ride_days(wall_ms, range(RIDE_DAYS))


def of_ride_days(wall_ms: str, numbers: Sequence[int]) -> str:
    """SQL for times of days of some numbers."""
    return f"{ride_day_of(wall_ms)} IN ({', '.join(map(str, numbers))})"


def quarters(begin_s: int, end_s: int) -> Iterator[tuple[int, int, int]]:
    """A span of seconds, both ends included → its parts, a quarter each, and which. Nothing is before 1970."""
    for number in range(max(begin_s, 0) // QUARTER_S, end_s // QUARTER_S + 1):
        yield max(begin_s, number * QUARTER_S), min(end_s, (number + 1) * QUARTER_S - 1), number


def ride_days(begin_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
    """A span of milliseconds, both ends included, and the number of each service day in it: no number twice."""
    first, last = (service_day(max(at, 0)) for at in (begin_ms, end_ms))
    for day in range(first, min(last, first + RIDE_DAYS - 1) + 1):
        yield begin_ms, end_ms, day % RIDE_DAYS
