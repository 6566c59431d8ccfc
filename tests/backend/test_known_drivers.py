"""A float pays for who the office knows, whenever it comes to know him, and within the vehicle's day, in any order."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import floats
from backend.core.floats import Proxy, within_vehicle
from backend.core.limits import PROXY_PERSONS_VEHICLE_DAY_MAX
from protocol.wire.records import CodeKind
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger
from tests.backend.test_any_order import arrivals

pytestmark = pytest.mark.databases

ADULT = Rider(1)
STAFF = ["d-1", "d-2", "d-3"]
DRIVERS = [*STAFF, "ghost"]


def money(desk: Desk) -> dict[str, int]:
    check_ledger(desk)
    return {account: rials for account, rials in desk.rows("SELECT id, credits - debits FROM account") if rials}


def test_who_is_named_later_pays_then_and_takes_back_then(tmp_path: Path) -> None:
    """A proxy boarding and a rider's that the driver took back; the list that names him comes days later."""
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    bus.begin_shift("d-17", "s-1")
    proxy = bus.tap(None, fare=FARE, kind=CodeKind.PROXY)
    back = bus.tap(ADULT.show(1))
    bus.annul(back)
    desk = Desk(tmp_path, [bus, other], [ADULT], staff=[])
    desk.take_whole(bus)
    unnamed = {ADULT.account: -FARE, bus.operator: FARE, bus.held: FARE, "suspense": -FARE}
    assert money(desk) == unnamed
    assert [(it.sequence, it.why.value) for it in desk.store.held(None, 9)] == [(proxy, "no-proof")]
    assert desk.alarms == []
    desk.store.know_drivers(["d-99", "d-17"], 4)
    assert money(desk) == unnamed, "with the next records, whichever they are"
    desk.take_whole(other)
    assert money(desk) == {"driver:d-17": -FARE, bus.operator: FARE}
    assert desk.payers() == ["driver", "rider"]
    assert desk.store.held(None, 9) == []
    assert desk.store.drivers_unheard() == [], "heard of once"


def test_who_was_named_once_is_known_for_good(tmp_path: Path) -> None:
    """A bus may come back from months away with the shifts of who has left since."""
    store = Desk(tmp_path, staff=["d-1"]).store
    store.know_drivers(["d-2"], 2)
    store.know_drivers([], 3)
    assert [store.knows_driver(it) for it in ("d-1", "d-2", "d-3")] == [True, True, False]
    assert [*store.drivers_unheard()] == ["d-1", "d-2"]


def test_a_list_of_before_names_him_for_his_first_shift(tmp_path: Path) -> None:
    """The first word of a shift stands, whether or not the office knows whom it names."""
    bus, other = Bus("bus-1-d1"), Bus("bus-1-d2")
    bus.begin_shift("ghost", "s-1")
    other.begin_shift("d-1", "s-1")
    tap = other.tap(None, fare=FARE, kind=CodeKind.PROXY)
    desk = Desk(tmp_path, [bus, other], [], staff=STAFF)
    desk.take_whole(bus)
    desk.take_whole(other)
    assert money(desk) == {other.held: FARE, "suspense": -FARE}
    assert [it.sequence for it in desk.store.held(None, 9)] == [tap]


def happened(seed: int) -> list[Bus]:
    """Shifts of four drivers on two vehicles and two days; proxy boardings, some of them taken back."""
    choose = random.Random(seed)
    buses = [Bus(name) for name in ("bus-1-d1", "bus-1-d2", "bus-2-d1")]
    for at_ms in sorted(choose.choice((0, 90_000_000)) + choose.randrange(0, 900_000, 10_000) for _ in range(30)):
        bus = choose.choice(buses)
        bus.now_ms = NOON_MS + at_ms
        driver = choose.choice(DRIVERS)
        shift = f"{bus.vehicle}-{driver}"
        if choose.random() < 0.6:
            bus.begin_shift(driver, shift)
        bus.shift = shift
        tap = bus.tap(None, party=choose.randint(0, 2), fare=10**9, kind=CodeKind.PROXY)
        if choose.random() < 0.3:
            bus.now_ms += 5_000
            bus.annul(tap)
    return buses


def ends(seed: int, order: int | None) -> tuple[dict[str, int], list[object]]:
    """Every account and what is held; without an order the list comes first, then bus by bus, each whole."""
    buses = happened(seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), buses, staff=STAFF if order is None else [])
        if order is None:
            groups = [[(bus, bus.batch())] for bus in buses]
        else:
            choose = random.Random(order)
            groups = [it for it in arrivals(choose, buses) if it]
            named = [(choose.randrange(len(groups)), driver) for driver in STAFF]
        for number, group in enumerate(groups):
            if order is not None:
                desk.store.know_drivers([driver for at, driver in named if at == number], number)
            desk.take(*group)
        found = money(desk), [*desk.store.held(None, 99)]
        desk.close()
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Floats that end within the few boardings of a world."""
    monkeypatch.setattr(floats, "PROXY_PERSONS_A_DAY_MAX", 5)
    monkeypatch.setattr(floats, "PROXY_PERSONS_VEHICLE_DAY_MAX", 7)


@pytest.mark.usefixtures("small")
def test_no_order_of_records_and_lists_changes_any_account_or_case() -> None:
    """Few seeds, for each is two ledgers; every shortcut tried was found by them."""
    seen: set[str] = set()
    for seed in range(8):
        found = ends(seed, seed)
        assert found == ends(seed, None), seed
        seen |= {it.why.value for it in found[1]}
    assert seen == {"no-proof", "over-float"}


PROXIES = st.lists(st.builds(
    Proxy, st.just("d"), st.just(1), st.integers(1, 99), st.just("bus-1"), st.just("s"), st.just(FARE), st.just("d-1"),
    st.booleans(), wall_ms=st.integers(0, 9), persons=st.integers(1, 16), over=st.booleans(),
), unique_by=lambda it: it.tap, max_size=40)  # fmt: skip


@given(PROXIES, st.randoms())
def test_a_vehicles_day_is_bounded_and_the_first_have_it(proxies: list[Proxy], choose: random.Random) -> None:
    once = within_vehicle(proxies)
    assert sum(it.persons for it in once if not (it.over or it.over_vehicle or it.annulled)) <= (
        PROXY_PERSONS_VEHICLE_DAY_MAX
    )
    choose.shuffle(proxies)
    assert within_vehicle(proxies) == once == within_vehicle(once)
    in_time = [it for it in once if not it.over and not it.annulled]
    so_far = [sum(it.persons for it in in_time[: n + 1]) for n in range(len(in_time))]
    assert [it.over_vehicle for it in in_time] == [it > PROXY_PERSONS_VEHICLE_DAY_MAX for it in so_far]
