"""A grant that the network brings boards somebody, or nobody hears of it: who stands there has shown nothing."""

from collections.abc import Callable

import pytest

from protocol.fares.policies import Policies
from protocol.fares.tariff import Band, LineFare, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.passes import read_issued
from protocol.wire.records import ClockQuality, Service
from protocol.wire.riders import encode_rows, row_of
from protocol.wire.sister import Along
from simulators.held_riders import HeldRiders
from tests.edge.door import FARE, ISSUER, at
from tests.edge.test_grants import RIDER, TAKEN, ScannedDoor, grant

LINE = LineFare(0, (Band(2_000, 20_000), Band(50_000, 90_000)))
DISTANCE = Tariff(7, FARE, {}, 180, tap_out=True, lines={"r9": LINE})


def paid_by_his_own_code() -> ScannedDoor:
    door = ScannedDoor()
    outcome = door.boarding.present(RIDER.code(at()), at(), settled=True)
    assert outcome is not None
    assert outcome.showing.verdict is Verdict.ACCEPTED
    return door


def denied() -> ScannedDoor:
    return ScannedDoor(changes={"deny": {RIDER.credential_id: 1}, "deny_number": 1})


def in_training() -> ScannedDoor:
    return ScannedDoor(changes={"policies": Policies(training=frozenset({"bus-1"}))})


def known_rider() -> ScannedDoor:
    riders = HeldRiders()
    riders.replace([encode_rows([row_of(read_issued(RIDER.credential))])], number=1)
    return ScannedDoor(riders=riders)


@pytest.mark.parametrize("made", [paid_by_his_own_code, denied, in_training])
def test_what_would_be_refused_lights_no_lamp_and_fills_no_card(made: Callable[[], ScannedDoor]) -> None:
    """Its rider asks the backend for the same grant again and again, and each time the bus is told."""
    door = made()
    records, shown = door.journal.head.sequence, len(door.panel.shown)
    for n in range(50):
        assert door.hear(grant(seconds=15 * (n % 4)), at(60 + n)) is None
    assert (door.journal.head.sequence, len(door.panel.shown)) == (records, shown)
    assert door.scanned.passed_over == 50


def test_a_grant_without_its_riders_word_lights_no_lamp_from_afar() -> None:
    """A stolen issuer's key, and a door that knows the rider."""
    door = known_rider()
    assert door.hear(grant(signed_by=ISSUER)) is None
    assert (door.taps, door.panel.shown) == (0, [])


@pytest.mark.parametrize("way", [ScannedDoor.show, ScannedDoor.hear])
def test_whoever_is_granted_a_ride_by_distance_pays_for_its_metres(way: Callable[..., object]) -> None:
    """As who showed his own code: without the place where he boarded, the least band is all that he could be asked."""
    places = [500, 20_500]
    door = ScannedDoor(changes={"tariff": DISTANCE})
    door.boarding.serve(Service("bus-1", 1, "r9", 0, "t-1"))
    door.boarding._along = lambda _: (Along("r9", 0, "t-1", places[0]), None)
    assert way(door, grant(most=90_000)) == TAKEN
    assert (door.last().fare_rials, door.last().metres) == (90_000, 500)
    del places[0]
    outcome = door.boarding.present(RIDER.code(at(600)), at(600), settled=True)
    assert outcome is not None
    assert (outcome.showing.verdict, outcome.showing.reason) == (Verdict.TAPPED_OUT, Reason.NONE)
    assert door.last().fare_rials == 90_000


@pytest.mark.parametrize("way", [ScannedDoor.show, ScannedDoor.hear])
def test_who_boarded_since_the_code_was_made_has_paid_whatever_the_tariffs_window(way: Callable[..., object]) -> None:
    """He confirmed, nothing came, he showed his own code; then the grant comes. One ride was confirmed."""
    door = ScannedDoor(changes={"tariff": Tariff(7, FARE, {}, 30)})
    outcome = door.boarding.present(RIDER.code(at(20)), at(20), settled=True)
    assert outcome is not None
    assert outcome.showing.verdict is Verdict.ACCEPTED
    assert way(door, grant(), at(110)) in (None, (Verdict.ALREADY_PAID, Reason.SAME_DOOR))
    assert door.boarding.accepted == 1
    assert way(door, grant(seconds=60), at(111)) == TAKEN  # the next code is the next ride


def test_money_that_lapsed_is_granted_to_a_bus_that_is_away_no_longer_than_a_pass_rides_unseen() -> None:
    """A wallet of one fare, a bus without a network, a new grant every ten minutes."""
    door = ScannedDoor()
    answers = [door.show(grant(seconds=600 * n), at(600 * n + 1)) for n in range(8)]
    assert answers == [TAKEN] * 5 + [(Verdict.DENIED, Reason.ALLOWANCE_SPENT)] * 3
    assert door.hear(grant(seconds=9_000), at(9_001)) is None
    door.boarding.heard(at(9_100).wall_ms, through=door.journal.head.sequence)
    assert door.show(grant(seconds=9_101), at(9_102)) == TAKEN


def test_who_pays_nothing_spends_nothing_unseen() -> None:
    """He paid for companions all day, and goes home alone."""
    door = ScannedDoor()
    assert door.show(grant(rider_class=3, party=5), at(1)) == (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
    assert door.last().fare_rials == 5 * FARE
    assert door.show(grant(seconds=600, rider_class=3), at(601)) == (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
    assert door.show(grant(seconds=1_200, rider_class=3, party=1), at(1_201))[0] is Verdict.DENIED


@pytest.mark.parametrize(("seconds", "quality"), [(-31, ClockQuality.TRUSTED), (1, ClockQuality.UNTRUSTED)])
def test_a_free_ride_from_afar_needs_a_grant_of_now(seconds: int, quality: ClockQuality) -> None:
    """Before a camera everybody boards free; over the network somebody else would, at any time."""
    door = ScannedDoor()
    door.boarding.let_ride(Reason.READER_OUT)
    assert door.hear(grant(), at(seconds, quality=quality)) is None
    assert door.hear(grant(vehicle="bus-2"), at(1)) is None
    assert door.hear(grant(), at(1)) == (Verdict.BOARD_FREE, Reason.READER_OUT)


def test_a_row_of_a_phone_before_says_nothing_of_the_next_ones_word() -> None:
    """He has moved to a new phone, and this bus has not heard of it."""
    assert known_rider().show(grant(version=2, signed_by=ISSUER)) == TAKEN
