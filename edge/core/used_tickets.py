"""Which bearer tickets this bus has carried. No phone signs them anew, so only what counts their rides bounds them.

Rules:
- a single ride is remembered until there is no room for it, whatever the clock says: one that jumped past its last day
  must not let it ride again (P14). It says of nobody where else he rode;
- a ride of a card counts on its service day. One whose day no trusted clock said counts for 24 h by the monotonic
  clock, and where no clock is trusted now, every ride of the last 24 h does. It is forgotten after 48 h: plain ids stay
  on the bus no longer than they are asked for;
- the other door's rides stand beside our own (P7), and all of them outlive a restart, where in doubt one is young. One
  that the driver took back is none;
- our card's rows of our own journal are ours alone: what the other door tells of that one (a card that was rolled back
  has lost it) refuses for as long as we run, and neither replaces a row nor wipes one;
- the memory is bounded, for each door by itself: one that lies pushes out nothing of ours. When it is full, singles
  past their last day go first, looked for once a day, then the oldest: the rider is carried, a copy of that ticket may
  be too, and it is counted and told (P15).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from edge.core.accepted import UNKNOWN_MS, Accepted, RecordId
from edge.core.limits import CARD_RIDE_COUNTS_MS, CARD_RIDE_KEPT_MS, TICKETS_KEPT_STEP, TICKETS_USED_MAX
from protocol.localtime import service_day
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant
from protocol.wire.tickets import ridden_card, ridden_until

# One record stands for two rides where a card was rolled back (P11): both are kept.
_RideId: TypeAlias = tuple[RecordId, Presentation]


@dataclass(frozen=True, slots=True)
class _Ride:
    mono_ms: int
    day: int | None  # None: no trusted clock said it
    last_day: int  # of the ticket


@dataclass(slots=True)
class _Door:
    """What one door has carried."""

    cards: dict[_RideId, _Ride] = field(default_factory=dict)  # oldest first, as good as
    singles: dict[_RideId, _Ride] = field(default_factory=dict)
    swept_day: int | None = None  # singles past their last day were looked for

    def of(self, name: _RideId) -> dict[_RideId, _Ride]:
        """Where a ride stands."""
        return self.cards if ridden_card(name[1]) else self.singles

    def __len__(self) -> int:
        return len(self.cards) + len(self.singles)


class UsedTickets:
    """Used under the boarding's lock."""

    def __init__(self, most: int = TICKETS_USED_MAX) -> None:
        self._most = most
        self._by_ticket: dict[bytes, dict[_RideId, _Ride]] = defaultdict(dict)
        self._own, self._other = _Door(), _Door()
        self._told: list[tuple[RecordId, Accepted]] = []  # by the other door, and not yet on the card
        self._gone: list[RecordId] = []  # forgotten, and still on the card
        self._epoch: int | None = None  # of our journal, once it is read
        self.forgotten = 0  # rides that still counted, for want of room

    def load(self, stored: Iterable[tuple[RecordId, Accepted]], now: Instant, *, epoch: int) -> None:
        """Take up what the journal of this epoch kept over a restart."""
        self._epoch = epoch
        aged = [(_age(it, now), record, it) for record, it in stored]
        for age_ms, record, it in sorted(aged, key=lambda row: -row[0]):
            self._put(self._own if record.epoch == epoch else self._other, it, record, now, age_ms)

    def note(self, it: Accepted, record: RecordId, now: Instant) -> None:
        """A ticket was ridden here, just now."""
        self._put(self._own, it, record, now, 0)

    def told(self, it: Accepted, record: RecordId, now: Instant, age_ms: int) -> None:
        """The other door says that one was ridden there `age_ms` ago."""
        news = self._put(self._other, it, record, now, age_ms)
        if news and record.epoch != self._epoch and len(self._told) < self._most:
            self._told.append((record, it))

    def _put(self, door: _Door, it: Accepted, record: RecordId, now: Instant, age_ms: int) -> bool:
        name = (record, it.presentation)
        of_ticket = self._by_ticket[it.presentation.credential_id]
        if name in of_ticket:
            return False  # told again
        day = None if it.wall_ms == UNKNOWN_MS else service_day(it.wall_ms)
        ride = _Ride(now.mono_ms - age_ms, day, ridden_until(it.presentation))
        of_ticket[name] = door.of(name)[name] = ride
        self._forget(door, now)
        return True

    def take_back(self, it: Accepted, record: RecordId) -> None:
        """The driver took a ride back: its ticket may ride."""
        name = (record, it.presentation)
        for door in (self._own, self._other):
            if name in door.of(name):
                self._drop(door, name)

    def rides(self, ticket_id: bytes) -> int:
        """How often a ticket rode on this bus, as far as that is remembered."""
        return len(self._by_ticket.get(ticket_id, ()))

    def rides_today(self, ticket_id: bytes, now: Instant) -> int:
        """How many of its rides count today."""
        today = service_day(now.wall_ms) if now.trusted else None
        return sum(
            now.mono_ms - ride.mono_ms < CARD_RIDE_COUNTS_MS if None in (today, ride.day) else ride.day == today
            for ride in self._by_ticket.get(ticket_id, {}).values()
        )

    def unkept(self, now: Instant) -> tuple[list[tuple[RecordId, Accepted]], list[RecordId]]:
        """What the card does not have yet, a step of it: rides that the other door told, and those forgotten."""
        for door in (self._own, self._other):
            self._forget(door, now)
        return self._told[:TICKETS_KEPT_STEP], self._gone[:TICKETS_KEPT_STEP]

    def kept(self, told: int, gone: int) -> None:
        """The card has the first so many of them."""
        del self._told[:told], self._gone[:gone]

    def _forget(self, door: _Door, now: Instant) -> None:
        while door.cards and now.mono_ms - next(iter(door.cards.values())).mono_ms > CARD_RIDE_KEPT_MS:
            self._drop(door, next(iter(door.cards)))
        if len(door) <= self._most:
            return
        today = service_day(now.wall_ms) if now.trusted else None
        if today is not None and today != door.swept_day:
            door.swept_day = today
            for name in [name for name, ride in door.singles.items() if ride.last_day < today]:
                self._drop(door, name)
        while len(door) > self._most:
            self._drop(door, next(iter(door.singles or door.cards)))
            self.forgotten += 1

    def _drop(self, door: _Door, name: _RideId) -> None:
        record, shown = name
        del door.of(name)[name], self._by_ticket[shown.credential_id][name]
        if not self._by_ticket[shown.credential_id]:
            del self._by_ticket[shown.credential_id]
        if door is self._other and record.epoch == self._epoch:
            return  # it never came to the card
        if len(self._gone) < self._most:  # the next start finds the others
            self._gone.append(record)

    def __len__(self) -> int:
        return len(self._own) + len(self._other)


def _age(it: Accepted, now: Instant) -> int:
    return 0 if not now.trusted or it.wall_ms == UNKNOWN_MS else max(now.wall_ms - it.wall_ms, 0)
