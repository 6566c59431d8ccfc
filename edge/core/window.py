"""The repeat and transfer window: which boardings this bus accepted lately, by plain id, and no longer than needed.

Rules:
- ages are counted on the monotonic clock, so a wall clock that jumps opens no window and closes none (P14);
- after a restart an entry's age is what the wall clock says, kept between 0 and the keeping time; where either reading
  was not to be trusted, it is young;
- an entry is kept for the longer of the tariff's two windows, and at least as long as its presentation could still
  pass as fresh;
- the other door's boardings stand beside our own (P7); their age is what that door says, on its own monotonic clock;
- a boarding is one by its presentation; its record only finds it. A journal that a card rolled back gives one record to
  two boardings, and both are kept (P11);
- one that the driver took back is found by its code alone: the very same render is a copy, its rider has not paid;
- each door's boardings have a bound of their own, beyond which the oldest go: a door that lies pushes out nothing of
  ours.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count, takewhile

from edge.core.accepted import UNKNOWN_MS, Accepted, Kept, RecordId
from edge.core.limits import WINDOW_BOARDINGS_MAX
from protocol import limits
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant

# A presentation accepted at the early end of the widest freshness window is fresh until its late end.
_FRESH_SPAN_MS = 2 * limits.FRESH_WINDOW_MAX_S * 1000


@dataclass(frozen=True, slots=True)
class Earlier:
    """A boarding found in the window, and how long ago it was. `proven`: not by the other door's word alone."""

    accepted: Accepted
    age_ms: int
    record: RecordId
    proven: bool = True


@dataclass(slots=True, eq=False)
class _Item:
    mono_ms: int
    record: RecordId
    accepted: Accepted
    proven: bool = True


@dataclass(slots=True)
class _Order:
    """A heap by age: the other door's word may come late."""

    heap: list[tuple[int, int, _Item]] = field(default_factory=list)
    ties: Iterator[int] = field(default_factory=count)

    def push(self, item: _Item) -> None:
        heappush(self.heap, (item.mono_ms, next(self.ties), item))

    def past(self, before_ms: int) -> Iterator[_Item]:
        """Those from before that time, and the oldest beyond the bound."""
        while self.heap and (self.heap[0][0] < before_ms or len(self.heap) > WINDOW_BOARDINGS_MAX):
            yield heappop(self.heap)[2]


class Window:
    """Accepted boardings, by presentation, by credential and by record."""

    def __init__(self, window_s: int) -> None:
        self._keep_ms = _keep_ms(window_s)
        self._own, self._told = _Order(), _Order()
        self._by_record: dict[RecordId, _Item] = {}
        self._by_presentation: dict[Presentation, _Item] = {}
        self._by_credential: dict[bytes, list[_Item]] = {}  # without what was taken back; by age, the latest last

    def follow(self, window_s: int) -> None:
        """A new tariff's window holds from now on; what a shorter one let go does not come back."""
        self._keep_ms = _keep_ms(window_s)

    @property
    def keep_ms(self) -> int:
        """How long an entry is kept, in milliseconds."""
        return self._keep_ms

    def load(
        self, stored: Iterable[tuple[int, Accepted]], now: Instant, *, epoch: int
    ) -> list[tuple[int, int, Accepted]]:
        """Take up what the journal of this epoch kept → (accepted at mono ms, sequence, boarding), oldest first."""
        aged = sorted(
            ((self._age(entry, now), sequence, entry) for sequence, entry in stored),
            key=lambda row: (-row[0], row[1]),
        )
        taken = [(now.mono_ms - age, sequence, entry) for age, sequence, entry in aged]
        for mono_ms, sequence, entry in taken:
            self._put(_Item(mono_ms, RecordId(epoch, sequence), entry), self._own)
        self.forget(now)
        return taken

    def _age(self, entry: Accepted, now: Instant) -> int:
        if not now.trusted or entry.wall_ms == UNKNOWN_MS:
            return 0
        return min(max(now.wall_ms - entry.wall_ms, 0), self._keep_ms)

    def note(self, accepted: Accepted, record: RecordId, now: Instant) -> None:
        """A boarding was accepted here, just now."""
        self._put(_Item(now.mono_ms, record, accepted), self._own)
        self.forget(now)

    def told(self, accepted: Accepted, record: RecordId, now: Instant, age_ms: int) -> bool:
        """The other door says that one was accepted on this bus `age_ms` ago → whether that is news."""
        news = age_ms <= self._keep_ms and self._put(_Item(now.mono_ms - age_ms, record, accepted, False), self._told)
        self.forget(now)
        return news

    def unproven(self, record: RecordId) -> Accepted | None:
        """The boarding of this record, if it was told and nothing else is known of it."""
        item = self._by_record.get(record)
        return None if item is None or item.proven else item.accepted

    def prove(self, record: RecordId) -> None:
        """The record is held here and says what was told: the boarding counts for a journey."""
        self._by_record[record].proven = True

    def _put(self, item: _Item, order: _Order) -> bool:
        shown = item.accepted.presentation
        before = self._by_presentation.get(shown)
        if before is not None:
            same = before.record == item.record  # told again
            if same or item.accepted.annulled or not before.accepted.annulled:
                return False  # both doors accepted one render: the first that was heard of stands while it stands
        order.push(item)
        if order is self._own or item.record not in self._by_record:
            self._by_record[item.record] = item
        self._by_presentation[shown] = item
        if not item.accepted.annulled:
            insort(self._by_credential.setdefault(shown.credential_id, []), item, key=lambda it: it.mono_ms)
        return True

    def annul(self, record: RecordId) -> Accepted | None:
        """A boarding was taken back → it as it stood; None where none stands under that record."""
        item = self._by_record.get(record)
        if item is None or item.accepted.annulled:
            return None
        self._leave_rider(item)
        stood, item.accepted = item.accepted, replace(item.accepted, annulled=True)
        return stood

    def stands(self, record: RecordId) -> bool:
        """Whether a boarding of this record is kept that was not taken back."""
        item = self._by_record.get(record)
        return item is not None and not item.accepted.annulled

    def is_taken_back(self, record: RecordId) -> bool:
        """Whether a boarding of this record is kept that was."""
        item = self._by_record.get(record)
        return item is not None and item.accepted.annulled

    def ended(self, out: Accepted, record: RecordId) -> list[Kept]:
        """Of a tap-out, in this record: the boarding that it ends, and the companions who came later.

        Nothing where that boarding is not proven, is not kept, or does not stand.
        """
        boarded = None if out.closes is None else self._by_record.get(out.closes)
        of_rider = self._by_credential.get(out.presentation.credential_id, [])
        if boarded is None or not boarded.proven or boarded not in of_rider:
            return []
        behind = takewhile(
            lambda it: it.record != record and not it.accepted.begins, of_rider[of_rider.index(boarded) + 1 :]
        )
        companions = (it for it in behind if it.accepted.extends)
        return [Kept(it.record, it.accepted, it.proven) for it in (boarded, *companions)]

    def tap_outs_of(self, record: RecordId) -> list[Kept]:
        """The tap-outs that name the boarding of this record, which is kept."""
        boarded = self._by_record.get(record)
        if boarded is None:
            return []
        of_rider = self._by_credential.get(boarded.accepted.presentation.credential_id, ())
        return [Kept(it.record, it.accepted, it.proven) for it in of_rider if it.accepted.closes == record]

    def forget(self, now: Instant) -> None:
        """Drop entries that are past keeping."""
        before_ms = now.mono_ms - self._keep_ms
        for order in (self._own, self._told):
            for item in order.past(before_ms):
                if self._by_record.get(item.record) is item:
                    del self._by_record[item.record]
                if self._by_presentation.get(item.accepted.presentation) is item:
                    del self._by_presentation[item.accepted.presentation]
                if not item.accepted.annulled:
                    self._leave_rider(item)

    def _leave_rider(self, item: _Item) -> None:
        credential_id = item.accepted.presentation.credential_id
        of_rider = self._by_credential[credential_id]
        of_rider.remove(item)
        if not of_rider:
            del self._by_credential[credential_id]

    def of_presentation(self, presentation: Presentation, now: Instant) -> Earlier | None:
        """The boarding that this very presentation was accepted for, if any, taken back or not."""
        item = self._by_presentation.get(presentation)
        return None if item is None else _aged(item, now)

    def of_credential(self, credential_id: bytes, now: Instant) -> list[Earlier]:
        """The boardings of this credential that stand, within the keeping time, the latest first."""
        aged = (_aged(item, now) for item in reversed(self._by_credential.get(credential_id, ())))
        return [it for it in aged if it.age_ms <= self._keep_ms]

    def of_record(self, record: RecordId, now: Instant) -> Earlier | None:
        """The boarding of this record, taken back or not."""
        item = self._by_record.get(record)
        return None if item is None else _aged(item, now)

    def entries(self, now: Instant) -> Iterator[tuple[RecordId, Earlier]]:
        """Everything that is kept, of both doors, taken back or not."""
        for item in self._by_presentation.values():
            yield item.record, _aged(item, now)

    def __len__(self) -> int:
        return len(self._own.heap) + len(self._told.heap)


def _keep_ms(window_s: int) -> int:
    return max(window_s * 1000, _FRESH_SPAN_MS)


def _aged(item: _Item, now: Instant) -> Earlier:
    return Earlier(item.accepted, max(0, now.mono_ms - item.mono_ms), item.record, item.proven)
