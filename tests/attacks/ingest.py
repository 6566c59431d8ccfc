"""A thief with a validator: he signs whatever he likes as that device. What it brings him, and what it costs riders."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from backend.core.floats import Proxy
from backend.core.holding import Hold, Why
from backend.core.limits import (
    INBOX_MESSAGES_MAX,
    PROXY_PERSONS_A_DAY_MAX,
    PROXY_PERSONS_VEHICLE_DAY_MAX,
    QUARANTINE_DEVICE_BYTES_MAX,
)
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide
from protocol.errors import SealBroken
from protocol.fares.pricing import Price
from protocol.limits import RIALS_MAX
from protocol.wire.keys import Purpose
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, detected_if, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.desk import Desk
from tests.backend.test_stolen_key import drive
from tests.backend.test_worker import Post
from tests.backend.tickets import issue, printed

ADULT = Rider(1)
(TICKET,) = printed(issue("singles"), 1)
DAYS_30_S = 30 * 86_400


def _office(ground: Ground, *buses: Bus, **more: Any) -> Desk:
    desk = Desk(ground.folder, buses, [ADULT], tickets=[TICKET], **more)
    ground.closing.callback(desk.close)
    for bus in buses:
        for batch in bus.batches(100):
            desk.take((bus, batch))
    return desk


def _stolen() -> Bus:
    bus = Bus("bus-9-d1")
    bus.now_ms = NOON_MS
    return bus


def _rider_pays(desk: Desk) -> int:
    return -desk.store.balance(ADULT.account)


def _is_paid(it: Any) -> Any:
    return it._replace(hold=Hold.PAID) if isinstance(it, tuple) else replace(it, hold=Hold.PAID)


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED,
    off("backend.core.holding:owed", lambda owed: lambda it, parts=None: owed(_is_paid(it), parts)),
)  # fmt: skip
def rides_of_nobody(ground: Ground) -> Outcome:
    """A stolen tap key signs a hundred rides without any rider's proof, so that its bus's owner is paid for them."""
    bus = _stolen()
    for n in range(100):
        bus.tap(ADULT.show(n), proof=Proof.STRIPPED, fare=FARE)
    return refused_if(_office(ground, bus).store.balance(bus.operator) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, unchecked(Purpose.PASS))
def proof_by_another_phone(ground: Ground) -> Outcome:
    """A stolen tap key charges a rider for a ride that a phone of the thief's has signed."""
    bus = _stolen()
    bus.tap(ADULT.show(1), proof=Proof.FORGED)
    return refused_if(_rider_pays(_office(ground, bus)) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, unchecked(Purpose.SHORT_PASS))
def short_proof_by_another_phone(ground: Ground) -> Outcome:
    """The same with the short form of a code, which names the rider and brings no credential."""
    bus = _stolen()
    bus.tap(ADULT.show_short(1), proof=Proof.FORGED)
    return refused_if(_rider_pays(_office(ground, bus)) == 0)


def _opens_anywhere(opens: Callable[..., bytes]) -> Callable[..., bytes]:
    def believing(day_key: Any, sequence: int, sealed: bytes, public: bytes) -> bytes:
        try:
            return opens(day_key, sequence, sealed, public)
        except SealBroken:
            return opens(day_key, sequence + 1, sealed, public)

    return believing


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("protocol.wire.seal:DayKey.open", _opens_anywhere))
def proof_moved_to_another_tap(ground: Ground) -> Outcome:
    """The sealed part of one tap, with a rider's proof in it, is put into the record of another."""
    bus = _stolen()
    bus.tap(ADULT.show(1), proof=Proof.MOVED)
    return refused_if(_rider_pays(_office(ground, bus)) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("protocol.fares.freshness:fresh", gives(True)))
def code_of_last_month(ground: Ground) -> Outcome:
    """A code that was photographed last month and never told is put into a record of today."""
    bus = _stolen()
    bus.tap(ADULT.show(1, time_s=NOON_MS // 1000 - DAYS_30_S))
    return refused_if(_rider_pays(_office(ground, bus)) == 0)


def _party_of_the_record(claim: Callable[..., Claim]) -> Callable[..., Claim]:
    return lambda group, tap, proof, cost, vehicle: claim(group, tap, replace(proof, party=tap.party), cost, vehicle)


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED,
    off("backend.app.postings:GroupPostings._claim", _party_of_the_record),
)  # fmt: skip
def companions_that_nobody_brought(ground: Ground) -> Outcome:
    """A record tells of fifteen companions where its rider signed that he is alone."""
    bus = _stolen()
    bus.tap(ADULT.show(1), party=15, fare=RIALS_MAX)
    return refused_if(_rider_pays(_office(ground, bus)) == FARE)


def _fare_of_the_record(_: object) -> Callable[..., Price]:
    return lambda group, tap, proof: Price(tap.fare_rials, 0, tap.fare_rials, 1000, 1000)


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("backend.app.postings:GroupPostings._cost", _fare_of_the_record)
)
def fare_of_a_thousand_fares(ground: Ground) -> Outcome:
    """A record names a fare of a thousand times what the tariff has."""
    bus = _stolen()
    bus.tap(ADULT.show(1), fare=1_000 * FARE)
    return refused_if(_rider_pays(_office(ground, bus)) == FARE)


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.BOUNDED,
    off("backend.app.postings:GroupPostings._dearest", gives(RIALS_MAX)),
)  # fmt: skip
def tariff_that_nobody_made(ground: Ground) -> Outcome:
    """A record names a tariff that nobody knows, with a fare of the thief's own: the dearest known fare is charged."""
    bus = _stolen()
    bus.tap(ADULT.show(1), fare=1_000 * FARE, tariff=999)
    return bounded_by(FARE, _rider_pays(_office(ground, bus)))


@attack(
    Surface.INGEST, Who.VALIDATOR, Outcome.BOUNDED,
    off("backend.core.repeats:_sets", lambda _: lambda rides: [[it] for it in rides]),
)  # fmt: skip
def one_code_told_ten_times(ground: Ground) -> Outcome:
    """A code that a camera saw is told ten times, by a stolen key and in a new journal: its rider is charged once."""
    bus, anew = _stolen(), Bus("bus-9-d1", epoch=2_002)
    anew.now_ms, shown = NOON_MS, ADULT.show(1)
    for journal in (bus, anew):
        for _ in range(5):
            journal.tap(shown)
    return bounded_by(FARE, _rider_pays(_office(ground, bus, anew)))


@attack(
    Surface.INGEST,
    Who.PHONES,
    Outcome.DETECTED,
    off("backend.core.repeats:_sets", lambda _: lambda rides: [[it] for it in rides]),
)
def code_sent_to_friends(ground: Ground) -> Outcome:
    """One code is sent to friends on five buses within its half minute, and all board: one fare, and a case each."""
    buses, shown = [Bus(f"bus-{n}-d1") for n in range(5)], ADULT.show(1)
    for bus in buses:
        bus.now_ms = NOON_MS
        bus.tap(shown)
    cases = _office(ground, *buses).store.held(None, 9)
    return detected_if({it.why for it in cases} == {Why.CONTESTED, Why.COPIED} and len(cases) == len(buses))


def _all_are_paid(stand_rides: Callable[..., list[TicketRide]]) -> Callable[..., list[TicketRide]]:
    def believing(rides: Iterable[TicketRide], **known: Any) -> list[TicketRide]:
        return [replace(it, paid=True) for it in stand_rides(rides, **known)]

    return believing


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.BOUNDED, off("backend.core.tickets:stand_rides", _all_are_paid))
def ticket_told_ten_times(ground: Ground) -> Outcome:
    """A single ride that a camera saw is told ten times: the issue that was sold pays one."""
    bus = _stolen()
    for _ in range(10):
        bus.tap(TICKET, fare=FARE)
    return bounded_by(FARE, _office(ground, bus).store.balance(bus.operator))


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, unchecked(Purpose.TICKET))
def ticket_that_nobody_printed(ground: Ground) -> Outcome:
    """A stolen tap key tells of a listed ticket's id, under a signature of the thief's own."""
    bus = _stolen()
    bus.tap(TICKET, fare=FARE, proof=Proof.FORGED)
    return refused_if(_office(ground, bus).store.balance(bus.operator) == 0)


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.REFUSED, off("backend.app.drivers:GroupDrivers._knows", gives(True)))
def drivers_of_ones_own(ground: Ground) -> Outcome:
    """A stolen tap key makes up drivers whose floats pay for a busful each."""
    bus = _stolen()
    drive(bus, [f"ghost-{n}" for n in range(3)])
    return refused_if(_office(ground, bus, staff=["d-17"]).store.balance(bus.operator) == 0)


def _none_over(_: object) -> Callable[..., Sequence[Proxy]]:
    return lambda proxies: [replace(it, over=False) for it in proxies]


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.BOUNDED, off("backend.core.floats:within_float", _none_over))
def float_of_a_real_driver(ground: Ground) -> Outcome:
    """A stolen tap key makes up shifts in the name of a driver whom the office knows, all day."""
    bus = _stolen()
    drive(bus, ["d-17"] * 2)
    paid = _office(ground, bus, staff=["d-17"]).store.balance(bus.operator)
    return bounded_by(PROXY_PERSONS_A_DAY_MAX * FARE, paid)


def _room_for_all(_: object) -> Callable[..., Sequence[Proxy]]:
    return lambda proxies: [replace(it, over_vehicle=False) for it in proxies]


@attack(Surface.INGEST, Who.VALIDATOR, Outcome.BOUNDED, off("backend.core.floats:within_vehicle", _room_for_all))
def floats_of_the_whole_staff_list(ground: Ground) -> Outcome:
    """A stolen tap key uses every name that stands on its own device's staff list."""
    bus, names = _stolen(), [f"d-{n}" for n in range(5)]
    drive(bus, names)
    paid = _office(ground, bus, staff=names).store.balance(bus.operator)
    return bounded_by(PROXY_PERSONS_VEHICLE_DAY_MAX * FARE, paid)


@attack(
    Surface.INGEST, Who.TECHNICIAN, Outcome.DETECTED,
    off("backend.app.postings:GroupPostings._watch_vehicle", gives(None)),
)  # fmt: skip
def validator_moved_to_another_bus(ground: Ground) -> Outcome:
    """A technician puts a validator into another bus and tells nobody; that one's rides would be its owner's."""
    bus = _stolen()
    bus.vehicle = "bus-7"
    bus.tap(ADULT.show(1))
    bus.vehicle = "bus-9"
    return detected_if(("other-vehicle", bus.name) in _office(ground, bus).alarms)


@attack(
    Surface.INGEST,
    Who.VALIDATOR,
    Outcome.BOUNDED,
    off("backend.core.limits:QUARANTINE_DEVICE_BYTES_MAX", lambda _: 1 << 40),
)
def flood_of_refused_batches(ground: Ground) -> Outcome:
    """A stolen validator sends batches that are refused, a megabyte each, to fill the ledger's disk: so much is kept."""
    bus, size = _stolen(), 1 << 20
    desk = _office(ground, bus)
    for n in range((QUARANTINE_DEVICE_BYTES_MAX + 4 * size) // size):
        desk.take((bus, n.to_bytes(4, "big") * (size // 4)))
    kept = desk.one("SELECT sum(length(payload)) FROM quarantine")
    assert isinstance(kept, int)
    return bounded_by(QUARANTINE_DEVICE_BYTES_MAX, kept)


@attack(Surface.INGEST, Who.BROKER, Outcome.BOUNDED, off("backend.core.limits:INBOX_MESSAGES_MAX", lambda _: 0))
def flood_of_batches(ground: Ground) -> Outcome:
    """A captured broker brings messages faster than any ledger takes them, to fill the backend's memory."""
    bus = _stolen()
    post = Post(_office(ground), [bus])
    for _ in range(INBOX_MESSAGES_MAX + 500):
        post.worker.offer(f"savar/testabad/s0/{bus.name}/taps", b"noise")
    return bounded_by(INBOX_MESSAGES_MAX, post.worker._inbox.qsize())
