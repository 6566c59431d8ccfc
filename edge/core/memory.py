"""What one bus remembers of its riders, at one of its doors: window, daybook and used tickets as one. Pure.

Rules:
- what the other door tells is known at once where it is against a rider twice on one bus: paid is paid (P7). For a
  rider, a cheaper journey, it counts from when the record that it names is held here and says the same: a door that
  lies leaves a signed record of each lie, which the backend asks for its proof (P9);
- of our own journal nobody else says anything but what its own card has lost: taken back is what it says itself;
- a boarding that was taken back is nobody's: no repeat, no journey, no share of a cap, nothing spent, no grace used up.
  Nor is anything spent by a tap-out of it, whichever came first; one of ours counts until the record is here.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from edge.core.accepted import Accepted, RecordId
from edge.core.daybook import DayBook
from edge.core.telling import accepted_there, as_told, says_the_same
from edge.core.used_tickets import UsedTickets
from edge.core.window import Window
from protocol.wire.driver_records import Annulment
from protocol.wire.records import Instant, Record, Tap
from protocol.wire.sister import FreshBoarding


class Memory:
    """Used under the boarding's lock, `begin` first."""

    def __init__(self, window_s: int, key: bytes) -> None:
        """`key`: the daybook's."""
        self.window = Window(window_s)
        self.daybook = DayBook(key)
        self.tickets = UsedTickets()
        self._epoch = 0
        # (accepted at mono ms, sequence, whether a boarding) of our own: shared with the other door, wiped when past
        self._own: deque[tuple[int, int, bool]] = deque()

    def begin(self, now: Instant, last: RecordId, stored: Iterable[tuple[int, Accepted]]) -> None:
        """Take up what our journal, which ends there, kept of its boardings over a restart."""
        self._epoch = last.epoch
        for mono_ms, sequence, it in self.window.load(stored, now, epoch=last.epoch):
            self._own.append((mono_ms, sequence, True))
            self._boarded(it, RecordId(last.epoch, sequence))
        self._own.append((now.mono_ms, last.sequence, False))

    def accepted(self, it: Accepted, record: RecordId, now: Instant) -> None:
        """A boarding was accepted here."""
        self.window.note(it, record, now)
        self._boarded(it, record)
        if it.uses_ticket:
            self.tickets.note(it, record, now)
        self._own.append((now.mono_ms, record.sequence, True))

    def _boarded(self, it: Accepted, record: RecordId, *, told: bool = False) -> None:
        if it.closes is None or not self.window.is_taken_back(it.closes):
            self.daybook.boarded(it, record, told=told, ended=self.window.ended(it, record))

    def forgettable(self, now: Instant) -> int:
        """The last sequence whose plain ids are past the windows and may be wiped; 0 if there is none new."""
        through = 0
        while self._own and now.mono_ms - self._own[0][0] > self.window.keep_ms:
            through = max(through, self._own.popleft()[1])
        # After a restart the order is by age: what is kept may stand before what is past.
        return min([through, *(sequence - 1 for _, sequence, boarded in self._own if boarded)])

    def fresh(self, now: Instant, first: int, last: int) -> list[FreshBoarding]:
        """Our own boardings whose records lie in first…last."""
        records = [RecordId(self._epoch, it) for _, it, boarded in self._own if boarded and first <= it <= last]
        found = ((record, self.window.of_record(record, now)) for record in records)
        return [as_told(record, it) for record, it in found if it is not None]

    def known(self, now: Instant) -> list[FreshBoarding]:
        """Those of both doors."""
        return [as_told(record, it) for record, it in self.window.entries(now)]

    def heard_of(self, boardings: Sequence[FreshBoarding], now: Instant, *, own_door: int) -> None:
        """What the other door tells."""
        for b in boardings:
            record, it = RecordId(b.epoch, b.sequence), accepted_there(b)
            if it.annulled and record.epoch != self._epoch:
                self._stands_no_more(record)
            if it.uses_ticket:
                self.tickets.told(it, record, now, b.age_ms)
            of_old_card = b.door == own_door  # no receipt for that journal comes any more
            if self.window.told(it, record, now, b.age_ms) and not of_old_card:
                self._boarded(it, record, told=True)

    def unproven(self, boardings: Sequence[FreshBoarding]) -> list[RecordId]:
        """The records of those whose word alone is held here."""
        records = (RecordId(b.epoch, b.sequence) for b in boardings)
        return [record for record in records if self.window.unproven(record) is not None]

    def records_came(self, records: Sequence[Record]) -> None:
        """Records of the other door, verified and held here: what they prove, and what they take back."""
        for it in records:
            if it.link.epoch == self._epoch:
                continue
            if isinstance(it, Tap):
                record = RecordId(it.link.epoch, it.link.sequence)
                told = self.window.unproven(record)
                if told is not None and says_the_same(it, told):
                    self.window.prove(record)
                    self.daybook.proven(told, record, self.window.ended(told, record))
            elif isinstance(it, Annulment):
                self.taken_back(RecordId(it.link.epoch, it.tap))

    def taken_back(self, record: RecordId) -> None:
        """The driver took it back, in a record. Then nothing ended it, and companions count as they were shown."""
        outs = [(out, self.window.ended(out.accepted, out.record)) for out in self.window.tap_outs_of(record)]
        self._stands_no_more(record)
        for out, ended in outs:
            if out.proven or out.record.epoch != self._epoch:  # else the other door tells it of a record of ours
                self.daybook.annulled(out.accepted, out.record)
            for it in ended[1:]:
                if it.proven:
                    self.daybook.annulled(it.accepted, it.record)
                    self._boarded(it.accepted, it.record, told=it.record.epoch != self._epoch)

    def _stands_no_more(self, record: RecordId) -> None:
        """It was taken back, as the other door tells or as a record says."""
        stood = self.window.annul(record)
        if stood is not None:
            self.daybook.annulled(stood, record)
            self.tickets.take_back(stood, record)
