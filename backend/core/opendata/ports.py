"""The port for open data: what is counted, never who."""

from collections.abc import Mapping
from typing import Protocol

from backend.core.opendata.cells import Count, Key


class OpenDataStore(Protocol):
    """Raises StoreFailed."""

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it."""
        ...

    def boardings_of(self, day: int) -> Mapping[Key, Count]:
        """Counts of a service day: of each line's hours, and of their classes. No id of a rider leaves the database."""
        ...
