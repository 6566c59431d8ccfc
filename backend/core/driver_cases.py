"""Cases about drivers. Pure: each rule takes the facts of one service day. Thresholds: `backend.core.limits`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backend.core.conduct import Case, CaseKind, of_driver, some
from backend.core.duties import Duties, ShiftId, Spans, Told, by_hour, clipped, duties_of, length_ms
from backend.core.limits import FREE_RIDE_TIMES_MIN, FREE_SPREAD_MIN, WORKED_MIN_MS
from backend.core.ordinary import Cell, Ordinary
from protocol.fares.verdicts import Reason

MINUTE_MS = 60_000
_BY_DRIVER = frozenset((Reason.READER_OUT, Reason.CROWD, Reason.ORDER))  # let ride free by a driver's word


class Counted(NamedTuple):
    """So many taps of one door, shift, line and hour that were answered alike. `last_ms`: the last of them."""

    device: str
    vehicle: str
    door: int
    shift: str | None
    line: str | None
    hour: int
    verdict: int
    reason: int
    taps: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What the ledger holds of one service day.

    `told`: drivers' records by journal and sequence, those of the day before too, for a shift may go on over midnight.
    `drivers`: who drove in which shift.
    """

    day: int
    counted: Sequence[Counted]
    told: Sequence[Told]
    drivers: Mapping[ShiftId, str]


class Driven:
    """The duties of a day, by driver."""

    def __init__(self, facts: DayFacts) -> None:
        last_ms: dict[ShiftId, int] = {}
        for it in facts.counted:
            if it.shift is not None:
                last_ms[it.vehicle, it.shift] = max(it.last_ms, last_ms.get((it.vehicle, it.shift), 0))
        self.duties: Duties = duties_of(facts.told, last_ms, facts.day)
        self.shifts: dict[str, list[ShiftId]] = defaultdict(list)  # of each driver, those that were driven
        for shift in sorted(self.duties.lines):
            driver = facts.drivers.get(shift)
            if driver is not None:
                self.shifts[driver].append(shift)

    def spans(self, driver: str) -> Iterator[tuple[ShiftId, str, Spans]]:
        """(shift, line, when) of what a driver drove."""
        for shift in self.shifts[driver]:
            for line, spans in self.duties.lines[shift].items():
                yield shift, line, spans


def free_rides(facts: DayFacts, driven: Driven) -> Iterator[Case]:
    """Minutes of free rides by a driver's own hand beyond what the others gave on the same lines in the same hours.

    Minutes and not riders: of who paid a driver in cash and showed no code there is no record. Counted from
    FREE_RIDE_TIMES_MIN free rides on; what the bus's own failed self-test prolonged is not counted.
    """
    work = {driver: _free_work(driven, driver) for driver in driven.shifts}
    ordinary = Ordinary(work, worked_min=WORKED_MIN_MS, spread_min=FREE_SPREAD_MIN)
    for driver, shifts in sorted(driven.shifts.items()):
        times = sum(driven.duties.times_given(shift) for shift in shifts)
        if times < FREE_RIDE_TIMES_MIN:
            continue
        it = ordinary.of(driver)
        if it is None or not it.stands_out:
            continue
        minutes, of_minutes = it.counted // MINUTE_MS, it.worked // MINUTE_MS
        usual = round(it.expected / MINUTE_MS)
        yield Case(
            CaseKind.FREE_RIDES, of_driver(driver), facts.day,
            f"everybody rode free for {minutes} of {of_minutes} minutes, by the driver's word, given {times} times;"
            f" others on these lines in these hours: {usual} minutes",
            {
                "times": times, "free_minutes": minutes, "driven_minutes": of_minutes, "others_minutes": usual,
                "score_tenths": round(10 * it.score), "rides": _let_ride(facts, shifts),
                "where": [f"{line} {hour:02}h" for (line, hour), (_, free) in sorted(work[driver].items()) if free],
            },
            some(tap for shift in shifts for _, tap in driven.duties.given.get(shift, ())),
        )  # fmt: skip


def _free_work(driven: Driven, driver: str) -> dict[Cell, tuple[int, int]]:
    cells: dict[Cell, tuple[int, int]] = {}
    for shift, line, spans in driven.spans(driver):
        free = driven.duties.free.get(shift, [])
        for hour, (begin, end) in by_hour(spans):
            worked, given = cells.get((line, hour), (0, 0))
            cells[line, hour] = worked + end - begin, given + length_ms(clipped(free, begin, end))
    return cells


def _let_ride(facts: DayFacts, shifts: Sequence[ShiftId]) -> int:
    """Codes that were shown while all rode free by the driver's word."""
    return sum(
        it.taps for it in facts.counted if it.reason in _BY_DRIVER and (it.vehicle, it.shift) in shifts
    )  # fmt: skip
