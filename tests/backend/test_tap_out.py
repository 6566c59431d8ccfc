"""Tap-out at the office: the fare of the metres, posted as the difference, whatever the order in which records come."""

import random
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ledger import class_account, rider_account
from backend.core.repeats import Claim, Step
from backend.core.standing import stand
from protocol import limits
from protocol.fares.pricing import Ridden, owed
from protocol.fares.tariff import Band, LineFare, Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality
from tests.backend.bus import NOON_MS, TARIFF, Bus, Proof, Rider
from tests.backend.desk import Desk
from tests.backend.test_standing import FARE, RIDER
from tests.protocol.fares import WEEK_BEGINS_MS

pytestmark = pytest.mark.databases

BANDS = ((5_000, 20_000), (10_000, 40_000), (20_000, 60_000))
FULL = BANDS[-1][1]
TARIFFS = {
    5: Tariff(5, FARE, {2: 500}, 180, tap_out=True),
    6: Tariff(6, FARE, {2: 500}, 180, transfer_window_s=1_800, day_cap_rials=100_000, week_cap_rials=150_000, tap_out=True),
}  # fmt: skip


def boarded(
    sequence: int, *, device: str = "b1-d1", at_s: int = 0, party: int = 0, share: int = 1000, metres: int | None = 1_000,
    extends: bool = False, told: int | None = None, tariff: int = 5, annulled: bool = False,
) -> Claim:  # fmt: skip
    """A tap on the distance line, shown at its full fare."""
    own = 0 if extends else FULL * share // 1000
    said = own + party * FULL if told is None else told
    return Claim(
        device, 1 if device.endswith("1") else 2, sequence, Presentation(RIDER, 5, sequence), device[:2],
        WEEK_BEGINS_MS + at_s * 1000, 180_000, 2, party, FULL, 0 if extends else share, 0 if extends else share,
        party * FULL, said, min(own + party * FULL, said) + (0 if extends else FULL - own), tariff, extends, annulled,
        metres=metres, steps=tuple(Step(up_to, rials, party * rials) for up_to, rials in BANDS),
    )  # fmt: skip


def out(sequence: int, of: Claim, *, metres: int | None, told: int, after_s: int = 900, device: str = "b1-d2") -> Claim:
    """A tap-out of a boarding."""
    return Claim(
        device, 1 if device.endswith("1") else 2, sequence, Presentation(RIDER, 5, 1_000 + sequence), of.vehicle,
        of.wall_ms + after_s * 1000, 180_000, 2, 0, 0, 0, 0, 0, told, 0, of.tariff_version, metres=metres,
        closes=(of.epoch, of.sequence),
    )  # fmt: skip


def stood(*claims: Claim) -> dict[tuple[str, int], int]:
    """What the rider pays for each, which no order of the claims changes."""
    found = [{it.tap[::2]: it.rials for it in stand(order, TARIFFS).values()} for order in permutations(claims)]
    assert all(one == found[0] for one in found)
    return found[0]


@pytest.mark.parametrize(
    ("left_m", "rials"),
    [(1_000, 20_000), (6_000, 20_000), (6_001, 40_000), (11_001, 60_000), (90_000, 60_000),
     (None, 20_000), (999, 20_000)],
)  # fmt: skip
def test_the_metres_between_two_trusted_places_choose_the_band_and_an_unknown_way_the_least(
    left_m: int | None, rials: int
) -> None:
    tap = boarded(1)
    assert stood(tap, out(7, tap, metres=left_m, told=rials)) == {("b1-d1", 1): rials, ("b1-d2", 7): 0}


def test_a_forgotten_tap_out_costs_what_was_shown() -> None:
    assert stood(boarded(1)) == {("b1-d1", 1): FULL}


def test_an_unknown_place_of_boarding_is_decided_for_the_rider_too() -> None:
    tap = boarded(1, metres=None)
    assert sum(stood(tap, out(7, tap, metres=19_000, told=20_000)).values()) == 20_000


def test_a_concession_pays_its_share_of_the_band_and_the_city_the_rest() -> None:
    tap = boarded(1, share=500)
    stands = stand([tap, out(7, tap, metres=9_000, told=20_000)], TARIFFS)
    assert stands[tap.tap].parts == {rider_account(RIDER): 20_000, class_account(2): 20_000}


def test_all_who_came_with_the_rider_leave_with_him() -> None:
    tap, more = boarded(1, party=1), boarded(2, party=3, extends=True, at_s=20, told=2 * FULL)
    left = out(7, tap, metres=6_000, told=80_000)
    assert stood(tap, more, left) == {("b1-d1", 1): 40_000, ("b1-d1", 2): 40_000, ("b1-d2", 7): 0}


def test_no_more_is_posted_than_was_shown_at_the_end_for_all_of_them_together() -> None:
    tap, more = boarded(1, party=1), boarded(2, party=3, extends=True, at_s=20, told=2 * FULL)
    assert sum(stood(tap, more, out(7, tap, metres=6_000, told=50_000)).values()) == 50_000
    assert sum(stood(tap, more, out(7, tap, metres=6_000, told=30_000)).values()) == 30_000
    assert sum(stood(boarded(1, told=10_000), out(7, tap, metres=19_000, told=60_000)).values()) == 10_000


def test_of_several_tap_outs_the_least_counts_and_at_both_doors_one_boarding_is_ended() -> None:
    tap = boarded(1)
    other = boarded(4, device="b1-d2", at_s=60)  # the doors could not talk: one boarding, told twice
    far, near = out(7, tap, metres=19_000, told=60_000), out(8, other, metres=3_000, told=60_000)
    assert sum(stood(tap, other, far, near).values()) == 20_000
    stands = stand([tap, other, near], TARIFFS)
    assert sum(sum(it.parts.values()) for it in stands.values()) == 40_000  # the second by `copied`, at the same fare


@pytest.mark.parametrize(
    "changed",
    [{"vehicle": "b2"}, {"presentation": Presentation(b"rider-02", 5, 9)}, {"closes": (1, 99)}, {"closes": (9, 1)},
     {"wall_ms": WEEK_BEGINS_MS + limits.TAP_OUT_WITHIN_S * 1000 + 1,
      "presentation": Presentation(RIDER, 5 + limits.TAP_OUT_WITHIN_S + 1, 9)}],
)  # fmt: skip
def test_what_names_another_boarding_ends_none(changed: dict[str, object]) -> None:
    tap = boarded(1)
    left = out(7, tap, metres=2_000, told=20_000)._replace(**changed)  # type: ignore[arg-type]
    assert sum(stood(tap, left).values()) == FULL


@pytest.mark.parametrize("after", [1, -1])
@pytest.mark.parametrize(("clocks_h", "phones_h"), [(9_000, 2), (2, 9_000)])
def test_either_the_clocks_or_the_phones_tell_that_it_was_within_two_hours(
    after: int, clocks_h: int, phones_h: int
) -> None:
    """P20: a door goes by either, and what it showed is what is charged."""
    tap = boarded(1)
    left = out(7, tap, metres=2_000, told=20_000)._replace(wall_ms=tap.wall_ms + after * clocks_h * 3_600_000,
        presentation=Presentation(RIDER, tap.presentation.time_s + after * phones_h * 3_600, 9),
    )  # fmt: skip
    assert sum(stood(tap, left).values()) == 20_000


def test_a_boarding_that_was_taken_back_stays_so() -> None:
    tap = boarded(1, annulled=True)
    assert sum(stood(tap, out(7, tap, metres=2_000, told=20_000)).values()) == 0


def test_a_tap_out_that_was_taken_back_ends_nothing() -> None:
    tap = boarded(1)
    assert sum(stood(tap, out(7, tap, metres=2_000, told=20_000)._replace(annulled=True)).values()) == FULL


def test_who_leaves_shows_another_code_than_who_came() -> None:
    """A stolen tap key has the proofs of boardings: none of them ends the boarding that it made."""
    tap, more = boarded(1), boarded(2, party=1, extends=True, at_s=20)
    for came in (tap, more):
        with_it = out(7, tap, metres=None, told=0)._replace(presentation=came.presentation)
        assert sum(stood(tap, more, with_it).values()) == 2 * FULL


def test_transfers_and_caps_count_the_fare_of_the_way() -> None:
    """Two rides within the window are one journey, of which the dearest is paid: by what they cost in the end."""
    first, second = boarded(1, tariff=6), boarded(2, tariff=6, at_s=1_000, device="b3-d1")
    ended = out(7, first, metres=2_000, told=20_000, after_s=300)
    also = out(8, second, metres=7_000, told=40_000, device="b3-d2")
    assert sum(stood(first, second).values()) == FULL
    assert sum(stood(first, ended, second, also).values()) == 40_000


# --- properties --------------------------------------------------------------------------------------------------------

metres = st.none() | st.integers(0, 25_000)
rides = st.lists(
    st.tuples(st.integers(0, 100_000), st.sampled_from((500, 1000)), st.integers(0, 2), metres, st.none() | st.tuples(metres)),
    min_size=1, max_size=4,
)  # fmt: skip


def told_by(tap: Claim, left_m: int | None) -> int:
    """What a door that knows nothing else shows at the end."""
    way = 0 if tap.metres is None or left_m is None or left_m < tap.metres else left_m - tap.metres
    rials = next((it for up_to, it in BANDS if way <= up_to), FULL)
    return rials * tap.permille // 1000 + tap.party * rials


def world(drawn: list[tuple[int, int, int, int | None, tuple[int | None] | None]], tariff: int) -> list[Claim]:
    claims: list[Claim] = []
    for n, (at_s, share, party, place, left) in enumerate(drawn):
        tap = boarded(n + 1, device=f"c{n}-d1", at_s=at_s, share=share, party=party, metres=place, tariff=tariff)
        claims.append(tap)
        if left is not None:
            claims.append(out(50 + n, tap, metres=left[0], told=told_by(tap, left[0])))
    return claims


@settings(deadline=None)
@given(rides, st.sampled_from((5, 6)), st.randoms())
def test_the_posted_total_is_that_of_a_plainer_reckoning_and_no_order_changes_it(
    drawn: list[tuple[int, int, int, int | None, tuple[int | None] | None]], tariff: int, choose: random.Random
) -> None:
    """The oracle prices each ride by its way, then asks `owed` once; companions beside it."""
    claims = world(drawn, tariff)
    shuffled = list(claims)
    choose.shuffle(shuffled)
    found = stand(claims, TARIFFS)
    assert {tap: it.rials for tap, it in stand(shuffled, TARIFFS).items()} == {
        tap: it.rials for tap, it in found.items()
    }
    ridden, beside, uncapped = [], 0, 0
    for n, (at_s, share, party, place, left) in enumerate(drawn):
        tap = boarded(n + 1, share=share, party=party, metres=place)
        alone = FULL if left is None else told_by(tap._replace(party=0, permille=1000), left[0])
        ridden.append(Ridden(WEEK_BEGINS_MS + at_s * 1000, alone, share, share))
        beside += party * alone
        uncapped += FULL * share // 1000 + party * FULL
    whole = (
        owed(TARIFFS[tariff], ridden)
        if TARIFFS[tariff].by_history
        else sum(it.adult_rials * it.permille // 1000 for it in ridden)
    )
    assert sum(it.rials for it in found.values()) == whole + beside <= uncapped
    assert all(0 <= it.rials <= it.shown_rials and min(it.parts.values(), default=0) >= 0 for it in found.values())


@given(rides, st.sampled_from((5, 6)), st.integers(0, 25_000), st.integers(0, 25_000))
def test_more_metres_are_never_cheaper_and_a_tap_out_never_dearer(
    drawn: list[tuple[int, int, int, int | None, tuple[int | None] | None]], tariff: int, one: int, other: int
) -> None:
    rest = world(drawn, tariff)
    tap = boarded(40, device="z9-d1", at_s=50_000, metres=0, tariff=tariff)

    def total(*more: Claim) -> int:
        return sum(it.rials for it in stand([*rest, tap, *more], TARIFFS).values())

    near, far = (total(out(99, tap, metres=m, told=told_by(tap, m))) for m in sorted((one, other)))
    assert near <= far <= total()


# --- through ingest and the ledger -------------------------------------------------------------------------------------

LINE = replace(TARIFF, version=4, tap_out=True, lines={"r9": LineFare(0, tuple(Band(*band) for band in BANDS))})


def journals(*, shift: str | None = None) -> tuple[Bus, Bus, Rider]:
    """Boarded at one door, left at the other; each tells what a door shows."""
    front, rear, rider = Bus(name="bus-1-d1"), Bus(name="bus-1-d2", epoch=22), Rider(2, rider_class=2)
    front.shift = rear.shift = shift
    tap = front.tap(rider.show(1, party=1), fare=FULL // 2 + FULL, tariff=4, metres=1_500)
    rear.now_ms = NOON_MS + 900_000
    rear.tap(
        rider.show(2, time_s=NOON_MS // 1000 + 900), fare=20_000 + 40_000, tariff=4, verdict=Verdict.TAPPED_OUT, metres=9_000,
        closes=(front.epoch, tap),
    )  # fmt: skip
    return front, rear, rider


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_ledger_ends_at_the_fare_of_the_way_whichever_door_was_heard_first(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    front, rear, rider = journals()
    desk = Desk(tmp_path, [front, rear], [rider], tariff=LINE)
    for n in order:
        desk.take_whole((front, rear)[n])
    assert desk.store.balance(rider_account(rider.credential_id)) == -60_000
    assert desk.store.balance(front.operator) == 80_000
    assert desk.alarms == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("after_s", "rials"), [(limits.TAP_OUT_WITHIN_S, 60_000), (7_201, FULL // 2 + FULL)])
def test_a_boarding_by_a_clock_that_was_wrong_is_found_by_what_the_phone_signed(
    tmp_path: Path, order: tuple[int, int], after_s: int, rials: int
) -> None:
    """A door that had no time dates its records by the chain, which an earlier clock took a year ahead."""
    front, rear, rider = Bus(name="bus-1-d1"), Bus(name="bus-1-d2", epoch=22), Rider(2, rider_class=2)
    front.now_ms = NOON_MS + 365 * 86_400_000
    front.tap(None, verdict=Verdict.NOT_A_FARE_CODE)
    front.quality = ClockQuality.UNTRUSTED
    time_s = NOON_MS // 1000
    tap = front.tap(rider.show(1, party=1, time_s=time_s), fare=FULL // 2 + FULL, tariff=4, metres=1_500)
    rear.now_ms = NOON_MS + after_s * 1000
    rear.tap(
        rider.show(2, time_s=time_s + after_s), fare=60_000, tariff=4, verdict=Verdict.TAPPED_OUT, metres=9_000,
        closes=(front.epoch, tap),
    )  # fmt: skip
    desk = Desk(tmp_path, [front, rear], [rider], tariff=LINE)
    for n in order:
        desk.take_whole((front, rear)[n])
    assert desk.store.balance(rider_account(rider.credential_id)) == -rials
    desk.close()


@pytest.mark.parametrize("cut", [3, 4])
@pytest.mark.parametrize("tariff", [LINE, replace(LINE, day_cap_rials=10**9)], ids=["alone", "weighed"])
def test_a_tap_out_that_names_a_tap_of_each_door_ends_both_boardings_in_any_order(
    tmp_path: Path, cut: int, tariff: Tariff
) -> None:
    """An epoch is its door's own choice: one that took the other's makes no fare wait on who was heard first."""
    front, rear, rider = Bus(name="bus-1-d1", epoch=7), Bus(name="bus-1-d2", epoch=7), Rider(1)
    for at_s, door in ((0, front), (600, rear)):
        door.now_ms, code = NOON_MS + at_s * 1000, rider.show(at_s, time_s=NOON_MS // 1000 + at_s)
        tap = door.tap(code, fare=FULL, tariff=4, metres=1_000)
    front.now_ms = NOON_MS + 1_200_000
    front.tap(
        rider.show(9, time_s=NOON_MS // 1000 + 1_200), fare=20_000, tariff=4, verdict=Verdict.TAPPED_OUT, metres=4_000,
        closes=(7, tap),
    )  # fmt: skip
    rear.tap(code, fare=FULL, tariff=4, metres=1_000)  # once more
    desk = Desk(tmp_path, [front, rear], [rider], tariff=tariff)
    desk.take((rear, rear.batch(1, cut)))
    desk.take_whole(front)
    desk.take_whole(rear)
    assert desk.store.balance(rider_account(rider.credential_id)) == -40_000
    desk.close()


def test_a_tap_out_without_the_riders_own_signature_changes_nothing(tmp_path: Path) -> None:
    """A stolen tap key cannot make a fare less, nor anybody leave."""
    front, _, rider = journals()
    forged = Bus(name="bus-1-d2", epoch=23)
    forged.now_ms = NOON_MS + 900_000
    forged.tap(rider.show(2, time_s=NOON_MS // 1000 + 900), fare=0, tariff=4, verdict=Verdict.TAPPED_OUT, metres=1_500,
               closes=(front.epoch, 3), proof=Proof.FORGED)  # fmt: skip
    desk = Desk(tmp_path, [front, forged], [rider], tariff=LINE)
    desk.take_whole(front)
    desk.take_whole(forged)
    assert desk.store.balance(rider_account(rider.credential_id)) == -(FULL // 2 + FULL)


@pytest.mark.parametrize("groups", [1, 2])
def test_no_driver_takes_a_tap_out_back(tmp_path: Path, groups: int) -> None:
    """It would make the ride dearer than its rider was told, and no bus offers it; it is told to people."""
    front, rear, rider = journals(shift="s-1")
    left = rear.last
    rear.annul(left)
    desk = Desk(tmp_path, [front, rear], [rider], tariff=LINE)
    desk.take_whole(front)
    for batches in ([(rear, rear.batch(1, left)), (rear, rear.batch(left + 1))][n::groups] for n in range(groups)):
        desk.take(*batches)
    assert desk.store.balance(rider_account(rider.credential_id)) == -60_000
    assert desk.alarms == [("annulment-refused", rear.name)]


def city(seed: int) -> tuple[list[Bus], list[Rider]]:
    """Two buses of two doors, three riders who board, board at both doors, leave, leave twice, or forget to.

    An epoch is a random number of its door's own choice: in every third city a door took the other's, and a tap-out may
    name a tap of each.
    """
    choose = random.Random(seed)
    doors = [
        Bus(name=f"bus-{bus}-d{door}", epoch=10 * bus + door * (seed % 3 > 0)) for bus in (1, 2) for door in (1, 2)
    ]
    riders = [Rider(1), Rider(2, rider_class=2), Rider(3)]
    renders = 0
    for at_s in range(0, 9_000, 300):
        rider, bus = choose.choice(riders), choose.randrange(2)
        on, off = (choose.choice(doors[2 * bus : 2 * bus + 2]) for _ in range(2))
        party, renders, time_s = choose.choice((0, 0, 2)), renders + 1, NOON_MS // 1000 + at_s
        on.now_ms = off.now_ms = time_s * 1000
        place = choose.choice((None, 0, 4_000))
        tap = on.tap(rider.show(renders, party=party, time_s=time_s), tariff=4, metres=place,
                     fare=(FULL // 2 if rider.rider_class else FULL) + party * FULL)  # fmt: skip
        for _ in range(choose.choice((0, 1, 1, 2))):
            renders, time_s = renders + 1, time_s + choose.choice((200, 250))
            off.now_ms = time_s * 1000
            rials = choose.choice((20_000, 40_000, 60_000, 180_000))
            off.tap(rider.show(renders, time_s=time_s), tariff=4, metres=choose.choice((None, 3_000, 9_000, 30_000)),
                    fare=rials, verdict=Verdict.TAPPED_OUT, closes=(on.epoch, tap))  # fmt: skip
    return doors, riders


@pytest.mark.parametrize("seed", range(24))
def test_the_ledger_is_the_same_however_the_journals_come(tmp_path: Path, seed: int) -> None:
    """Cut and shuffled over the doors, one batch a group or many; the claims stand as they do all at once."""
    doors, riders = city(seed)
    history = replace(LINE, transfer_window_s=1_800, day_cap_rials=150_000) if seed % 2 else LINE
    balances = []
    for n in range(2):
        choose = random.Random(1_000 * seed + n)
        desk = Desk(tmp_path / str(n), doors, riders, tariff=history)
        sent = dict.fromkeys(range(4), 0)
        while waiting := [at for at in sent if sent[at] < doors[at].last]:
            group = []
            for at in choose.sample(waiting, choose.randint(1, len(waiting))):
                last = min(doors[at].last, sent[at] + choose.randint(1, 9))
                group.append((doors[at], doors[at].batch(sent[at] + 1, last)))
                sent[at] = last
            desk.take(*group)
        balances.append(dict(desk.rows("SELECT id, credits - debits FROM account WHERE credits <> debits")))
        for rider in riders:
            claims = desk.store.claims_between([(rider.credential_id, 0, limits.INT63_MAX)])
            plain = [
                it._replace(ridden_m=None, ended_rials=None, charged=False, rials=0, copied_rials=0) for it in claims
            ]
            whole = stand(plain, {4: history})
            assert {it.tap: it.parts for it in claims} == {tap: it.parts for tap, it in whole.items()}
    assert balances[0] == balances[1]
