"""What this bus knows of a rider beyond the window: what was spent unseen, and which graces of the day are used up.

Rules:
- no id is kept: riders stand under a keyed digest whose key is made at the start and lives in memory alone. A restart
  forgets what is older than the window; what that is worth to a rider is one more allowance on one bus;
- *unseen* is what no receipt covers, and a receipt covers records of one journal: what was spent at the other door is
  seen when a receipt for that door's journal says so, whoever brings it. Once the backend has it, its deny list says
  who may ride on;
- a grace is used up on the bus, at whichever door it was: for its service day, and until its record is seen;
- what was taken back was not spent, and uses no grace up;
- a tap-out takes the place of its boarding and of the companions who came later, which are records of their own; of
  those that are seen already, only what goes beyond them is unseen;
- at the other door it makes a ride cheaper when its record is held here, and not by that door's word. Companions whom
  that word alone tells were paid for at the end too: they stand, and what goes beyond them is unseen;
- each door's rides have a bound of their own, beyond which the oldest are forgotten, and so have those of one rider at
  a door, beyond which the oldest two count as one, seen with the later of them (see `limits`): what a door tells of one
  rider takes no time of the others;
- a receipt is noted, and what it covers counts no more from that moment; the memory is given back in steps, since a
  receipt after a long outage covers hundreds of thousands of rides, and a rider stands at the door meanwhile.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import blake2b
from itertools import islice
from typing import TypeAlias

from edge.core.accepted import UNKNOWN_MS, Accepted, Kept, RecordId
from edge.core.limits import DAYBOOK_GRACES_MAX, DAYBOOK_OF_RIDER_MAX, DAYBOOK_RIDES_MAX, DAYBOOK_SWEEP
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day

_DIGEST_BYTES = 8
_Rider: TypeAlias = bytes
_Ended: TypeAlias = Sequence[Kept]


class _Grace(Enum):
    EMERGENCY = auto()
    CLOCK = auto()


@dataclass(frozen=True, slots=True)
class _Ride:
    rials: int
    emergency: bool

    def __add__(self, other: "_Ride") -> "_Ride":
        return _Ride(self.rials + other.rials, self.emergency or other.emergency)


@dataclass(slots=True)
class _Rides:
    """Of one door: by rider, and in the order in which they came."""

    order: deque[tuple[RecordId, _Rider]] = field(default_factory=deque)
    of: dict[_Rider, dict[RecordId, _Ride]] = field(default_factory=dict)
    graces: dict[tuple[_Grace, int, _Rider], RecordId] = field(default_factory=dict)

    def add(self, rider: _Rider, record: RecordId, ride: _Ride) -> None:
        self.order.append((record, rider))
        of_rider = self.of.setdefault(rider, {})
        before = of_rider.get(record)  # a card that was rolled back gave one record to two rides (P11)
        of_rider[record] = ride if before is None else before + ride
        if len(of_rider) > DAYBOOK_OF_RIDER_MAX:
            oldest, later = islice(of_rider, 2)
            of_rider[later] += of_rider.pop(oldest)
        if len(self.order) > DAYBOOK_RIDES_MAX:
            self._oldest_goes()

    def _oldest_goes(self) -> None:
        self.take_back(*self.order.popleft())

    def take_back(self, record: RecordId, rider: _Rider) -> None:
        of_rider = self.of.get(rider, {})
        if of_rider.pop(record, None) is not None and not of_rider:
            del self.of[rider]

    def use_up(self, grace: tuple[_Grace, int, _Rider], record: RecordId) -> None:
        self.graces[grace] = record
        if len(self.graces) > DAYBOOK_GRACES_MAX:
            del self.graces[next(iter(self.graces))]

    def give_back(self, grace: tuple[_Grace, int, _Rider], record: RecordId) -> None:
        if self.graces.get(grace) == record:
            del self.graces[grace]

    def sweep(self, seen: dict[int, int], most: int) -> None:
        """Give back what lies covered at the old end, a few at a time."""
        for _ in range(most):
            if not self.order or self.order[0][0].sequence > seen.get(self.order[0][0].epoch, 0):
                return
            self._oldest_goes()


class DayBook:
    """Used under the boarding's lock."""

    def __init__(self, key: bytes) -> None:
        """`key`: at least 16 random bytes, never stored."""
        self._key = key
        self._seen: dict[int, int] = {}  # epoch → the backend holds its records up to here
        self._own, self._told = _Rides(), _Rides()

    def _of(self, credential_id: bytes) -> _Rider:
        return blake2b(credential_id, digest_size=_DIGEST_BYTES, key=self._key).digest()

    def boarded(self, it: Accepted, record: RecordId, *, told: bool = False, ended: _Ended = ()) -> None:
        """A boarding was accepted at this door, or as the other one told.

        `ended`: of a tap-out, the boarding that it ends and the companions who came later (`Window.ended`).
        """
        rider = self._of(it.presentation.credential_id)
        if it.annulled or (told and self._ends(it, rider, ended)):
            return
        self._note(it, record, rider, self._told if told else self._own, ended)

    def proven(self, it: Accepted, record: RecordId, ended: _Ended) -> None:
        """The record of what the other door told is held here and says the same. `ended`: as in `boarded`."""
        rider = self._of(it.presentation.credential_id)
        if self._ends(it, rider, ended):
            self._told.take_back(record, rider)  # told before the boarding that it ends
            self._note(it, record, rider, self._told, ended)

    def _ends(self, it: Accepted, rider: _Rider, ended: _Ended) -> bool:
        """Whether it is a tap-out of what stands here."""
        if it.closes is None:
            return False
        records = _replaced(it.closes, ended)
        return any(records & rides.of.get(rider, {}).keys() for rides in (self._own, self._told))

    def _note(self, it: Accepted, record: RecordId, rider: _Rider, of_door: _Rides, ended: _Ended) -> None:
        rials = it.fare_rials
        if it.closes is not None:  # what the ride cost in the end takes the place of what it cost at most
            rials -= sum(self._counted(of, rider) for of in ended)
            for one in _replaced(it.closes, ended):
                for rides in (self._own, self._told):
                    rides.take_back(one, rider)
            if not ended and self._is_seen(it.closes):
                return
        for grace in _graces(it):
            of_door.use_up((grace, _day(it), rider), record)
        if rials > 0 and not self._is_seen(record):
            of_door.add(rider, record, _Ride(rials, it.reason is Reason.EMERGENCY_RIDE))
            of_door.sweep(self._seen, 2)

    def _counted(self, of: Kept, rider: _Rider) -> int:
        """What of a tap-out is counted elsewhere: what the backend has, and what stands by the other door's word."""
        if of.proven:
            return of.accepted.fare_rials if self._is_seen(of.record) else 0
        stands = None if self._is_seen(of.record) else self._told.of.get(rider, {}).get(of.record)
        return 0 if stands is None else min(stands.rials, of.accepted.fare_rials)

    def _is_seen(self, record: RecordId) -> bool:
        return record.sequence <= self._seen.get(record.epoch, 0)

    def annulled(self, it: Accepted, record: RecordId) -> None:
        """It was taken back."""
        rider = self._of(it.presentation.credential_id)
        for of_door in (self._own, self._told):
            of_door.take_back(record, rider)
            for grace in _graces(it):
                of_door.give_back((grace, _day(it), rider), record)

    def receipted(self, epoch: int, through: int) -> None:
        """The backend holds the records 1…`through` of the journal of this epoch, of whichever door."""
        self._seen[epoch] = max(through, self._seen.get(epoch, 0))
        for of_door in (self._own, self._told):
            of_door.sweep(self._seen, DAYBOOK_SWEEP)

    def _unseen(self, credential_id: bytes) -> Iterator[_Ride]:
        rider = self._of(credential_id)
        for of_door in (self._own, self._told):
            for record, ride in of_door.of.get(rider, {}).items():
                if not self._is_seen(record):
                    yield ride

    def spent(self, credential_id: bytes) -> int:
        """Rials that the rider spent on this bus and the backend has not seen."""
        return sum(ride.rials for ride in self._unseen(credential_id))

    def emergency_used(self, credential_id: bytes, day: int) -> bool:
        """Whether the one ride beyond the allowance was taken on this bus, unseen yet or on this service day."""
        if any(ride.emergency for ride in self._unseen(credential_id)):
            return True
        return self._used_up(_Grace.EMERGENCY, credential_id, day)

    def clock_grace_used(self, credential_id: bytes, day: int) -> bool:
        """Whether a phone set wrong rode on this bus on this service day."""
        return self._used_up(_Grace.CLOCK, credential_id, day)

    def _used_up(self, grace: _Grace, credential_id: bytes, day: int) -> bool:
        key = (grace, day, self._of(credential_id))
        return key in self._own.graces or key in self._told.graces


def _replaced(closes: RecordId, ended: _Ended) -> set[RecordId]:
    """Whose place a tap-out takes."""
    return {closes, *(of.record for of in ended if of.proven)}


def _graces(it: Accepted) -> Iterator[_Grace]:
    """The graces of a day that a boarding used up. A day that no clock told is none."""
    if it.wall_ms != UNKNOWN_MS and it.reason is Reason.EMERGENCY_RIDE:
        yield _Grace.EMERGENCY
    if it.wall_ms != UNKNOWN_MS and it.verdict is Verdict.PHONE_CLOCK_WRONG:
        yield _Grace.CLOCK


def _day(it: Accepted) -> int:
    return service_day(it.wall_ms)
