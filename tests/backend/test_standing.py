"""What stands for a rider's taps: one boarding charged once, rides weighed together, by a second and plainer reckoning."""

import random
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import permutations
from typing import Any
from unittest.mock import patch

import pytest

from backend.core import journeys, repeats, standing
from backend.core.ledger import COPIED, COPIED_CITY, TapId, class_account, rider_account
from backend.core.repeats import Claim, new_boarding, same_boarding
from backend.core.standing import stand
from protocol.fares.pricing import Ridden, steps
from protocol.fares.tariff import Tariff
from protocol.localtime import service_week
from protocol.wire.passes import Presentation
from tests.protocol.fares import WEEK_BEGINS_MS, naive

FARE = 60_000
RIDER = b"rider-01"
TARIFFS = {
    3: Tariff(3, FARE, {2: 500}, 180, transfer_window_s=1_800, day_cap_rials=150_000, week_cap_rials=260_000),
    4: Tariff(4, 90_000, {2: 500}, 600, day_cap_rials=50_000),  # a cap below one fare
    5: Tariff(5, FARE, {2: 500}, 180),
}


def claim(
    sequence: int, *, device: str = "b1-d1", at_s: int = 0, shown: int | None = None, fare: int = FARE, share: int = 1000,
    party: int = 0, extends: bool = False, told: int | None = None, tariff: int = 5, rider: bytes = RIDER,
    annulled: bool = False,
) -> Claim:  # fmt: skip
    """A claim; `told`: what the door said, if not what it costs."""
    own = 0 if extends else fare * share // 1000
    whole = own + party * fare
    said = whole if told is None else told
    return Claim(
        device, 1, sequence, Presentation(rider, 5, sequence if shown is None else shown), device[:2],
        WEEK_BEGINS_MS + at_s * 1000, TARIFFS[tariff].repeat_window_s * 1000 if tariff in TARIFFS else 180_000, 2, party,
        fare, 0 if extends else share, 0 if extends else share, party * fare, said,
        min(whole, said) + (0 if extends else fare - own), tariff, extends, annulled,
    )  # fmt: skip


def pays(*claims: Claim) -> dict[tuple[str, int], int]:
    """What the rider pays for each tap, which no order of the claims changes."""
    found = [
        {(it.device, it.sequence): it.rials for it in stand(order, TARIFFS).values()} for order in permutations(claims)
    ]
    assert all(one == found[0] for one in found)
    return found[0]


def test_the_relation() -> None:
    here = claim(1)
    assert same_boarding(here, claim(9, device="b7-d1", shown=1))  # the same code anywhere
    assert same_boarding(here, claim(2, device="b1-d2", at_s=179))
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=180))
    assert not same_boarding(here, claim(2, device="b1-d1", at_s=1))  # one door knows its own window
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=1, party=1, extends=True))  # it depends on others
    assert not same_boarding(here, claim(2, device="b2-d1", at_s=1))
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=1, rider=b"rider-02"))
    assert not same_boarding(here, claim(2, device="b1-d2", at_s=1, annulled=True))
    longer = claim(2, device="b1-d2", at_s=200)._replace(window_ms=360_000)  # the doors' tariffs differ
    assert same_boarding(here, longer)
    assert same_boarding(longer, here)


def test_a_boarding_at_both_doors_is_charged_once_for_the_cheaper() -> None:
    assert pays(claim(1), claim(1, device="b1-d2", at_s=60, told=50_000)) == {("b1-d1", 1): 0, ("b1-d2", 1): 50_000}


def test_a_tap_that_joins_two_boardings_makes_them_one() -> None:
    """Three taps at alternating doors, the middle one within the window of both others; without it they are two."""
    first, joins, last = claim(1), claim(2, device="b1-d2", at_s=100, told=70_000), claim(3, at_s=200, told=50_000)
    assert sum(pays(first, joins, last).values()) == 50_000
    assert sum(pays(first, joins._replace(annulled=True), last).values()) == 110_000


def test_companions_join_no_two_boardings_of_one_door() -> None:
    """Seventeen minutes of one phone, each ride tied to the next by companions: every ride is paid as it was shown."""
    taps: list[Claim] = []
    for n in range(3):
        taps += [claim(2 * n, at_s=200 * n), claim(2 * n + 1, at_s=200 * n + 170, party=1, extends=True)]
    assert sum(pays(*taps).values()) == 6 * FARE


@pytest.mark.parametrize(
    ("at_s", "boarding"),
    [((0, 100, 50), 0), ((0, 100, 150), 1), ((0, 200, 190), 1), ((100, 300, 50), 0), ((0, 300, 185), 1),
     ((0, 400, 200), None)],
)  # fmt: skip
def test_who_came_later_belongs_to_the_tap_before_and_else_to_the_first_boarding_after(
    at_s: tuple[int, int, int], boarding: int | None
) -> None:
    one, other, more = (
        claim(1, at_s=at_s[0]),
        claim(2, at_s=at_s[1]),
        claim(3, device="b1-d2", at_s=at_s[2], party=1, extends=True),
    )
    stands = stand([one, other, more], TARIFFS)
    with_it = [n for n, it in enumerate((one, other)) if stands[it.tap].boarding == stands[more.tap].boarding]
    assert with_it == ([] if boarding is None else [boarding])


def test_of_two_tellings_of_one_boarding_one_that_is_taken_back_leaves_the_other() -> None:
    back, stays = claim(1, annulled=True), claim(1, device="b1-d2", at_s=20)
    assert pays(back, stays) == {("b1-d1", 1): 0, ("b1-d2", 1): FARE}
    assert stand([back], TARIFFS)[back.tap].parts == {}


def test_the_larger_party_is_charged_whichever_came_first() -> None:
    """A phone that shows one render alone and with fifteen companions takes sixteen people on."""
    assert sum(pays(claim(1), claim(2, device="b2-d1", shown=1, party=15)).values()) == 16 * FARE


@pytest.mark.parametrize(
    ("taps", "persons"),
    [
        ([("b1-d1", 0, False), ("b1-d1", 2, True)], 3),
        ([("b1-d1", 0, False), ("b1-d1", 2, True), ("b1-d2", 2, False)], 3),  # the doors could not talk
        ([("b1-d1", 0, False), ("b1-d1", 2, True), ("b1-d2", 0, False), ("b1-d2", 2, True)], 3),
        ([("b1-d1", 0, False), ("b1-d1", 3, True), ("b1-d2", 2, False)], 4),
        ([("b1-d1", 1, False), ("b1-d2", 3, True)], 4),  # they could
        ([("b1-d2", 2, True)], 2),  # its first boarding has not come yet, or was free
    ],
)
def test_a_boarding_costs_what_it_does_at_the_door_that_took_the_most_on(
    taps: list[tuple[str, int, bool]], persons: int
) -> None:
    """`party` of companions who came later is all of them: the door shows those it does not know."""
    claims = [
        claim(n, device=device, at_s=20 * n, party=party, extends=extends)
        for n, (device, party, extends) in enumerate(taps)
    ]
    assert sum(pays(*claims).values()) == persons * FARE


def test_companions_cost_no_more_than_was_shown_for_them() -> None:
    first, more, again = (
        claim(1, party=1),
        claim(2, party=2, extends=True, told=FARE, at_s=5),
        claim(3, party=5, extends=True, told=3 * FARE, at_s=9),
    )
    assert list(pays(first, more, again).values()) == [2 * FARE, FARE, 3 * FARE]


def test_companions_cost_no_more_than_their_operator_has_for_them() -> None:
    # As after a tap-out: the door counted one more, who rode for one fare, and of another nothing has come.
    more = claim(2, party=3, extends=True, told=2 * FARE, at_s=5)._replace(whole_rials=FARE)
    found = stand([claim(1, party=1), more], TARIFFS)["b1-d1", 1, 2]
    assert (found.rials, found.copied_rials) == (FARE, 0)


def test_a_cap_below_one_fare_leaves_the_companions_their_fare() -> None:
    assert pays(claim(1, party=2, fare=90_000, tariff=4, told=230_000)) == {("b1-d1", 1): 50_000 + 180_000}


def test_who_is_not_charged_is_paid_by_copied_and_the_city_pays_for_no_copy() -> None:
    stands = stand([claim(1, share=500), claim(1, device="b2-d1", share=500, told=40_000)], TARIFFS)
    assert stands["b1-d1", 1, 1].parts == {rider_account(RIDER): 30_000, class_account(2): 30_000}
    assert stands["b2-d1", 1, 1].parts == {COPIED: 30_000, COPIED_CITY: 30_000}


# --- a plainer reckoning ----------------------------------------------------------------------------------------------


def world(seed: int) -> list[Claim]:
    """A rider's taps of two weeks on two buses, all that may happen to them, close enough to meet."""
    choose = random.Random(seed)
    moments = [choose.choice((-90_000, -100, 0, 40_000)) + choose.randrange(0, 2_400, 50) for _ in range(4)]
    taps: list[Claim] = []
    for n in range(choose.randint(1, 7)):
        tariff = choose.choice((3, 3, 3, 4, 5, 9))
        fare, share = choose.choice((FARE, 90_000)), choose.choice((500, 500, 1000))
        party = choose.choice((0, 0, 0, 1, 2, 3))
        extends = party > 0 and choose.random() < 0.5
        whole = (0 if extends else fare * share // 1000) + party * fare
        told = choose.choice((whole, whole, 0, whole // 2, whole + FARE))
        earlier = choose.choice(taps) if taps and choose.random() < 0.25 else None
        it = claim(
            n, device=choose.choice(("b1-d1", "b1-d2", "b2-d1", "b2-d2")),
            at_s=choose.choice(moments) + choose.randrange(0, 200, 10), fare=fare, share=share,
            party=party if earlier is None else earlier.party, extends=extends, told=told, tariff=tariff,
            shown=None if earlier is None else earlier.presentation.counter, annulled=choose.random() < 0.15,
        )  # fmt: skip
        taps.append(it._replace(cap_permille=500))
    return taps


def of_one(one: Claim, other: Claim, taps: Sequence[Claim]) -> bool:
    """The relation, each pair asked for itself."""
    return same_boarding(one, other) or _belongs(one, taps) is other or _belongs(other, taps) is one


def _belongs(it: Claim, taps: Sequence[Claim]) -> Claim | None:
    """Behind which tap companions came, among those that were not taken back."""

    def at(one: Claim) -> tuple[int, bool, TapId]:
        return one.wall_ms, one.extends, one.tap

    near = [
        one for one in taps
        if it.extends and not one.annulled and one.vehicle == it.vehicle and abs(one.wall_ms - it.wall_ms) < it.window_ms
    ]  # fmt: skip
    before = [one for one in near if at(one) < at(it)]
    after = [one for one in near if at(one) > at(it) and not one.extends]
    return max(before, key=at) if before else min(after, key=at, default=None)


def reckoned(taps: Sequence[Claim]) -> tuple[int, int, int]:
    """What rider, city and operators end at, from the rule's words: sets by search, sums by trying every choice."""
    rider = city = copied = 0
    weighed: dict[tuple[int, int], list[Claim]] = {}
    rest = [it for it in taps if not it.annulled]
    while rest:
        members = [rest.pop()]
        while joined := [it for it in rest if any(of_one(it, member, taps) for member in members)]:
            members += joined
            rest = [it for it in rest if it not in joined]
        firsts = [it for it in members if not it.extends]
        paid: dict[TapId, int] = {}
        aboard = 0
        if firsts:
            first = min(firsts, key=lambda it: (-it.party, it.shown_rials, it.adult_rials - it.alone_rials,
                                                it.wall_ms, it.tariff_version, it.tap))  # fmt: skip
            aboard, paid[first.tap] = first.party, 0
            weighed.setdefault((service_week(first.wall_ms), first.tariff_version), []).append(first)
        for person in range(aboard + 1, 16):  # each companion by the smallest later party in which they stand
            with_them = [it for it in members if it.extends and it.party >= person]
            if with_them:
                it = min(with_them, key=lambda one: (one.party, -one.shown_rials, one.tap))
                paid[it.tap] = min(paid.get(it.tap, 0) + it.adult_rials, it.shown_rials, it.whole_rials)
        rider += sum(paid.values())
        copied += sum(it.whole_rials - paid.get(it.tap, 0) for it in members if not firsts or it is not first)
    for (_, version), rides in weighed.items():
        rides.sort(key=lambda it: (it.wall_ms, it.tap))
        beside = sum(min(it.beside_rials, it.shown_rials) for it in rides)
        most = sum(max(0, min(it.shown_rials - it.beside_rials, it.alone_rials)) for it in rides)
        tariff = TARIFFS.get(version)
        if tariff is None:
            rider, city = rider + most + beside, city + sum(it.adult_rials - it.alone_rials for it in rides)
            continue
        own = [Ridden(it.wall_ms, it.adult_rials, it.permille, it.cap_permille) for it in rides]
        full = [Ridden(it.wall_ms, it.adult_rials, 1000, 1000) for it in rides]
        rider += min(most, naive(tariff, own)) + beside
        for n in range(len(rides)):
            more = [naive(tariff, of[: n + 1]) - naive(tariff, of[:n]) for of in (full, own)]
            city += max(0, more[0] - more[1])
    return rider, city, copied


def stood(taps: Iterable[Claim]) -> tuple[int, int, int]:
    """The same by the product's rule; each tap alone is never above what was shown."""
    found = standing.stand(taps, TARIFFS).values()
    assert all(0 <= it.rials <= it.shown_rials and it.copied_rials >= 0 for it in found)
    assert all(it.charged or not it.rials + it.city_rials for it in found)
    firsts = [it.boarding for it in found if it.charged and not it.extends]
    assert len(firsts) == len(set(firsts)), "one boarding is charged twice"
    return sum(it.rials for it in found), sum(it.city_rials for it in found), sum(it.copied_rials for it in found)


SEEDS = range(1_500)


def test_what_stands_is_what_the_rule_says() -> None:
    for seed in SEEDS:
        taps = world(seed)
        assert stood(taps) == reckoned(taps), seed


def test_no_order_of_the_claims_changes_what_stands() -> None:
    for seed in SEEDS:
        taps = world(seed)
        shuffled = random.Random(seed).sample(taps, len(taps))
        assert stand(taps, TARIFFS) == stand(shuffled, TARIFFS), seed


def _rule(module: Any, name: str, mutant: Any) -> AbstractContextManager[Any]:
    return patch.object(module, name, mutant)


def _no_cap_for_the_city(tariff: Tariff, claims: Iterable[Claim]) -> list[Claim]:
    return [it._replace(city_rials=it.adult_rials - it.alone_rials) for it in journeys.weigh(tariff, claims)]


def _nothing_left(tariff: Tariff, claims: Iterable[Claim]) -> list[Claim]:
    ordered = sorted(claims, key=lambda it: (it.wall_ms, it.tap))
    own = steps(tariff, [Ridden(it.wall_ms, it.adult_rials, it.permille, it.cap_permille) for it in ordered])
    weighed = journeys.weigh(tariff, ordered)
    return [it._replace(rials=min(it.rials, step + it.beside_rials)) for it, step in zip(weighed, own, strict=True)]


def _taken_back_joins(claims: Sequence[Claim]) -> list[list[Claim]]:
    by_tap = {it.tap: it for it in claims}
    return [[by_tap[it.tap] for it in of] for of in _real_sets([it._replace(annulled=False) for it in claims])]


_real_sets = repeats._sets
_real_settled, _real_same, _real_beside = repeats._settled, repeats.same_boarding, repeats._beside
MUTANTS = {
    "the city pays as if there were no cap": lambda: _rule(standing, "weigh", _no_cap_for_the_city),
    "nothing is left for rides that were shown more": lambda: _rule(standing, "weigh", _nothing_left),
    "which tap is charged is anyone's": lambda: _rule(Claim, "order", property(lambda it: (0, it.tap))),
    "the dearest is charged": lambda: _rule(Claim, "order", property(lambda it: (-it.party, -it.shown_rials, it.tap))),
    "the party does not count": lambda: _rule(Claim, "order", property(lambda it: (0, it.shown_rials, it.tap))),
    "no weeks": lambda: _rule(standing, "service_week", lambda _: 0),
    "tariffs meet": lambda: _rule(standing, "group_of", lambda it, _: (service_week(it.wall_ms), 3)),
    "nothing is weighed": lambda: _rule(standing, "group_of", lambda *_: None),
    "what was taken back still joins": lambda: _rule(repeats, "_sets", _taken_back_joins),
    "a copy is no repeat": lambda: _rule(
        repeats, "same_boarding", lambda a, b: a.presentation != b.presentation and _real_same(a, b)
    ),
    "doors are buses": lambda: _rule(
        repeats, "same_boarding", lambda a, b: a.presentation == b.presentation and _real_same(a, b)
    ),
    "who came later pays as shown": lambda: _rule(
        repeats, "_settled", lambda members, most: (
            it._replace(charged=True, rials=it.whole_rials, copied_rials=0) if it.extends and not it.annulled else it
            for it in _real_settled(members, most)
        )
    ),
    "companions join whatever is near": lambda: _rule(
        repeats, "_behind", lambda claims, places: (
            (a, b) for a in places for b in places
            if claims[a].extends and abs(claims[a].wall_ms - claims[b].wall_ms) < claims[a].window_ms
        )
    ),
    "companions are alone": lambda: _rule(repeats, "_behind", lambda *_: ()),
    "only the past is looked at": lambda: _rule(
        repeats, "_beside", lambda claims, firsts: () if len(firsts) > 2 else _real_beside(claims, firsts)
    ),
    "copied pays nothing": lambda: _rule(
        repeats, "_settled", lambda members, most: (it._replace(copied_rials=0) for it in _real_settled(members, most))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_broken_is_noticed(name: str) -> None:
    """The reckoning above is no copy of the rule: whatever of it is planted wrong shows in some world."""

    def differs(taps: list[Claim]) -> bool:
        try:
            return stood(taps) != reckoned(taps)
        except (AssertionError, KeyError):
            return True

    with MUTANTS[name]():
        assert any(differs(world(seed)) for seed in SEEDS)


@pytest.mark.parametrize("kinds", ["first", "later", "both doors", "both doors, later", "one code"])
def test_the_pairs_that_are_weighed_grow_as_the_taps_do(kinds: str) -> None:
    """One device in the wrong hands may write as many taps of a rider as it likes: they do not cost their square."""

    def pairs(taps: int) -> int:
        claims = [
            claim(
                n, device="b1-d2" if "both" in kinds and n % 2 else "b1-d1", at_s=n // 10, party=1,
                extends="later" in kinds and n > 0, shown=1 if kinds == "one code" else None,
            )
            for n in range(taps)
        ]  # fmt: skip
        with patch.object(repeats, "same_boarding", side_effect=_real_same) as asked:
            found = sum(1 for _ in repeats._pairs(claims))
        return found + asked.call_count

    assert pairs(400) <= 3 * pairs(200) <= 3 * 8 * 200  # the square would be four times


def test_a_boarding_is_named_by_its_taps() -> None:
    """The name stands in ledgers; it is the least of its members', whoever came first."""
    one, other = claim(1), claim(1, device="b1-d2", at_s=9)
    stands = stand([one, other], TARIFFS)
    assert {it.boarding for it in stands.values()} == {min(new_boarding(*one.tap), new_boarding(*other.tap))}


def test_names_of_one_journal_follow_one_another() -> None:
    """An index of names grows at its journals' ends: taps of one are neighbours, and no two journals share a name."""
    names = [new_boarding("b1-d1", 7, sequence) for sequence in (1, 2, 255, 256, 70_000)]
    assert names == sorted(names)
    assert len({name[:-8] for name in names}) == 1
    assert len({new_boarding(*of, 1)[:-8] for of in (("b1-d1", 7), ("b1-d1", 8), ("b1-d2", 7))}) == 3
