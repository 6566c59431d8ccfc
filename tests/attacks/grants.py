"""The other direction: riders who scan the bus. Grants copied, kept, held back, forged and moved."""

from typing import Any

from edge.app.scanned import Scanned
from edge.core.ports import Riders
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import read_issued
from protocol.wire.riders import encode_rows, row_of
from simulators.held_riders import HeldRiders
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.ingest import _office
from tests.attacks.worlds import OneDoor, Pretender
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.granted import Granted
from tests.edge.door import DEVICE, ISSUER, STRANGER, at
from tests.edge.test_grants import RIDER, grant

ADULT = Rider(1)


def _code(raw: bytes) -> bytes:
    return write_code(raw).encode()


def _hears(door: OneDoor, raw: bytes, seconds: float) -> int:
    """It comes over the network at this second → how many boarded by it."""
    boarded: list[Any] = []
    scanned = Scanned(
        None, device="bus-1-d1", key=DEVICE, boarding=door.service, randomness=bytes, wake=lambda: None,
        on_granted=lambda outcome, _now: boarded.append(outcome),
    )  # fmt: skip
    scanned.came(raw)
    scanned.step(at(seconds))
    return len(boarded)


@attack(Surface.CODES, Who.RIDER, Outcome.BOUNDED, off("edge.core.grants:_boarded", gives(None)))
def grant_shown_by_friends(ground: Ground) -> Outcome:
    """A grant on a phone's screen is sent to friends, who show it one after another behind the repeat window."""
    door = OneDoor(ground)
    return bounded_by(1, sum(door.boards(_code(grant()), second) for second in (1, 200, 400, 560)))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("protocol.wire.grants:BoardingRequest.good_at", gives(True)))
def grant_of_yesterday(ground: Ground) -> Outcome:
    """A grant that was never shown is kept for the next day's ride on the same bus."""
    return refused_if(not OneDoor(ground).boards(_code(grant()), 86_400))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.grants:_other_vehicle", gives(None)))
def grant_for_another_bus(ground: Ground) -> Outcome:
    """Whoever scanned a bus shows what he was granted on another one."""
    return refused_if(not OneDoor(ground).boards(_code(grant(vehicle="bus-2"))))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.GRANT))
def grant_of_ones_own(ground: Ground) -> Outcome:
    """A rider grants himself a ride, over his own request, and names the city's issuer."""
    raw = grant(issuer=Pretender(STRANGER, ISSUER))  # type: ignore[arg-type]
    return refused_if(not OneDoor(ground).boards(_code(raw)))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.BOARDING))
def grant_without_its_rider(ground: Ground) -> Outcome:
    """With a stolen issuer's key a ride is granted in the name of a rider whom the bus knows."""
    riders: Riders = HeldRiders()
    riders.replace([encode_rows([row_of(read_issued(RIDER.credential))])], number=1)
    return refused_if(not OneDoor(ground, riders=riders).boards(_code(grant(signed_by=STRANGER))))


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, off("edge.app.scanned:GRANT_LIVE_MS", lambda _: 10**9))
def grant_held_back(ground: Ground) -> Outcome:
    """A captured broker keeps a grant until its rider has paid otherwise and gone in, and brings it then."""
    door = OneDoor(ground)
    assert door.boards(RIDER.code(at(20)), 20)
    return refused_if(_hears(door, grant(), 300) == 0)


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, off("edge.app.scanned:Scanned._why_not", gives(None)))
def grant_brought_again(ground: Ground) -> Outcome:
    """A captured broker brings a grant again and again, so that the lamp answers while somebody else stands there."""
    door = OneDoor(ground)
    assert _hears(door, grant(), 1) == 1
    return refused_if(sum(_hears(door, grant(), second) for second in range(2, 9)) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, unchecked(Purpose.BOARDING))
def ride_granted_to_nobody(ground: Ground) -> Outcome:
    """Tap key and issuer's key, both stolen, record a ride in a rider's name that his phone never asked for."""
    bus = Bus()
    bus.tap(Granted(ADULT), proof=Proof.FORGED, fare=FARE)
    return refused_if(_office(ground, bus).store.balance(ADULT.account) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("backend.app.postings:_elsewhere", gives(False)))
def grant_recorded_elsewhere(ground: Ground) -> Outcome:
    """A stolen validator of one bus records the grant of a rider who boards another, to be paid for him."""
    bus = Bus("bus-9-d1")
    bus.tap(Granted(ADULT, vehicle="bus-1"))
    return refused_if(_office(ground, bus).store.balance(bus.operator) == 0)


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("protocol.wire.grants:BoardingRequest.good_at", gives(True))
)
def grant_recorded_later(ground: Ground) -> Outcome:
    """A validator in a thief's hands keeps a grant and records it the next day, as a ride of then."""
    bus = Bus()
    bus.now_ms = NOON_MS + 86_400_000
    bus.tap(Granted(ADULT))
    return refused_if(_office(ground, bus).store.balance(ADULT.account) == 0)
