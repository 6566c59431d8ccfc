"""Transfers that no tap and no top-up of a run's days accounts for: theirs are looked for elsewhere, then told.

A bus that comes back after weeks brings taps of days gone by, and what comes to light corrects old ones: those
transfers are posted in these days, and are no strays. So each is looked for among the corrections of the days' own
taps, then day by day outwards, and a top-up's among those of before. As many as STRAYS_AT_ONCE_MAX are looked for at
once, by their ids; those that are told and still open are not looked for again.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from backend.core.limits import RECONCILE_ROWS_A_STEP, STRAY_DAYS_BACK_MAX, STRAYS_AT_ONCE_MAX
from backend.core.reconciliation import taps
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.payments import KINDS, credit_of_none, keys_of
from backend.core.reconciliation.ports import ReconcilingStore, Run
from backend.core.reconciliation.taps import OF_TAPS, PostedTransfer, StandingTap, keys_beyond, own_keys
from protocol.localtime import day_begins_ms

_Place: TypeAlias = Sequence[int | str]
_FULL = 0xFF


class StrayTransfers:
    """Steps of the last stage. A place: [first id of those in hand, which days, then within them]."""

    def __init__(self, store: ReconcilingStore, run: Run, taps_a_step: int) -> None:
        self._store, self._run, self._taps_a_step = store, run, taps_a_step
        self._from_ms, self._until_ms = day_begins_ms(run.from_day), day_begins_ms(run.to_day + 1)
        self._first: int | None = None  # of those in hand
        self._end = 0  # and behind them
        self._of_taps: dict[bytes, PostedTransfer] = {}
        self._of_topups: dict[bytes, PostedTransfer] = {}
        self._known: list[Discrepancy] = []  # told before, and open
        self._days = [
            run.from_day,
            run.to_day + 1,
            *(run.from_day - back for back in range(1, STRAY_DAYS_BACK_MAX + 1)),
        ]

    def step(self, place: _Place) -> tuple[list[Discrepancy], _Place | None]:
        """From a place → what is told, and the next place; None where nothing is left."""
        first = int(place[0]) if place else self._run.first_transfer
        if self._first != first:
            self._take(first)
        which = int(place[1]) if place else 0
        if self._of_taps and which < len(self._days):
            return self._look_around(first, which, place[2:])
        if self._of_topups and which <= len(self._days):
            return self._look_at_topups(first, place[2:] if which == len(self._days) else ())
        told = [
            *self._known, *map(taps.stray, self._of_taps.values()), *map(credit_of_none, self._of_topups.values()),
        ]  # fmt: skip
        for it in (*self._of_taps.values(), *self._of_topups.values()):
            self._run.mark(it.id)
        return told, None if self._end > self._run.last_transfer else [self._end]

    def _take(self, first: int) -> None:
        """The next of those that nothing accounts for."""
        self._of_taps, self._of_topups, self._first, self._known = {}, {}, first, []
        for ids in self._unseen(first):
            found = [
                it for it in self._store.transfers_by_id(ids) if self._from_ms <= it.at_ms < self._until_ms
            ]  # fmt: skip
            told = {it.id: taps.stray(it) if it.kind in OF_TAPS else credit_of_none(it) for it in found}
            known = self._store.open_among([it.name for it in told.values()])
            for it in found:
                if told[it.id].name in known:
                    self._known.append(told[it.id])
                elif it.kind in OF_TAPS:
                    self._of_taps[it.key] = it
                elif it.kind in KINDS:
                    self._of_topups[it.key] = it

    def _unseen(self, first: int) -> Iterator[list[int]]:
        ids: list[int] = []
        many, at = 0, first
        while at <= self._run.last_transfer and many < STRAYS_AT_ONCE_MAX:
            offset = at - self._run.first_transfer
            if not offset & 7 and self._run.seen[offset >> 3] == _FULL:
                at += 8
                continue
            if not self._run.is_seen(at):
                ids.append(at)
                many += 1
                if len(ids) == RECONCILE_ROWS_A_STEP:
                    yield ids
                    ids = []
            at += 1
        self._end = at
        if ids:
            yield ids

    def _look_around(self, first: int, which: int, within: _Place) -> tuple[list[Discrepancy], _Place]:
        """Days, one after the other, until a step's taps were seen: most of those before have none."""
        found: list[Discrepancy] = []
        left = self._taps_a_step
        place: _Place = [first, which, *within]
        while left > 0 and self._of_taps and int(place[1]) < len(self._days):
            told, place, seen = self._look(first, int(place[1]), place[2:], left)
            found += told
            left -= seen
        return found, place

    def _look(self, first: int, which: int, within: _Place, most: int) -> tuple[list[Discrepancy], _Place, int]:
        """Taps of one of the days, the first time of all the run's own → what is told, the next place, taps seen."""
        day = self._days[which]
        own = which == 0
        until_ms = self._until_ms if own else day_begins_ms(day + 1)
        after = (int(within[0]), int(within[1])) if within else None
        names, behind = self._store.tap_names(day_begins_ms(day), until_ms, after, most)
        found: list[Discrepancy] = []
        for tap, wall_ms, revision in names:
            held = self._of_taps
            if not own:
                for key in own_keys(StandingTap(tap, wall_ms, None, 0, None, revision or 0)):
                    if key in held:
                        self._run.mark(held.pop(key).id)
            for key in list(keys_beyond(tap, revision or 0, held)):
                it = held.pop(key)
                self._run.mark(it.id)
                if revision is not None:  # else its claim was deleted, and its corrections are nobody's to judge
                    found.append(taps.beyond(tap, wall_ms, it))
        return found, [first, which, *behind] if behind is not None else [first, which + 1], len(names)

    def _look_at_topups(self, first: int, within: _Place) -> tuple[list[Discrepancy], _Place]:
        """Top-ups that were made before the run's days."""
        after = (int(within[0]), str(within[1])) if within else None
        from_ms = day_begins_ms(self._run.from_day - STRAY_DAYS_BACK_MAX)
        some, _, _ = self._store.topups(from_ms, self._from_ms, after, RECONCILE_ROWS_A_STEP)
        for topup, _ in some:
            for key in (key for keys in keys_of(topup.id) for key in keys):
                if (it := self._of_topups.pop(key, None)) is not None:
                    self._run.mark(it.id)
        which = len(self._days)
        if len(some) == RECONCILE_ROWS_A_STEP:
            return [], [first, which, some[-1][0].created_ms, some[-1][0].id]
        return [], [first, which + 1]
