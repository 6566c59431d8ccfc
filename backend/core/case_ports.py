"""The port for cases: what the rules look at, and the cases that stand. Part of `Store`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.day_facts import DayFacts


class CaseStore(Protocol):
    """Used off the hot path. Raises StoreFailed."""

    def days_to_look_at(self) -> tuple[Collection[int], int]:
        """Service days of which records came since they were last looked at → them, and how far that reaches."""
        ...

    def looked_at(self, reach: int, *, from_day: int) -> None:
        """Everything so far as `reach` was looked at; of the days before `from_day` nothing is looked at any more."""
        ...

    def day_facts(self, day: int, doors: Iterable[tuple[str, int, str]]) -> DayFacts:
        """What is held of a service day. `doors`: (vehicle, door, device) of all that are enrolled."""
        ...

    def copied_days(self, from_day: int) -> Mapping[int, int]:
        """How many taps of each day since then are copied now: what comes of another day may make one copied."""
        ...

    def copied_facts(self, day: int) -> DayFacts:
        """Of a day, what is copied, and nothing else."""
        ...

    def waiting_annulments(self, before_ms: int) -> Sequence[tuple[str, int]]:
        """(device, how many) of annulments of before, of whose shift no record has come: they move no money."""
        ...

    def keep_cases(
        self, day: int, cases: Sequence[Case], at_ms: int, kinds: Collection[CaseKind] = ...
    ) -> Sequence[KeptCase]:
        """These are a day's cases of these kinds: new ones are opened, known ones renewed, others ended.

        Returns what was opened.
        """
        ...

    def cases(self, *, open_only: bool) -> Sequence[KeptCase]:
        """Newest day first, at most a thousand."""
        ...
