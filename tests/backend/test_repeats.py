"""One boarding told by several taps: charged once, for the cheapest, in whatever order they arrive (P7, P10, P20)."""

import random
from collections import Counter
from dataclasses import replace
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ledger import COPIED, TransferKind
from backend.core.repeats import Claim, annulled, new_boarding, same_boarding, settle
from protocol.wire.passes import Presentation

WINDOW_MS = 180_000


def claim(
    sequence: int, *, device: str = "b1-d1", at_s: int = 0, shown: int | None = None, rials: int = 100, city: int = 0,
    rider: bytes = b"rider-01", party: int = 0, extends: bool = False,
) -> Claim:  # fmt: skip
    return Claim(
        device, 1, sequence, Presentation(rider, 5, sequence if shown is None else shown), device[:2], at_s * 1000,
        WINDOW_MS, rials, city, 2, new_boarding(device, 1, sequence), charged=True, party=party, adult_rials=city,
        shown_rials=rials, extends=extends,
    )  # fmt: skip


class Ledger:
    """What a store would hold, and what was moved."""

    def __init__(self) -> None:
        self.held: dict[object, Claim] = {}
        self.moved: Counter[str] = Counter()

    def take(self, new: Claim) -> None:
        settled = settle(new, self.held.values())
        if settled.claim.charged:
            self.moved["rider"] += new.rials
            self.moved["city"] += new.city_rials
        for refund in settled.refunds:
            assert refund.debit == COPIED
            self.moved["rider" if refund.kind is TransferKind.REFUND else "city"] -= refund.rials
        for one in (settled.claim, *settled.changed):
            self.held[one.tap] = one


def told(claims: list[Claim]) -> Ledger:
    ledger = Ledger()
    for one in claims:
        ledger.take(one)
    return ledger


def test_the_relation() -> None:
    here = claim(1)
    assert same_boarding(here, claim(9, device="b7-d1", shown=1))  # the same code anywhere
    assert same_boarding(here, claim(2, device="b1-d2", at_s=179))
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=180))
    assert not same_boarding(here, claim(2, device="b1-d1", at_s=1))  # one door knows its own window
    assert not same_boarding(here, claim(2, device="b2-d1", at_s=1))
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=1, rider=b"rider-02"))
    longer = replace(claim(2, device="b1-d2", at_s=200), window_ms=2 * WINDOW_MS)  # the doors' tariffs differ
    assert same_boarding(here, longer)
    assert same_boarding(longer, here)


def test_a_boarding_at_both_doors_is_charged_once_for_the_cheaper() -> None:
    for order in permutations([claim(1, rials=100, city=50), claim(1, device="b1-d2", at_s=60, rials=80, city=60)]):
        assert told(list(order)).moved == {"rider": 80, "city": 60}


def test_a_tap_that_joins_two_boardings_refunds_one() -> None:
    """Three taps at alternating doors, the middle one within the window of both others."""
    taps = [claim(1, rials=100), claim(2, device="b1-d2", at_s=100, rials=120), claim(3, at_s=200, rials=90)]
    for order in permutations(taps):
        ledger = told(list(order))
        assert ledger.moved["rider"] == 90
        assert len({one.boarding for one in ledger.held.values()}) == 1
        assert [one.sequence for one in ledger.held.values() if one.charged] == [3]


def test_of_two_that_cost_the_same_it_does_not_matter_in_which_order_the_store_hands_them_out() -> None:
    near = [claim(1), claim(3, at_s=200)]
    joins = claim(2, device="b1-d2", at_s=100)
    one, other = settle(joins, near), settle(joins, near[::-1])
    assert one.refunds == other.refunds
    assert len(one.refunds) == 1


def test_the_larger_party_is_charged_whichever_came_first() -> None:
    """A phone that shows one render alone and with fifteen companions takes sixteen people on."""
    alone = claim(1, rials=100)
    many = claim(2, device="b2-d1", shown=1, rials=1_600, party=15)
    for order in permutations([alone, many]):
        assert told(list(order)).moved["rider"] == 1_600


def test_companions_who_came_later_are_no_second_telling_of_the_first_boarding() -> None:
    first, later = claim(1), claim(2, device="b1-d2", at_s=30, rials=200, party=2, extends=True)
    again = claim(3, device="b1-d1", at_s=60, rials=200, party=2, extends=True)  # the doors could not talk
    for order in permutations([first, later, again]):
        assert told(list(order)).moved["rider"] == 300


def test_what_was_taken_back_stands_by_itself() -> None:
    held = claim(1)
    back = annulled(held)
    assert (back.charged, back.rials, back.city_rials) == (False, 0, 0)
    assert back.boarding != held.boarding
    assert not same_boarding(back, claim(2, device="b1-d2", at_s=1))
    assert not same_boarding(claim(9, device="b7-d1", shown=1), back)


def test_rides_that_have_nothing_to_do_with_each_other_stay_apart() -> None:
    taps = [claim(n, at_s=n * 300) for n in range(1, 5)]
    assert told(taps).moved["rider"] == 400


_CLAIMS = st.lists(
    st.builds(
        claim,
        st.integers(1, 60), device=st.sampled_from(["b1-d1", "b1-d2", "b2-d1"]), at_s=st.integers(0, 1_000),
        shown=st.integers(1, 12), rials=st.integers(0, 3), city=st.integers(0, 2),
        rider=st.sampled_from([b"rider-01", b"rider-02"]), party=st.integers(0, 2), extends=st.booleans(),
    ),
    max_size=14, unique_by=lambda one: one.tap,
)  # fmt: skip


@settings(max_examples=200)
@given(_CLAIMS, st.integers(0, 2**32))
def test_every_order_of_arrival_ends_at_the_same_sum(claims: list[Claim], seed: int) -> None:
    """P20, and: one claim of each boarding is charged, the first in order; connected taps are one boarding."""
    shuffled = random.Random(seed).sample(claims, len(claims))
    one, other = told(claims), told(shuffled)
    assert one.moved == other.moved
    assert {tap: held.boarding for tap, held in one.held.items()} == {
        tap: held.boarding for tap, held in other.held.items()
    }
    groups: dict[bytes, list[Claim]] = {}
    for held in one.held.values():
        groups.setdefault(held.boarding, []).append(held)
    assert sum(min(members, key=lambda c: c.order).rials for members in groups.values()) == one.moved["rider"]
    for members in groups.values():
        assert [c.order for c in members if c.charged] == [min(c.order for c in members)]
    for a in one.held.values():
        for b in one.held.values():
            assert a.boarding == b.boarding or not same_boarding(a, b)
