"""Who pays for a boarding, and how much: by the rider's proof, once a presentation, never above what was shown."""

from pathlib import Path

import pytest

from backend.app.ingest import Incoming
from backend.core.ledger import COPIED, COPIED_CITY, SUSPENSE
from protocol.fares.verdicts import Verdict
from protocol.wire.receipts import open_receipt
from tests.backend.bus import FARE, RECEIPT, Bus, Proof, Rider, key
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases

ADULT, STUDENT, SENIOR = Rider(1), Rider(2, rider_class=2), Rider(3, rider_class=3)
RIDERS = [ADULT, STUDENT, SENIOR]


def desk_of(folder: Path, *buses: Bus) -> Desk:
    return Desk(folder, buses, RIDERS)


def balances(desk: Desk) -> dict[str, int]:
    """Every account that is not even."""
    check_ledger(desk)
    return {name: rials for name, rials in desk.rows("SELECT id, credits - debits FROM account") if rials}


def test_a_genuine_boarding(tmp_path: Path) -> None:
    """The rider pays the fare to the operator."""
    bus = Bus()
    bus.tap(ADULT.show(1))
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {ADULT.account: -FARE, bus.operator: FARE}
    assert desk.payers() == ["rider"]
    assert [ride.rials for ride in desk.store.rider_taps(ADULT.credential_id, 9)] == [FARE]


def test_a_short_pass_charges_as_the_long_one_does(tmp_path: Path) -> None:
    """By class and party as issued: the row on the bus is nobody's word here."""
    bus = Bus()
    bus.tap(STUDENT.show_short(1, party=1), verdict=Verdict.ACCEPTED_CONCESSION)
    long_desk, short_desk = desk_of(tmp_path / "long", bus), desk_of(tmp_path / "short", bus)
    short_desk.take_whole(bus)
    twin = Bus()
    twin.tap(STUDENT.show(1, party=1), verdict=Verdict.ACCEPTED_CONCESSION)
    long_desk.take_whole(twin)
    assert balances(short_desk) == balances(long_desk)
    assert short_desk.payers() == ["rider"]


@pytest.mark.parametrize("short_first", [True, False])
def test_both_forms_of_one_render_are_charged_once(tmp_path: Path, *, short_first: bool) -> None:
    """P6, P10: they are one presentation, also on two buses."""
    one, other = Bus(), Bus("bus-2-d1")
    one.tap(ADULT.show_short(1) if short_first else ADULT.show(1))
    other.tap(ADULT.show(1) if short_first else ADULT.show_short(1))
    desk = desk_of(tmp_path, one, other)
    desk.take_whole(one)
    desk.take_whole(other)
    assert balances(desk)[ADULT.account] == -FARE
    assert sorted(desk.payers()) == ["copied", "rider"]


@pytest.mark.parametrize("proof", [Proof.STRIPPED, Proof.FORGED, Proof.BARE, Proof.MOVED])
def test_a_short_pass_without_proof_is_charged_to_nobody(tmp_path: Path, proof: Proof) -> None:
    """P9, P20."""
    bus = Bus()
    bus.tap(ADULT.show_short(1), proof=proof)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}


def test_a_short_pass_of_nobody_registered_is_charged_to_nobody(tmp_path: Path) -> None:
    """P20: without the credential there is no key to prove it by; the operator is owed the ride all the same."""
    bus = Bus()
    bus.tap(Rider(77).show_short(1))
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}
    assert desk.payers() == ["no-proof"]


# --- without proof nobody's wallet pays (P20) -----------------------------------------------------------------------------


@pytest.mark.parametrize("proof", [Proof.STRIPPED, Proof.FORGED, Proof.BARE, Proof.MOVED])
def test_no_proof_no_charge(tmp_path: Path, proof: Proof) -> None:
    """P9, P16, P20: the boarding is a fact and a case; suspense owes it, never the rider, and it is held."""
    bus = Bus()
    bus.tap(ADULT.show(1), proof=proof)
    bus.tap(ADULT.show(1))  # the genuine showing of the same code is not spoiled by it
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, ADULT.account: -FARE, bus.operator: FARE, bus.held: FARE}
    assert desk.payers() == ["no-proof", "rider"]


def test_a_day_key_that_we_cannot_open(tmp_path: Path) -> None:
    """P20: wrapped to another key, every tap under it is without proof, now and after a restart."""
    bus = Bus(sealing=key("other sealing"))
    bus.tap(ADULT.show(1))
    bus.tap(STUDENT.show(2), verdict=Verdict.ACCEPTED_CONCESSION)
    desk = desk_of(tmp_path, bus)
    desk.take((bus, bus.batch(1, 3)))
    desk.close()
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE * 3 // 2, bus.held: FARE * 3 // 2}
    assert desk.payers() == ["no-proof", "no-proof"]


def test_a_day_key_that_never_came(tmp_path: Path) -> None:
    """P20: nothing can be opened; the tap stays."""
    bus = Bus(with_day_key=False)
    bus.tap(ADULT.show(1))
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}


def test_a_credential_that_nobody_issued(tmp_path: Path) -> None:
    """P20: a phone that vouches for itself is believed nothing, its class included: no concession is paid on its word."""
    stranger = Rider(77, rider_class=3, issuer=key("nobody"))
    bus = Bus()
    bus.tap(stranger.show(1), fare=FARE)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}
    assert desk.payers() == ["unknown-credential"]


def test_a_credential_with_a_registered_id_but_other_bytes(tmp_path: Path) -> None:
    """P20: the owner of the id is not charged for a credential that another issuer signed for another phone."""
    forged = Rider(1, rider_class=3, issuer=key("nobody"), holder=key("thief"))
    bus = Bus()
    bus.tap(forged.show(1), fare=FARE)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {SUSPENSE: -FARE, bus.held: FARE}
    assert desk.payers() == ["unknown-credential"]


# --- one presentation, one charge (P10) -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("apart", [True, False], ids=["in two groups", "in one group"])
def test_one_presentation_on_two_buses(tmp_path: Path, order: tuple[int, int], *, apart: bool) -> None:
    """P7, P10: the rider pays once, whichever bus tells first; the other boarding is owed by `copied`. Both are held: which was it?"""
    shown = ADULT.show(1)
    buses = Bus("bus-1-d1"), Bus("bus-2-d1")
    for bus in buses:
        bus.tap(shown)
    desk = desk_of(tmp_path, *buses)
    batches = [(buses[n], buses[n].batch()) for n in order]
    if apart:
        for batch in batches:
            desk.take(batch)
    else:
        desk.take(*batches)
    assert balances(desk) == {ADULT.account: -FARE, COPIED: -FARE} | {bus.held: FARE for bus in buses}
    assert sorted(desk.payers()) == ["copied", "rider"]
    assert len(desk.store.rider_taps(ADULT.credential_id, 9)) == 1


def test_a_copied_concession_is_posted_as_a_fare_that_was_shown_and_the_rest(tmp_path: Path) -> None:
    """P20: no fare, whoever pays it, is above what its door showed; the city pays for no copy."""
    shown, buses = STUDENT.show(1), (Bus("bus-1-d1"), Bus("bus-2-d1"))
    for bus in buses:
        bus.tap(shown, verdict=Verdict.ACCEPTED_CONCESSION, fare=FARE // 2)
    desk = desk_of(tmp_path, *buses)
    for bus in buses:
        desk.take_whole(bus)
    half = -FARE // 2
    paid = {STUDENT.account: half, "city:class:2": half, COPIED: half, COPIED_CITY: half}
    assert balances(desk) == paid | {bus.held: FARE for bus in buses}
    assert desk.rows("SELECT max(rials) FROM transfer WHERE kind = 'fare'") == [(FARE // 2,)]


def test_one_presentation_twice_in_one_batch(tmp_path: Path) -> None:
    """P10: also where the two taps lie side by side in one journal."""
    bus = Bus()
    bus.tap(ADULT.show(1))
    bus.tap(ADULT.show(1))
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert desk.payers() == ["rider", "copied"]
    assert balances(desk)[ADULT.account] == -FARE


def test_a_journal_told_again_under_a_new_epoch_charges_nobody_twice(tmp_path: Path) -> None:
    """P6, P11: a card restored from a backup that begins another journal with the same riders' proofs."""
    old, new = Bus(epoch=7), Bus(epoch=8)
    for bus in (old, new):
        for counter in (1, 2):
            bus.tap(ADULT.show(counter))
    desk = desk_of(tmp_path, old)
    desk.take((old, old.batch()), (old, new.batch()))
    assert balances(desk)[ADULT.account] == -2 * FARE


def test_counters_and_times_make_another_presentation(tmp_path: Path) -> None:
    """P10 does not forbid riding again."""
    bus = Bus()
    bus.tap(ADULT.show(1))
    bus.tap(ADULT.show(2))
    bus.tap(ADULT.show(1, time_s=1_790_000_015))
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert desk.payers() == ["rider"] * 3
    assert balances(desk)[ADULT.account] == -3 * FARE


# --- how much (P20) -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told_party", "shown_rials", "charged"),
    [
        (2, 3 * FARE, FARE),  # the record says two companions, the rider's own signature none
        (0, FARE, FARE),
        (0, FARE - 1, FARE - 1),  # shown less than it costs
        (0, 10 * FARE, FARE),  # shown more
        (0, 0, 0),
    ],
)
def test_the_rider_pays_by_the_proof_and_never_above_what_was_shown(
    tmp_path: Path, told_party: int, shown_rials: int, charged: int
) -> None:
    """P20."""
    bus = Bus()
    bus.tap(ADULT.show(1), party=told_party, fare=shown_rials)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == ({ADULT.account: -charged, bus.operator: charged} if charged else {})
    assert desk.payers() == ["rider"]
    assert [ride.rials for ride in desk.store.rider_taps(ADULT.credential_id, 9)] == [charged]


def test_a_party_smaller_in_the_record_than_in_the_proof_is_charged_as_shown(tmp_path: Path) -> None:
    """P20: told one fare, charged one fare."""
    bus = Bus()
    bus.tap(ADULT.show(1, party=3), party=0)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk)[ADULT.account] == -FARE


@pytest.mark.parametrize(("rider", "own"), [(STUDENT, FARE // 2), (SENIOR, 0)])
def test_the_city_pays_the_rest_of_a_concession(tmp_path: Path, rider: Rider, own: int) -> None:
    """From the account of its class; companions pay in full."""
    bus = Bus()
    bus.tap(rider.show(1, party=1), verdict=Verdict.ACCEPTED_CONCESSION)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {
        rider.account: -(own + FARE), f"city:class:{rider.rider_class}": own - FARE, bus.operator: 2 * FARE,
    }  # fmt: skip


def test_an_unknown_tariff_charges_what_was_shown_and_calls_for_it(tmp_path: Path) -> None:
    """P16, P20: the boarding stands under the tariff that its record names; without it, the rider's word is the lamp's."""
    bus = Bus()
    bus.tap(ADULT.show(1), tariff=9, fare=42_000)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert balances(desk) == {ADULT.account: -42_000, bus.operator: 42_000}
    assert desk.alarms == [("unknown-tariff", bus.name)]


def test_what_was_shown_below_the_price_is_counted(tmp_path: Path) -> None:
    """P20: it costs the operator; somebody should see how often."""
    bus = Bus()
    for counter, fare in enumerate((FARE, FARE - 1, 0, 2 * FARE)):
        bus.tap(ADULT.show(counter), fare=fare)
    desk = desk_of(tmp_path, bus)
    desk.take_whole(bus)
    assert desk.store.counts()["shown_less"] == 2


# --- one boarding at two doors (P7) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [True, False], ids=["in two groups", "in one group"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_doors_that_could_not_talk_are_one_fare(tmp_path: Path, order: tuple[int, ...], *, apart: bool) -> None:
    """P7, P20: fresh renders at both doors of one bus within the window, and the same code on another bus, which showed
    less: one fare, the smallest shown, whatever the order."""
    front, rear, other = Bus("bus-1-d1"), Bus("bus-1-d2"), Bus("bus-2-d1")
    front.tap(ADULT.show(1))
    rear.tap(ADULT.show(2))
    other.tap(ADULT.show(2), fare=FARE - 7)
    buses = front, rear, other
    desk = desk_of(tmp_path, *buses)
    batches = [(buses[n], buses[n].batch()) for n in order]
    if apart:
        for batch in batches:
            desk.take(batch)
    else:
        desk.take(*batches)
    paid = balances(desk)
    assert paid[ADULT.account] == -(FARE - 7)
    assert (paid["held:bus-2"], paid["held:bus-1"], sum(paid.values())) == (FARE - 7, 2 * FARE, 0)
    assert [ride.rials for ride in desk.store.rider_taps(ADULT.credential_id, 9)] == [FARE - 7]
    for batch in batches:  # all of it again
        desk.take(batch)
    assert balances(desk) == paid


def test_the_city_gets_its_share_back_too(tmp_path: Path) -> None:
    front, rear = Bus("bus-1-d1"), Bus("bus-1-d2")
    for counter, bus in enumerate((front, rear)):
        bus.tap(STUDENT.show(counter), verdict=Verdict.ACCEPTED_CONCESSION, fare=FARE // 2 - counter)
    desk = desk_of(tmp_path, front, rear)
    desk.take_whole(front)
    desk.take_whole(rear)
    paid = balances(desk)
    assert (paid[STUDENT.account], paid["city:class:2"]) == (1 - FARE // 2, -FARE // 2)


# --- handed in by the other door ----------------------------------------------------------------------------------------------


def test_the_other_door_of_the_same_bus_hands_in_what_a_dead_card_signed(tmp_path: Path) -> None:
    """The batch proves itself; the receipt goes to whoever brought it, and to whose records they are."""
    dead, courier = Bus("bus-1-d1"), Bus("bus-1-d2")
    dead.tap(ADULT.show(1))
    desk = desk_of(tmp_path, dead, courier)
    told = desk.ingest.take([Incoming(courier.name, dead.batch())])
    assert [out.device for out in told] == [courier.name, dead.name]
    for out in told:
        receipt = open_receipt(out.receipt, [RECEIPT.verifying])
        assert (receipt.device, receipt.sequence) == (dead.name, dead.last)
    assert balances(desk)[ADULT.account] == -FARE
    desk.take_whole(dead)  # it was not dead after all
    assert balances(desk)[ADULT.account] == -FARE


def test_nobody_else_hands_in_a_devices_batches(tmp_path: Path) -> None:
    """P9: a device of another bus, a stranger, and the other door with a batch that it signed itself."""
    bus, sister, stranger = Bus("bus-1-d1"), Bus("bus-1-d2"), Bus("bus-2-d1")
    bus.tap(ADULT.show(1))
    desk = desk_of(tmp_path, bus, sister, stranger)
    forged = bus.batch(signer=sister.tap_key)
    for name, payload in ((stranger.name, bus.batch()), ("nobody", bus.batch()), (sister.name, forged)):
        assert desk.ingest.take([Incoming(name, payload)]) == []
    assert [reason for _, reason, _, _ in desk.quarantined()] == ["OutOfRange", "UnknownKey", "BadSignature"]
    assert desk.records() == 0
