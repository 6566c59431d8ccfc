"""Taps of a run held against their transfers, span by span: what one process does of it, and how several share it.

A span is a part of the run's time, a service day as a rule, and how far it was looked at. Spans know nothing of each
other, so whoever has several processes looks at as many spans at once; what was found is kept by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from backend.core.limits import RECONCILE_LATE_MS
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.ports import ReconcilingStore
from backend.core.reconciliation.taps import judge
from protocol.localtime import day_begins_ms

_NOWHERE = -1  # in a place: nothing of the span was looked at


@dataclass(frozen=True, slots=True)
class Span:
    """Taps of this time behind a place. `undated`: those whose records name another time."""

    from_ms: int
    until_ms: int
    after: tuple[int, int] | None = None
    undated: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a span. `ids`: transfers that its taps account for. `behind`: None at the span's end."""

    found: Sequence[Discrepancy]
    ids: Sequence[int]
    rials: int
    taps: int
    late: int
    behind: tuple[int, int] | None


Asked: TypeAlias = tuple[Span, int]  # and how many taps at most


class Lookers(Protocol):
    """Who looks at as many spans at once."""

    @property
    def many(self) -> int:
        """How many at once."""
        ...

    def __call__(self, asked: Sequence[Asked]) -> Sequence[Looked]:
        """Each span's next taps, in their order. Raises StoreFailed."""
        ...


class Alone:
    """One span at a time, over the run's own store."""

    many = 1

    def __init__(self, store: ReconcilingStore) -> None:
        self._store = store

    def __call__(self, asked: Sequence[Asked]) -> Sequence[Looked]:
        """Each span's next taps, in their order. Raises StoreFailed."""
        return [look(self._store, it) for it in asked]


def look(store: ReconcilingStore, asked: Asked) -> Looked:
    """The next taps of a span, one snapshot. Raises StoreFailed."""
    span, most = asked
    taps, behind = store.standing_taps(span.from_ms, span.until_ms, span.after, most, undated=span.undated)
    remembered = store.remembered_day()  # behind the taps: forgetting says its day before it begins
    found: list[Discrepancy] = []
    ids: list[int] = []
    late = rials = 0
    for tap, transfers in taps:
        found += judge(tap, transfers, remembered)
        for it in transfers:
            ids.append(it.id)
            rials += it.rials
        if transfers and transfers[0].at_ms - tap.wall_ms > RECONCILE_LATE_MS:
            late += 1
    return Looked(found, ids, rials, len(taps), late, behind)


def spans_of(days: tuple[int, int]) -> list[Span]:
    """A run's service days, both ends included."""
    return [Span(day_begins_ms(day), day_begins_ms(day + 1)) for day in range(days[0], days[1] + 1)]


def behind(span: Span, looked: Looked) -> Span | None:
    """What is left of it; None where nothing is."""
    return None if looked.behind is None else replace(span, after=looked.behind)


def kept(spans: Sequence[Span]) -> list[int]:
    """Spans as a run keeps its place: four numbers each."""
    return [part for it in spans for part in (it.from_ms, it.until_ms, *(it.after or (_NOWHERE, _NOWHERE)))]


def read(place: Sequence[int | str], *, undated: bool) -> list[Span]:
    """`kept`, read."""
    return list(_read([int(it) for it in place], undated=undated))


def _read(numbers: Sequence[int], *, undated: bool) -> Iterator[Span]:
    for at in range(0, len(numbers), 4):
        from_ms, until_ms, wall_ms, row = numbers[at : at + 4]
        yield Span(from_ms, until_ms, None if wall_ms == _NOWHERE else (wall_ms, row), undated)
