"""The other direction: riders who scan the bus. Grants copied, kept, held back, forged and moved."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edge.app.scanned import Scanned
from edge.core.ports import Riders
from protocol.errors import SavarError
from protocol.limits import RIALS_MAX
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import read_issued
from protocol.wire.riders import encode_rows, row_of
from simulators.held_riders import HeldRiders
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.ingest import _office
from tests.attacks.worlds import OneDoor, Pretender, fares
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.granted import Granted
from tests.backend.test_grants import Office
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


@attack(Surface.CODES, Who.RIDER, Outcome.BOUNDED, off("edge.core.window:Window.note", gives(None)))
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
    """A captured broker keeps a grant until its rider has given up and taken another bus, and brings it then."""
    return refused_if(_hears(OneDoor(ground), grant(), 300) == 0)


@attack(Surface.CODES, Who.RIDER, Outcome.BOUNDED, off("edge.core.grants:_spent", gives(None)))
def money_that_lapsed(ground: Ground) -> Outcome:
    """On a bus that is away all day one wallet's fare is granted anew every ten minutes, as what was set aside lapses."""
    door = OneDoor(ground)
    rides = [(grant(seconds=600 * n), 600 * n + 1) for n in range(20)]
    return bounded_by(5, sum(door.boards(_code(raw), second) for raw, second in rides))


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, off("edge.core.grants:_code_age_ms", gives(0)))
def grant_behind_his_own_code(ground: Ground) -> Outcome:
    """A captured broker keeps a grant until its rider has shown his own code and a short repeat window is over."""
    door = OneDoor(ground, tariff=fares(30))
    assert door.boards(RIDER.code(at(20)), 20)
    return refused_if(_hears(door, grant(), 110) == 0)


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, off("edge.core.asked:Decision.boards", gives(True)))
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


# --- before the bus hears of it ---------------------------------------------------------------------------------------


def _office_of(ground: Ground) -> Office:
    office = Office(ground.folder)
    ground.closing.callback(office.desk.close)
    return office


def _granted(office: Office, act: Callable[[], object]) -> bool:
    """Whether it ends in a grant."""
    with suppress(SavarError):
        act()
    return bool(office.told)


@attack(Surface.API, Who.RIDER, Outcome.REFUSED, off("protocol.wire.vehicle_codes:VehicleCode.fresh", gives(True)))
def photograph_of_the_bus(ground: Ground) -> Outcome:
    """A rider photographs a bus's code and confirms it from home five minutes later, to be granted a ride that he is not at."""
    office = _office_of(ground)
    office.desk.now_ms += 300_000
    return refused_if(not _granted(office, office.grant))


@attack(Surface.API, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.VEHICLE_CODE))
def sticker_on_the_screen(ground: Ground) -> Outcome:
    """A forger signs codes in a bus's name and shows them elsewhere, for riders to confirm who stand before nothing."""
    office = _office_of(ground)
    code = office.code(tap_key=STRANGER)
    return refused_if(not _granted(office, lambda: office.grants.grant(office.row(), code, office.ask())))


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.BOARDING))
def token_without_the_phone(ground: Ground) -> Outcome:
    """Who has stolen a rider's token, and not his phone's key, confirms rides at his cost."""
    office = _office_of(ground)
    asked = office.ask(signed_by=STRANGER)
    return refused_if(not _granted(office, lambda: office.grants.grant(office.row(), office.code(), asked)))


@attack(
    Surface.API, Who.PHONES, Outcome.REFUSED,
    off("backend.core.ledger.two_phase:Balance.available", gives(RIALS_MAX)),
)  # fmt: skip
def wallet_granted_twice(ground: Ground) -> Outcome:
    """With money for four rides five are confirmed at once, at five doors, before any bus has told of one."""
    office = _office_of(ground)
    for n in range(5):
        _granted(office, lambda n=n: office.grant(after_s=-n))  # type: ignore[misc]
    return refused_if(len(office.told) < 5)


@attack(Surface.CODES, Who.PHONES, Outcome.BOUNDED, off("edge.core.repeats:repeated", gives(None)))
def friends_of_a_senior(ground: Ground) -> Outcome:
    """A senior at home confirms, code after code, what a friend on the bus streams to her, for a group to ride free."""
    door = OneDoor(ground)
    codes = [_code(grant(seconds=second, rider_class=3)) for second in (0, 15, 30, 45)]
    return bounded_by(1, sum(door.boards(code, 5 + 15 * n) for n, code in enumerate(codes)))
