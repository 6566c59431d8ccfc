"""Bearer tickets at the door: each rides as often as it was sold for, on one bus; a nervous rider is no thief."""

from dataclasses import replace

import pytest

from edge.core.errors import JournalFull
from protocol.fares.policies import Policies
from protocol.fares.tariff import ProductRule, Tariff
from protocol.fares.verdicts import TABLE, Lamp, Reason, Verdict, row_for
from protocol.wire.driver_records import Annulment, AnnulReason, encode_annulment
from protocol.wire.records import ClockQuality, CodeKind, Tap, decode_record
from protocol.wire.tickets import TicketForm
from tests.edge.door import FARE, STRANGER, MemoryJournal, at
from tests.edge.paper import (
    DAY_CAP,
    DAY_S,
    MIDNIGHT_S,
    OTHER_DAY,
    PAID_HERE,
    PAID_THERE,
    TAKEN,
    USED,
    card,
    code,
    door,
    rode_there,
    ticket,
)

BLIND = {"quality": ClockQuality.UNTRUSTED}


def taps(journal: MemoryJournal) -> list[Tap]:
    found = (decode_record(row.raw) for row in journal.read(1, 999, 1 << 30))
    return [it for it in found if isinstance(it, Tap)]


# --- how often -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [TicketForm.SINGLE, TicketForm.STRIP])
def test_a_single_ride_rides_once_however_long_ago(form: TicketForm) -> None:
    one = ticket(form=form)
    assert door().shows(one, 0, 200, DAY_S, 20 * DAY_S) == [TAKEN, USED, USED, USED]


def test_the_neighbours_on_a_strip_are_tickets_of_their_own() -> None:
    bus = door()
    assert [bus.show(ticket(n, form=TicketForm.STRIP), n) for n in (1, 2, 3)] == [TAKEN] * 3


def test_within_the_repeat_window_it_is_already_paid_and_amber() -> None:
    """A nervous rider, or two of one family behind one another: the driver looks, and nobody is called a thief."""
    bus = door()
    assert bus.shows(ticket(), 0, 5, 179, 180) == [TAKEN, PAID_HERE, PAID_HERE, USED]
    assert bus.shows(card(2), 0, 5, 200, 201) == [TAKEN, PAID_HERE, TAKEN, PAID_HERE]
    assert row_for(*PAID_HERE).lamp is row_for(*USED).lamp is Lamp.AMBER
    assert (bus.service.accepted, bus.service.refused) == (3, 5)


def test_a_card_rides_so_often_a_day_and_again_the_next() -> None:
    bus = door()
    assert bus.shows(card(), 0, 300, 600) == [TAKEN, TAKEN, DAY_CAP]
    assert bus.shows(card(), MIDNIGHT_S - 700, MIDNIGHT_S + 700, MIDNIGHT_S + 1_400, MIDNIGHT_S + 2_100) == [
        DAY_CAP, TAKEN, TAKEN, DAY_CAP,
    ]  # fmt: skip


def test_another_card_has_rides_of_its_own() -> None:
    bus = door()
    assert bus.shows(card(1, 1), 0, 300) == [TAKEN, DAY_CAP]
    assert bus.show(card(2, 1), 600) == TAKEN


# --- which days ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [ticket, card])
def test_only_on_its_days(of: object) -> None:
    make = lambda *days: of(days=days)  # type: ignore[operator]  # noqa: E731
    for days, answer in [((0, 0), TAKEN), ((-9, 0), TAKEN), ((-9, -1), OTHER_DAY), ((1, 9), OTHER_DAY)]:
        assert door().show(make(*days)) == answer


def test_what_a_clock_does_not_know_is_decided_for_the_rider() -> None:
    """At the edge of a day, by its own uncertainty, and by no more than freshness allows."""
    yesterdays, tomorrows = ticket(1, days=(-9, 0)), ticket(2, days=(1, 9))
    for uncertainty_s, seconds, answer in [
        (0, 60, OTHER_DAY),
        (120, 60, TAKEN),
        (9_999, 299, TAKEN),
        (9_999, 420, OTHER_DAY),
    ]:
        assert door().show(yesterdays, MIDNIGHT_S + seconds, uncertainty_s=uncertainty_s) == answer
        assert door().show(tomorrows, MIDNIGHT_S - seconds, uncertainty_s=uncertainty_s) == answer


def test_without_a_clock_everybody_rides_on_grace_and_no_more_often() -> None:
    """P14, P15: nobody knows the day; the ride before it was counted."""
    bus = door()
    grace = (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK)
    assert bus.show(ticket(1, days=(-9, -1)), 0, **BLIND) == grace
    assert bus.show(ticket(1, days=(-9, -1)), 300, **BLIND) == USED
    assert [bus.show(card(2), s, **BLIND) for s in (0, 300, 600, DAY_S - 1)] == [grace, grace, DAY_CAP, DAY_CAP]
    assert bus.show(card(2), DAY_S + 1, **BLIND) == grace  # the first of them is a day ago
    assert bus.show(card(3), 0) == TAKEN
    assert [bus.show(card(3), s, **BLIND) for s in (300, 600)] == [grace, DAY_CAP]  # and those of before count
    assert bus.show(card(3), 900) == DAY_CAP  # as these do, once the clock is known again


def test_without_a_clock_the_list_alone_refuses_a_blocked_card_whose_last_day_is_over() -> None:
    """So its row stays on the list: without it a denied card is accepted again, on grace. A clock needs no row."""
    over = card(days=(-9, -1))
    listed, unlisted = door(deny={over.ticket_id: 255}), door()
    denied = (Verdict.BEARER_DENIED, Reason.DENY_LIST)
    assert [listed.show(over, 0, **BLIND), listed.show(over, 300)] == [denied, denied]
    assert unlisted.show(over, 0) == OTHER_DAY
    assert unlisted.show(over, 300, **BLIND) == (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK)


def test_a_clock_that_jumps_opens_no_ticket() -> None:
    """P14: forward past its last day and back again."""
    bus = door()
    assert bus.show(ticket(days=(0, 9)), 0) == TAKEN
    assert bus.show(ticket(days=(0, 9)), 300, wall_jump_s=40 * DAY_S) == OTHER_DAY
    assert bus.show(ticket(days=(0, 9)), 600) == USED


# --- what else answers -------------------------------------------------------------------------------------------------


def test_a_denied_id_is_shown_to_the_driver() -> None:
    bus = door(deny={ticket().ticket_id: 0})
    assert bus.show(ticket()) == (Verdict.BEARER_DENIED, Reason.DENY_LIST)
    assert bus.show(ticket(2)) == TAKEN
    assert row_for(Verdict.BEARER_DENIED, Reason.DENY_LIST).rider_en == "Please show the driver"


def test_every_denial_has_words_of_its_own_in_both_languages_and_calls_the_driver() -> None:
    rows = [
        row_for(Verdict.BEARER_DENIED, why)
        for why in (Reason.DENY_LIST, Reason.TICKET_USED, Reason.TICKET_DAY, Reason.DAY_CAP)
    ]
    assert (
        len({row.rider_fa for row in rows})
        == len({row.rider_en for row in rows})
        == len({row.driver_fa for row in rows})
        == 4
    )
    for row in rows:
        assert (row.lamp, row.tone, row.refuses, row.driver) == (
            Lamp.AMBER,
            TABLE[Verdict.BEARER_DENIED].tone,
            True,
            True,
        )


def test_whose_ticket_nobody_issued_or_changed() -> None:
    bus = door()
    assert bus.show(ticket(issuer=STRANGER))[0] in (Verdict.UNKNOWN_ISSUER, Verdict.NOT_GENUINE)
    genuine = ticket()
    forged = replace(genuine, raw=genuine.raw[:15] + b"\x3f" + genuine.raw[16:])  # a card of 15 rides
    cut = replace(genuine, raw=genuine.raw[:16])
    for of, why in ((forged, Reason.BAD_SIGNATURE), (cut, Reason.BAD_SIGNATURE)):
        outcome = bus.service.present(code(of), at(), settled=True)
        assert outcome is not None
        assert (outcome.showing.verdict, outcome.showing.reason) == (Verdict.NOT_GENUINE, why)
    assert bus.show(genuine, 1) == TAKEN


def test_in_training_and_while_all_ride_free_no_ticket_is_used_up() -> None:
    """R2, R3; a free ride is counted once a window all the same."""
    learning = door(policies=Policies(training=frozenset({"bus-1"})))
    assert learning.show(ticket()) == (Verdict.TRAINING, Reason.NONE)
    bus = door()
    bus.service.let_ride(Reason.READER_OUT)
    assert bus.shows(ticket(), 0, 5) == [(Verdict.BOARD_FREE, Reason.READER_OUT), PAID_HERE]
    assert taps(bus.journal)[0].forgone_rials == FARE
    bus.service.let_ride(Reason.NONE)
    assert bus.shows(ticket(), 300, 600) == [TAKEN, USED]


def test_a_product_of_no_use_on_this_line() -> None:
    elsewhere = Tariff(7, FARE, {2: 500}, 180, products={1: ProductRule(0, frozenset({"r1"}), elsewhere=False)})
    assert door(tariff=elsewhere).show(ticket(product=1)) == (Verdict.WRONG_SERVICE, Reason.NONE)


# --- what it costs, and what is recorded -------------------------------------------------------------------------------


def test_a_ride_costs_its_classes_share_alone() -> None:
    """No journey, no cap of the day; a concession has its own tone."""
    tariff = Tariff(7, FARE, {2: 500}, 180, transfer_window_s=3_600, day_cap_rials=FARE)
    bus = door(tariff=tariff)
    assert bus.show(card(1, rider_class=2), 0) == (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
    assert bus.show(card(1, rider_class=2), 300) == (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
    assert [shown.fare_rials for shown in bus.panel.shown] == [FARE // 2] * 2


def test_the_record_says_what_it_was_and_holds_the_ticket_sealed() -> None:
    bus = door()
    bus.show(ticket(product=0, rider_class=1))
    bus.show(ticket(product=0, rider_class=1), 300)
    for tap in taps(bus.journal):
        assert (tap.code_kind, tap.party, tap.product) == (CodeKind.BEARER_TICKET, 0, 0)
        assert len(tap.sealed) == 80 + 16
        assert ticket().ticket_id not in tap.raw  # P18


# --- both doors, restarts, cards that fail -------------------------------------------------------------------------------


def test_what_rode_at_the_other_door_is_used_here() -> None:
    bus = door()
    bus.service.heard_of([rode_there(ticket(), 0), rode_there(card(2, 1), 0, sequence=4)], at())
    bus.service.heard_of(
        [rode_there(ticket(), 0), rode_there(card(2, 1), 0, sequence=4)], at(1)
    )  # told again, it is one ride
    assert bus.shows(ticket(), 2, 200) == [PAID_THERE, USED]
    assert bus.shows(card(2, 1), 2, 200) == [PAID_THERE, DAY_CAP]
    assert bus.service.tickets.rides(card(2).ticket_id) == 1


def test_the_other_door_is_told_of_tickets_as_of_passes() -> None:
    here, there = door(), door()
    here.show(card(1), 0)
    there.service.heard_of(here.service.fresh(at(1), first=1, last=99), at(1))
    assert there.show(card(1), 2) == PAID_HERE  # both are door 1 in this test
    assert there.shows(card(1), 300, 600) == [TAKEN, DAY_CAP]


def test_a_free_ride_at_the_other_door_used_nothing_up() -> None:
    bus = door()
    bus.service.heard_of([rode_there(ticket(), 0, adult_rials=0)], at())
    assert bus.shows(ticket(), 1, 300) == [PAID_THERE, TAKEN]


def test_what_was_taken_back_at_the_other_door_may_ride() -> None:
    bus = door()
    bus.service.heard_of([rode_there(ticket(), 0)], at())
    bus.service.keep_tickets(at(1))
    bus.service.heard_of([rode_there(ticket(), 0, annulled=True)], at(2))
    bus.service.keep_tickets(at(3))
    assert (bus.service.tickets.rides(ticket().ticket_id), bus.journal.used_tickets()) == (0, [])
    assert bus.show(ticket(), 300) == TAKEN


def test_what_the_driver_took_back_here_may_ride_and_a_restart_knows_it() -> None:
    bus = door()
    bus.show(ticket(), 0)
    bus.service.annul(3, lambda link: encode_annulment(Annulment(link, at(9), "bus-1", "s-1", 3, AnnulReason.LEFT_BUS)))
    assert bus.journal.used_tickets() == []
    assert door(bus.journal, at(10)).show(ticket(), 10) == bus.show(ticket(), 10) == TAKEN


def test_a_restart_forgets_no_ticket() -> None:
    bus = door()
    bus.shows(ticket(1), 0)
    bus.shows(card(2), 0)
    bus.service.heard_of([rode_there(ticket(3), 9)], at(9))
    bus.service.keep_tickets(at(10))
    again = door(bus.journal, at(1_000))
    assert again.shows(ticket(1), 1_000) == again.shows(ticket(3), 1_000) == [USED]
    assert again.shows(card(2), 1_000, 1_300) == [TAKEN, DAY_CAP]


def test_what_is_told_of_our_own_journal_refuses_and_leaves_our_card_alone() -> None:
    """A door that lies may name our records: neither its words nor their being forgotten cost a row of ours."""
    bus = door()
    bus.shows(ticket(1), 0)
    ours = bus.journal.used_tickets()
    (record, _) = ours[0]
    lies = [rode_there(of, 9, epoch=record.epoch, sequence=record.sequence) for of in (ticket(2), card(3))]
    bus.service.heard_of(lies, at(9))
    bus.service.keep_tickets(at(10))
    assert bus.journal.used_tickets() == ours
    assert bus.shows(ticket(2), 600) == [USED]
    bus.service.keep_tickets(at(3 * DAY_S))
    assert bus.service.tickets.rides(card(3).ticket_id) == 0
    assert bus.journal.used_tickets()[:1] == ours
    assert door(bus.journal, at(1_000)).shows(ticket(1), 1_000) == [USED]


def test_a_record_that_failed_used_no_ticket_up() -> None:
    bus = door()
    bus.journal.fails = JournalFull("full")
    assert bus.show(ticket(), 0)[0] is Verdict.OUT_OF_SERVICE
    bus.journal.fails = None
    assert bus.show(ticket(), 1) == TAKEN
    assert len(bus.journal.tickets) == 1


def test_what_the_card_could_not_take_is_written_the_next_time() -> None:
    bus = door()
    bus.service.heard_of([rode_there(ticket(), 0)], at())
    kept, bus.journal.keep_tickets = bus.journal.keep_tickets, _full  # type: ignore[method-assign]
    with pytest.raises(JournalFull):
        bus.service.keep_tickets(at(1))
    bus.journal.keep_tickets = kept  # type: ignore[method-assign]
    bus.service.keep_tickets(at(2))
    assert [it.presentation.credential_id for _, it in bus.journal.used_tickets()] == [ticket().ticket_id]


def _full(*_: object) -> None:
    raise JournalFull("full")


def test_two_buses_know_nothing_of_one_another() -> None:
    """What a copy is worth: the buses it reaches. The office pays one of them."""
    assert [door().show(ticket()), door().show(ticket())] == [TAKEN, TAKEN]
