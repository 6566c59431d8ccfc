"""Every account ends at the same balance, whatever the order of arrival and wherever batches and groups are cut (P20)."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.app import claims as group_claims
from backend.app import drivers, tickets
from backend.app.claims import GroupClaims
from backend.core.standing import stand
from backend.core.tickets import stand_rides
from protocol.fares.tariff import LineFare, ProductRule, Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire.records import ClockQuality, CodeKind
from protocol.wire.tickets import TicketForm
from tests.backend.bus import Bus, Proof, Rider, Shown
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import issue, printed
from tests.protocol.fares import WEEK_BEGINS_MS

pytestmark = pytest.mark.databases

RIDERS = [Rider(1), Rider(2, rider_class=2), Rider(3, rider_class=3)]
TARIFFS = [
    Tariff(3, 60_000, {2: 500, 3: 0}, 180, transfer_window_s=1_800, day_cap_rials=150_000, week_cap_rials=260_000,
           products={0: ProductRule(900, frozenset({"r9"}))}),
    Tariff(4, 60_000, {2: 500, 3: 0}, 600, lines={"r9": LineFare(90_000)}, day_cap_rials=50_000),
    Tariff(5, 60_000, {2: 500, 3: 0}, 180),
]  # fmt: skip
TICKETS = [*printed(issue("singles"), 1), *printed(issue("cards", TicketForm.CARD, 1, rider_class=2), 1)]
DOORS = ("bus-1-d1", "bus-1-d2", "bus-2-d1", "bus-2-d2")
SHIFTS = {"bus-1": ("d-1", "s-1"), "bus-2": ("d-1", "s-2")}  # one driver, two shifts


@dataclass
class World:
    """What happened: one journal a door."""

    buses: list[Bus]

    def desk(self, folder: Path) -> Desk:
        """An office that has heard of nothing yet."""
        return Desk(folder, self.buses, RIDERS, tariff=TARIFFS[0], tariffs=TARIFFS[1:], tickets=TICKETS)


def world(seed: int) -> World:
    """Doors and buses, copied codes and tickets, clocks that nobody trusts, companions who come later, two weeks, drivers."""
    choose, bearers = random.Random(seed), random.Random(~seed)
    buses = {name: Bus(name) for name in DOORS}
    moments = [WEEK_BEGINS_MS + choose.choice((-90_000_000, -300_000, 0, 40_000_000)) for _ in range(3)]
    at = sorted(choose.choice(moments) + choose.randrange(0, 2_000_000, 10_000) for _ in range(choose.randint(3, 12)))
    shown: list[Shown] = []
    for number, now_ms in enumerate(at):
        bus = buses[choose.choice(DOORS)]
        bus.now_ms = now_ms
        bus.quality = choose.choice((ClockQuality.TRUSTED, ClockQuality.TRUSTED, ClockQuality.UNTRUSTED))
        driver, shift = SHIFTS[bus.vehicle]
        if choose.random() < 0.1:
            bus.begin_shift(driver, shift)
        bus.shift = choose.choice((shift, shift, shift, "s-1", None))
        _bearer(bearers, bus)
        if choose.random() < 0.2:
            tap = bus.tap(None, party=choose.randint(0, 2), fare=choose.choice((60_000, 10**9)), kind=CodeKind.PROXY)
        else:
            tap = _ride(choose, bus, number, shown)
        if choose.random() < 0.4:
            bus.now_ms += choose.choice((5_000, 5_000, 5_000, 900_000))
            bus.shift = choose.choice((bus.shift, bus.shift, "s-2"))
            bus.annul(tap)
    return World(list(buses.values()))


def _bearer(choose: random.Random, bus: Bus) -> None:
    """Somebody with a printed ticket boards, or two with copies of it, beside whoever has a phone."""
    for _ in range(choose.choice((0, 0, 1, 2))):
        tap = bus.tap(
            choose.choice(TICKETS), fare=choose.choice((0, 30_000, 60_000)), tariff=choose.choice((3, 4, 9))
        )  # fmt: skip
        if choose.random() < 0.2:
            bus.annul(tap)


def _ride(choose: random.Random, bus: Bus, number: int, shown: list[Shown]) -> int:
    """One accepted tap of a fresh code, or of one that was shown before."""
    fresh = choose.choice(RIDERS).show(number, party=choose.choice((0, 0, 1, 3)), time_s=_now_ms(bus) // 1000)
    code = choose.choice(shown) if shown and choose.random() < 0.3 else fresh
    shown.append(code)
    verdict = choose.choice((Verdict.ACCEPTED,) * 4 + (Verdict.PARTY_EXTENDED,) * 2 + (Verdict.PHONE_CLOCK_WRONG,))
    return bus.tap(
        code, verdict=verdict, fare=choose.choice((0, 30_000, 60_000, 120_000, 300_000, 10**9)),
        tariff=choose.choice((3, 3, 3, 4, 5, 9)), proof=choose.choice((Proof.GENUINE,) * 9 + (Proof.FORGED,)),
    )  # fmt: skip


def _now_ms(bus: Bus) -> int:
    assert bus.now_ms is not None
    return bus.now_ms


def arrivals(choose: random.Random, buses: list[Bus]) -> Iterator[list[tuple[Bus, bytes]]]:
    """Groups of batches: each journal in its order, cut and mixed at random."""
    done = {bus.name: 0 for bus in buses}
    group: list[tuple[Bus, bytes]] = []
    while waiting := [bus for bus in buses if done[bus.name] < bus.last]:
        bus = choose.choice(waiting)
        end = min(bus.last, done[bus.name] + choose.randint(1, 4))
        group.append((bus, bus.batch(done[bus.name] + 1, end)))
        done[bus.name] = end
        if choose.random() < 0.5:
            yield group
            group = []
    yield group


def settled(happened: World, order: int | None) -> dict[str, int]:
    """Every account behind one order of arrival; without one, bus by bus, each whole."""
    with TemporaryDirectory() as folder:
        desk = happened.desk(Path(folder))
        if order is None:
            for bus in happened.buses:
                desk.take_whole(bus)
        else:
            for group in arrivals(random.Random(order), happened.buses):
                desk.take(*group)
        assert not desk.quarantined()
        check_ledger(desk)
        _whole(desk)
        found = dict(desk.rows("SELECT id, credits - debits FROM account"))
        desk.close()
    return {account: rials for account, rials in found.items() if rials}


def _whole(desk: Desk) -> None:
    """What was posted step by step is what stands for all claims together, seen at once."""
    for rider in RIDERS:
        held = desk.store.claims_between([(rider.credential_id, 0, 2**62)])
        stands = stand(held, {it.version: it for it in TARIFFS})
        assert {it.tap: it for it in held} == stands
    for ticket in TICKETS:
        rides = desk.store.ticket_rides(ticket.ticket_id, 0, 2**62, paid=False)
        for day in {it.day for it in rides}:
            of_day = [it for it in rides if it.day == day]
            assert sorted(of_day, key=lambda it: it.tap) == sorted(stand_rides(of_day), key=lambda it: it.tap)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_no_order_of_arrival_and_no_cut_changes_any_account(seed: int, order: int) -> None:
    happened = world(seed)
    assert settled(happened, order) == settled(happened, None)


def _differs(seed: int) -> bool:
    happened = world(seed)
    try:
        return settled(happened, seed) != settled(happened, None)
    except AssertionError:
        return True


@pytest.mark.sqlite_only  # it is about the rules, and takes hundreds of ledgers
@pytest.mark.parametrize(
    ("owner", "name", "mutant"),
    [
        (GroupClaims, "_changes", lambda _self, it, touched, _groups: it.tap in touched),  # the week is not corrected
        (group_claims, "_place", lambda it: it.boarding),  # who else is charged is not looked at
        (drivers, "within_the_day", lambda found: {it.tap for it in list(found)[:1]}),  # who comes first stands
        (drivers.GroupDrivers, "begin", lambda self, shift, driver: (
            self._into.shifts.append((*shift, driver))
        )),  # a shift that comes late changes nothing
        (tickets, "stand_rides", lambda rides, **_: [
            replace(it, paid=place < max(1, it.rides_a_day)) for place, it in enumerate(rides)
        ]),  # a ticket's first rides to arrive are paid
    ],
    ids=["week", "boarding", "day", "shift", "ticket"],
)  # fmt: skip
def test_a_shortcut_is_noticed(owner: object, name: str, mutant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each looks at less than may change: some order then ends elsewhere."""
    monkeypatch.setattr(owner, name, mutant)
    assert any(_differs(seed) for seed in range(150))


@pytest.mark.sqlite_only
def test_the_worlds_have_in_them_what_they_should(tmp_path: Path) -> None:
    """Otherwise nothing above says anything."""
    payers: set[str] = set()
    facts: set[str] = set()
    for seed in range(60):
        (tmp_path / str(seed)).mkdir()
        happened = world(seed)
        desk = happened.desk(tmp_path / str(seed))
        for bus in happened.buses:
            desk.take_whole(bus)
        payers |= set(desk.payers())
        facts |= {kind for kind, _ in desk.alarms}
        facts |= {"annulled" for _ in desk.rows("SELECT 1 FROM claim WHERE annulled")}
        facts |= {"float annulled" for _ in desk.rows("SELECT 1 FROM proxy WHERE annulled AND driver IS NOT NULL")}
        facts |= {"companions" for _ in desk.rows("SELECT 1 FROM claim WHERE extends AND charged")}
        facts |= {"ticket annulled" for _ in desk.rows("SELECT 1 FROM ticket_ride WHERE annulled")}
        facts |= {"ticket corrected" for _ in desk.rows("SELECT 1 FROM ticket_ride WHERE revision AND NOT annulled")}
        facts |= {"corrected" for _ in desk.rows("SELECT 1 FROM claim WHERE revision > 0")}
        desk.close()
    assert payers == {"rider", "copied", "driver", "no-proof", "stale-proof", "ticket"}
    assert {"ticket annulled", "ticket corrected"} <= facts
    assert {"annulled", "float annulled", "companions", "corrected", "annulment-refused", "unknown-tariff"} <= facts
