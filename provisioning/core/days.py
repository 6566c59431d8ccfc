"""Days that somebody wrote down: a year that was mistyped is told before anything is printed."""

from datetime import datetime

from protocol.jalali import day_text
from protocol.localtime import service_day
from provisioning.core.errors import BadSetting


def require_to_come(what: str, last_day: int, now: datetime) -> None:
    """Raises BadSetting where this service day is over already."""
    if last_day < service_day(int(now.timestamp() * 1000)):
        raise BadSetting(
            f"the {what}, {day_text(last_day)}, is over", fix="look at the year; give a day that is to come"
        )
