"""The port for cases: what the rules look at, and the cases that stand. Part of `Store`."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeAlias

from backend.core.conduct import Case, KeptCase
from backend.core.day_facts import DayFacts
from backend.core.due_days import DueDay
from backend.core.limits import LISTED_MAX

CaseKey: TypeAlias = tuple[int, str, str]  # day, kind, subject


class CaseStore(Protocol):
    """Used off the hot path. Raises StoreFailed."""

    def days_with_news(self, from_day: int) -> tuple[Collection[int], int]:
        """Service days of which records came since that was last asked and kept → them, and how far that reaches.

        With those since `from_day` of which other taps are copied now than when they were last counted: what comes of
        another day may make one copied.
        """
        ...

    def fall_due(self, days: Collection[int], reach: int, *, from_day: int) -> None:
        """These days wait to be counted again; everything so far as `reach` is seen to.

        Of days before `from_day` that do not wait nothing is remembered for it.
        """
        ...

    def days_due(self) -> Sequence[DueDay]:
        """All that wait to be counted again, by day."""
        ...

    def day_facts(self, day: int, doors: Iterable[tuple[str, int, str]]) -> DayFacts:
        """What is held of a service day. `doors`: (vehicle, door, device) of all that are enrolled."""
        ...

    def waiting_annulments(self, before_ms: int) -> Sequence[tuple[str, int]]:
        """(device, how many) of annulments of before, of whose shift no record has come: they move no money."""
        ...

    def keep_cases(self, due: DueDay, cases: Sequence[Case], copied: int, at_ms: int) -> Sequence[KeptCase]:
        """These are a day's cases: new ones are opened, known ones renewed, others ended; the day waits no more.

        `copied`: how many of its taps were copied when it was counted. Where it had news meanwhile nothing is kept, and
        it waits on. Returns what was opened.
        """
        ...

    def cases(self, *, open_only: bool, after: CaseKey | None = None, limit: int = LISTED_MAX) -> Sequence[KeptCase]:
        """Newest day first, then by kind and subject; `after`: those behind the one with this key."""
        ...
