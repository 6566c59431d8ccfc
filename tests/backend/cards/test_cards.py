"""Cards are issued by two people, printed and told, blocked at once, and replaced once; each ride has its payer."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.cards import NewCards
from backend.app.staff import Staff
from backend.core.cards.card import Ended, grouped, is_number, number_of
from backend.core.cards.issue import CardIssue
from backend.core.cards.kinds import SHAPES, CardKind, Terms
from backend.core.cards.words import KINDS
from backend.core.errors import KeyMissing, NotAllowed, NotFound, Refused
from backend.core.limits import CARD_DAYS_MAX, CARD_PRINT_MS, CARDS_AN_ISSUE_MAX
from backend.core.staff.errors import OnePerson, Unfit
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import read
from backend.core.staff.two_people import Kind
from protocol.fares.tariff import RiderClass
from protocol.localtime import service_day
from tests.backend.bus import FARE, NOON_MS, Bus, key
from tests.backend.cards.office import CLERK, NIMA, TARA, TODAY, CardOffice, held, senior, single

databases = pytest.mark.databases
DAY_MS = 86_400_000
ID = st.binary(min_size=8, max_size=8)


def ride(bus: Bus, what: object, at_ms: int) -> None:
    bus.now_ms = at_ms
    bus.tap(what)  # type: ignore[arg-type]


# --- numbers and terms ----------------------------------------------------------------------------------------------


@given(ID, st.integers(0, 11), st.integers(1, 9))
def test_a_number_that_is_said_with_one_slip_is_no_number(ticket_id: bytes, place: int, by: int) -> None:
    number = number_of(ticket_id)
    assert is_number(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not is_number(wrong)


@given(ID, st.integers(0, 10))
def test_a_number_with_two_digits_that_changed_places_is_no_number(ticket_id: bytes, place: int) -> None:
    number = number_of(ticket_id)
    wrong = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_number(wrong) == (wrong == number)


def test_a_number_is_said_by_fours() -> None:
    assert grouped("318634313220") == "3186 3431 3220"
    assert not is_number("3186 3431 3220")
    assert not is_number("٣١٨٦٣٤٣١٣٢٢٠")  # digits of other scripts are the caller's to turn


@given(
    st.sampled_from(CardKind), st.integers(0, 15), st.integers(0, 15), st.integers(0, 900)
)  # fmt: skip
def test_a_kind_is_what_its_shape_says_and_nothing_else(
    kind: CardKind, rider_class: int, rides: int, days: int
) -> None:
    """So what a photocopy is worth is bounded by the kind: no adult's card has rides each day."""
    shape = SHAPES[kind]
    fits = (
        rider_class in shape.classes and (1 <= rides <= shape.rides_a_day if shape.rides_a_day else rides == 0)
        and days < CARD_DAYS_MAX
    )  # fmt: skip
    try:
        made = Terms(kind, rider_class, TODAY, TODAY + days, rides)
    except Unfit:
        assert not fits
    else:
        assert fits
        assert not (made.rides_a_day and rider_class == RiderClass.ADULT)


@pytest.mark.parametrize("count", [0, CARDS_AN_ISSUE_MAX + 1])
def test_an_issue_has_some_cards_and_not_too_many(count: int) -> None:
    with pytest.raises(Unfit):
        senior(count)


def test_an_issue_is_read_out_of_what_was_approved() -> None:
    it = senior(3)
    assert read(Kind.CARDS, it.content) == it
    assert it.words()["card_kind"] == "senior"
    with pytest.raises(Unfit):
        replace(it, kind="king")


# --- issuing ----------------------------------------------------------------------------------------------------------


@databases
def test_two_people_issue_and_then_there_are_so_many_cards(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    made = office.staff.propose(CLERK, senior(3), why="for the desk", key="")
    assert office.cards.issues(None, 9) == []
    for who, error in ((CLERK, NotAllowed), (Actor("hadi", Role.FINANCE), NotAllowed)):
        with pytest.raises(error):
            office.staff.decide(who, made.id, made.digest, approves=True, key="")
    office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
    ((_, issue),) = office.cards.issues(None, 9)
    cards = [it for _, it in office.cards.cards(made.id, 0, 9)]
    assert (issue.name, issue.cards, issue.ended, issue.terms) == (made.id, 3, 0, senior(3).terms)
    assert len({it.ticket_id for it in cards}) == 3
    assert [office.cards.card(it.number) for it in cards] == cards


@databases
def test_who_proposes_cards_does_not_approve_them(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    made = office.staff.propose(NIMA, senior(), why="mine", key="")
    with pytest.raises(OnePerson):
        office.staff.decide(NIMA, made.id, made.digest, approves=True, key="")
    assert office.rows("SELECT * FROM card") == []


@databases
def test_cards_whose_last_day_is_over_are_not_issued(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    made = office.staff.propose(CLERK, senior(last_day=TODAY), why="today alone", key="")
    with pytest.raises(Unfit):
        office.staff.propose(CLERK, replace(senior(), first_day=TODAY - 9, last_day=TODAY - 1), why="late", key="")
    office.now_ms += DAY_MS
    with pytest.raises(Unfit):
        office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
    assert office.rows("SELECT * FROM card") == []


@databases
def test_nothing_is_issued_where_no_issuers_key_is(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    staff = Staff(office.store, b"", clock=lambda: office.now_ms, randomness=bytes, waiting=list)
    made = staff.propose(CLERK, senior(), why="for the desk", key="")
    with pytest.raises(KeyMissing):
        staff.decide(TARA, made.id, made.digest, approves=True, key="")
    assert office.staff.proposal(made.id).decided_by is None


@databases
def test_no_two_cards_have_one_number(tmp_path: Path) -> None:
    """Numbers are fewer than ids: one that is taken is drawn anew."""
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    twin = (10**10 + int(card.number[:10])).to_bytes(8)
    drawn = [twin, b"anothers", b"anothers", b"athirds!"]
    made = NewCards(office.store, key("issuer"), lambda _: drawn.pop(0))("another", single(2))
    assert (number_of(twin), made.ids) == (card.number, (b"anothers", b"athirds!"))


# --- printing -----------------------------------------------------------------------------------------------------------


@databases
def test_what_is_printed_is_what_a_door_reads_and_each_time_is_told(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    ticket = office.ticket(card)
    assert (ticket.ticket_id, ticket.rider_class, ticket.last_day, ticket.rides_a_day) == (
        card.ticket_id, 3, TODAY + 364, 2
    )  # fmt: skip
    office.cards.print_issue(NIMA, card.issue, key="")
    assert office.told() == [("sima", "print-cards", "printed 1"), ("nima", "print-cards", "printed 1")]
    assert office.ticket(card).raw == ticket.raw  # the same card, whoever prints it
    printed = office.cards.print_card(CLERK, card.number, key="")
    assert printed.code not in repr(printed)


@databases
@pytest.mark.parametrize("what", ["late", "blocked", "key"])
def test_what_is_printed_no_more(tmp_path: Path, what: str) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    if what == "late":
        office.now_ms += CARD_PRINT_MS
    elif what == "blocked":
        office.cards.block(CLERK, card.number, Ended.LOST, key="")
    else:
        office = CardOffice(tmp_path, issuer=key("next issuer"))
    with pytest.raises(Refused):
        office.cards.print_card(CLERK, card.number, key="")
    with pytest.raises(Refused):
        office.cards.print_issue(CLERK, card.issue, key="")
    assert office.told()[-1] == ("sima", "print-cards", "Refused")


@databases
def test_who_may_not_is_refused_and_told(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    finance = Actor("hadi", Role.FINANCE)
    with pytest.raises(NotAllowed):
        office.cards.print_card(finance, card.number, key="")
    with pytest.raises(NotAllowed):
        office.cards.block(finance, card.number, Ended.LOST, key="")
    with pytest.raises(NotAllowed):
        office.cards.replace(finance, card.number, Ended.LOST, key="")
    assert [it[2] for it in office.told()] == ["NotAllowed"] * 3


@databases
def test_a_number_that_is_nobodys(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    for number in ("000000000000", number_of(b"nobodys!"), ""):
        with pytest.raises(NotFound):
            office.cards.card(number)


# --- rides, blocking, replacing ---------------------------------------------------------------------------------------


@databases
def test_a_ride_is_paid_by_the_cards_issue_until_it_is_blocked(tmp_path: Path) -> None:
    """P16: what a bus without the newest list accepted stands, and is nobody's who has lost the card."""
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(senior())
    office.now_ms = NOON_MS + 10_000
    office.cards.block(CLERK, card.number, Ended.STOLEN, key="")
    for at_ms in (NOON_MS, NOON_MS + 9_999, NOON_MS + 10_000, NOON_MS + DAY_MS):
        ride(bus, held(card), at_ms)
    office.take_whole(bus)
    assert office.payers() == ["ticket", "ticket", "copied", "copied"]
    owed = dict(office.rows("SELECT id, debits - credits FROM account"))
    assert (owed["city:class:3"], owed["copied:city"]) == (2 * FARE, 2 * FARE)


@databases
def test_a_cheaper_ride_behind_the_block_takes_no_ones_place(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(single())
    office.now_ms = NOON_MS + 5_000
    office.cards.block(CLERK, card.number, Ended.LOST, key="")
    for at_ms, fare in ((NOON_MS, FARE), (NOON_MS + 6_000, FARE - 1_000)):
        bus.now_ms = at_ms
        bus.tap(held(card), fare=fare)
    office.take_whole(bus)
    assert office.rows("SELECT rials, paid FROM ticket_ride ORDER BY sequence") == [(FARE, 1), (FARE - 1_000, 0)]


@databases
def test_a_ride_that_is_taken_back_lets_no_ride_behind_the_block_in_its_place(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(senior(rides=1))
    bus.begin_shift("d-1", "s-1")
    ride(bus, held(card), NOON_MS)
    tap = bus.last
    office.now_ms = NOON_MS + 5_000
    office.cards.block(CLERK, card.number, Ended.LOST, key="")
    ride(bus, held(card), NOON_MS + 6_000)
    bus.now_ms = NOON_MS + 7_000
    bus.annul(tap)
    office.take_whole(bus)
    assert office.rows("SELECT annulled, paid FROM ticket_ride ORDER BY sequence") == [(1, 0), (0, 0)]


@databases
def test_a_card_is_blocked_once_and_stands_on_the_next_list(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    card, other = office.issue(senior(2))
    first = office.cards.block(CLERK, card.number, Ended.LOST, key="")
    office.now_ms += 1
    assert office.cards.block(NIMA, card.number, Ended.STOLEN, key="") == first
    assert (first.ended_ms, first.why) == (NOON_MS, Ended.LOST)
    assert office.told() == [("sima", "end-card", "blocked: lost")]
    assert office.store.blocked_cards(TODAY) == [card.ticket_id]
    assert office.store.blocked_cards(TODAY + 365) == []  # its last day is over: every bus refuses it by itself
    assert office.cards.card(other.number).ended_ms is None


@databases
def test_a_card_is_replaced_once_with_the_days_that_it_had_left(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    office.now_ms += 40 * DAY_MS
    new = office.cards.replace(CLERK, card.number, Ended.DAMAGED, key="")
    assert (new.terms, new.issue, new.replaces) == (card.terms, card.issue, card.ticket_id)
    assert new.ticket_id != card.ticket_id
    old = office.cards.card(card.number)
    assert (old.ended_ms, old.why, old.replaced_by) == (office.now_ms, Ended.DAMAGED, new.ticket_id)
    assert office.cards.replace(NIMA, card.number, Ended.LOST, key="") == new
    assert office.store.blocked_cards(TODAY) == [card.ticket_id]
    assert office.told() == [("sima", "end-card", f"replaced by {new.number}: damaged")]
    assert office.ticket(new).of_day(office.now_ms, 0)  # it may be printed, though its issue is old
    assert office.rows("SELECT count(*) FROM card") == [(2,)]


@databases
def test_a_replacement_is_replaced_and_the_chain_stays_readable(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    second = office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    third = office.cards.replace(CLERK, second.number, Ended.LOST, key="")
    assert office.cards.replace(CLERK, card.number, Ended.LOST, key="").number == second.number
    assert office.cards.card(second.number).replaced_by == third.ticket_id
    assert [it.ended_ms is None for _, it in office.cards.cards(card.issue, 0, 9)] == [False, False, True]


@databases
def test_a_single_ride_that_was_ridden_has_nothing_left(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    rode, left = office.issue(single(2))
    ride(bus, held(rode), NOON_MS)
    office.take_whole(bus)
    with pytest.raises(Refused):
        office.cards.replace(CLERK, rode.number, Ended.LOST, key="")
    assert office.cards.card(rode.number).ended_ms is None  # nothing was done
    assert office.cards.replace(CLERK, left.number, Ended.DAMAGED, key="").replaces == left.ticket_id


@databases
def test_a_card_that_is_over_is_not_replaced(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior(last_day=TODAY + 1))
    office.now_ms += 2 * DAY_MS
    with pytest.raises(Refused):
        office.cards.replace(CLERK, card.number, Ended.LOST, key="")


@databases
def test_a_replacement_rides_and_its_issue_pays(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(senior())
    new = office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    for second, one in enumerate((new, new, new, card)):
        ride(bus, held(one), NOON_MS + second * 1_000)
    office.take_whole(bus)
    assert office.payers() == ["ticket", "ticket", "copied", "copied"]


@databases
def test_whatever_comes_in_whatever_order_a_card_pays_for_no_more_than_its_days_are_worth(tmp_path: Path) -> None:
    """Copies on three buses, a block somewhere, records that come in any order: P6, P16."""
    rng = Random(9)
    buses = [Bus(f"bus-{n}-d1") for n in (1, 2, 3)]
    office = CardOffice(tmp_path, buses)
    (card,) = office.issue(senior(rides=2))
    blocked_ms = NOON_MS + 3 * DAY_MS
    office.now_ms = blocked_ms
    office.cards.block(CLERK, card.number, Ended.COPIED, key="")
    for bus in buses:
        for at_ms in sorted(NOON_MS + rng.randrange(6 * DAY_MS) for _ in range(9)):
            ride(bus, held(card), at_ms)
    parts = [(bus, bus.batch(first, min(first + 2, bus.last))) for bus in buses for first in range(1, bus.last + 1, 3)]
    waiting = [[it for it in parts if it[0] is bus] for bus in buses]
    while any(waiting):
        office.take(rng.choice([it for it in waiting if it]).pop(0))
    rides = office.rows("SELECT wall_ms, paid FROM ticket_ride")
    assert len(rides) == 27
    assert not [at_ms for at_ms, paid in rides if paid and at_ms >= blocked_ms]
    for day in {service_day(at_ms) for at_ms, _ in rides}:
        before = [paid for at_ms, paid in rides if service_day(at_ms) == day and at_ms < blocked_ms]
        assert sum(before) == min(2, len(before))


def test_every_kind_has_words() -> None:
    assert set(KINDS) == set(CardKind) == set(SHAPES)
    assert {CardIssue("single", 0, TODAY, TODAY, 0, 1, "drawer").terms.kind} == {CardKind.SINGLE}
