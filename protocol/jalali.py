"""Service days as people here write them: 1405/07/01, in the Jalali calendar. One reader and one writer."""

import re
from datetime import date, timedelta

from persiantools.jdatetime import JalaliDate

_EPOCH = date(1970, 1, 1)
_DAY = re.compile(r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}")


def service_day_of(day: JalaliDate) -> int:
    """A day of the Jalali calendar → days since 1970-01-01."""
    return (day.to_gregorian() - _EPOCH) // timedelta(days=1)


def service_month(day: int) -> int:
    """A service day → months since the calendar began. Raises ValueError where it ends."""
    there = JalaliDate.to_jalali(_EPOCH + timedelta(days=day))
    return int(there.year * 12 + there.month - 1)


def month_begins(month: int) -> int:
    """A service month → its first service day."""
    return service_day_of(JalaliDate(month // 12, month % 12 + 1, 1))


def month_text(month: int) -> str:
    """Service month → 1405-08, as files and commands name it."""
    return f"{month // 12}-{month % 12 + 1:02}"


def day_text(day: int) -> str:
    """A service day → 1405/07/01. Raises ValueError where the calendar ends."""
    return str(JalaliDate.to_jalali(_EPOCH + timedelta(days=day)).strftime("%Y/%m/%d"))


def jalali_day(text: object) -> int:
    """1405/07/01 → service day. Raises ValueError."""
    try:
        year, month, day = map(int, text.split("/") if isinstance(text, str) and _DAY.fullmatch(text) else ())
        return service_day_of(JalaliDate(year, month, day))
    except ValueError as error:
        raise ValueError(f"{text!r} is no Jalali day like 1405/07/01") from error
