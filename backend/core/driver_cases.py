"""Cases about drivers. Pure: each rule takes the facts of one service day. Thresholds: `backend.core.limits`."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from backend.core.conduct import Case, CaseKind, few, of_driver, some
from backend.core.day_facts import Annulled, Counted, DayFacts
from backend.core.duties import Duties, ShiftId, Spans, by_hour, clipped, duties_of, id_of, length_ms
from backend.core.floats import why_illegal
from backend.core.limits import (
    ANNUL_SPREAD_MIN,
    ANNULS_MIN,
    ANNULS_REFUSED_MIN,
    BOARDED_MIN,
    FREE_RIDE_TIMES_MIN,
    FREE_SPREAD_MIN,
    PROXIES_MIN,
    PROXY_SPREAD_MIN,
    WORKED_MIN_MS,
)
from backend.core.ordinary import Cell, Ordinary
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.localtime import since_midnight_s

MINUTE_MS = 60_000
_BY_DRIVER = frozenset((Reason.READER_OUT, Reason.CROWD, Reason.ORDER))  # let ride free by a driver's word


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
                "where": few(f"{line} {hour:02}h" for (line, hour), (_, free) in work[driver].items() if free),
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


def proxies(facts: DayFacts) -> Iterator[Case]:
    """Persons for whom a driver's float paid, beyond what the others had on the same lines in the same hours.

    Persons and not touches of the screen: one touch keys in as many as its record carries, and that many are paid for.
    So riders count with their companions, too.
    A driver who takes cash for them and pays less into the float than he takes out of the riders shows nothing here;
    one who lets friends ride on it, or sells rides below the fare, has more of them than the others.
    """
    work = _boarded(facts, lambda it: (it.persons, it.persons * (it.reason == Reason.PROXY)))
    touches = _boarded(facts, lambda it: (it.taps, it.taps * (it.reason == Reason.PROXY)))
    ordinary = Ordinary(work, worked_min=BOARDED_MIN, spread_min=PROXY_SPREAD_MIN)
    for driver, cells in sorted(work.items()):
        count = sum(done for _, done in cells.values())
        it = ordinary.of(driver) if count >= PROXIES_MIN else None
        if it is not None and it.stands_out:
            usual = round(it.expected)
            yield Case(
                CaseKind.PROXIES, of_driver(driver), facts.day,
                f"{count} of {it.worked} persons were keyed in without a code; others would have {usual}",
                {
                    "proxies": count, "persons": it.worked, "others_proxies": usual,
                    "touches": sum(done for _, done in touches[driver].values()),
                    "score_tenths": round(10 * it.score),
                },
                some(
                    (one.device, one.epoch, one.sequence) for one in facts.keyed
                    if one.shift is not None and facts.drivers.get((one.vehicle, one.shift)) == driver
                ),
            )  # fmt: skip


def annulments(facts: DayFacts) -> Iterator[Case]:
    """Boardings that a driver took back: one that the bus itself would have refused, or more than the others did.

    The terminal keeps to the limits, so what the office had to refuse was not made with it as it is. A boarding is one
    here, whatever its companions: it is taken back whole, and the limits of a day count so.
    """
    work = {driver: dict(cells) for driver, cells in _boarded(facts, lambda it: (it.taps, 0)).items()}
    made: dict[str, list[Annulled]] = defaultdict(list)
    for it in facts.annulled:
        driver = facts.drivers.get((it.record.vehicle, it.record.shift))
        if driver is None:
            continue
        made[driver].append(it)
        if it.kept is not None and it.kept.sequence == it.record.link.sequence:
            hour = since_midnight_s(it.record.at.wall_ms) // 3_600
            cell = (it.tap.service.route or "" if it.tap is not None else "", hour)
            worked, done = work.setdefault(driver, {}).get(cell, (0, 0))
            work[driver][cell] = worked, done + 1
    ordinary = Ordinary(work, worked_min=BOARDED_MIN, spread_min=ANNUL_SPREAD_MIN)
    for driver, rows in sorted(made.items()):
        refused = [it for it in rows if is_refused(it)]
        count = sum(done for _, done in work[driver].values()) if driver in work else 0
        standing = ordinary.of(driver) if count >= ANNULS_MIN else None
        if len(refused) < ANNULS_REFUSED_MIN and (standing is None or not standing.stands_out):
            continue
        usual = 0 if standing is None else round(standing.expected)
        yield Case(
            CaseKind.ANNULMENTS, of_driver(driver), facts.day,
            f"{count} boardings taken back in time, and {len(refused)} that the office refused to take back",
            {"taken_back": count, "refused": len(refused), "others_taken_back": usual},
            some(id_of(it.record.link) for it in refused or rows),
        )  # fmt: skip


def is_refused(it: Annulled) -> bool:
    """Whether the office takes nothing back for it: one that is illegal, or beyond what a driver may a day."""
    if it.kept is not None:
        return it.kept.sequence == it.record.link.sequence and not it.kept.stands
    if it.tap is None or not it.charged:
        return False
    return why_illegal(it.record, it.tap, it.record.at.wall_ms - it.tap.at.wall_ms) is not None


def _boarded(facts: DayFacts, count: Callable[[Counted], tuple[int, int]]) -> dict[str, dict[Cell, tuple[int, int]]]:
    """What boarded with each driver by line and hour, as it is counted: how much, and how much of it is looked for."""
    work: dict[str, dict[Cell, tuple[int, int]]] = defaultdict(dict)
    for it in facts.counted:
        driver = None if it.shift is None else facts.drivers.get((it.vehicle, it.shift))
        if driver is None or not TABLE[Verdict(it.verdict)].boards:
            continue
        cell = (it.line or "", it.hour)
        before, (boarded, counted) = work[driver].get(cell, (0, 0)), count(it)
        work[driver][cell] = before[0] + boarded, before[1] + counted
    return work
