"""Port between the driver's terminal and one door. What a driver does there is a signed record of that door's journal.

The terminal knows doors only by this. A bus has one `Desk` a door; of an act that holds for the whole bus (a shift, a
line, a free ride) each door is told, so each door's journal can be read by itself.
"""

from dataclasses import dataclass
from typing import Protocol

from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import Instant

# What a driver may report; what else is an event is said by other acts.
REPORTS = frozenset(EventKind) - {EventKind.FREE_RIDE, EventKind.FARES_AGAIN, EventKind.TAKE_BACK}


@dataclass(frozen=True, slots=True)
class Duty:
    """Who drives, under which shift, on which line; no line until one is chosen."""

    driver: str
    shift: str
    route: str | None = None
    direction: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer at one door, as its journal holds it. `sequence`: None if nothing could be stored.

    `persons` boarded by it, 0 if none did; `proxy`: the driver took the money, and the driver's float paid.
    """

    door: int
    sequence: int | None
    at: Instant
    verdict: Verdict
    reason: Reason
    fare_rials: int
    persons: int
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class DoorState:
    """How a door is: records that the backend has not receipted, the worst fault in words (empty: none), the links.

    `follows`: it has heard of the shift, line and free ride that it was last told.
    """

    queue: int
    problem: str
    online: bool
    healthy: bool  # the self-test passes: camera, reader and journal work
    follows: bool = True


class Desk(Protocol):
    """One door. Every act is durable and signed when it returns, or raises and has not happened.

    Raises JournalFull, JournalFailed, SignerFailed. Where the door is another device: a shift, a line and a free ride
    reach it as soon as it is reached (`follows`), so a dead door keeps no bus in the depot; an annulment that it cannot
    hear of raises DoorUnreached or NotAnnullable.
    """

    @property
    def door(self) -> int:
        """Its number."""
        ...

    def state(self, now: Instant) -> DoorState:
        """How it is. Raises nothing."""
        ...

    def begin_shift(self, duty: Duty, now: Instant) -> None:
        """A driver begins."""
        ...

    def serve(self, duty: Duty, now: Instant) -> None:
        """From now on taps name this line and direction."""
        ...

    def end_shift(self, duty: Duty, now: Instant) -> None:
        """The driver ends."""
        ...

    def free_ride(self, duty: Duty, cause: FreeCause | None, now: Instant) -> None:
        """From now on everybody rides free, and the door says so; None ends that."""
        ...

    def proxy(self, duty: Duty, companions: int, now: Instant) -> Seen:
        """Somebody without a code boards, with so many more: the driver's float pays the adult fare of each."""
        ...

    def annul(self, duty: Duty, sequence: int, reason: AnnulReason, now: Instant) -> bool:
        """Take back the boarding of this record of this door. False: the door is asked, and answers by its record."""
        ...

    def event(self, duty: Duty | None, kind: EventKind, now: Instant) -> None:
        """Write down what happened; without a duty nobody had signed in."""
        ...
