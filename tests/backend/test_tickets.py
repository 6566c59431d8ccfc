"""Bearer tickets at the office: the issue pays what the ticket is worth, `copied` what its copies rode."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.issued_tickets import IssuedTickets
from backend.app import tickets
from backend.core import tickets as core
from backend.core.limits import TICKETS_REREAD_S
from backend.core.tickets import TicketRide
from protocol.fares.tariff import Tariff
from protocol.wire.records import ClockQuality, CodeKind
from protocol.wire.tickets import TicketForm
from tests.backend.bus import FARE, ISSUER, NOON_MS, TARIFF, Bus, Proof, Rider, key
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import TODAY, Printed, issue, printed

pytestmark = pytest.mark.databases

DAY_MS = 86_400_000
SINGLE, STRIP = issue("singles"), issue("strips", TicketForm.STRIP)
CARD = issue("cards", TicketForm.CARD, 2, rider_class=2)  # half the fare, the city pays the other half
ONE, PIECE, SENIOR = (printed(it, 1)[0] for it in (SINGLE, STRIP, CARD))
ALL = [ONE, PIECE, SENIOR]


def ride(bus: Bus, ticket: Printed, at_ms: int = NOON_MS, **knobs: object) -> int:
    bus.now_ms = at_ms
    return bus.tap(ticket, **knobs)


def balances(desk: Desk) -> dict[str, int]:
    check_ledger(desk)
    return {account: rials for account, rials in desk.rows("SELECT id, credits - debits FROM account") if rials}


@pytest.mark.parametrize("ticket", [ONE, PIECE], ids=["single", "piece of a strip"])
def test_a_single_ride_is_paid_once_in_all_and_its_copies_by_copied(tmp_path: Path, ticket: Printed) -> None:
    buses = [Bus(f"bus-{n}-d1") for n in (1, 2, 3)]
    desk = Desk(tmp_path, buses, tickets=ALL)
    for bus, at_ms in zip(buses, (NOON_MS, NOON_MS + 1, NOON_MS + 3 * DAY_MS), strict=True):
        ride(bus, ticket, at_ms)
        desk.take_whole(bus)
    assert desk.payers() == ["ticket", "copied", "copied"]
    assert balances(desk) == {ticket.account: -FARE, "copied": -2 * FARE} | {bus.held: FARE for bus in buses}


def test_a_card_is_paid_so_often_on_each_day_and_the_city_pays_no_copy(tmp_path: Path) -> None:
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    for at_ms in (NOON_MS, NOON_MS + 1_000, NOON_MS + 2_000, NOON_MS + DAY_MS):
        ride(bus, SENIOR, at_ms)
    desk.take_whole(bus)
    assert desk.payers() == ["ticket", "ticket", "copied", "ticket"]
    half = FARE // 2
    assert balances(desk) == {
        SENIOR.account: -3 * half, "city:class:2": -3 * half, "copied": -half, "copied:city": -half,
        bus.operator: 3 * FARE, bus.held: FARE,
    }  # fmt: skip


def test_a_cheaper_ride_that_comes_late_takes_the_place_of_the_dearer(tmp_path: Path) -> None:
    """What is posted follows from the set, as entries of their own; the list of rides says who pays now."""
    buses = [Bus("bus-1-d1"), Bus("bus-2-d1")]
    desk = Desk(tmp_path, buses, tickets=ALL)
    ride(buses[0], ONE)
    ride(buses[1], ONE, NOON_MS + DAY_MS, fare=FARE - 1_000)
    for bus in buses:
        desk.take_whole(bus)
    assert desk.payers() == ["copied", "ticket"]
    assert balances(desk)[ONE.account] == -(FARE - 1_000)
    assert desk.one("SELECT count(*) FROM transfer WHERE kind = 'fare-correction'") == 2


def test_one_ticket_told_a_thousand_times_is_weighed_against_what_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief's tap key must not hold ingest up: each copy costs the same, however many there are."""
    weighed: list[int] = []

    def stand_rides(rides: Iterable[TicketRide], **known: Any) -> list[TicketRide]:
        found = list(rides)
        weighed.append(len(found))
        return core.stand_rides(found, **known)

    monkeypatch.setattr(tickets, "stand_rides", stand_rides)
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    for n in range(60):
        ride(bus, ONE, NOON_MS + n, fare=FARE - n % 7)
    for first in range(1, bus.last + 1, 20):
        desk.take((bus, bus.batch(first, min(first + 19, bus.last))))
    assert sum(weighed) <= 60 + len(weighed)  # each once, and in each group the one that is paid
    assert balances(desk)[ONE.account] == -(FARE - 6)


def test_what_was_taken_back_was_no_ride(tmp_path: Path) -> None:
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    bus.begin_shift("d-1", "s-1")
    tap = ride(bus, ONE)
    bus.annul(tap)
    ride(bus, ONE, NOON_MS + 9_000)
    desk.take_whole(bus)
    assert balances(desk) == {ONE.account: -FARE, bus.operator: FARE}
    assert desk.rows("SELECT annulled, paid FROM ticket_ride ORDER BY sequence") == [(1, 0), (0, 1)]


def test_a_ride_is_taken_back_in_a_later_group_and_then_nobody_pays(tmp_path: Path) -> None:
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    bus.begin_shift("d-1", "s-1")
    tap = ride(bus, ONE)
    desk.take_whole(bus)
    bus.annul(tap)
    desk.take((bus, bus.batch(tap + 1, bus.last)))
    assert balances(desk) == {}
    assert desk.rows("SELECT annulled, paid, revision FROM ticket_ride") == [(1, 0, 1)]


def test_where_the_paid_ride_is_taken_back_the_next_is_paid(tmp_path: Path) -> None:
    first, second = Bus("bus-1-d1"), Bus("bus-2-d1")
    desk = Desk(tmp_path, [first, second], tickets=ALL)
    first.begin_shift("d-1", "s-1")
    tap = ride(first, ONE)
    ride(second, ONE, NOON_MS + 1)
    for bus in (first, second):
        desk.take_whole(bus)
    assert desk.payers() == ["ticket", "copied"]
    first.now_ms = NOON_MS + 2
    first.annul(tap)
    desk.take((first, first.batch(tap + 1, first.last)))
    assert desk.payers() == ["ticket", "ticket"]  # one that was taken back stays listed under who paid
    assert balances(desk) == {ONE.account: -FARE, second.operator: FARE}


@pytest.mark.parametrize(
    ("ticket", "knobs", "payer"),
    [
        (ONE, {"proof": Proof.FORGED}, "no-proof"),
        (ONE, {"proof": Proof.STRIPPED}, "no-proof"),
        (ONE, {"proof": Proof.BARE}, "no-proof"),  # without its signature
        (ONE, {"proof": Proof.MOVED}, "no-proof"),
        (ONE, {"kind": CodeKind.LONG_PASS}, "no-proof"),
        (Printed(SINGLE, bytes(8)), {}, "unknown-credential"),  # signed by the issuer, and on no list
        (replace(ONE, signer=key("other")), {}, "unknown-credential"),  # an issuer that is not its list's
        (replace(ONE, issue=replace(SINGLE, last_day=TODAY + 99)), {}, "unknown-credential"),  # other terms
        (ONE, {"at_ms": NOON_MS + 30 * DAY_MS}, "stale-proof"),
        (ONE, {"at_ms": NOON_MS - DAY_MS}, "stale-proof"),
    ],
)  # fmt: skip
def test_what_proves_no_listed_ticket_is_a_case(
    tmp_path: Path, ticket: Printed, knobs: dict[str, object], payer: str
) -> None:
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    ride(bus, ticket, fare=10**9, **knobs)
    desk.take_whole(bus)
    assert desk.payers() == [payer]
    assert balances(desk) == {"suspense": -FARE, bus.held: FARE}  # and no more than an adult's fare
    assert (("stale-proof", bus.name) in desk.alarms) == (payer == "stale-proof")


def test_a_pass_under_a_tickets_kind_is_a_case(tmp_path: Path) -> None:
    bus = Bus()
    desk = Desk(tmp_path, [bus], [Rider(1)], tickets=ALL)
    bus.tap(Rider(1).show(1), kind=CodeKind.BEARER_TICKET)
    desk.take_whole(bus)
    assert desk.payers() == ["no-proof"]


def test_no_more_is_paid_than_was_shown_and_no_more_than_it_costs(tmp_path: Path) -> None:
    """P20; and a tariff that is not known here asks what was shown, at most the dearest fare that is."""
    bus = Bus()
    two, three = printed(SINGLE, 3)[1:]
    desk = Desk(tmp_path, [bus], tickets=[ONE, two, three])
    ride(bus, ONE, fare=FARE - 1)
    ride(bus, two, fare=10**9)
    ride(bus, three, fare=10**9, tariff=TARIFF.version + 5)
    desk.take_whole(bus)
    assert balances(desk) == {ONE.account: -(3 * FARE - 1), bus.operator: 3 * FARE - 1}
    assert desk.store.counts()["shown_less"] == 1


def test_a_day_without_a_clock_is_the_chains(tmp_path: Path) -> None:
    """The record's own time says anything; the ride counts on the day on which the journal was last sure of its time."""
    bus = Bus()
    desk = Desk(tmp_path, [bus], tickets=ALL)
    ride(bus, SENIOR)
    bus.quality = ClockQuality.UNTRUSTED
    for _ in range(2):
        ride(bus, SENIOR, NOON_MS + 90 * DAY_MS)
    bus.quality = ClockQuality.TRUSTED
    ride(bus, SENIOR, NOON_MS + 1)
    desk.take_whole(bus)
    assert "stale-proof" not in desk.payers()  # nobody knows that it was late
    days = {wall_ms // DAY_MS for (wall_ms,) in desk.rows("SELECT wall_ms FROM ticket_ride")}
    assert days == {NOON_MS // DAY_MS, NOON_MS // DAY_MS + 90}  # by the monotonic clock, which ran on


def test_rides_of_a_ticket_meet_no_journey_and_no_cap(tmp_path: Path) -> None:
    bus = Bus()
    tariff = Tariff(3, FARE, {2: 500}, 180, transfer_window_s=3_600, day_cap_rials=FARE)
    desk = Desk(tmp_path, [bus], tickets=ALL, tariff=tariff)
    ride(bus, SENIOR)
    ride(bus, SENIOR, NOON_MS + 1_000)
    desk.take_whole(bus)
    assert balances(desk)[SENIOR.account] == -FARE


# --- the lists -----------------------------------------------------------------------------------------------------------


def listed(folder: Path, name: str, ids: list[bytes], other: dict[str, object] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    terms = {"issue": name, "issuer": ISSUER.public.hex(), "form": "card", "class": "student", "product": 0,
             "first_day": TODAY, "last_day": TODAY + 29, "rides_a_day": 2, "ids": [it.hex() for it in ids]}  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(terms | (other or {})))


def test_a_list_is_found_without_a_restart(tmp_path: Path) -> None:
    now = [0.0]
    found = IssuedTickets(tmp_path / "tickets", monotonic=lambda: now[0])
    assert found.find(SENIOR.ticket_id) is None  # and there is no folder
    listed(tmp_path / "tickets", "cards", [SENIOR.ticket_id])
    assert found.find(SENIOR.ticket_id) is None  # it has just looked
    now[0] += TICKETS_REREAD_S
    assert found.find(SENIOR.ticket_id) == CARD
    (tmp_path / "tickets" / "cards.json").unlink()
    now[0] += TICKETS_REREAD_S
    assert (found.find(bytes(8)), found.find(SENIOR.ticket_id)) == (None, CARD)  # what was read stands


@pytest.mark.parametrize(
    "other",
    [
        {"issuer": "00"}, {"form": "paper"}, {"class": "king"}, {"ids": [ONE.ticket_id.hex(), "00"]}, {"ids": 7},
        {"issue": "others"},
        {"rides_a_day": "2"}, {"first_day": None},
    ],
)  # fmt: skip
def test_a_damaged_list_keeps_no_other_back(tmp_path: Path, other: dict[str, object]) -> None:
    listed(tmp_path, "a-damaged", [ONE.ticket_id], other)
    listed(tmp_path, "cards", [SENIOR.ticket_id])
    found = IssuedTickets(tmp_path)
    assert (found.find(ONE.ticket_id), found.find(SENIOR.ticket_id)) == (None, CARD)


def test_a_list_is_read_and_complained_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    listed(tmp_path, "damaged", [], {"form": "paper"})
    found = IssuedTickets(tmp_path, monotonic=lambda: now[0])
    for _ in range(3):
        now[0] += TICKETS_REREAD_S
        assert found.find(bytes(8)) is None
    assert len([it for it in caplog.records if it.levelname == "ERROR"]) == 1


def test_one_id_on_two_lists_is_the_first_lists(tmp_path: Path) -> None:
    listed(tmp_path, "cards", [SENIOR.ticket_id])
    listed(tmp_path, "later", [SENIOR.ticket_id])
    assert IssuedTickets(tmp_path).find(SENIOR.ticket_id) == CARD
