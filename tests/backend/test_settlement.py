"""What a day brings is shared to the rial, each rial once, in however many statements its taps arrive."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import NotFound
from backend.core.ledger import COPIED, COPIED_CITY, PROVIDER_CLEARING, SUSPENSE, class_account, driver_account
from backend.core.settlement.contracts import Contract, Contracts
from backend.core.settlement.lines import RIDERS, Income, Line, line_of
from backend.core.settlement.parties import Party, Role, account_of
from backend.core.settlement.sharing import Before, LineOf, NoContract, Share, share
from backend.core.settlement.sheet import HEADER, sheet
from backend.core.settlement.statement import (
    GENESIS,
    FreeRides,
    Span,
    Statement,
    decode,
    entries,
    in_order,
    wrong_behind,
)
from backend.core.settlement.telling import joint, parties, told
from protocol.errors import OutOfRange, WireError
from protocol.wire import cbor

DAY = 20786  # 1405/09/08
FIRST = Contract("bus-1", DAY - 10, "metro", "rezaei", 333, proxies_max_rials=50_000, tickets_max_rials=90_000)
SECOND = Contract("bus-2", DAY - 10, "sherkat")
THIRD = Contract("bus-3", DAY - 10, "metro", "karimi", 1000)
BOOK = Contracts([FIRST, SECOND, THIRD])
PAYERS = [
    RIDERS,
    class_account(2),
    class_account(3),
    "tickets:hotel",
    driver_account("17"),
    COPIED,
    COPIED_CITY,
    SUSPENSE,
]


def income(
    vehicle: str = "bus-1", payer: str = RIDERS, rials: int = 100_000, of_day: int = DAY, *, held: bool = False
) -> Income:
    return Income(vehicle, line_of(payer, held=held), payer, of_day, rials, 1)


def statement(
    shares: Sequence[Share], incomes: Sequence[Income], day: int = DAY, previous: bytes = GENESIS
) -> Statement:
    return Statement("isfahan", day, previous, Span(9, 10, 5, 6), bytes(32), in_order(incomes), tuple(shares), ())


def frozen(*incomes: Income) -> Statement:
    return statement(share(incomes, {}, BOOK), incomes)


incomes = st.lists(
    st.builds(
        lambda vehicle, payer, held, hand, day, rials: Income(
            vehicle, line_of(payer, held=held, by_hand=hand), payer, day, rials, 1
        ),
        st.sampled_from(["bus-1", "bus-2", "bus-3"]), st.sampled_from(PAYERS), st.booleans(), st.booleans(),
        st.integers(DAY - 3, DAY), st.integers(-200_000, 200_000),
    ),
    max_size=12,
)  # fmt: skip


def after(before: dict[LineOf, Before], shares: Sequence[Share]) -> dict[LineOf, Before]:
    """What the statements so far have had of each line."""
    now = dict(before)
    for it in shares:
        key = (it.vehicle, it.line, it.of_day)
        had = now.get(key, Before(it.terms))
        now[key] = Before(
            it.terms, had.rials + it.rials, had.paid_rials + it.paid_rials, had.owner_rials + it.owner_rials
        )
    return now


@given(st.lists(incomes, max_size=4))
def test_each_statement_sums_to_zero_and_in_how_many_they_come_changes_nothing(parts: list[list[Income]]) -> None:
    before: dict[LineOf, Before] = {}
    for part in parts:
        made = statement(share(part, before, BOOK), part)
        assert made.balance == 0
        assert joint(made).balance == 0
        before = after(before, made.shares)
    at_once = after({}, share([it for part in parts for it in part], {}, BOOK))
    assert before == at_once


@given(incomes)
def test_what_is_paid_is_never_above_income_or_cap_and_nothing_of_what_is_held(had: list[Income]) -> None:
    for (vehicle, line, _), so_far in after({}, share(had, {}, BOOK)).items():
        assert so_far.paid_rials <= max(so_far.rials, 0)
        if so_far.paid_rials >= 0:
            assert 0 <= so_far.owner_rials <= so_far.paid_rials
        if line is Line.HELD:
            assert so_far.paid_rials == 0
        if vehicle == "bus-1" and line is Line.PROXIES:
            assert so_far.paid_rials <= 50_000


@given(incomes)
def test_entries_move_what_parties_are_told_and_nothing_else(had: list[Income]) -> None:
    made = frozen(*had)
    moved: dict[str, int] = {}
    for it in entries(made):
        moved[it.debit] = moved.get(it.debit, 0) - it.rials
        moved[it.credit] = moved.get(it.credit, 0) + it.rials
    for party in parties(made):
        if party.role in (Role.OPERATOR, Role.OWNER):
            assert moved.pop(account_of(party), 0) == told(made, party).total_rials
    assert all(name.startswith("operator:") for name in moved)
    assert sum(moved.values()) == -sum(it.paid_rials for it in made.shares)
    assert len({it.key for it in entries(made)}) == len(entries(made))


def test_an_owner_has_his_part_rounded_down_and_the_operator_the_rest() -> None:
    (it,) = share([income(rials=100)], {}, BOOK)
    assert (it.paid_rials, it.owner_rials, it.operator_rials, it.held_rials) == (100, 33, 67, 0)


def test_parts_of_a_day_that_comes_in_two_are_those_of_one_that_comes_at_once() -> None:
    first = share([income(rials=100)], {}, BOOK)
    second = share([income(rials=100)], after({}, first), BOOK)
    assert [it.owner_rials for it in (*first, *second)] == [33, 33]
    third = share([income(rials=100)], after(after({}, first), second), BOOK)
    assert third[0].owner_rials == 33  # 99 of 300: rounded down once, not thrice


def test_above_the_cap_is_held_and_comes_out_when_the_line_shrinks() -> None:
    driver = driver_account("17")
    (first,) = share([income(payer=driver, rials=70_000)], {}, BOOK)
    assert (first.paid_rials, first.held_rials) == (50_000, 20_000)
    (second,) = share([income(payer=driver, rials=-30_000)], after({}, [first]), BOOK)
    assert (second.paid_rials, second.held_rials) == (-10_000, -20_000)


def test_a_contract_holds_from_its_day_until_the_next_one() -> None:
    later = replace(FIRST, from_day=DAY, owner="new", owner_permille=500)
    book = Contracts([later, FIRST])
    assert book.of("bus-9", DAY) is None
    assert book.of("bus-1", DAY - 11) == book.of("bus-1", DAY - 10) == book.of("bus-1", DAY - 1) == FIRST
    assert book.of("bus-1", DAY) == book.of("bus-1", DAY + 900) == later
    late, of_day = share([income(of_day=DAY - 1), income()], {}, book)
    assert (late.terms.owner, of_day.terms.owner) == ("rezaei", "new")


@given(
    st.lists(st.integers(DAY - 5, DAY + 5), max_size=4), st.integers(DAY - 6, DAY + 6), st.integers(DAY - 4, DAY + 4)
)
def test_a_contract_that_changes_a_settled_day_is_known(days: list[int], new: int, frozen: int) -> None:
    held = [replace(FIRST, from_day=day, operator=f"o{n}") for n, day in enumerate(dict.fromkeys(days))]
    before, after_it = Contracts(held), Contracts([*held, replace(FIRST, from_day=new, operator="new")])
    span = range(DAY - 20, frozen + 1)
    changes = any(before.of("bus-1", day) != after_it.of("bus-1", day) for day in span) and bool(held)
    free = before.first_free_day("bus-1", frozen)
    assert (free is None) is (not held)
    if changes:
        assert free is not None
        assert new < free
    if free is not None and new >= free:
        assert not changes


def test_whose_a_settled_day_is_no_contract_changes() -> None:
    """What was settled by one contract keeps it, though another stands in the books by now."""
    first = share([income(rials=1_000)], {}, BOOK)
    stolen = Contracts([replace(FIRST, operator="clerk", owner=None, owner_permille=0)])
    (late,) = share([income(rials=10)], after({}, first), stolen)
    assert (late.terms, late.owner_rials) == (first[0].terms, 3)


def test_what_two_people_take_back_by_hand_comes_off() -> None:
    hand = Income("bus-1", Line.BY_HAND, "adjustments", DAY, -1_000, 1)
    (it,) = share([hand], {}, BOOK)
    assert (it.paid_rials, it.owner_rials, it.operator_rials) == (-1_000, -333, -667)


def test_income_that_nobody_has_a_contract_for_stops_the_freeze_and_names_every_vehicle() -> None:
    with pytest.raises(NoContract) as refused:
        share([income("bus-9"), income("bus-8"), income()], {}, BOOK)
    assert refused.value.data["vehicles"] == ["bus-8", "bus-9"]


@pytest.mark.parametrize(
    "wrong",
    [{"owner_permille": 1001}, {"owner_permille": -1}, {"owner": None}, {"proxies_max_rials": -1}, {"tickets_max_rials": 10**16}],
)  # fmt: skip
def test_a_contract_that_cannot_be_is_refused(wrong: dict) -> None:
    with pytest.raises(OutOfRange):
        replace(FIRST, **wrong)


def test_every_payer_has_its_line_and_no_other_account_has_one() -> None:
    assert [line_of(it) for it in PAYERS] == [
        Line.RIDERS, Line.CITY, Line.CITY, Line.TICKETS, Line.PROXIES, Line.DECIDED, Line.DECIDED, Line.DECIDED,
    ]  # fmt: skip
    with pytest.raises(OutOfRange):
        line_of(PROVIDER_CLEARING)
    assert line_of(PROVIDER_CLEARING, by_hand=True) is Line.BY_HAND, "two people may, and settlement goes on"


@given(incomes)
def test_a_statement_comes_back_from_its_bytes(had: list[Income]) -> None:
    made = frozen(*had)
    assert decode(made.content, made.previous) == made


def test_bytes_that_are_no_statement_are_refused() -> None:
    made = frozen(income())
    for content in (
        b"",
        made.content[:-1],
        cbor.encode([1, 2]),
        cbor.encode([2, *cbor.decode(made.content, max_bytes=9999)[1:]]),
    ):
        with pytest.raises(WireError):
            decode(content, GENESIS)


def test_who_is_told_what() -> None:
    driver, city = driver_account("17"), class_account(2)
    made = frozen(
        income(rials=90_000), income(payer=city, rials=9_000), income(payer=driver, rials=6_000),
        income("bus-2", rials=50_000), income("bus-3", SUSPENSE, 7_000, held=True), income("bus-2", city, -2_000, DAY - 1),
    )  # fmt: skip
    assert [str(it) for it in parties(made)] == [
        "city", "operator:metro", "operator:sherkat", "owner:karimi", "owner:rezaei", "driver:17",
    ]  # fmt: skip
    told_to = {str(it): told(made, it) for it in parties(made)}
    assert told_to["owner:rezaei"].total_rials == 29_970 + 2_997 + 1_998
    assert told_to["operator:metro"].total_rials == 105_000 - 34_965
    assert told_to["operator:sherkat"].total_rials == 48_000
    assert told_to["city"].total_rials == 7_000
    assert told_to["driver:17"].total_rials == 6_000
    assert [(it.held_rials, it.part_rials) for it in told_to["owner:karimi"].rows] == [(7_000, 0)]
    with pytest.raises(NotFound):
        told(made, Party.operator("nobody"))


def test_statements_follow_one_another_and_a_changed_one_is_seen() -> None:
    first = frozen(income())
    second = replace(statement(share([income("bus-2")], {}, BOOK), [income("bus-2")], DAY + 1), previous=first.hash)
    assert wrong_behind(None, first) == wrong_behind(first, second) == []
    touched = replace(first, incomes=in_order([income(rials=100_001)]))
    assert len(wrong_behind(None, touched)) == len(wrong_behind(touched, second)) == 1  # its sum, and what follows it
    assert len(wrong_behind(second, first)) == 2
    changes = ({"day": DAY + 2}, {"city": "x"}, {"head": bytes(31) + b"1"}, {"span": Span(9, 10, 5, 7)},
               {"free_rides": (FreeRides("bus-1", DAY, 1, 1),)}, {"shares": ()}, {"previous": bytes(31) + b"1"})  # fmt: skip
    assert len({first.hash, *(replace(first, **it).hash for it in changes)}) == 1 + len(changes)


def test_the_sheet_has_a_line_a_row_and_says_what_is_an_adjustment() -> None:
    made = frozen(income(), income(of_day=DAY - 1, rials=1_000))
    lines = sheet([told(made, Party(Role.OWNER, "rezaei"))]).splitlines()
    assert lines[0] == ",".join(HEADER)
    assert lines[1:] == [
        f"owner:rezaei,1405/09/08,1405/09/07,yes,bus-1,riders,,1000,333,0,{made.hash.hex()}",
        f"owner:rezaei,1405/09/08,1405/09/08,no,bus-1,riders,,100000,33300,0,{made.hash.hex()}",
    ]
