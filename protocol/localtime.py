"""Local time of the city, without a time-zone database: Asia/Tehran is UTC+03:30 and has no summer time since 2022."""

from protocol import limits

_WEEK_DAYS = 7
_FROM_SATURDAY = 5  # days from a Saturday to 1970-01-01, a Thursday


def service_day(wall_ms: int) -> int:
    """Unix milliseconds → days since 1970-01-01 in local time; the day starts at local midnight."""
    return (wall_ms // 1000 + limits.LOCAL_OFFSET_S) // limits.DAY_S


def since_midnight_s(wall_ms: int) -> int:
    """Unix milliseconds → whole seconds since local midnight."""
    return (wall_ms // 1000 + limits.LOCAL_OFFSET_S) % limits.DAY_S


def weekday(wall_ms: int) -> int:
    """Unix milliseconds → day of the local week: 0 Saturday … 6 Friday; 1970-01-01 was a Thursday."""
    return (service_day(wall_ms) + _FROM_SATURDAY) % _WEEK_DAYS


def service_week(wall_ms: int) -> int:
    """Unix milliseconds → weeks since the one of 1970-01-01; a week starts on Saturday."""
    return (service_day(wall_ms) + _FROM_SATURDAY) // _WEEK_DAYS


def day_begins_ms(day: int) -> int:
    """A service day → Unix milliseconds of its local midnight; at most what any record can tell."""
    return min(_midnight_ms(day), limits.INT63_MAX)


def _midnight_ms(day: int) -> int:
    return (day * limits.DAY_S - limits.LOCAL_OFFSET_S) * 1000


def week_span_ms(week: int) -> tuple[int, int]:
    """A service week → the Unix milliseconds of its first and its last moment, as far as a record can tell of them."""
    begin = week * _WEEK_DAYS - _FROM_SATURDAY
    return day_begins_ms(begin), min(_midnight_ms(begin + _WEEK_DAYS) - 1, limits.INT63_MAX)
