"""Companions whose door had been off, and could not say how long: who taps out takes them along (P20)."""

import random
from pathlib import Path

import pytest

from backend.core.ledger import rider_account
from backend.core.repeats import Claim
from backend.core.standing import stand
from protocol import limits
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk
from tests.backend.test_standing import RIDER
from tests.backend.test_tap_out import FULL, LINE, boarded, out, stood

pytestmark = pytest.mark.databases

YEAR_S = 365 * 86_400


def at_s(it: Claim, phone_s: int) -> Claim:
    """The same, as a phone signed it so many seconds behind the first."""
    return it._replace(presentation=Presentation(RIDER, 1_000_000 + phone_s, it.presentation.counter))


def came(sequence: int, second: int, *, clock_s: int | None = None) -> Claim:
    """Two companions, by a door that could not say how late it was."""
    it = boarded(sequence, party=2, extends=True, at_s=second if clock_s is None else clock_s, told=2 * FULL)
    return at_s(it, second)


@pytest.mark.parametrize("clock_s", [600, YEAR_S, -YEAR_S])
def test_companions_behind_the_window_leave_with_the_boarding_that_a_tap_out_ends(clock_s: int) -> None:
    tap = at_s(boarded(1), 0)
    more, left = came(2, 600, clock_s=clock_s), at_s(out(7, tap, metres=3_000, told=60_000), 900)
    assert sum(stood(tap, more).values()) == 3 * FULL
    assert stood(tap, more, left) == {("b1-d1", 1): 20_000, ("b1-d1", 2): 40_000, ("b1-d2", 7): 0}


def test_a_phone_that_was_set_right_on_the_way_is_outdone_by_the_clocks() -> None:
    tap = at_s(boarded(1), 5_400)
    left = at_s(out(7, tap, metres=3_000, told=60_000), 900)
    assert sum(stood(tap, came(2, 600), left).values()) == 60_000


@pytest.mark.parametrize(
    "more",
    [came(2, -200), came(2, 901), came(2, 600)._replace(vehicle="b2"), came(2, 600)._replace(annulled=True),
     came(2, 600)._replace(presentation=Presentation(RIDER, 1_000_900, 1_007))],
    ids=["before", "behind", "another bus", "taken back", "the code that left"],
)  # fmt: skip
def test_no_others_leave_with_it(more: Claim) -> None:
    tap = at_s(boarded(1), 0)
    left = at_s(out(7, tap, metres=3_000, told=60_000), 900)
    assert sum(stood(tap, more, left).values()) == 20_000 + 2 * FULL * (not more.annulled)


def test_those_of_two_rides_leave_with_the_last_and_join_them_not() -> None:
    """By a clock that was wrong they would be of the first."""
    first, second = at_s(boarded(1), 0), at_s(boarded(3, at_s=2_000), 2_000)
    outs = [
        at_s(out(7, first, metres=3_000, told=20_000), 900),
        at_s(out(8, second, metres=9_000, told=120_000), 2_900),
    ]
    assert stood(first, second, came(4, 2_500, clock_s=500), *outs) == {
        ("b1-d1", 1): 20_000, ("b1-d1", 3): 40_000, ("b1-d1", 4): 80_000, ("b1-d2", 7): 0, ("b1-d2", 8): 0,
    }  # fmt: skip


def test_whose_boarding_is_taken_back_leaves_as_it_was_shown() -> None:
    tap = at_s(boarded(1, annulled=True), 0)
    assert sum(stood(tap, came(2, 600), at_s(out(7, tap, metres=3_000, told=60_000), 900)).values()) == 2 * FULL


def two_doors() -> tuple[Bus, Bus, Rider]:
    """Boarded in front at noon, out at the rear a quarter of an hour later, with two who came meanwhile."""
    front, rear, rider = Bus(name="bus-1-d1"), Bus(name="bus-1-d2", epoch=22), Rider(1)
    front.begin_shift("driver-1", "s-1")
    front.now_ms = NOON_MS
    tap = front.tap(rider.show(1), fare=FULL, tariff=4, metres=1_000)
    rear.now_ms = NOON_MS + 900_000
    rear.tap(
        rider.show(2, time_s=NOON_MS // 1000 + 900), fare=60_000, tariff=4, verdict=Verdict.TAPPED_OUT, metres=4_000,
        closes=(front.epoch, tap),
    )  # fmt: skip
    return front, rear, rider


def extended(door: Bus, rider: Rider, second: int) -> None:
    code = rider.show(3, party=2, time_s=NOON_MS // 1000 + second)
    door.tap(code, fare=2 * FULL, tariff=4, verdict=Verdict.PARTY_EXTENDED)


@pytest.mark.parametrize("order", ["together", "companions last", "boarding last"])
def test_companions_of_a_wrong_time_are_found_by_what_the_phone_signed(tmp_path: Path, order: str) -> None:
    """Their record is dated by the chain, which a clock took a year ahead before it was lost."""
    front, rear, rider = two_doors()
    boarding = front.last
    front.now_ms = NOON_MS + YEAR_S * 1000
    front.refusal()
    front.quality = ClockQuality.UNTRUSTED
    extended(front, rider, 600)
    desk = Desk(tmp_path, [front, rear], [rider], tariff=LINE)
    if order == "companions last":
        desk.take((front, front.batch(1, boarding)))
    if order != "boarding last":
        desk.take_whole(rear)
    desk.take_whole(front)
    desk.take_whole(rear)
    assert desk.store.balance(rider_account(rider.credential_id)) == -60_000
    desk.close()


def test_companions_whose_boarding_is_taken_back_later_leave_with_the_one_before_it(tmp_path: Path) -> None:
    front, rear, rider = two_doors()
    front.now_ms = NOON_MS + 500_000
    again = front.tap(rider.show(4, time_s=NOON_MS // 1000 + 500), fare=FULL, tariff=4, metres=3_000)
    extended(front, rider, 500)
    told = front.last
    front.annul(again)
    desk = Desk(tmp_path, [front, rear], [rider], tariff=LINE)
    desk.take((front, front.batch(1, told)))
    desk.take_whole(rear)
    assert desk.store.balance(rider_account(rider.credential_id)) == -20_000 - 3 * FULL
    desk.take_whole(front)
    assert desk.store.balance(rider_account(rider.credential_id)) == -60_000
    desk.close()


def city(seed: int) -> tuple[list[Bus], Rider]:
    """A bus of two doors and one rider, who boards, fetches companions early or late, and leaves, or not."""
    choose = random.Random(seed)
    doors = [Bus(name=f"bus-1-d{door}", epoch=10 + door) for door in (1, 2)]
    for door in doors:
        door.begin_shift("driver-1", "s-1")
    rider, renders = Rider(1), 0
    for second in range(0, 12_000, 2_400):
        on, off, with_them = (choose.choice(doors) for _ in range(3))
        for door, behind_s, what in (
            (on, 0, "on"), (with_them, choose.choice((60, 200, 700)), "more"), (off, 900, "off"), (off, 1_000, "off"),
        ):  # fmt: skip
            time_s, renders = NOON_MS // 1000 + second + behind_s, renders + 1
            code = rider.show(renders, party=2 * (what == "more"), time_s=time_s)
            door.now_ms = time_s * 1000
            if what == "on":
                tap = on.tap(code, tariff=4, metres=1_000, fare=FULL)
                if choose.random() < 0.3:
                    on.annul(tap)
            elif choose.random() < 0.7 and what == "more":
                door.quality = choose.choice((ClockQuality.TRUSTED, ClockQuality.UNTRUSTED))
                door.tap(code, tariff=4, fare=2 * FULL, verdict=Verdict.PARTY_EXTENDED)
                door.quality = ClockQuality.TRUSTED
            elif choose.random() < 0.6 and what == "off":
                door.tap(code, tariff=4, metres=choose.choice((3_000, 9_000)), fare=choose.choice((60_000, 120_000)),
                         verdict=Verdict.TAPPED_OUT, closes=(on.epoch, tap))  # fmt: skip
    return doors, rider


@pytest.mark.parametrize("seed", range(24))
def test_the_ledger_is_the_same_however_the_journals_come(tmp_path: Path, seed: int) -> None:
    doors, rider = city(seed)
    balances = []
    for n in range(2):
        choose = random.Random(1_000 * seed + n)
        desk = Desk(tmp_path / str(n), doors, [rider], tariff=LINE)
        sent = dict.fromkeys(range(2), 0)
        while waiting := [at for at in sent if sent[at] < doors[at].last]:
            at = choose.choice(waiting)
            last = min(doors[at].last, sent[at] + choose.randint(1, 9))
            desk.take((doors[at], doors[at].batch(sent[at] + 1, last)))
            sent[at] = last
        balances.append(desk.store.balance(rider_account(rider.credential_id)))
        claims = desk.store.claims_between([(rider.credential_id, 0, limits.INT63_MAX)])
        plain = [it._replace(ridden_m=None, ended_rials=None, charged=False, rials=0, copied_rials=0) for it in claims]
        assert {it.tap: it.parts for it in claims} == {tap: it.parts for tap, it in stand(plain, {4: LINE}).items()}
        desk.close()
    assert balances[0] == balances[1]
