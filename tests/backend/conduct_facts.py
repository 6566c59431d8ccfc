"""A day of drivers, written as facts: who drove when, and what they gave."""

from collections.abc import Mapping, Sequence

from backend.app.cases import cases_of
from backend.core.conduct import Case
from backend.core.day_facts import Counted, DayFacts
from backend.core.duties import ShiftId, Told
from protocol.localtime import day_begins_ms
from protocol.wire.driver_records import Event, EventKind, FreeCause, Shift, ShiftStep
from protocol.wire.records import ClockQuality, Instant, Link

DAY = 20_719
MIDNIGHT_MS = day_begins_ms(DAY)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
OUT, CROWD = FreeCause.READER_OUT, FreeCause.CROWD


def at(hour: float) -> Instant:
    """A time of the day, by a trusted clock."""
    ms = MIDNIGHT_MS + round(hour * HOUR_MS)
    return Instant(ms, ms - MIDNIGHT_MS + 10**9, ClockQuality.TRUSTED, 1)


class Duty:
    """One driver on one bus: the near door's journal."""

    def __init__(self, driver: str, *, bus: str = "", line: str = "r1", hours: tuple[float, float] = (8, 14)) -> None:
        self.driver, self.bus, self.shift = driver, bus or f"bus-{driver}", f"s-{driver}"
        self.told: list[Told] = []
        self.counted: list[Counted] = []
        self._say(
            hours[0], lambda link, now: Shift(link, now, ShiftStep.BEGIN, self.bus, driver, self.shift, None, None)
        )
        self.serve(line, hours[0])
        self.ends = hours[1]

    def serve(self, line: str, hour: float) -> "Duty":
        """Another line."""
        self._say(hour, lambda link, now: Shift(
            link, now, ShiftStep.LINE, self.bus, self.driver, self.shift, line, 0
        ))  # fmt: skip
        return self

    def free(self, *hours: float, cause: FreeCause = OUT, minutes: float = 10, again: bool = True) -> "Duty":
        """Free rides given at these hours, each ended after so long."""
        for hour in hours:
            self._event(hour, EventKind.FREE_RIDE, cause)
            if again:
                self._event(hour + minutes / 60, EventKind.FARES_AGAIN)
        return self

    def _event(self, hour: float, what: EventKind, cause: FreeCause | None = None) -> None:
        self._say(hour, lambda link, now: Event(link, now, self.bus, self.shift, what, cause))

    def _say(self, hour: float, make: object) -> None:
        link = Link(f"{self.bus}-d1", 7, len(self.told) + 1, bytes(32))
        self.told.append(make(link, at(hour)))  # type: ignore[operator]

    def end(self) -> list[Told]:
        """The journal, with the shift's end."""
        self._say(self.ends, lambda link, now: Shift(
            link, now, ShiftStep.END, self.bus, self.driver, self.shift, None, None
        ))  # fmt: skip
        return self.told


def facts(duties: Sequence[Duty], drivers: Mapping[ShiftId, str] | None = None) -> DayFacts:
    """All of them."""
    told = [it for duty in duties for it in duty.end()]
    known = {(duty.bus, duty.shift): duty.driver for duty in duties}
    return DayFacts(DAY, [it for duty in duties for it in duty.counted], told, known if drivers is None else drivers)


def found(*duties: Duty) -> list[Case]:
    """The cases of their day."""
    return cases_of(facts(duties))


def others(count: int = 6, *, line: str = "r1", hours: tuple[float, float] = (8, 14)) -> list[Duty]:
    """Honest drivers of a line."""
    return [Duty(f"{line}-{n}", line=line, hours=hours) for n in range(count)]
