"""The other door, as the terminal knows it: it follows the near door's records (`following`), and its own say the rest.

Fills `Desk`. A shift, a line and a free ride need no word to it: the near door's record of them is the order, and comes
with the next batch. A boarding of that door stands in that door's journal and is not taken back from here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edge.app.boarding import Boarding
from edge.app.recall import seen_of, taps_under
from edge.core.desk import DoorState, Duty, Seen
from edge.core.errors import DoorUnreached, NotAnnullable
from edge.core.limits import ANNUL_WITHIN_MS
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import Instant, Record, Tap


class FarDesk:
    """The far door. `boarding` is the near one's: both price by the same bundle."""

    annuls = False

    def __init__(
        self, door: int, boarding: Boarding, state: Callable[[Instant], DoorState], saw: Callable[[Seen], None]
    ) -> None:
        self._door, self._boarding, self._state, self._saw = door, boarding, state, saw
        self._shift: str | None = None

    @property
    def door(self) -> int:
        """Its number."""
        return self._door

    def state(self, now: Instant) -> DoorState:
        """How it is, as far as the link says."""
        return self._state(now)

    def begin_shift(self, duty: Duty, _now: Instant) -> None:
        """Its answers under this shift are counted from now on."""
        self._shift = duty.shift

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

    def annul(self, _duty: Duty, _sequence: int, _reason: AnnulReason, _now: Instant) -> None:
        """Raises NotAnnullable."""
        raise NotAnnullable("a boarding of the other door is not taken back here", fix="give the complaint number")

    def event(self, _duty: Duty | None, _kind: EventKind, _now: Instant) -> None:
        """The near door's record says it."""

    def records_came(self, records: Sequence[Record], now: Instant) -> None:
        """Verified records of that door, in their order: what it answered under this shift is seen."""
        for record in records:
            if isinstance(record, Tap) and record.service.shift is not None and record.service.shift == self._shift:
                self._saw(self._seen(record, now, unknown_ms=0))

    def take_up(self, duty: Duty, records: Iterable[Record], now: Instant) -> list[Seen]:
        """Count for this shift again, after a start → what it answered so far, by `records`, newest first."""
        self._shift = duty.shift
        return [self._seen(tap, now) for tap in taps_under(records, duty.shift)]

    def _seen(self, tap: Tap, now: Instant, *, unknown_ms: int = ANNUL_WITHIN_MS + 1) -> Seen:
        """Dated as it happened: what came late is not shown as new. Under the door's number here."""
        return replace(seen_of(tap, self._boarding, now, unknown_ms=unknown_ms), door=self._door)
