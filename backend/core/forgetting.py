"""Which travel a ledger remembers, and what becomes of the rest. Pure.

Rules:
- travel is kept TRAVEL_DAYS_MIN at least: a bus may be away for 120 days, and pruned journals and disputes take more;
- it is forgotten by whole weeks: what is remembered of a week is weighed together (`journeys`), and with half of it
  gone a cap would seem to have room again;
- day keys are destroyed, so what lies sealed in records of those days is noise for ever; a key's day is the device's
  word, where its clock was trusted, else the next trusted time of its journal;
- who rode goes with it: riders' claims and rides of cards. The money stays to the rial, and whatever is held keeps its
  case: a copy without its rider, and what is contested as it is, until people decide; so is what its rider disputes,
  and an answered dispute goes with its ride;
- what comes later of a day that is forgotten charges nobody, for nobody can say whether it was before: it is held;
- a single printed ride says of nobody where else he rode, and is kept: else a photograph of it would ride again.
"""

from dataclasses import dataclass
from typing import Protocol

from backend.core.errors import Refused
from backend.core.limits import TRAVEL_DAYS_MIN
from protocol.localtime import day_begins_ms, service_week, week_span_ms
from protocol.localtime import service_day as day_of


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one run came to. `day`: the first that is remembered; `kept`: claims whose case is not decided."""

    day: int
    keys: int = 0
    claims: int = 0
    tickets: int = 0
    kept: int = 0
    quarantined: int = 0


def remembered_from(before_day: int, today: int) -> int:
    """The first service day that is remembered when all before `before_day` may be forgotten. Raises Refused."""
    if before_day > today - TRAVEL_DAYS_MIN:
        raise Refused(
            f"travel is kept for {TRAVEL_DAYS_MIN} days: a bus may still bring what was ridden then",
            fix="name an earlier day",
            most=today - TRAVEL_DAYS_MIN,
        )
    begins_ms, _ = week_span_ms(service_week(day_begins_ms(before_day)))
    return day_of(begins_ms)


class Progress(Protocol):
    """Told how many rows have been looked at."""

    def __call__(self, what: str, done: int, /) -> None:
        """So many."""
