"""Fares not taken while everybody rode free, by a driver's word or a failing reader: estimated. Pure.

Who rides free shows no code, so there is no record of him; what was not taken can only be estimated. Method:
- an outage is a time of free rides of one shift, for one cause, cut at full hours and by the line that was driven;
- what a vehicle takes in an hour of a line is that line's fares in that hour over the vehicles that took any there, on
  each day of the same kind (Saturday to Wednesday, Thursday, Friday) of the LOSS_DAYS_BACK days before;
- the estimate is the median of those days for the minutes of the outage, less what was taken in them; low and high are
  their first and ninth deciles. Medians and deciles and no mean: one holiday or one broken line moves them by nothing;
- with fewer than LOSS_DAYS_MIN such days nothing is estimated, and that is said: no other line stands in for this one.
What a policy's order let ride is recorded one by one (`let_through`), and needs no estimate.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median, quantiles
from typing import NamedTuple, TypeAlias

from backend.core.day_facts import DayFacts
from backend.core.duties import ShiftId, by_hour, clipped, duties_of, joined, length_ms
from backend.core.limits import FREE_RIDE_S, LOSS_DAYS_MIN
from protocol.localtime import day_begins_ms, weekday
from protocol.wire.driver_records import Annulment, Event, EventKind, Shift

_HOUR_MS = 3_600_000
_THURSDAY = 5  # of `weekday`; 6 is Friday


class Taken(NamedTuple):
    """Fares of one line in one hour of one day, and how many vehicles took any."""

    day: int
    line: str
    hour: int
    vehicles: int
    rials: int


@dataclass(frozen=True, slots=True)
class Loss:
    """One outage in one line and hour. `rials`, `low`, `high` are None where there is too little to say.

    `days`: how many ordinary days stand behind it.
    """

    vehicle: str
    device: str
    shift: str
    line: str
    hour: int
    cause: str
    from_ms: int
    until_ms: int
    days: int
    rials: int | None = None
    low: int | None = None
    high: int | None = None


Ordinary: TypeAlias = Mapping[tuple[str, int], Sequence[float]]  # line, hour → rials of a vehicle and hour, by day


def day_kind(day: int) -> int:
    """0: Saturday to Wednesday, 1: Thursday, 2: Friday."""
    return max(0, weekday(day_begins_ms(day)) - _THURSDAY + 1)


def ordinary_of(taken: Iterable[Taken], kind: int) -> Ordinary:
    """What a vehicle takes an hour on a line, on days of this kind."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for it in taken:
        if day_kind(it.day) == kind and it.vehicles:
            found[it.line, it.hour].append(it.rials / it.vehicles)
    return found


def pieces(facts: DayFacts) -> Iterator[Loss]:
    """Every outage of a day, cut by line and hour; nothing of it is estimated yet."""
    last_ms: dict[ShiftId, int] = {}
    for it in facts.counted:
        if it.shift is not None:
            last_ms[it.vehicle, it.shift] = max(it.last_ms, last_ms.get((it.vehicle, it.shift), 0))
    lines = duties_of(facts.told, last_ms, facts.day).lines
    begin_ms, end_ms = day_begins_ms(facts.day), day_begins_ms(facts.day + 1)
    for (vehicle, shift, cause), (device, spans) in sorted(outages(facts.told).items()):
        for line, driven in sorted(lines.get((vehicle, shift), {}).items()):
            for span in clipped(joined(spans), begin_ms, end_ms):
                for hour, (from_ms, until_ms) in by_hour(clipped(driven, *span)):
                    yield Loss(vehicle, device, shift, line, hour, cause, from_ms, until_ms, 0)


def estimated(it: Loss, ordinary: Ordinary, taken_rials: int) -> Loss:
    """What of it was not taken. `taken_rials`: what that vehicle took in that time all the same."""
    days = ordinary.get((it.line, it.hour), ())
    if len(days) < LOSS_DAYS_MIN:
        return replace(it, days=len(days))
    share = length_ms([(it.from_ms, it.until_ms)]) / _HOUR_MS
    tenths = quantiles(days, n=10, method="inclusive")
    low, middle, high = (max(0, round(share * rate) - taken_rials) for rate in (tenths[0], median(days), tenths[-1]))
    return replace(it, days=len(days), rials=middle, low=low, high=high)


def outages(
    told: Sequence[Shift | Event | Annulment],
) -> dict[tuple[str, str, str], tuple[str, list[tuple[int, int]]]]:
    """(vehicle, shift, cause) → the device that told of it first, and when everybody rode free."""
    found: dict[tuple[str, str, str], tuple[str, list[tuple[int, int]]]] = {}
    for (device, _), journal in groupby(told, key=lambda it: (it.link.device, it.link.epoch)):
        said = [
            it for it in journal
            if isinstance(it, Shift) or (
                isinstance(it, Event) and it.what in (EventKind.FREE_RIDE, EventKind.FARES_AGAIN))
        ]  # fmt: skip
        for it, after in pairwise([*said, None]):
            if not isinstance(it, Event) or it.what is not EventKind.FREE_RIDE or it.shift is None or it.cause is None:
                continue
            lapses_ms = it.at.wall_ms + FREE_RIDE_S * 1000
            until_ms = lapses_ms if after is None else min(lapses_ms, max(after.at.wall_ms, it.at.wall_ms))
            name = (it.vehicle, it.shift, it.cause.name.lower().replace("_", "-"))
            found.setdefault(name, (device, []))[1].append((it.at.wall_ms, until_ms))
    return found
