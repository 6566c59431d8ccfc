"""A day is settled once, from a real ledger with real taps: every rial of a ride stands in exactly one statement."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.app.settlement_desk import SettlementDesk
from backend.core.errors import NotFound, Refused
from backend.core.ledger import Transfer, TransferKind
from backend.core.limits import SETTLE_AFTER_S
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.lines import Line
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Titles
from backend.core.settlement.sharing import NoContract
from backend.core.settlement.statement import GENESIS, FreeRides
from backend.core.settlement.telling import joint, told
from backend.core.staff.errors import Unfit
from backend.core.staff.log import Entry
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import day_begins_ms, service_day
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.desk import CITY, Desk, check_ledger

pytestmark = pytest.mark.databases
DAY = service_day(NOON_MS)
RIDERS = [Rider(n, rider_class=2 if n % 3 == 0 else 0) for n in range(1, 8)]
ONE, TWO = "bus-1", "bus-2"
ME = By("maryam", "finance")


@pytest.fixture
def buses() -> list[Bus]:
    return [Bus("bus-1-d1", epoch=1_001), Bus("bus-2-d1", epoch=1_002)]


@pytest.fixture
def desk(tmp_path: Path, buses: list[Bus]) -> Iterator[Desk]:
    desk = Desk(tmp_path, buses, RIDERS)
    yield desk
    desk.close()


@pytest.fixture
def settling(desk: Desk) -> SettlementDesk:
    """Two operators, one of them with an owner; the day is over."""
    desk.now_ms = day_begins_ms(DAY + 1) + SETTLE_AFTER_S * 1000
    made = SettlementDesk(desk.store, CITY, lambda: desk.now_ms)
    for party in (Party(Role.OPERATOR, "metro"), Party(Role.OPERATOR, "sherkat"), Party(Role.OWNER, "rezaei")):
        made.name(party, Titles(f"نام {party.name}", party.name), by=ME)
    made.contract(Contract(ONE, DAY - 9, "metro", "rezaei", 300), by=ME)
    made.contract(Contract(TWO, DAY - 9, "sherkat"), by=ME)
    return made


def next_day(desk: Desk) -> int:
    desk.now_ms += 86_400_000
    return service_day(desk.now_ms) - 1


def balance(desk: Desk, account: str) -> int:
    return desk.store.balance(account)


def test_a_day_is_shared_by_contract_and_posted(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    for n, rider in enumerate(RIDERS):
        buses[n % 2].tap(rider.show(n))
    desk.take(*((bus, bus.batch()) for bus in buses))
    income = {bus.vehicle: balance(desk, bus.operator) for bus in buses}
    assert all(income.values())
    made = settling.freeze(DAY, by=ME)
    assert made.income_rials == sum(income.values())
    assert balance(desk, "owner:rezaei") == income[ONE] * 3 // 10
    assert balance(desk, "operator-payable:metro") == income[ONE] - income[ONE] * 3 // 10
    assert balance(desk, "operator-payable:sherkat") == income[TWO]
    assert balance(desk, buses[0].operator) == balance(desk, buses[1].operator) == 0
    assert joint(made).balance == 0
    assert told(made, Party(Role.CITY, "")).total_rials == 2 * FARE // 2  # two students
    assert {payer for it in made.incomes if not (payer := it.payer).startswith("city:")} == {"riders"}, "P18"
    check_ledger(desk)
    assert settling.verify() == []


def test_who_did_it_stands_in_the_log(desk: Desk, settling: SettlementDesk) -> None:
    made = settling.freeze(DAY, by=ME)
    told_of = [(it.entry.person, it.entry.action, it.entry.on, it.entry.outcome) for it in desk.store.log(0, 99)]
    assert [it[1] for it in told_of] == ["name-party"] * 3 + ["contract"] * 2 + ["freeze"]
    assert {it[3].split(" ", 3)[3] for it in told_of if it[1] == "contract"} == {"- -"}, "no caps"
    assert told_of[-1] == ("maryam", "freeze", "1405/06/30", made.hash.hex())


def test_frozen_again_it_is_the_same_and_posts_nothing(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    first = settling.freeze(DAY, by=ME)
    head = desk.store.ledger_mark().head
    assert settling.freeze(DAY, by=ME) == first
    assert desk.store.ledger_mark().head == head
    assert settling.statement(DAY) == first


def test_what_comes_late_is_an_adjustment_of_the_next_day(
    desk: Desk, settling: SettlementDesk, buses: list[Bus]
) -> None:
    buses[0].tap(RIDERS[0].show(1))
    first_batch = buses[0].batch()
    desk.take((buses[0], first_batch))
    first = settling.freeze(DAY, by=ME)
    had = buses[0].last
    buses[0].tap(RIDERS[1].show(1))  # of the same day, in the ledger a day later
    desk.take((buses[0], buses[0].batch(had + 1)))
    second = settling.freeze(next_day(desk), by=ME)
    assert [(it.of_day, it.rials) for it in second.shares] == [(DAY, FARE)]
    assert second.previous == first.hash
    assert first.previous == GENESIS
    assert balance(desk, "owner:rezaei") == 2 * FARE * 3 // 10
    assert settling.verify() == []


def test_what_is_of_the_next_day_waits_for_it(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    """Night buses' taps of the new day are in the ledger before the old day is frozen."""
    buses[1].tap(RIDERS[0].show(1))
    tomorrow_ms = day_begins_ms(DAY + 1) + 600_000
    buses[1].now_ms = tomorrow_ms
    buses[1].tap(RIDERS[1].show(2, time_s=tomorrow_ms // 1000))
    desk.take_whole(buses[1])
    first = settling.freeze(DAY, by=ME)
    assert [(it.of_day, it.rials) for it in first.incomes] == [(DAY, FARE)]
    second = settling.freeze(next_day(desk), by=ME)
    assert [(it.of_day, it.rials) for it in second.incomes] == [(DAY + 1, FARE)]
    third = settling.freeze(next_day(desk), by=ME)
    assert (third.incomes, third.shares) == ((), ())
    assert balance(desk, "operator-payable:sherkat") == 2 * FARE


def test_what_is_unproven_is_held(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    buses[1].tap(RIDERS[0].show(1), proof=Proof.STRIPPED)
    desk.take_whole(buses[1])
    made = settling.freeze(DAY, by=ME)
    assert sum(it.paid_rials for it in made.shares) == 0
    assert balance(desk, "operator-payable:sherkat") == 0


def test_a_correction_comes_off_the_next_statement(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    """The other bus tells of the same code: whose the fare is, is for people, and the first one gives it back."""
    shown = RIDERS[0].show(5)
    buses[0].now_ms = NOON_MS + 8_000
    buses[0].tap(shown)
    desk.take_whole(buses[0])
    settling.freeze(DAY, by=ME)
    assert balance(desk, "owner:rezaei") == FARE * 3 // 10
    buses[1].now_ms = NOON_MS + 1_000
    buses[1].tap(shown)
    desk.take_whole(buses[1])
    second = settling.freeze(next_day(desk), by=ME)
    assert {(it.vehicle, it.line): it.rials for it in second.shares} == {
        (ONE, Line.RIDERS): -FARE, (ONE, Line.HELD): FARE, (TWO, Line.HELD): FARE,
    }  # fmt: skip
    assert balance(desk, "owner:rezaei") == 0
    assert settling.verify() == []


def test_free_rides_are_told_and_are_no_money(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    buses[0].tap(None, verdict=Verdict.BOARD_FREE, reason=Reason.FREE_DAY, fare=0)
    desk.take_whole(buses[0])
    made = settling.freeze(DAY, by=ME)
    assert [(it.vehicle, it.of_day, it.rides) for it in made.free_rides] == [(ONE, DAY, 1)]
    assert isinstance(made.free_rides[0], FreeRides)
    assert settling.freeze(next_day(desk), by=ME).free_rides == ()


def test_a_second_operator_joins_and_the_joint_statement_balances(
    desk: Desk, settling: SettlementDesk, buses: list[Bus]
) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    settling.freeze(DAY, by=ME)
    third = Bus("tram-1-d1", epoch=7)
    desk.enrol(third)
    third.tap(RIDERS[2].show(9))
    desk.take_whole(third)
    with pytest.raises(NoContract):
        settling.freeze(next_day(desk), by=ME)
    settling.name(Party(Role.OPERATOR, "tram"), Titles("تراموا", "Tram"), by=ME)
    settling.contract(Contract("tram-1", DAY - 30, "tram"), by=ME)  # its first: it holds for days that are settled, too
    made = settling.freeze(DAY + 1, by=ME)
    assert dict(joint(made).owed)[Party(Role.OPERATOR, "tram")] == FARE
    assert joint(made).balance == 0


def test_what_cannot_be_is_refused(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    with pytest.raises(Refused, match="not over"):
        settling.freeze(DAY + 1, by=ME)
    with pytest.raises(Refused, match="owner:nobody is not known"):
        settling.contract(Contract(ONE, DAY + 5, "metro", "nobody", 1), by=ME)
    with pytest.raises(NotFound):
        settling.statement(DAY)
    settling.freeze(DAY, by=ME)
    with pytest.raises(Refused, match="no day before it"):
        settling.freeze(DAY - 1, by=ME)
    with pytest.raises(Refused, match="are settled"):
        settling.contract(Contract(ONE, DAY, "metro"), by=ME)
    settling.contract(Contract(ONE, DAY + 1, "metro"), by=ME)


def test_two_who_freeze_at_once_make_one_statement(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    """The second one judged by a ledger without the first one's statement."""
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    first = settling.freeze(DAY, by=ME)
    assert (
        desk.store.freeze(first, [], Entry(desk.now_ms, "a", "b", "freeze", "", ""), by=desk.store.contracts()) is False
    )
    assert len(desk.store.frozen()) == 1


def test_a_clerk_alone_moves_no_settled_day(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    """Not by a contract before the first one, nor in its place, nor between two that begin later."""
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    settling.contract(Contract("bus-5", DAY + 9, "metro"), by=ME)
    settling.freeze(DAY, by=ME)
    for vehicle, day in ((ONE, DAY - 20), (ONE, DAY), ("bus-5", DAY + 9), ("bus-5", DAY + 5), ("bus-5", DAY - 1)):
        with pytest.raises(Refused, match="are settled"):
            settling.contract(Contract(vehicle, day, "sherkat"), by=ME)
    settling.contract(Contract("bus-5", DAY + 10, "sherkat"), by=ME)


def test_a_contract_made_while_a_day_is_frozen_is_seen(desk: Desk, settling: SettlementDesk, buses: list[Bus]) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    judged_by = desk.store.contracts()
    settling.contract(Contract(ONE, DAY - 1, "sherkat"), by=ME)
    entry = Entry(desk.now_ms, "a", "b", "freeze", "", "")
    made = settling.freeze(DAY, by=ME)
    assert {it.terms.operator for it in made.shares} == {"sherkat"}
    assert desk.store.keep_contract(judged_by[0], entry, frozen=None) is False, "a day was frozen meanwhile"
    later = replace(made, day=DAY + 1, previous=made.hash)
    assert desk.store.freeze(later, [], entry, by=judged_by) is False


@pytest.mark.parametrize(
    "other", ["adjustments", "bank", "operator-payable:metro", "operator:bus-2", "held:bus-1", "suspense"]
)
@pytest.mark.parametrize("back", [False, True])
def test_a_posting_by_hand_stops_no_settlement(
    desk: Desk, settling: SettlementDesk, buses: list[Bus], other: str, *, back: bool
) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    pair = ("operator:bus-1", other) if back else (other, "operator:bus-1")
    with desk.store._writer.transaction() as core:
        desk.store.post(core, [Transfer(bytes(32), TransferKind.MANUAL, *pair, 7_000)], NOON_MS)
    made = settling.freeze(DAY, by=ME)
    by_hand = {it.vehicle: it.paid_rials for it in made.shares if it.line is Line.BY_HAND}
    assert by_hand[ONE] == (-7_000 if back else 7_000)
    assert sum(balance(desk, f"operator:{bus}") for bus in (ONE, TWO)) == 0
    assert made.balance == 0
    assert settling.verify() == []


def test_a_machine_whose_clock_is_years_ahead_freezes_nothing(
    desk: Desk, settling: SettlementDesk, buses: list[Bus]
) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    desk.now_ms += 5 * 365 * 86_400_000
    with pytest.raises(Refused, match="long behind"):
        settling.freeze(DAY + 4 * 365, by=ME)
    assert settling.frozen() == []


def test_a_title_is_a_name_and_no_card(settling: SettlementDesk) -> None:
    for title in ("4111 1111 1111 1111", "a\0b", "a\nb"):
        with pytest.raises(Unfit):
            settling.name(Party(Role.OWNER, "x"), Titles(title, "x"), by=ME)


@pytest.mark.parametrize(
    ("change", "told_as"),
    [
        ("UPDATE settlement SET hash = previous", "not what its hash says"),
        ("UPDATE settled SET rials = rials + 1", "sums of what was settled"),
        ("UPDATE settlement SET previous = hash", "does not follow"),
        ("UPDATE transfer SET credit = 'owner:clerk' WHERE kind = 'settlement'", "entries of settlements"),
    ],
)
def test_a_statement_that_was_touched_is_seen(
    desk: Desk, settling: SettlementDesk, buses: list[Bus], change: str, told_as: str
) -> None:
    buses[0].tap(RIDERS[0].show(1))
    desk.take_whole(buses[0])
    settling.freeze(DAY, by=ME)
    assert settling.verify() == []
    databases.now.change(desk.folder, change)
    assert any(told_as in it for it in settling.verify())
