"""Days in requests and answers: Jalali, and written 1405-09-08, for a slash would part a path."""

from backend.core.staff.errors import Unfit
from protocol.jalali import day_text, jalali_day

DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def day_of(text: str) -> int:
    """A local day, since 1970-01-01. Raises Unfit for one that no calendar has."""
    try:
        return jalali_day(text.replace("-", "/"))
    except ValueError as error:
        raise Unfit("there is no such day", fix="a day is written 1405-09-08, by the Jalali calendar") from error


def written(day: int) -> str:
    """As it stands in an answer."""
    return day_text(day).replace("/", "-")
