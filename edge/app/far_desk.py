"""The other door, as the terminal knows it: it follows the near door's records (`following`), and its own say the rest.

Fills `Desk`. A shift, a line and a free ride need no word to it: the near door's record of them is the order, and comes
with the next batch. A boarding of that door is taken back in that door's journal: the near door's record asks for it
(`obeying`), and that door's own answers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edge.app.boarding import Boarding
from edge.app.recall import seen_of, under
from edge.core.desk import DoorState, Duty, Seen
from edge.core.errors import DoorUnreached, NotAnnullable
from edge.core.limits import ANNUL_WITHIN_MS, SEEN_KEPT_MAX
from protocol.wire.driver_records import Annulment, AnnulReason, Event, EventKind, FreeCause, TakeBack, encode_event
from protocol.wire.records import Instant, Record, Tap


class FarDesk:
    """The far door. `boarding` is the near one's: both price by the same bundle."""

    def __init__(
        self,
        door: int,
        boarding: Boarding,
        state: Callable[[Instant], DoorState],
        saw: Callable[[Seen], None],
        took_back: Callable[[int], None],
    ) -> None:
        self._door, self._boarding, self._state, self._saw = door, boarding, state, saw
        self._took_back = took_back
        self._shift: str | None = None
        self._newest: str | None = None  # also once it has ended: an answer may come late
        self._epochs: dict[int, int] = {}  # of the newest boardings, by sequence

    @property
    def door(self) -> int:
        """Its number."""
        return self._door

    def state(self, now: Instant) -> DoorState:
        """How it is, as far as the link says."""
        return self._state(now)

    def begin_shift(self, duty: Duty, _now: Instant) -> None:
        """Its answers under this shift are counted from now on."""
        self._shift = self._newest = duty.shift

    def serve(self, _duty: Duty, _now: Instant) -> None:
        """The near door's record says it."""

    def end_shift(self, _duty: Duty, _now: Instant) -> None:
        """Nothing of it is counted any more."""
        self._shift = None

    def free_ride(self, _duty: Duty, _cause: FreeCause | None, _now: Instant) -> None:
        """The near door's record says it."""

    def proxy(self, _duty: Duty, _companions: int, _now: Instant) -> Seen:
        """Raises DoorUnreached: the driver boards people at the near door."""
        raise DoorUnreached("nobody is boarded by the driver at the other door", fix="board them at the near one")

    def annul(self, duty: Duty, sequence: int, reason: AnnulReason, now: Instant) -> bool:
        """Ask for it, by a record of the near door. Raises DoorUnreached while the link is down, NotAnnullable."""
        epoch = self._epochs.get(sequence)
        if epoch is None:
            raise NotAnnullable("that boarding stands in no journal of the other door that is in use",
                                fix="give the complaint number", sequence=sequence)  # fmt: skip
        if not self.state(now).follows:
            raise DoorUnreached("the other door is not reached", fix="look at the cable between the doors")
        vehicle, order = self._boarding.service.vehicle, TakeBack(epoch, sequence, reason)
        self._boarding.write(
            lambda link: encode_event(Event(link, now, vehicle, duty.shift, EventKind.TAKE_BACK, order=order))
        )
        return False

    def event(self, _duty: Duty | None, _kind: EventKind, _now: Instant) -> None:
        """The near door's record says it."""

    def records_came(self, records: Sequence[Record], now: Instant) -> None:
        """Verified records of that door, in their order: what it answered under this shift is seen."""
        for record in records:
            if isinstance(record, Tap) and record.service.shift is not None and record.service.shift == self._shift:
                self._saw(self._seen(record, now, unknown_ms=0))
            elif isinstance(record, Annulment) and record.shift == self._newest:
                self._took_back(record.tap)

    def take_up(self, duty: Duty, since: Instant, records: Iterable[Record], now: Instant) -> list[tuple[Seen, bool]]:
        """Count for this shift again, which began `since`, after a start → its answers, by `records`, newest first.

        Each with whether it was taken back.
        """
        self._shift = self._newest = duty.shift
        taps, taken_back = under(records, duty.shift, since)
        return [(self._seen(tap, now), (tap.link.epoch, tap.link.sequence) in taken_back) for tap in taps]

    def _seen(self, tap: Tap, now: Instant, *, unknown_ms: int = ANNUL_WITHIN_MS + 1) -> Seen:
        """Dated as it happened: what came late is not shown as new. Under the door's number here."""
        self._epochs[tap.link.sequence] = tap.link.epoch
        while len(self._epochs) > SEEN_KEPT_MAX:
            del self._epochs[next(iter(self._epochs))]
        return replace(seen_of(tap, self._boarding, now, unknown_ms=unknown_ms), door=self._door)
