"""What a day's outages cost: fares not taken while everybody rode free, and what riders could spend unseen."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from backend.core.case_ports import CaseStore
from backend.core.limits import LOSS_DAYS_BACK, RECONCILE_TAPS_A_STEP
from backend.core.reconciliation.exposures import Exposure, Exposures
from backend.core.reconciliation.losses import Loss, day_kind, estimated, ordinary_of, pieces
from backend.core.reconciliation.ports import LossStore, ReconcilingStore
from protocol.localtime import day_begins_ms


class FactsStore(CaseStore, LossStore, Protocol):
    """The parts of the store that losses need."""


def losses_of(store: FactsStore, day: int, doors: Iterable[tuple[str, int, str]]) -> Sequence[Loss]:
    """Of each outage of a service day, by line and hour. Raises StoreFailed. `doors`: as for cases."""
    found = list(pieces(store.day_facts(day, doors)))
    if not found:
        return []
    before = store.taken(day_begins_ms(day - LOSS_DAYS_BACK), day_begins_ms(day))
    ordinary = ordinary_of(before, day_kind(day))
    spans = {it: (it.vehicle, it.from_ms, it.until_ms) for it in found}
    taken = store.taken_within(set(spans.values()))
    return [estimated(it, ordinary, taken[spans[it]]) for it in found]


def exposures_of(store: ReconcilingStore, day: int, tick: Callable[[int], None] = lambda _: None) -> Iterator[Exposure]:
    """Of each outage that a service day's late taps tell of. Raises StoreFailed."""
    looking, after, done = Exposures(), None, 0
    while True:
        taps, after = store.standing_taps(day_begins_ms(day), day_begins_ms(day + 1), after, RECONCILE_TAPS_A_STEP)
        yield from looking.look(taps)
        done += len(taps)
        tick(done)
        if after is None:
            break
    yield from looking.rest()
