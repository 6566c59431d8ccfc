"""Moments in milliseconds, and days that somebody wrote down: a mistyped year is told before anything is printed."""

from datetime import datetime

from protocol.jalali import day_text
from protocol.localtime import service_day
from provisioning.core.errors import BadSetting


def unix_ms(at: datetime) -> int:
    """A moment as Unix milliseconds."""
    return int(at.timestamp() * 1000)


def require_to_come(what: str, last_day: int, now: datetime) -> None:
    """Raises BadSetting where this service day is over already."""
    if last_day < service_day(unix_ms(now)):
        raise BadSetting(
            f"the {what}, {day_text(last_day)}, is over", fix="look at the year; give a day that is to come"
        )
