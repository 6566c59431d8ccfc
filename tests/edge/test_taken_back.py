"""A boarding that the driver took back leaves the memory of the whole bus, and its render stays a copy."""

import pytest

from edge.core.errors import JournalFailed
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Annulment, AnnulReason, encode_annulment
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant, Link
from tests.edge.door import FARE, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle, told
from tests.edge.pair import Door, Pair

ANN = Rider(1)
TARIFF = Tariff(7, FARE, {2: 500, 3: 0}, 180, transfer_window_s=3_600, day_cap_rials=90_000)


@pytest.fixture
def pair(pair: Pair) -> Pair:
    pair.talk_under(TARIFF)
    return pair


def show(door: Door, code: bytes, now: Instant) -> tuple[Verdict, Reason, int]:
    door.show(code, now)
    it = door.panel.shown[-1]
    return it.verdict, it.reason, it.fare_rials


def annul(door: Door, now: Instant, *, tap: int | None = None) -> None:
    """The newest boarding of this door, or that one."""
    sequence = door.journal.head.sequence if tap is None else tap
    door.station.boarding.annul(
        sequence, lambda link: encode_annulment(Annulment(link, now, "bus-1", "s-1", sequence, AnnulReason.LEFT_BUS))
    )


def rides_anew(door: Door, code: bytes, now_s: float) -> None:
    """The render is a copy; the next one boards at the ordinary fare, which is the whole of what it adds to a day."""
    assert show(door, code, at(now_s))[0] is Verdict.COPIED
    assert show(door, ANN.code(at(now_s), counter=7), at(now_s)) == (Verdict.ACCEPTED, Reason.NONE, FARE)


def test_who_was_taken_back_boards_again_at_the_ordinary_fare(pair: Pair) -> None:
    code = ANN.code(at())
    assert show(pair.front, code, at())[2] == FARE
    annul(pair.front, at(5))
    assert pair.front.station.boarding._memory.daybook.spent(ANN.credential_id) == 0
    rides_anew(pair.front, code, 10)


def test_the_other_door_hears_of_it_by_the_record(pair: Pair) -> None:
    code = ANN.code(at())
    show(pair.front, code, at())
    pair.talk(at(1))
    annul(pair.front, at(5))
    pair.talk(at(6))
    assert pair.rear.station.boarding._memory.daybook.spent(ANN.credential_id) == 0
    rides_anew(pair.rear, code, 10)


def test_one_taken_back_while_the_doors_were_apart_is_told_as_such(pair: Pair) -> None:
    """The rear door has heard of the boarding; when the cable is in again, it hears that it stands no more."""
    code = ANN.code(at())
    show(pair.front, code, at())
    pair.talk(at(1))
    pair.unplug()
    annul(pair.front, at(5))
    pair.front.end.connected = True
    pair.front.station.link_changed(connected=True)
    pair.front.step(at(6))
    first = pair.front.end.out[0]  # the word that begins a session, before any batch
    pair.rear.station.sister_came(first)
    pair.rear.step(at(6))
    rides_anew(pair.rear, code, 10)


def test_a_door_that_restarts_hears_of_the_copy_and_of_no_boarding(pair: Pair) -> None:
    code = ANN.code(at())
    show(pair.front, code, at())
    annul(pair.front, at(5))
    pair.talk(at(6))
    rear = pair.restart(pair.rear, at(7))
    rear.station.bundle_came(bundle(tariff=TARIFF, number=4))
    pair.plug()
    pair.talk(at(8))
    rides_anew(rear, code, 10)


def test_it_is_remembered_over_a_restart(pair: Pair) -> None:
    """By the journal alone: the record that takes it back says so, in its own commit."""
    code = ANN.code(at())
    show(pair.front, code, at())
    annul(pair.front, at(5))
    front = pair.restart(pair.front, at(7))
    front.station.bundle_came(bundle(tariff=TARIFF, number=4))
    rides_anew(front, code, 10)


def test_a_card_that_did_not_take_the_annulment_lets_the_boarding_stand(pair: Pair) -> None:
    """P4."""
    show(pair.front, ANN.code(at()), at())
    pair.front.journal.fails = JournalFailed("fsync")
    with pytest.raises(JournalFailed):
        annul(pair.front, at(5))
    pair.front.journal.fails = None
    assert show(pair.front, ANN.code(at(10), counter=2), at(10))[0] is Verdict.ALREADY_PAID


def test_graces_are_given_back(pair: Pair) -> None:
    """R7, R11: at both doors."""
    show(pair.front, ANN.code(at(), ahead_s=1_800), at())
    pair.talk(at(1))
    annul(pair.front, at(2))
    show(pair.front, Rider(2).code(at(3), party=15), at(3))
    pair.talk(at(4))
    annul(pair.front, at(5))
    pair.talk(at(6))
    for door, counter in ((pair.rear, 2), (pair.front, 3)):
        now = at(200 * counter)
        assert show(door, ANN.code(now, counter=counter, ahead_s=1_800), now)[0] is Verdict.PHONE_CLOCK_WRONG
        assert show(door, Rider(2).code(now, counter=counter, party=15), now)[1] is Reason.EMERGENCY_RIDE
        annul(door, now, tap=door.journal.head.sequence - 1)
        annul(door, now, tap=door.journal.head.sequence - 1)
        pair.talk(now)


def test_companions_who_stay_do_not_pay_for_their_rider(pair: Pair) -> None:
    """The first boarding is taken back, that of the two who came later stands."""
    show(pair.front, ANN.code(at()), at())
    tap = pair.front.journal.head.sequence
    assert show(pair.front, ANN.code(at(2), counter=2, party=1), at(2))[0] is Verdict.PARTY_EXTENDED
    annul(pair.front, at(5), tap=tap)
    assert show(pair.front, ANN.code(at(10), counter=3), at(10))[::2] == (Verdict.ACCEPTED, FARE)


def test_one_render_at_both_doors_apart_stands_at_the_one_that_did_not_take_it_back(pair: Pair) -> None:
    """The rear door's boarding is not the front's to take back, and the front hears of it afterwards."""
    pair.unplug()
    code = ANN.code(at())
    show(pair.front, code, at())
    show(pair.rear, code, at(1))
    annul(pair.front, at(2))
    pair.plug()
    pair.talk(at(3))
    assert show(pair.front, ANN.code(at(10), counter=2), at(10))[0] is Verdict.ALREADY_PAID
    assert show(pair.rear, ANN.code(at(10), counter=3), at(10))[0] is Verdict.ALREADY_PAID


def test_nobody_else_takes_back_what_our_own_journal_says() -> None:
    """P9: a lying sister would make a rider pay twice."""
    panel = RememberingPanel()
    door = boarding(MemoryJournal(), panel)
    door.begin(at())
    door.present(ANN.code(at()), at(), settled=True)
    shown = Presentation(ANN.credential_id, at().wall_ms // 1000, 1)
    door.heard_of([told(shown, epoch=11, sequence=3, annulled=True)], at(1))
    lie = Annulment(Link("bus-1-d2", 11, 9, bytes(32)), at(1), "bus-1", "s-1", 3, AnnulReason.TWICE)
    door.records_came([lie])
    door.present(ANN.code(at(5), counter=2), at(5), settled=True)
    assert panel.shown[-1].verdict is Verdict.ALREADY_PAID


def test_a_free_ride_with_a_render_that_was_taken_back_is_a_copy() -> None:
    """R3: it is not said to have paid."""
    panel = RememberingPanel()
    door = boarding(MemoryJournal(), panel)
    door.begin(at())
    code = ANN.code(at())
    door.present(code, at(), settled=True)
    door.annul(3, lambda link: encode_annulment(Annulment(link, at(1), "bus-1", "s-1", 3, AnnulReason.TWICE)))
    door.let_ride(Reason.CROWD)
    door.present(code, at(20), settled=True)
    assert panel.shown[-1].verdict is Verdict.COPIED
