"""A boarding by a grant is its rider's money by his own signature, once, on the vehicle that he scanned (P6, P9, P20)."""

from pathlib import Path

import pytest

from backend.core.ledger import SUSPENSE
from backend.core.shown import by_row, claimed, claimed_id, holds, open_shown, read_shown
from protocol.errors import ProofError, UnknownRider, WireError
from protocol.fares.verdicts import Verdict
from protocol.wire.grants import GRANTED
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider, key
from tests.backend.desk import Desk
from tests.backend.granted import Granted
from tests.backend.test_ingest_money import balances

pytestmark = pytest.mark.databases

ADULT, STUDENT = Rider(1), Rider(2, rider_class=2)


def desk_of(folder: Path, *buses: Bus) -> Desk:
    desk = Desk(folder, buses, [ADULT, STUDENT])
    for bus in buses:
        desk.take_whole(bus)
    return desk


def boarded(shown: Granted, bus: Bus | None = None, **changes: object) -> Bus:
    found = bus or Bus()
    found.tap(shown, **changes)  # type: ignore[arg-type]
    return found


def test_the_record_charges_the_rider(tmp_path: Path) -> None:
    bus = boarded(Granted(ADULT, party=2))
    desk = desk_of(tmp_path, bus)
    assert balances(desk) == {ADULT.account: -3 * FARE, bus.operator: 3 * FARE}
    assert desk.payers() == ["rider"]


def test_by_the_class_as_issued(tmp_path: Path) -> None:
    bus = boarded(Granted(STUDENT), verdict=Verdict.ACCEPTED_CONCESSION)
    assert balances(desk_of(tmp_path, bus))[STUDENT.account] == -FARE // 2


def test_the_same_grant_at_two_doors_is_charged_once(tmp_path: Path) -> None:
    """Doors that could not talk to each other both took it."""
    shown = Granted(ADULT)
    one, other = boarded(shown), boarded(shown, Bus("bus-1-d2", epoch=1_002))
    desk = desk_of(tmp_path, one, other)
    assert balances(desk)[ADULT.account] == -FARE
    assert sorted(desk.payers()) == ["copied", "rider"]


@pytest.mark.parametrize("proof", [Proof.STRIPPED, Proof.FORGED, Proof.MOVED])
def test_without_the_riders_signature_nobody_pays(tmp_path: Path, proof: Proof) -> None:
    """Also where the issuer's key signed the grant: it mints no ride."""
    bus = boarded(Granted(ADULT), proof=proof)
    desk = desk_of(tmp_path, bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}
    assert desk.payers() == ["no-proof"]


def test_the_device_does_not_need_the_issuer_to_be_believed(tmp_path: Path) -> None:
    """What counts is the rider's word; the issuer's was for the door, and is not asked again."""
    bus = boarded(Granted(ADULT, issuer=key("stranger")))
    assert desk_of(tmp_path, bus).payers() == ["rider"]


@pytest.mark.parametrize("vehicle", ["bus-2", "bus-10", "b"])
def test_a_grant_for_another_vehicle_pays_no_owner_of_this_one(tmp_path: Path, vehicle: str) -> None:
    bus = boarded(Granted(ADULT, vehicle=vehicle))
    desk = desk_of(tmp_path, bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}
    assert desk.payers() == ["no-proof"]


@pytest.mark.parametrize(
    ("after_s", "payer"), [(-400, "stale-proof"), (0, "rider"), (500, "rider"), (900, "stale-proof")]
)
def test_a_record_of_another_time_than_its_grant_charges_nobody(tmp_path: Path, after_s: int, payer: str) -> None:
    bus = Bus()
    bus.now_ms = NOON_MS + after_s * 1000
    desk = desk_of(tmp_path, boarded(Granted(ADULT), bus))
    assert desk.payers() == [payer]


def test_a_version_that_was_never_issued_is_nobody(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, boarded(Granted(ADULT, version=9)))
    assert desk.payers() == ["no-proof"]


def test_what_an_opener_is_told() -> None:
    """Another process verifies by these bytes alone, and refuses what is cut anywhere."""
    shown = Granted(ADULT, party=1)
    assert (by_row(shown.raw), claimed(shown.raw), claimed_id(shown.raw)) == (
        True,
        (ADULT.credential_id, 1),
        ADULT.credential_id,
    )
    found = open_shown(shown.raw, ADULT.credential)
    assert (found.presentation.counter, found.party, found.raw) == (GRANTED, 1, shown.raw)
    assert read_shown(shown.raw, ADULT.credential) == found
    assert holds(shown.raw, ADULT.credential)
    assert not holds(shown.raw, None)
    assert not holds(shown.raw, STUDENT.credential)
    with pytest.raises(UnknownRider):
        open_shown(shown.raw, STUDENT.credential)
    for size in range(len(shown.raw)):
        cut = shown.raw[:size]
        claimed_id(cut)
        assert not holds(cut, ADULT.credential)
        if size:
            with pytest.raises((WireError, ProofError)):
                open_shown(cut, ADULT.credential)


def test_one_second_on_two_buses_is_two_rides(tmp_path: Path) -> None:
    """Each grant names its bus, so none is a copy of the other: two codes were confirmed, and two fares are owed."""
    one, other = boarded(Granted(ADULT)), boarded(Granted(ADULT, vehicle="bus-2"), Bus("bus-2-d1", epoch=1_002))
    again = boarded(Granted(ADULT, vehicle="bus-2"), Bus("bus-2-d2", epoch=1_003))
    desk = desk_of(tmp_path, one, other, again)
    assert balances(desk)[ADULT.account] == -2 * FARE
    assert sorted(desk.payers()) == ["copied", "rider", "rider"]
