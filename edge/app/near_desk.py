"""The door at which the terminal is served: what a driver does there becomes records of its own journal.

Fills `Desk` over `Boarding`. A record is durable before the door behaves by it: what fails to be written has not
happened, and the door goes on as before.
"""

from collections.abc import Callable
from dataclasses import replace

from edge.app.boarding import Boarding, Outcome
from edge.core.desk import DoorState, Duty, Seen
from protocol.fares.pricing import Ride, boarded_by, price
from protocol.fares.tariff import RiderClass
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import (
    Annulment,
    AnnulReason,
    Event,
    EventKind,
    FreeCause,
    Shift,
    ShiftStep,
    encode_annulment,
    encode_event,
    encode_shift,
)
from protocol.wire.records import Instant, Tap

WHY = {FreeCause.READER_OUT: Reason.READER_OUT, FreeCause.CROWD: Reason.CROWD, FreeCause.ORDER: Reason.ORDER}


class NearDesk:
    """One door of this device. `state` says how it is, from whichever thread asks."""

    def __init__(self, boarding: Boarding, state: Callable[[Instant], DoorState]) -> None:
        self._boarding, self._state = boarding, state

    @property
    def door(self) -> int:
        """Its number."""
        return self._boarding.service.door

    def state(self, now: Instant) -> DoorState:
        """How it is."""
        return self._state(now)

    def begin_shift(self, duty: Duty, now: Instant) -> None:
        """A driver begins; no line is served before one is chosen."""
        self._step(ShiftStep.BEGIN, duty, now)
        self._serve(duty)

    def take_up(self, duty: Duty, cause: FreeCause | None) -> None:
        """Behave as a shift's records say, after a start; `cause`: of a free ride that holds. Nothing is written."""
        self._serve(duty)
        self._boarding.let_ride(Reason.NONE if cause is None else WHY[cause])

    def serve(self, duty: Duty, now: Instant) -> None:
        """Another line or direction."""
        self._step(ShiftStep.LINE, duty, now)
        self._serve(duty)

    def end_shift(self, duty: Duty, now: Instant) -> None:
        """Taps name no shift from now on; the line stays, for the bus still runs on it."""
        self._step(ShiftStep.END, duty, now)
        self._boarding.serve(replace(self._boarding.service, shift=None))

    def _step(self, step: ShiftStep, duty: Duty, now: Instant) -> None:
        vehicle = self._boarding.service.vehicle
        self._boarding.write(
            lambda link: encode_shift(
                Shift(link, now, step, vehicle, duty.driver, duty.shift, duty.route, duty.direction)
            )
        )

    def _serve(self, duty: Duty) -> None:
        """A trip belongs to the line before."""
        before = self._boarding.service
        self._boarding.serve(replace(before, route=duty.route, direction=duty.direction, shift=duty.shift, trip=None))

    def free_ride(self, duty: Duty, cause: FreeCause | None, now: Instant) -> None:
        """Everybody rides free from the next tap on, or no more."""
        what = EventKind.FARES_AGAIN if cause is None else EventKind.FREE_RIDE
        self._event(duty.shift, what, cause, now)
        self._boarding.let_ride(Reason.NONE if cause is None else WHY[cause])

    def event(self, duty: Duty | None, kind: EventKind, now: Instant) -> None:
        """What a driver reports."""
        self._event(None if duty is None else duty.shift, kind, None, now)

    def _event(self, shift: str | None, what: EventKind, cause: FreeCause | None, now: Instant) -> None:
        vehicle = self._boarding.service.vehicle
        self._boarding.write(lambda link: encode_event(Event(link, now, vehicle, shift, what, cause)))

    def annul(self, duty: Duty, sequence: int, reason: AnnulReason, now: Instant) -> bool:
        """Take the boarding of this record back."""
        take_back(self._boarding, duty.shift, sequence, reason, now)
        return True

    def proxy(self, _duty: Duty, companions: int, now: Instant) -> Seen:
        """A tap of code kind PROXY; the door shows it."""
        outcome = self._boarding.proxy(companions, now)
        if outcome.problem is not None:
            raise outcome.problem
        return replace(self.seen(outcome, now), proxy=True)

    def seen(self, outcome: Outcome, now: Instant) -> Seen:
        """An answer of this door, as the terminal counts it."""
        it = outcome.showing
        persons = persons_of(self._boarding, it.verdict, it.party, it.fare_rials, now)
        return Seen(self.door, outcome.sequence, now, it.verdict, it.reason, it.fare_rials, persons)


def take_back(boarding: Boarding, shift: str, sequence: int, reason: AnnulReason, now: Instant) -> None:
    """A boarding of this door is annulled in its journal. Raises JournalFull, JournalFailed, SignerFailed."""
    vehicle = boarding.service.vehicle
    boarding.annul(sequence, lambda link: encode_annulment(Annulment(link, now, vehicle, shift, sequence, reason)))


def persons_of(boarding: Boarding, verdict: Verdict, party: int, fare_rials: int, now: Instant) -> int:
    """Who boarded by an answer of now."""
    return _persons(boarding, verdict, party, fare_rials, at=now, line=boarding.fare_line)


def persons_in(boarding: Boarding, tap: Tap) -> int:
    """The same of a record, by the time and line that it names. `boarding`: a door of this bus."""
    return _persons(boarding, tap.verdict, tap.party, tap.fare_rials, at=tap.at, line=tap.fare_line)


def _persons(
    boarding: Boarding, verdict: Verdict, party: int, fare_rials: int, *, at: Instant, line: str | None
) -> int:
    wall_ms = at.wall_ms if at.trusted else None
    return boarded_by(boarding.bundle.tariff_at(wall_ms), verdict, party, fare_rials, line=line, wall_ms=wall_ms)


def fare_rials(boarding: Boarding, persons: int, now: Instant) -> int:
    """What so many adults pay at this door now: what the driver's float would be charged."""
    wall_ms = now.wall_ms if now.trusted else None
    ride = Ride(int(RiderClass.ADULT), persons - 1, line=boarding.fare_line, wall_ms=wall_ms)
    return price(boarding.bundle.tariff_at(wall_ms), ride).rider_rials
