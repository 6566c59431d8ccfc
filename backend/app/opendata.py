"""A month of open data, counted day by day (rules: `backend.core.opendata.cells`)."""

from collections.abc import Callable, Mapping

from backend.core.errors import Refused
from backend.core.opendata.cells import Count, Key, require_settled, told
from backend.core.opendata.ports import OpenDataStore
from backend.core.opendata.release import Month, files
from protocol.jalali import month_begins, month_text
from protocol.localtime import service_day


class OpenData:
    """`clock` gives Unix milliseconds."""

    def __init__(self, store: OpenDataStore, city: str, clock: Callable[[], int]) -> None:
        self._store, self._city, self._clock = store, city, clock

    def make(self, month: int, progress: Callable[[int, int], None] = lambda _done, _of: None) -> dict[str, bytes]:
        """A service month's files by name. Raises Refused where it is too early or nobody boarded, StoreFailed.

        `progress` is told how many of its days are counted, of how many.
        """
        first, behind = month_begins(month), month_begins(month + 1)
        require_settled(behind - 1, service_day(self._clock()))
        name = month_text(month)
        found: dict[int, Mapping[Key, Count]] = {}
        for day in range(self._remembered(first, behind), behind):
            found[day] = self._store.boardings_of(day)
            progress(day - first + 1, behind - first)
        remembered = self._remembered(first, behind)  # again: what was forgotten meanwhile may be counted by half
        days = {day: told(counts) for day, counts in found.items() if day >= remembered}
        if remembered == first and not any(found.values()):
            raise Refused(
                f"nobody boarded in {name}, as this ledger knows",
                fix="look at --config, which names the ledger, and at --month",
            )
        return files(Month(name, self._city, days, range(first, remembered)))

    def _remembered(self, first: int, behind: int) -> int:
        """From which day of the month on nothing is forgotten; `behind`: all of it is."""
        return min(max(self._store.remembered_day(), first), behind)
