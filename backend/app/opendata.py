"""A month of open data, counted day by day (rules: `backend.core.opendata.cells`)."""

from collections.abc import Callable

from backend.core.opendata.cells import require_settled, told
from backend.core.opendata.ports import OpenDataStore
from backend.core.opendata.release import Month, files
from protocol.jalali import month_begins
from protocol.localtime import service_day


class OpenData:
    """`clock` gives Unix milliseconds."""

    def __init__(self, store: OpenDataStore, city: str, clock: Callable[[], int]) -> None:
        self._store, self._city, self._clock = store, city, clock

    def make(self, month: int, progress: Callable[[int, int], None] = lambda _done, _of: None) -> dict[str, bytes]:
        """A service month's files by name. Raises Refused where it is too early, StoreFailed.

        `progress` is told how many of its days are counted, of how many.
        """
        first, behind = month_begins(month), month_begins(month + 1)
        require_settled(behind - 1, service_day(self._clock()))
        remembered = max(self._store.remembered_day(), first)
        days = {}
        for day in range(remembered, behind):
            days[day] = told(self._store.boardings_of(day))
            progress(day - first + 1, behind - first)
        name = f"{month // 12}-{month % 12 + 1:02}"
        return files(Month(name, self._city, days, range(first, min(remembered, behind))))
