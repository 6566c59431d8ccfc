"""What one device tells of one rider, ticket or driver costs the same each, however much of it there is (P16).

Counted, not timed: the rows that ingest reads of what stands, and the taps that it settles.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backend.adapters.sqlite.store import SqliteStore
from backend.app import claims, drivers, tickets
from backend.core.ledger import TapId
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import CodeKind
from tests.backend.bus import FARE, NOON_MS, TARIFF, Bus, Rider
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import issue, printed

pytestmark = pytest.mark.databases

RIDER = Rider(1)
TICKETS = printed(issue("singles"), 1)
WEIGHED = replace(TARIFF, day_cap_rials=10**9)
BATCH = 20
_READ_ALL = ("claims_near", "claims_between", "ticket_rides", "proxies_in", "annulments_in", "annulments_of")


class Counting:
    """A store that counts the rows which stand that it is asked for; everything is the real one's."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.rows = 0

    def __getattr__(self, name: str) -> object:
        found = getattr(self._store, name)
        if name not in _READ_ALL:
            return found

        def counted(*values: object, **named: object) -> object:
            rows = found(*values, **named)
            self.rows += len(rows)
            return rows

        return counted


def _firsts(bus: Bus, number: int) -> None:
    bus.tap(RIDER.show(number, time_s=_second(bus)), fare=FARE)


def _copies(bus: Bus, _: int) -> None:
    bus.tap(RIDER.show(1), fare=FARE)


def _companions(bus: Bus, number: int) -> None:
    verdict = Verdict.PARTY_EXTENDED if number else Verdict.ACCEPTED
    bus.tap(RIDER.show(number, party=1, time_s=_second(bus)), verdict=verdict, fare=FARE)


def _tap_outs(bus: Bus, number: int) -> None:
    tap = bus.tap(RIDER.show(2 * number, time_s=_second(bus)), fare=FARE, metres=100)
    bus.tap(
        RIDER.show(2 * number + 1, time_s=_second(bus)), verdict=Verdict.TAPPED_OUT, fare=0, metres=900,
        closes=(bus.epoch, tap),
    )  # fmt: skip


def _rides_of_a_ticket(bus: Bus, _: int) -> None:
    bus.tap(TICKETS[0], fare=FARE)


def _taken_back(bus: Bus, _: int) -> None:
    if bus.shift is None:
        bus.begin_shift("d-1", "s-1")
    bus.annul(bus.tap(None, fare=FARE, kind=CodeKind.PROXY))


def _shifts(bus: Bus, number: int) -> None:
    """The record of a shift behind what happened in it."""
    bus.shift = f"s-{number}"
    bus.annul(bus.tap(None, fare=FARE, kind=CodeKind.PROXY))
    bus.begin_shift("d-1", bus.shift)


def _taken_back_by_many(bus: Bus, number: int) -> None:
    bus.begin_shift(f"d-{number}", f"s-{number}")
    bus.annul(bus.tap(RIDER.show(number, time_s=_second(bus)), fare=FARE))
    bus.annul(bus.tap(TICKETS[0], fare=FARE))


def _second(bus: Bus) -> int:
    assert bus.now_ms is not None
    return bus.now_ms // 1000


Tell = Callable[[Bus, int], None]
FLOODS: dict[str, tuple[Tell, Tariff]] = {
    "boardings": (_firsts, TARIFF),
    "boardings that are weighed": (_firsts, WEIGHED),
    "copies": (_copies, TARIFF),
    "companions": (_companions, TARIFF),
    "tap-outs": (_tap_outs, TARIFF),
    "ticket": (_rides_of_a_ticket, TARIFF),
    "annulments": (_taken_back, TARIFF),
    "shifts": (_shifts, TARIFF),
    "annulments of many drivers": (_taken_back_by_many, TARIFF),
}


def counted(monkeypatch: pytest.MonkeyPatch, flood: str, records: int, group: int) -> list[int]:
    """So many records in groups of so many batches → what each group cost: rows read and taps settled."""
    tell, tariff = FLOODS[flood]
    settled = 0

    def counting(of: Callable) -> Callable:
        def call(told: Iterable, **known: bool) -> object:
            nonlocal settled
            found = list(told)
            settled += len(found)
            return of(found, **known)

        return call

    bus, number = Bus(), 0
    while bus.last < records:
        bus.now_ms = NOON_MS + 200 * number  # one for each of a thousand who stand in line
        tell(bus, number)
        number += 1
    with TemporaryDirectory() as folder, monkeypatch.context() as patched:
        for owner, name in ((claims, "boardings"), (tickets, "stand_rides"), (drivers, "within_the_day")):
            patched.setattr(owner, name, counting(getattr(owner, name)))
        store: list[Counting] = []
        desk = Desk(
            Path(folder), [bus], [RIDER], wrap=lambda it: store.append(Counting(it)) or store[0], tariff=tariff,
            tickets=TICKETS,
        )  # fmt: skip
        costs, batches = [], bus.batches(BATCH)
        for at in range(0, len(batches), group):
            before = store[0].rows + settled
            desk.take(*((bus, batch) for batch in batches[at : at + group]))
            costs.append(store[0].rows + settled - before)
        assert desk.records() == bus.last
        check_ledger(desk)
        desk.close()
    return costs


@pytest.mark.parametrize("flood", FLOODS)
def test_a_group_costs_what_its_records_do(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    """Twice as many of one rider in a group cost twice as much; a look for each at all of them would be four times."""
    (one,), (two,) = (counted(monkeypatch, flood, records, group=100) for records in (120, 240))
    assert 0 < two <= 2.2 * one


@pytest.mark.parametrize("flood", ["ticket", "annulments", "shifts"])
def test_what_was_told_before_makes_no_batch_dearer(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    """Batch by batch: of a ticket and of a driver's day only what is paid and what stands is read again."""
    one, two = (sum(counted(monkeypatch, flood, records, group=1)) for records in (120, 240))
    assert 0 < two <= 2.2 * one


@pytest.mark.parametrize("flood", ["boardings", "boardings that are weighed", "copies", "companions", "tap-outs"])
def test_of_a_rider_each_claim_is_looked_at_a_few_times_a_group(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    """Batch by batch: what is held may change by what comes, and is read and settled once for all of a batch."""
    costs = counted(monkeypatch, flood, 240, group=1)
    for number, cost in enumerate(costs, start=1):
        assert cost <= 3 * number * BATCH  # read near it, read in its week, settled


def test_a_far_reach_reads_only_what_a_tap_out_names(tmp_path: Path) -> None:
    """A boarding of an hour ago is of no interest to a new one, and is to who taps out of it."""
    bus = Bus()
    ids: list[TapId] = []
    for minute in range(0, 60, 10):
        bus.now_ms = NOON_MS + 60_000 * minute
        ids.append((bus.name, bus.epoch, bus.tap(RIDER.show(minute, time_s=_second(bus)), fare=FARE)))
    desk = Desk(tmp_path, [bus], [RIDER])
    desk.take_whole(bus)
    held = [desk.store.claim_at(*tap) for tap in ids]
    assert all(held)
    later = held[-1]._replace(sequence=99, wall_ms=held[-1].wall_ms + 60_000)
    out = later._replace(closes=ids[0][1:])
    by_the_phone = out._replace(wall_ms=held[0].wall_ms + 7_200_001)
    late = Presentation(RIDER.credential_id, held[0].presentation.time_s + 7_201, 99)
    by_the_clock, too_late = out._replace(presentation=late), by_the_phone._replace(presentation=late)
    assert [it.tap for it in desk.store.claims_near([later], 180_000)] == [ids[-1]]
    assert [it.tap for it in desk.store.claims_near([out], 180_000)] == [ids[0]]
    assert {it.tap for it in desk.store.claims_near([later, out], 180_000)} == {ids[0], ids[-1]}
    for near in (by_the_clock, by_the_phone):
        assert [it.tap for it in desk.store.claims_near([near], 180_000)] == [ids[0]]
    assert desk.store.claims_near([too_late], 180_000) == []
    desk.close()


class Asking:
    """A store that counts how often it is asked anything."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        self.asked[name] += 1
        return getattr(self._store, name)


@pytest.mark.parametrize("tariff", [TARIFF, WEIGHED], ids=["alone", "weighed"])
def test_a_group_asks_for_many_riders_as_often_as_for_one(tmp_path: Path, tariff: Tariff) -> None:
    """Each question is a round trip to PostgreSQL."""
    riders = [Rider(number) for number in range(1, 31)]
    stores: list[Asking] = []
    first = Bus()
    for number, rider in enumerate(riders):
        first.now_ms = NOON_MS + 1_000 * number
        first.tap(rider.show(number, time_s=_second(first)), fare=FARE)
    alone = 3  # journal opened, day key, a tap
    desk = Desk(tmp_path, [first], riders, wrap=lambda it: stores.append(Asking(it)) or stores[0], tariff=tariff)
    desk.take((first, first.batch(1, alone)))
    of_one, stores[0].asked = stores[0].asked, Counter()
    desk.take((first, first.batch(alone + 1, first.last)))
    of_many = stores[0].asked
    assert len(of_one) > 5
    assert of_many["riders"] == of_many["claims_near"] == 1
    assert {name: times for name, times in of_many.items() if times > of_one[name]} == {}
    check_ledger(desk)
    desk.close()
