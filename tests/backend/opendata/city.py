"""A line's day in a real ledger: riders who board at given hours, and what is told of it."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from backend.app.opendata import OpenData
from backend.core.limits import OPEN_DATA_AFTER_DAYS
from protocol.fares.verdicts import Verdict
from protocol.jalali import month_begins, service_month
from protocol.localtime import day_begins_ms, service_day
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk

DAY = service_day(NOON_MS)
MONTH = service_month(DAY)
DAY_MS = 86_400_000
LATER_MS = day_begins_ms(month_begins(MONTH + 1) + OPEN_DATA_AFTER_DAYS)  # the first moment at which it may be told
REDUCED = 2


def riders(count: int, first: int = 1, rider_class: int = 0) -> list[Rider]:
    """So many, numbered on."""
    return [Rider(n, rider_class=rider_class) for n in range(first, first + count)]


class LineDay:
    """One bus of line r9 on DAY, and the desk that holds what it tells."""

    def __init__(self, folder: Path, known: Iterable[Rider], *more: Bus) -> None:
        self.bus = Bus()
        self.desk = Desk(folder, [self.bus, *more], known)
        self._n = 0

    def board(
        self, who: Iterable[Rider], hour: int, minute: int = 0, *, bus: Bus | None = None, party: int = 0,
        day: int = DAY,
    ) -> None:  # fmt: skip
        """Each boards once, a second after the other."""
        bus = bus or self.bus
        for rider in who:
            self._n += 1
            at_ms = day_begins_ms(day) + (hour * 60 + minute) * 60_000 + self._n * 1000
            bus.now_ms = at_ms
            verdict = Verdict.ACCEPTED_CONCESSION if rider.rider_class else Verdict.ACCEPTED
            bus.tap(rider.show(self._n, party=party, time_s=at_ms // 1000), verdict=verdict)

    def bring(self, bus: Bus | None = None) -> None:
        """The bus's journal comes in."""
        self.desk.take_whole(bus or self.bus)

    def release(self, now_ms: int = LATER_MS, month: int = MONTH) -> dict[str, bytes]:
        """The month's files, made then."""
        return OpenData(self.desk.store, CITY, lambda: now_ms).make(month)

    def rows(self, now_ms: int = LATER_MS) -> dict[tuple[str, ...], int]:
        """Its table: (day, line, hour, class) → boardings."""
        return table(self.release(now_ms))


def table(files: dict[str, bytes]) -> dict[tuple[str, ...], int]:
    """A release's rows."""
    head, *rows = csv.reader(io.StringIO(files["boardings.csv"].decode()))
    assert head == ["day", "line", "hour", "class", "boardings"]
    return {tuple(row[:-1]): int(row[-1]) for row in rows}
