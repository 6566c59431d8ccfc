"""The port for cases: what the rules look at, and the cases that stand. Part of `Store`."""

from collections.abc import Collection, Sequence
from typing import Protocol

from backend.core.conduct import Case, KeptCase
from backend.core.driver_cases import DayFacts


class CaseStore(Protocol):
    """Used off the hot path. Raises StoreFailed."""

    def days_to_look_at(self) -> tuple[Collection[int], int]:
        """Service days of which records came since they were last looked at → them, and how far that reaches."""
        ...

    def looked_at(self, reach: int) -> None:
        """Everything so far as `reach` was looked at."""
        ...

    def day_facts(self, day: int) -> DayFacts:
        """What is held of a service day."""
        ...

    def keep_cases(self, day: int, cases: Sequence[Case], at_ms: int) -> Sequence[KeptCase]:
        """These are the cases of a day: new ones are opened, known ones renewed, others ended → what was opened."""
        ...

    def cases(self, *, open_only: bool) -> Sequence[KeptCase]:
        """Newest day first, at most a thousand."""
        ...
