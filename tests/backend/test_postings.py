"""Money of a rider's rides together, of proxy boardings, and of what a driver takes back."""

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.adapters.sqlite.store import SqliteStore
from backend.app import claims
from backend.core.repeats import Claim, boardings
from protocol.fares.pricing import Ridden, owed
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire.records import CodeKind
from tests.backend import databases
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases

ADULT, STUDENT = Rider(1), Rider(2, rider_class=2)
FARE = 60_000
RICH = Tariff(3, FARE, {2: 500}, 180, transfer_window_s=3_600, day_cap_rials=150_000)
MINUTE_MS = 60_000


def boarded(desk: Desk) -> dict[tuple[str, int], tuple[int, int]]:
    """What each charged tap costs rider and city, as it stands now."""
    rows = desk.rows("SELECT device, sequence, rials, city_rials FROM claim WHERE charged")
    return {(device, sequence): (rials, city) for device, sequence, rials, city in rows}


def told(folder: Path, buses: list[Bus], order: list[Bus], tariff: Tariff = RICH) -> Desk:
    """Every bus's records one by one, in this order of buses."""
    desk = Desk(folder, buses, [ADULT, STUDENT], tariff=tariff)
    at = dict.fromkeys(order, 1)
    for bus in order:
        desk.take((bus, bus.batch(at[bus], at[bus])))
        at[bus] += 1
    return desk


def rides(*minutes: tuple[str, int, Rider, int], shift: str | None = None) -> list[Bus]:
    """(bus, minute, rider, fare shown), each ride a code of its own."""
    buses: dict[str, Bus] = {}
    for number, (name, minute, rider, fare) in enumerate(sorted(minutes, key=lambda it: it[1])):
        bus = buses.setdefault(name, Bus(f"{name}-d1"))
        bus.now_ms, bus.shift = NOON_MS + minute * MINUTE_MS, shift
        bus.tap(rider.show(number, time_s=bus.now_ms // 1000), fare=fare)
    return list(buses.values())


def in_turn(buses: list[Bus]) -> list[Bus]:
    return [bus for bus in buses for _ in range(bus.last)]


def test_a_transfer_to_another_bus_is_posted_as_one(tmp_path: Path) -> None:
    """Each door showed the whole fare, at most; together they are one journey and a second one."""
    buses = rides(("bus-1", 0, ADULT, FARE), ("bus-2", 30, ADULT, FARE), ("bus-3", 70, ADULT, FARE))
    for order in (buses, buses[::-1]):
        with TemporaryDirectory(dir=tmp_path) as folder:
            desk = told(Path(folder), buses, in_turn(order))
            assert boarded(desk) == {("bus-1-d1", 3): (FARE, 0), ("bus-2-d1", 3): (0, 0), ("bus-3-d1", 3): (FARE, 0)}
            assert desk.store.balance(ADULT.account) == -2 * FARE
            check_ledger(desk)
            desk.close()


def test_a_class_saves_what_an_adult_would_have_paid_more_and_the_city_pays_that(tmp_path: Path) -> None:
    buses = rides(*((f"bus-{n}", 80 * n, STUDENT, FARE // 2) for n in range(1, 5)))
    desk = told(tmp_path, buses, in_turn(buses))
    assert [pair for _, pair in sorted(boarded(desk).items())] == [
        (30_000, 30_000),
        (30_000, 30_000),
        (15_000, 15_000),
        (0, 0),
    ]
    assert desk.store.balance(STUDENT.account) == -75_000
    assert desk.store.balance("city:class:2") == -75_000


_RIDES = st.lists(
    st.tuples(
        st.sampled_from(["bus-1", "bus-2", "bus-3"]), st.integers(-700, 1_500).map(lambda m: m // 5 * 5),
        st.sampled_from([ADULT, STUDENT]), st.sampled_from([0, 10_000, 30_000, FARE]),
    ),
    min_size=1, max_size=9, unique_by=lambda it: (it[0], it[1]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(_RIDES, st.integers(0, 2**32), st.sampled_from([0, 100_000, 150_000]))
def test_what_is_posted_does_not_depend_on_the_order_of_arrival(
    minutes: list[tuple[str, int, Rider, int]], seed: int, cap: int
) -> None:
    """P20, P8: never more than shown, never more than owed, and every order ends at the same sum for each tap."""
    tariff = replace(RICH, day_cap_rials=cap)
    buses = rides(*minutes)
    shuffled = in_turn(buses)
    random.Random(seed).shuffle(shuffled)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        first, second = told(Path(one), buses, in_turn(buses), tariff), told(Path(two), buses, shuffled, tariff)
        assert boarded(first) == boarded(second)
        for desk in (first, second):
            check_ledger(desk)
        shown = {
            (device, sequence): rials
            for device, sequence, rials in first.rows("SELECT device, sequence, shown_rials FROM claim")
        }
        assert all(rials <= shown[tap] for tap, (rials, _) in boarded(first).items())
        for rider in (ADULT, STUDENT):
            share = 500 if rider is STUDENT else 1000
            mine = [(minute, fare) for _, minute, who, fare in minutes if who is rider]
            whole = owed(tariff, [Ridden(NOON_MS + minute * MINUTE_MS, FARE, share, share) for minute, _ in mine])
            assert -first.store.balance(rider.account) <= min(whole, sum(fare for _, fare in mine))
        first.close()
        second.close()


# --- drivers -----------------------------------------------------------------------------------------------------------


def proxy(bus: Bus, party: int = 0) -> int:
    return bus.tap(None, party=party, fare=50_000 * (1 + party), kind=CodeKind.PROXY)


def test_the_float_of_who_drives_pays_for_who_has_no_code(tmp_path: Path) -> None:
    bus = Bus()
    proxy(bus)  # nobody had signed in
    bus.begin_shift("d-17", "d-17-1")
    proxy(bus, party=2)
    desk = Desk(tmp_path, [bus])
    desk.take_whole(bus)
    assert desk.payers() == ["no-proof", "driver"]
    assert desk.store.balance("driver:d-17") == -150_000
    assert desk.store.balance("suspense") == -50_000
    check_ledger(desk)


def test_a_shift_is_known_to_later_batches_and_its_driver_does_not_change(tmp_path: Path) -> None:
    bus, other = Bus(), Bus("bus-1-d2")
    desk = Desk(tmp_path, [bus, other])
    bus.begin_shift("d-17", "d-17-1")
    desk.take_whole(bus)
    proxy(bus)
    desk.take((bus, bus.batch(bus.last, bus.last)))
    other.begin_shift("d-99", "d-17-1")  # a door that lies
    proxy(other)
    desk.take_whole(other)
    assert desk.store.driver_of("bus-1", "d-17-1") == "d-17"
    assert desk.store.balance("driver:d-17") == -100_000, "the first word on a shift stands"
    assert desk.store.balance("driver:d-99") == 0
    assert desk.store.driver_of("bus-1", "nobody") is None


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_driver_takes_back_is_given_back_once(tmp_path: Path, apart: bool) -> None:  # noqa: FBT001
    bus = Bus()
    bus.begin_shift("d-17", "d-17-1")
    paid = bus.tap(STUDENT.show(1))
    held = proxy(bus, party=1)
    desk = Desk(tmp_path, [bus], [STUDENT])
    for tap in (paid, held, paid):
        if apart:
            desk.take_whole(bus)
        bus.annul(tap)
    desk.take_whole(bus)
    for account in (STUDENT.account, "driver:d-17", bus.operator, "city:class:2"):
        assert desk.store.balance(account) == 0, account
    assert len(desk.rows("SELECT 1 FROM transfer WHERE kind = 'fare-correction'")) == 2
    check_ledger(desk)


def test_a_driver_takes_back_nothing_of_another_journal_and_nothing_that_was_not_charged(tmp_path: Path) -> None:
    bus, other = Bus(), Bus("bus-1-d2")
    bus.tap(ADULT.show(1))
    other.refusal()
    other.annul(other.last)
    other.annul(1)
    desk = Desk(tmp_path, [bus, other], [ADULT])
    desk.take_whole(bus)
    desk.take_whole(other)
    assert desk.store.balance(ADULT.account) == -50_000
    check_ledger(desk)


def test_a_ride_that_was_taken_back_makes_no_transfer_of_the_next(tmp_path: Path) -> None:
    """And the same code at another door later is a ride of its own."""
    buses = rides(("bus-1", 0, ADULT, FARE), ("bus-2", 30, ADULT, FARE), shift="d-17-1")
    buses[0].begin_shift("d-17", "d-17-1")
    buses[0].annul(3)
    for order in (buses, buses[::-1]):
        with TemporaryDirectory(dir=tmp_path) as folder:
            desk = told(Path(folder), buses, in_turn(order))
            assert boarded(desk) == {("bus-2-d1", 3): (FARE, 0)}
            assert desk.store.balance(ADULT.account) == -FARE
            check_ledger(desk)
            desk.close()


def test_companions_who_came_later_and_a_phone_set_wrong_are_priced_by_their_verdict(tmp_path: Path) -> None:
    bus = Bus()
    bus.tap(STUDENT.show(1))
    bus.tap(STUDENT.show(2, party=2), verdict=Verdict.PARTY_EXTENDED, fare=100_000)
    bus.now_ms = NOON_MS + 200_000
    bus.tap(STUDENT.show(3, time_s=NOON_MS // 1000 - 3_400), verdict=Verdict.PHONE_CLOCK_WRONG, fare=50_000)
    desk = Desk(tmp_path, [bus], [STUDENT])
    desk.take_whole(bus)
    assert [pair for _, pair in sorted(boarded(desk).items())] == [(25_000, 25_000), (100_000, 0), (50_000, 0)]
    check_ledger(desk)


def test_a_tap_behind_an_annulled_one_of_its_boarding_is_charged_and_stops_nothing(tmp_path: Path) -> None:
    """The doors could not talk; the driver took the charged tap back; the code is shown once more."""
    front, rear = Bus("bus-1-d1"), Bus("bus-1-d2")
    desk = Desk(tmp_path, [front, rear], [ADULT])
    front.now_ms = NOON_MS
    first = front.tap(ADULT.show(1))
    rear.now_ms = NOON_MS + 100_000
    rear.tap(ADULT.show(2))
    desk.take_whole(front)
    desk.take_whole(rear)
    front.annul(first)
    front.now_ms = NOON_MS + 185_000
    front.tap(ADULT.show(3))
    desk.take_whole(front)
    assert desk.store.balance(ADULT.account) == -50_000
    check_ledger(desk)


def test_a_proxy_boarding_gives_back_only_what_its_float_paid_and_once(tmp_path: Path) -> None:
    """What nobody's float paid gives nobody anything; a second annulment stops no journal."""
    bus = Bus()
    case = proxy(bus)  # in no shift
    bus.shift = "d-17-1"
    early = proxy(bus)  # its shift is not known yet
    desk = Desk(tmp_path, [bus])
    desk.take_whole(bus)
    assert desk.store.balance("suspense") == -100_000
    bus.begin_shift("d-17", "d-17-1")
    paid = proxy(bus)
    desk.take_whole(bus)
    assert desk.store.balance("driver:d-17") == -100_000, "the shift has come"
    assert desk.payers() == ["no-proof", "driver", "driver"]
    for tap in (early, paid, paid):
        bus.annul(tap)
        (receipt,) = desk.take_whole(bus)
    assert receipt.sequence == bus.last
    assert desk.store.balance("driver:d-17") == 0
    assert desk.store.balance("suspense") == -50_000
    assert desk.alarms == []
    bus.annul(case)
    desk.take_whole(bus)
    assert desk.store.balance("suspense") == -50_000
    assert desk.alarms == [("annulment-refused", bus.name)]
    check_ledger(desk)


def test_travel_that_is_deleted_while_a_driver_takes_it_back_stops_nothing(tmp_path: Path) -> None:
    """The riders' door deletes on a connection of its own: between two looks of ingest at one claim, too."""

    class Deleting:
        def __init__(self, store: SqliteStore) -> None:
            self._store = store

        def claims_near(self, *values: object) -> object:
            databases.now.change(tmp_path, "DELETE FROM claim WHERE sequence = ?", (paid,))
            return self._store.claims_near(*values)

        def __getattr__(self, name: str) -> object:
            return getattr(self._store, name)

    bus = Bus()
    bus.begin_shift("d-17", "d-17-1")
    paid = bus.tap(ADULT.show(1), fare=FARE)
    desk = Desk(tmp_path, [bus], [ADULT], wrap=Deleting)
    desk.take_whole(bus)
    bus.annul(paid)
    (receipt,) = desk.take_whole(bus)
    assert receipt.sequence == bus.last
    assert desk.store.balance(ADULT.account) == -50_000
    check_ledger(desk)


def test_a_tap_settles_its_riders_claims_once_where_no_older_ones_are_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not again for who pays."""
    sizes: list[int] = []

    def counted(told: Iterable[Claim]) -> list[Claim]:
        found = list(told)
        sizes.append(len(found))
        return boardings(found)

    monkeypatch.setattr(claims, "boardings", counted)
    buses = rides(*(("bus-1", 5 * n, ADULT, FARE) for n in range(12)))
    told(tmp_path, buses, in_turn(buses)).close()
    assert len(sizes) == 12
    assert max(sizes) <= 12
