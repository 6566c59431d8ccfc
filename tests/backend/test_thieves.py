"""What a stolen tap key, a dishonest driver or a phone with a false clock gains at the office: nothing, and it is told."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backend.core.chaintime import UNKNOWN_TIME, ChainTime, tap_ms
from backend.core.ledger import SUSPENSE
from protocol.fares.tariff import LineFare, ProductRule, Tariff
from protocol.fares.verdicts import Verdict
from protocol.limits import RIALS_MAX
from protocol.wire.records import ClockQuality, CodeKind, Instant
from tests.backend.bus import FARE, NOON_MS, TARIFF, Bus, Proof, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases

ADULT, STUDENT, SENIOR = Rider(1), Rider(2, rider_class=2), Rider(3, rider_class=3)
RIDERS = [ADULT, STUDENT, SENIOR]
MINUTE_MS = 60_000


def settled(folder: Path, *buses: Bus, tariff: Tariff = TARIFF, tariffs: tuple[Tariff, ...] = ()) -> Desk:
    desk = Desk(folder, buses, RIDERS, tariff=tariff, tariffs=tariffs)
    for bus in buses:
        desk.take_whole(bus)
    check_ledger(desk)
    return desk


# --- a stolen tap key -------------------------------------------------------------------------------------------------


def test_no_record_is_worth_more_than_the_dearest_fare_that_is_known(tmp_path: Path) -> None:
    """Under a tariff that nobody made, and without any proof; each person's fare, as the pass or the record counts."""
    bus = Bus()
    bus.tap(ADULT.show(1, party=1), fare=RIALS_MAX, tariff=999)
    bus.tap(ADULT.show(2), fare=RIALS_MAX, proof=Proof.STRIPPED)
    bus.tap(ADULT.show(3), fare=RIALS_MAX, proof=Proof.STRIPPED, tariff=999)
    bus.tap(None, fare=RIALS_MAX, kind=CodeKind.PROXY, party=2)
    desk = settled(tmp_path, bus, tariffs=(Tariff(8, FARE, lines={"brt": LineFare(90_000)}),))
    assert desk.store.balance(ADULT.account) == -2 * 90_000
    assert desk.store.balance(SUSPENSE) == -(FARE + 90_000 + 3 * FARE)


@pytest.mark.parametrize(
    ("off_s", "verdict", "pays"),
    [
        (-32, Verdict.ACCEPTED, True),  # 30 s, the clock's own two, and the second that a render is cut by
        (-33, Verdict.ACCEPTED, False),
        (32, Verdict.ACCEPTED, True),
        (33, Verdict.ACCEPTED, False),
        (-86_400 * 30, Verdict.PHONE_CLOCK_WRONG, False),  # a code of last month
        (-1_800, Verdict.PHONE_CLOCK_WRONG, True),
        (-1_800, Verdict.ACCEPTED, False),
        (600, Verdict.PARTY_EXTENDED, False),
        (7_200, Verdict.PHONE_CLOCK_WRONG, False),
    ],
)
def test_a_code_of_another_time_charges_nobody(tmp_path: Path, off_s: int, verdict: Verdict, pays: bool) -> None:  # noqa: FBT001
    bus = Bus()
    bus.now_ms = NOON_MS + 999
    code = ADULT.show(1, party=1, time_s=NOON_MS // 1000 + off_s)
    bus.tap(code, verdict=verdict, fare=2 * FARE)
    desk = settled(tmp_path, bus)
    assert desk.payers() == ["rider" if pays else "stale-proof"]
    assert desk.store.balance(ADULT.account) == (-2 * FARE if pays else 0)
    assert desk.store.balance(SUSPENSE) == (0 if pays else -2 * FARE)
    assert desk.alarms == ([] if pays else [("stale-proof", bus.name)])


def test_a_phone_is_set_wrong_where_its_proof_says_so(tmp_path: Path) -> None:
    """A senior whose code is fresh rides as a senior, whatever the record says of the phone."""
    bus = Bus()
    bus.tap(SENIOR.show(1), verdict=Verdict.PHONE_CLOCK_WRONG, fare=FARE)
    desk = settled(tmp_path, bus)
    assert desk.store.balance(SENIOR.account) == 0
    assert desk.store.balance("city:class:3") == -FARE


def test_companions_are_those_of_the_proof_and_are_paid_once(tmp_path: Path) -> None:
    """However many records say that they came later."""
    bus = Bus()
    bus.tap(ADULT.show(1))
    for n in range(2, 8):
        bus.tap(ADULT.show(n, party=2), verdict=Verdict.PARTY_EXTENDED, fare=RIALS_MAX)
    desk = settled(tmp_path, bus)
    assert desk.store.balance(ADULT.account) == -3 * FARE


def test_a_clock_that_is_distrusted_escapes_no_cap(tmp_path: Path) -> None:
    """Fifty taps in one minute are one journey; a phone whose clock stands still makes no endless one."""
    tariff = Tariff(3, FARE, {3: 0}, 0, transfer_window_s=3_600)
    bus = Bus()
    bus.quality = ClockQuality.UNTRUSTED
    for n in range(50):
        bus.now_ms = NOON_MS + n * 1_000
        bus.tap(SENIOR.show(n, time_s=NOON_MS // 1000), fare=0)
    desk = settled(tmp_path, bus, tariff=tariff)
    assert desk.store.balance("city:class:3") == -FARE


def test_a_phone_whose_clock_stands_still_makes_no_endless_journey(tmp_path: Path) -> None:
    tariff = Tariff(3, FARE, {}, 0, transfer_window_s=3_600)
    bus = Bus()
    bus.now_ms = NOON_MS
    bus.refusal()  # the last that a trusted clock said
    bus.quality = ClockQuality.UNTRUSTED
    for n in range(3):
        bus.now_ms = NOON_MS + (n + 1) * 3_600_000
        bus.tap(ADULT.show(n, time_s=NOON_MS // 1000), fare=FARE)
    desk = settled(tmp_path, bus, tariff=tariff)
    assert desk.store.balance(ADULT.account) == -3 * FARE


def test_time_along_a_chain() -> None:
    """Trusted it is what the clock says; else it has run on, a restart adds nothing, and a phone may say more."""

    def at(wall_ms: int, mono_ms: int, quality: ClockQuality = ClockQuality.UNTRUSTED) -> Instant:
        return Instant(wall_ms, mono_ms, quality, 2)

    time = UNKNOWN_TIME.then(at(1_000_000, 50, ClockQuality.HOLDOVER))
    assert time == ChainTime(1_000_000, 50)
    time = time.then(at(7, 450))
    assert time == ChainTime(1_000_400, 450)
    time = time.then(at(7, 20))
    assert time == ChainTime(1_000_400, 20)
    time = time.then(at(7, 120))
    assert time == ChainTime(1_000_500, 120)
    assert tap_ms(time, at(7, 120), 0) == 1_000_500
    assert tap_ms(time, at(7, 120), 2_000) == 2_000_000
    assert tap_ms(time, at(7, 120, ClockQuality.TRUSTED), 2_000) == 7


def test_the_time_of_a_chain_is_kept_over_batches(tmp_path: Path) -> None:
    bus = Bus()
    bus.now_ms = NOON_MS
    bus.refusal()
    bus.quality = ClockQuality.UNTRUSTED
    bus.now_ms = NOON_MS + 500
    bus.refusal()
    desk = Desk(tmp_path, [bus])
    for batch in bus.batches(1):
        desk.take((bus, batch))
    assert desk.store.chain_time(bus.name, bus.epoch) == ChainTime(NOON_MS + 500, 10**9 + 500)
    assert desk.store.chain_time(bus.name, 1) == UNKNOWN_TIME


def test_a_product_that_is_paid_in_part_lifts_no_cap_at_the_office_either(tmp_path: Path) -> None:
    """A student whose product costs nine tenths on r9: half of the cap is paid, not all of it."""
    tariff = Tariff(3, 60_000, {2: 950}, day_cap_rials=100_000, products={0: ProductRule(900, frozenset({"r9"}))})
    buses = [Bus(f"bus-{n}-d1") for n in range(3)]
    for n, bus in enumerate(buses):
        bus.now_ms = NOON_MS + n * 20 * MINUTE_MS
        bus.tap(STUDENT.show(n, time_s=bus.now_ms // 1000), fare=54_000)
    desk = settled(tmp_path, *buses, tariff=tariff)
    assert desk.store.balance(STUDENT.account) == -95_000


# --- drivers ----------------------------------------------------------------------------------------------------------


def test_no_driver_pays_on_another_bus(tmp_path: Path) -> None:
    """A record of bus 2 that names a shift of bus 1 is a case; the driver of bus 1 never hears of it."""
    one, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    one.begin_shift("d-17", "d-17-1")
    other.shift = "d-17-1"
    other.tap(None, party=15, fare=16 * FARE, kind=CodeKind.PROXY)
    for order in ((one, other), (other, one)):
        with TemporaryDirectory(dir=tmp_path) as folder:
            desk = settled(Path(folder), *order)
            assert desk.store.balance("driver:d-17") == 0
            assert desk.store.balance(SUSPENSE) == -16 * FARE
            assert desk.payers() == ["no-proof"]
            desk.close()


@pytest.mark.parametrize(
    ("later_s", "shift", "stands"),
    [(180, "s-1", True), (240, "s-1", True), (241, "s-1", False), (5, "s-2", False), (60 * 86_400, "s-1", False)],
)
def test_an_annulment_is_asked_what_the_bus_would_ask(tmp_path: Path, later_s: int, shift: str, stands: bool) -> None:  # noqa: FBT001
    bus = Bus()
    bus.now_ms = NOON_MS
    bus.begin_shift("d-17", "s-1")
    tap = bus.tap(ADULT.show(1))
    bus.now_ms = NOON_MS + later_s * 1000
    bus.begin_shift("d-17", shift)
    bus.annul(tap)
    desk = settled(tmp_path, bus)
    assert desk.store.balance(ADULT.account) == (0 if stands else -FARE)
    assert desk.alarms == ([] if stands else [("annulment-refused", bus.name)])


def test_an_annulment_takes_from_the_operator_who_was_paid(tmp_path: Path) -> None:
    """Also where the device was moved to another bus meanwhile."""
    bus = Bus()
    bus.begin_shift("d-17", "s-1")
    tap = bus.tap(ADULT.show(1))
    desk = Desk(tmp_path, [bus], RIDERS)
    desk.take_whole(bus)
    bus.annul(tap)
    before, bus.vehicle = bus.vehicle, "bus-7"
    desk.enrol(bus)
    desk.take((bus, bus.batch(bus.last)))
    assert [desk.store.balance(f"operator:{name}") for name in (before, "bus-7")] == [0, 0]
    check_ledger(desk)


def test_a_new_shift_gives_no_five_more(tmp_path: Path) -> None:
    """Two shifts on two buses, six annulments: the first five by their time stand, whichever bus comes first."""
    buses = [Bus("bus-1-d1"), Bus("bus-2-d1")]
    for number, bus in enumerate(buses):
        bus.now_ms = NOON_MS + number * 3_600_000
        bus.begin_shift("d-17", f"s-{number}")
        for n in range(3):
            bus.now_ms += MINUTE_MS
            tap = bus.tap(ADULT.show(10 * number + n, time_s=bus.now_ms // 1000))
            bus.annul(tap)
    for order in (buses, buses[::-1]):
        with TemporaryDirectory(dir=tmp_path) as folder:
            desk = settled(Path(folder), *order)
            assert desk.store.balance(ADULT.account) == -FARE
            assert [row[:2] for row in desk.rows("SELECT device, sequence FROM claim WHERE charged")] == [
                (buses[1].name, buses[1].last - 1)
            ]
            assert {kind for kind, _ in desk.alarms} <= {"annulment-refused"}
            desk.close()


def test_what_a_driver_takes_back_waits_for_who_drove(tmp_path: Path) -> None:
    """The shift began in the other door's journal, which comes later."""
    front, rear = Bus("bus-1-d1"), Bus("bus-1-d2")
    front.begin_shift("d-17", "s-1")
    rear.shift = "s-1"
    tap = rear.tap(ADULT.show(1))
    rear.annul(tap)
    desk = Desk(tmp_path, [front, rear], RIDERS)
    desk.take_whole(rear)
    assert desk.store.balance(ADULT.account) == -FARE
    desk.take_whole(front)
    assert desk.store.balance(ADULT.account) == 0
    check_ledger(desk)
