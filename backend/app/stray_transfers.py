"""Transfers that no tap and no top-up of a run's days accounts for: theirs are looked for elsewhere, then told.

A bus that comes back after weeks brings taps of days gone by, and what comes to light, or what two people decide,
corrects old ones: those transfers are posted in these days, and are no strays. So each is looked for by its key: among
the corrections of the days' own taps, then among the taps of the day that it names, however old. Rows of before a
transfer named its ride's day are looked for day by day, back to STRAY_DAYS_BACK_MAX. A top-up's are looked for among
those of days before, which are judged where they are found: credited in these days, they are nobody else's to look at.

As many as STRAYS_AT_ONCE_MAX are looked for at once, by their ids; those that are told and still open are not looked
for again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from backend.core.ledger import TapId
from backend.core.limits import RECONCILE_ROWS_A_STEP, STRAY_DAYS_BACK_MAX, STRAYS_AT_ONCE_MAX
from backend.core.reconciliation import taps
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.payments import KINDS, covered, credit_of_none, judge_topup, keys_of
from backend.core.reconciliation.ports import ReconcilingStore, Run
from backend.core.reconciliation.taps import (
    OF_TAPS,
    PostedTransfer,
    StandingTap,
    corrections_among,
    keys_beyond,
    own_keys,
)
from protocol.limits import INT63_MAX
from protocol.localtime import day_begins_ms, service_day

_Place: TypeAlias = Sequence[int | str]
_FULL = 0xFF
_LAST_DAY = service_day(INT63_MAX) - 1  # no tap is of a later one, whatever a row says
OWN, DAYS, TOPUPS, TELL = "own", "days", "top-ups", "tell"


class StrayTransfers:
    """Steps of the last stage. A place: [first id of those in hand, the one behind them, what is looked at, where].

    The end of those in hand is kept, for what is found of them is marked: who takes them anew after a kill would take
    others in their stead, and would not look for those on days that are behind.
    """

    def __init__(self, store: ReconcilingStore, run: Run, taps_a_step: int) -> None:
        self._store, self._run, self._taps_a_step = store, run, taps_a_step
        self._from_ms, self._until_ms = day_begins_ms(run.from_day), day_begins_ms(run.to_day + 1)
        self._first: int | None = None  # of those in hand
        self._end = 0  # and behind them
        self._of_taps: dict[bytes, PostedTransfer] = {}
        self._named: Counter[int | None] = Counter()  # the days of those
        self._corrections: Sequence[bytes] = ()  # kinds of those that correct
        self._of_topups: dict[bytes, PostedTransfer] = {}
        self._known: list[Discrepancy] = []  # told before, and open

    def step(self, place: _Place) -> tuple[list[Discrepancy], _Place | None]:
        """From a place → what is told, and the next place; None where nothing is left."""
        first = int(place[0]) if place else self._run.first_transfer
        if self._first != first:
            self._take(first, int(place[1]) if place else None)
        what, within = (str(place[2]), place[3:]) if place else (OWN, ())
        if what in {OWN, DAYS} and self._of_taps:
            return self._look_around(what, within)
        if what != TELL and self._of_topups:
            return self._look_at_topups(within if what == TOPUPS else ())
        told = [
            *self._known, *map(taps.stray, self._of_taps.values()), *map(credit_of_none, self._of_topups.values()),
        ]  # fmt: skip
        for it in (*self._of_taps.values(), *self._of_topups.values()):
            self._run.mark(it.id)
        if self._end > self._run.last_transfer:
            return told, None
        self._take(self._end, None)
        return told, self._place(OWN)

    def _place(self, what: str, *within: int) -> _Place:
        assert self._first is not None
        return [self._first, self._end, what, *within]

    # --- those in hand ------------------------------------------------------------------------------------------------

    def _take(self, first: int, end: int | None) -> None:
        """The next of those that nothing accounts for; up to an `end` where they were taken before."""
        self._of_taps, self._of_topups, self._first, self._known = {}, {}, first, []
        for ids in self._unseen(first, end):
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
        self._named = Counter(it.day for it in self._of_taps.values())
        self._corrections = corrections_among({it.kind for it in self._of_taps.values()})

    def _unseen(self, first: int, end: int | None) -> Iterator[list[int]]:
        ids: list[int] = []
        many, at = 0, first
        last, most = (self._run.last_transfer, STRAYS_AT_ONCE_MAX) if end is None else (end - 1, None)
        while at <= last and (most is None or many < most):
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
        self._end = at if end is None else end
        if ids:
            yield ids

    def _found(self, key: bytes) -> PostedTransfer:
        """A tap accounts for it."""
        it = self._of_taps.pop(key)
        self._named[it.day] -= 1
        self._run.mark(it.id)
        return it

    # --- taps ---------------------------------------------------------------------------------------------------------

    def _look_around(self, what: str, within: _Place) -> tuple[list[Discrepancy], _Place]:
        """Taps, by their days, until a step's were seen. `within`: day, whether of no clock, and behind which."""
        found: list[Discrepancy] = []
        left = self._taps_a_step
        day, undated, *behind = map(int, within) if within else (self._run.from_day, 0)
        while left > 0 and self._of_taps:
            from_ms = day_begins_ms(day)
            until_ms = self._until_ms if what == OWN else day_begins_ms(day + 1)
            after = (behind[0], behind[1]) if behind else None
            names, place = self._store.tap_names(from_ms, until_ms, after, left, undated=bool(undated))
            for tap, wall_ms, revision in names:
                found += self._look_at(tap, wall_ms, revision, own=what == OWN)
            left -= max(len(names), 1)
            behind = [] if place is None else [*place]
            if place is None and undated:
                older = self._day_before(_LAST_DAY + 1 if what == OWN else day)
                if older is None:
                    return found, self._place(TOPUPS)
                what, day, undated = DAYS, older, 0
            elif place is None:
                undated = 1
        return found, self._place(what, day, undated, *behind)

    def _day_before(self, day: int) -> int | None:
        """The newest day before this one of which a tap may be that is looked for; the run's own were looked at."""
        run = self._run
        named = [it for it, many in self._named.items() if many and it is not None and 0 <= it <= _LAST_DAY]
        if self._named[None]:
            named += [run.to_day + 1, *range(run.from_day - STRAY_DAYS_BACK_MAX, run.from_day)]
        return max((it for it in named if it < day and not run.from_day <= it <= run.to_day), default=None)

    def _look_at(self, tap: TapId, wall_ms: int, revision: int | None, *, own: bool) -> Iterator[Discrepancy]:
        """One tap: whether some that are looked for are its own, or of corrections beyond what stands."""
        held = self._of_taps
        if not own:
            for key in own_keys(StandingTap(tap, wall_ms, None, 0, None, revision or 0)):
                if key in held:
                    self._found(key)
        for key in list(keys_beyond(tap, revision or 0, held, self._corrections)):
            it = self._found(key)
            if revision is not None:  # else its claim was deleted, and its corrections are nobody's to judge
                yield taps.beyond(tap, wall_ms, it)

    # --- top-ups ------------------------------------------------------------------------------------------------------

    def _look_at_topups(self, within: _Place) -> tuple[list[Discrepancy], _Place]:
        """Top-ups that were made before the run's days, the newest days first."""
        day = int(within[0]) if within else self._run.from_day - 1
        after = (int(within[1]), str(within[2])) if len(within) > 1 else None
        found: list[Discrepancy] = []
        some, transfers, held = self._store.topups(
            day_begins_ms(day), day_begins_ms(day + 1), after, RECONCILE_ROWS_A_STEP
        )  # fmt: skip
        for topup, told in some:
            ours = [key for keys in keys_of(topup.id) for key in keys if key in self._of_topups]
            for key in ours:
                self._run.mark(self._of_topups.pop(key).id)
            if ours:
                found += judge_topup(topup, transfers, told, covered=covered(topup, transfers, held))
        if len(some) == RECONCILE_ROWS_A_STEP:
            return found, [*self._place(TOPUPS, day), some[-1][0].created_ms, some[-1][0].id]
        if not self._of_topups or day <= self._run.from_day - STRAY_DAYS_BACK_MAX:
            return found, self._place(TELL)
        return found, self._place(TOPUPS, day - 1)
