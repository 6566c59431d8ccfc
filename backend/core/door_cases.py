"""Cases about doors and devices. Pure. Thresholds: `backend.core.limits`."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from statistics import median

from backend.core.conduct import Case, CaseKind, few, of_device, of_vehicle, some
from backend.core.day_facts import DayFacts
from backend.core.driver_cases import MINUTE_MS, Driven
from backend.core.duties import ShiftId, Spans, clipped, id_of, joined, length_ms
from backend.core.ledger import TapId
from backend.core.limits import (
    BLIND_CHANCE_MAX,
    BLIND_HOURS_MIN,
    BLIND_HOURS_RATIO,
    BLIND_RATIO,
    BLIND_TAPS_MIN,
    COPIED_MIN,
    COPIED_OF_ONE_MIN,
    OTHERS_MIN,
    SHIFT_DRIVERS_MAX,
)
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import day_begins_ms
from protocol.wire.driver_records import Shift

_HOUR_MS = 3_600_000
_AGAIN = frozenset((Verdict.ALREADY_PAID, Verdict.COPIED))  # one phone held up again and again costs nobody anything


class Doors:
    """Codes read by each door in each hour of a day, answered or refused: no repeats, none that a driver keyed in."""

    def __init__(self, facts: DayFacts) -> None:
        self._facts = facts
        self.read: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
        lines: dict[str, Counter[str | None]] = defaultdict(Counter)
        for it in facts.counted:
            if it.reason != Reason.PROXY and it.verdict not in _AGAIN:
                self.read[it.vehicle, it.door][it.hour] += it.taps
                lines[it.vehicle][it.line] += it.taps
        self.line = {vehicle: counts.most_common(1)[0][0] for vehicle, counts in lines.items()}
        self.of_vehicle: dict[str, list[int]] = defaultdict(list)
        for vehicle, door in sorted(facts.doors):
            self.of_vehicle[vehicle].append(door)
        self._shares = self._every_share()
        self._lives = {it.device for it in facts.counted} | {it.link.device for it in facts.told} | set(facts.cameras)

    def device(self, vehicle: str, door: int) -> str | None:
        """The device of a door, if it was heard of on this day: one that is dead is silent, and that is an alarm."""
        name = self._facts.doors[vehicle, door]
        return name if name in self._lives else None

    def others(self, vehicle: str, door: int) -> Counter[int]:
        """What the other doors of the vehicle read, by hour."""
        found: Counter[int] = Counter()
        for other in self.of_vehicle[vehicle]:
            if other != door:
                found.update(self.read[vehicle, other])
        return found

    def usual_share(self, vehicle: str, door: int) -> float | None:
        """Of what a bus reads, how much this door does on other buses; None where too few others are known."""
        line = self.line.get(vehicle)
        for kept in (self._shares.get((door, line), {}), self._shares.get((door, None), {})):
            others = [share for other, share in kept.items() if other != vehicle]
            if len(others) >= OTHERS_MIN:
                return median(others)
        return None

    def _every_share(self) -> dict[tuple[int, str | None], dict[str, float]]:
        """By door and line, and by door alone: of each vehicle with several doors, what this one reads of all."""
        found: dict[tuple[int, str | None], dict[str, float]] = defaultdict(dict)
        for vehicle, doors in self.of_vehicle.items():
            read = {door: self.read[vehicle, door].total() for door in doors}
            for door, mine in read.items():
                if mine and len(doors) > 1:
                    for line in (self.line[vehicle], None):
                        found[door, line][vehicle] = mine / sum(read.values())
        return found


def blind_doors(facts: DayFacts, driven: Driven) -> Iterator[Case]:
    """A door that reads far less for hours than it would beside the other door of its bus, which reads well.

    Far less is next to nothing (a BLIND_RATIO-th) of an hour or two, or a BLIND_HOURS_RATIO-th of BLIND_HOURS_MIN hours
    and more: of all codes of those hours together, so who uncovers a camera for one code an hour hides nothing, and an
    honest hour of one school before one door says nothing. Who covers it for less, or every other hour, is not found
    unless the other door reads BLIND_TAPS_MIN meanwhile.

    How much of a bus's riders a door has is what it has on other buses: the median share of that door among the others
    of the line, or of all where the line has few. Of what both doors read together one door's part is binomial; told is
    what comes by chance less often than BLIND_CHANCE_MAX (the conditional test of two Poisson rates: J. Przyborowski,
    H. Wilenski, Biometrika 31, 1940). Hours in which the device says that its camera is gone, or the bus's self-test
    failed, are a fault's and left out. Of several times a day that which comes least by chance is told.
    """
    doors = Doors(facts)
    for vehicle, door in sorted(facts.doors):
        device, share = doors.device(vehicle, door), doors.usual_share(vehicle, door)
        if device is None or share is None:
            continue
        read, others = doors.read[vehicle, door], doors.others(vehicle, door)
        faulty = _faulty_hours(facts, driven, vehicle, device)
        run = _darkest([hour for hour in sorted({*read, *others}) if hour not in faulty], read, others, share)
        if run:
            mine, theirs = sum(read[hour] for hour in run), sum(others[hour] for hour in run)
            usual = round(100 * share)
            then = _meanwhile(driven, vehicle, _spans(facts.day, run))
            yield Case(
                CaseKind.BLIND_DOOR, of_device(device), facts.day,
                f"{mine} codes read from {run[0]}:00 to {run[-1] + 1}:00, and {theirs} by the other door; on other"
                f" buses this door has {usual} of 100. Free rides given meanwhile: {then.free_minutes} minutes",
                {
                    "read": mine, "read_by_other": theirs, "usual_percent": usual, "vehicle": vehicle,
                    "hours": [f"{hour:02}h" for hour in run], "free_minutes": then.free_minutes,
                    "drivers": then.drivers,
                },
                some(then.given),
            )  # fmt: skip


def _darkest(hours: Sequence[int], read: Mapping[int, int], others: Mapping[int, int], share: float) -> Sequence[int]:
    """Of all dark runs of these hours, the one that comes least by chance; none where chance is enough for all."""
    runs = []
    for first in range(len(hours)):
        mine = theirs = 0
        for last in range(first, len(hours)):
            mine, theirs = mine + read[hours[last]], theirs + others[hours[last]]
            ratio = BLIND_RATIO if last - first + 1 < BLIND_HOURS_MIN else BLIND_HOURS_RATIO
            if theirs >= BLIND_TAPS_MIN and mine * ratio * (1 - share) <= theirs * share:
                runs.append((_log_chance(mine, mine + theirs, share), first, last))
    log_chance, first, last = min(runs, default=(0.0, 0, 0))
    return hours[first : last + 1] if log_chance <= log(BLIND_CHANCE_MAX) else ()


@dataclass(frozen=True, slots=True)
class _Meanwhile:
    """Who drove while a door was dark, and the free rides that were given."""

    drivers: list[str]
    free_minutes: int
    given: list[TapId]


def _meanwhile(driven: Driven, vehicle: str, spans: Spans) -> _Meanwhile:
    duties = driven.duties
    shifts = [(who, it) for who, all_of in driven.shifts.items() for it in all_of if it[0] == vehicle]
    on_duty = {who for who, it in shifts if any(_within(drove, spans) for drove in duties.lines[it].values())}
    free_ms = sum(length_ms(_within(duties.free.get(it, []), spans)) for _, it in shifts)
    given = [
        tap for _, it in shifts for at_ms, tap in duties.given.get(it, ()) if any(a <= at_ms < b for a, b in spans)
    ]  # fmt: skip
    return _Meanwhile(few(on_duty), free_ms // MINUTE_MS, given)


def _faulty_hours(facts: DayFacts, driven: Driven, vehicle: str, device: str) -> set[int]:
    """Hours in which the device told that its camera was gone half of the time, or the bus's self-test failed."""
    gone = {hour for hour, (words, dark) in facts.cameras.get(device, {}).items() if 2 * dark >= words}
    failed = [span for shift, spans in driven.duties.faulty.items() if shift[0] == vehicle for span in spans]
    return gone | {hour for hour in range(24) if _within(failed, _spans(facts.day, [hour]))}


def _spans(day: int, hours: Sequence[int]) -> Spans:
    begin_ms = day_begins_ms(day)
    return joined((begin_ms + hour * _HOUR_MS, begin_ms + (hour + 1) * _HOUR_MS) for hour in hours)


def _within(spans: Spans, parts: Spans) -> Spans:
    return joined(it for begin, end in parts for it in clipped(spans, begin, end))


def _log_chance(most: int, of: int, share: float) -> float:
    """That a door with this share of `of` codes reads at most so many of them: its logarithm, for it may be 1e-400."""
    if not 0 < share < 1:
        return 0.0  # on other buses it reads nothing, or all: that says nothing
    logs = [
        lgamma(of + 1) - lgamma(n + 1) - lgamma(of - n + 1) + n * log(share) + (of - n) * log1p(-share)
        for n in range(most + 1)
    ]
    largest = max(logs)
    return largest + log(sum(exp(it - largest) for it in logs))


def copied_codes(facts: DayFacts) -> Iterator[Case]:
    """A device whose boardings another tap was charged for, too often: a stolen key can tell one code again and again.

    Two doors that cannot hear each other both accept one phone, and are paid twice: that is a few a day. One device
    refuses what it has accepted itself, so three tellings of one boarding by it are not riders' work.
    """
    by_device: dict[str, list[tuple[bytes, tuple[str, int, int]]]] = defaultdict(list)
    for it in facts.copied:
        by_device[it.device].append((it.own, (it.device, it.epoch, it.sequence)))
    for device, rows in sorted(by_device.items()):
        of_one = max(Counter(boarding for boarding, _ in rows if boarding).values(), default=0)
        if len(rows) < COPIED_MIN and of_one < COPIED_OF_ONE_MIN:
            continue
        yield Case(
            CaseKind.COPIED, of_device(device), facts.day,
            f"{len(rows)} boardings that another tap is charged for; of one that it has told itself: {of_one}",
            {"copied": len(rows), "of_one_boarding": of_one}, some(tap for _, tap in rows),
        )  # fmt: skip


def two_drivers(facts: DayFacts) -> Iterator[Case]:
    """A bus of which records name several drivers for one shift: the first word says whose float pays; one is false.

    A shift is its device's vehicle's, as its money is, whatever vehicle the record says. What the ledger believes of it
    counts as a word too, if it came of another day: then the case is of the day whose word came later.
    """
    vehicle_of = {device: vehicle for (vehicle, _), device in facts.doors.items()}
    told: dict[ShiftId, list[Shift]] = defaultdict(list)
    for it in facts.told:
        if isinstance(it, Shift):
            told[vehicle_of.get(it.link.device, it.vehicle), it.shift].append(it)
    torn: dict[str, list[Shift]] = defaultdict(list)
    drivers: dict[str, set[str]] = defaultdict(set)
    for shift, rows in sorted(told.items()):
        named = {it.driver for it in rows} | ({facts.drivers[shift]} if shift in facts.drivers else set())
        if len(named) > SHIFT_DRIVERS_MAX and any(it.at.wall_ms >= day_begins_ms(facts.day) for it in rows):
            torn[shift[0]] += rows
            drivers[shift[0]] |= named
    for vehicle, rows in torn.items():
        named, words = drivers[vehicle], {f"{it.link.device} {it.shift}: {it.driver}" for it in rows}
        names, shifts = few(named), {it.shift for it in rows}
        others = f" and {len(named) - len(names)} others" if len(named) > len(names) else ""
        yield Case(
            CaseKind.TWO_DRIVERS, of_vehicle(vehicle), facts.day,
            f"records name {' and '.join(names)}{others} for one shift, {len(shifts)} times",
            {
                "shifts": len(shifts), "drivers": names, "named": len(named),
                "words": few(words), "said": len(words),
            },
            some(id_of(it.link) for it in rows),
        )  # fmt: skip
