"""Travel is destroyed on schedule and the money stays: balances, chain and cases are as they were, nobody's rides are."""

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.app.explaining import Explaining
from backend.app.forgetting import Forgetting
from backend.app.proofs import ProofDesk
from backend.app.reconciling import Reconciling
from backend.core.errors import Refused
from backend.core.explaining.codes import Code
from backend.core.forgetting import remembered_from
from backend.core.holding import Hold
from backend.core.limits import TRAVEL_DAYS_MIN
from protocol.localtime import day_begins_ms, service_day, weekday
from protocol.wire.records import ClockQuality, CodeKind
from protocol.wire.seal import DayKey
from protocol.wire.tickets import TicketForm
from tests.backend.bus import FARE, NOON_MS, SEALING, TARIFF, Bus, Proof, Rider
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import issue, printed

pytestmark = pytest.mark.databases

ADULT, OTHER = Rider(1), Rider(2)
DAY_MS = 86_400_000
OLD_DAY = service_day(NOON_MS)
LATER_MS = NOON_MS + (TRAVEL_DAYS_MIN + 30) * DAY_MS
(CARD,) = printed(issue("cards", TicketForm.CARD, 1), 1)
(SINGLE,) = printed(issue("singles"), 1)


class Days:
    """A bus's old day in one journal and a new one in another: what is kept and what goes lie side by side."""

    def __init__(self, folder: Path) -> None:
        self.old, self.copy = Bus("bus-1-d1"), Bus("bus-2-d1")
        self.new = Bus("bus-1-d1", epoch=2_002, with_day_key=False)
        self.new.now_ms = LATER_MS
        secret = sha256(b"day key bus-1-d1 2002").digest()
        self.new.day_key = DayKey.load(secret, service_day(LATER_MS))
        self.new.add_day_key()
        self.shown = ADULT.show(1)
        self.first = self.old.tap(self.shown)
        self.old.tap(ADULT.show(2, party=1))
        self.old.tap(CARD, fare=FARE)
        self.old.tap(CARD, fare=FARE)
        self.old.tap(SINGLE, fare=FARE)
        self.old.tap(ADULT.show(3), proof=Proof.STRIPPED)
        self.old.tap(None, kind=CodeKind.PROXY, fare=FARE)
        self.old.tap(ADULT.show(2, party=1))  # told again by its own bus: copied
        self.new.tap(OTHER.show(9, time_s=LATER_MS // 1000))
        self.desk = Desk(folder, [self.old, self.copy], [ADULT, OTHER], tickets=[CARD, SINGLE])
        self.desk.take((self.old, self.old.batch()), (self.new, self.new.batch()))
        self.desk.now_ms = LATER_MS

    def forget(self, before: int = OLD_DAY + 8) -> object:
        return Forgetting(self.desk.store, lambda: self.desk.now_ms, 190).forget(before)

    def money(self) -> list[tuple]:
        check_ledger(self.desk)
        return [
            self.desk.rows("SELECT id, debits, credits FROM account ORDER BY id"),
            self.desk.rows("SELECT key, kind, debit, credit, rials, hash FROM transfer ORDER BY id"),
            self.desk.rows("SELECT head, incarnation FROM ledger"),
            [(it.tap, it.vehicle, it.why, it.rials) for it in self.desk.store.held(None, 99)],
            self.desk.rows("SELECT device, epoch, sequence, hash, payer FROM record ORDER BY id"),
        ]


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path)


def test_the_money_is_as_it_was_and_no_travel_of_the_day_can_be_read(days: Days) -> None:
    before = days.money()
    found = days.forget()
    assert (found.keys, found.kept) == (1, 0)
    assert days.money() == before, "not a rial, not an entry, not a case"
    desk = days.desk
    assert desk.store.rider_taps(ADULT.credential_id, 9) == []
    assert desk.rows("SELECT 1 FROM claim WHERE credential = ?", ADULT.credential_id) == []
    assert desk.rows("SELECT 1 FROM ticket_ride WHERE ticket = ?", CARD.ticket_id) == []
    explaining = Explaining(desk.store, {3: TARIFF}, ProofDesk(SEALING, desk.store.day_key, desk.store.riders))
    it = explaining.of((days.old.name, days.old.epoch, days.first))
    assert [reason.code for reason in it.hidden] == [Code.RIDER_SHUT], "the sealed part is noise"
    assert [reason.code for reason in it.office] == [Code.FORGOTTEN]
    assert ADULT.credential_id.hex() not in repr(it)
    assert not [raw for (raw,) in desk.rows("SELECT bytes FROM record") if days.old.records[1] == bytes(raw)]


def test_what_is_remembered_is_whole(days: Days) -> None:
    days.forget()
    (ride,) = days.desk.store.rider_taps(OTHER.credential_id, 9)
    assert ride.rials == FARE
    it = Explaining(
        days.desk.store, {3: TARIFF}, ProofDesk(SEALING, days.desk.store.day_key, days.desk.store.riders)
    ).of((days.new.name, days.new.epoch, 3))
    assert [reason.code for reason in it.hidden] == [Code.RIDER]
    assert days.desk.rows("SELECT count(*) FROM ticket_ride WHERE ticket = ?", SINGLE.ticket_id) == [(1,)]


def test_again_it_finds_nothing_and_a_day_that_may_still_be_brought_is_refused(days: Days) -> None:
    days.forget()
    again = days.forget()
    assert (again.keys, again.claims, again.tickets) == (0, 0, 0)
    assert days.forget(OLD_DAY - 300).day == again.day, "what is forgotten is not remembered again"
    with pytest.raises(Refused, match="155 days"):
        days.forget(service_day(LATER_MS) - TRAVEL_DAYS_MIN + 1)


def test_what_comes_later_of_a_forgotten_day_charges_nobody_twice(days: Days) -> None:
    """P6: the very code that was charged, of a bus that was away for half a year; and a card's ride."""
    days.forget()
    wallet, cards = days.desk.store.balance(ADULT.account), days.desk.store.balance(CARD.account)
    days.copy.tap(days.shown)
    days.copy.tap(CARD, fare=FARE)
    days.copy.tap(SINGLE, fare=FARE)
    days.desk.take_whole(days.copy)
    assert (days.desk.store.balance(ADULT.account), days.desk.store.balance(CARD.account)) == (wallet, cards)
    assert [(it.sequence, it.why.value) for it in days.desk.store.held(None, 99) if it.device == days.copy.name] == [
        (3, "forgotten"), (4, "forgotten"), (5, "contested"),
    ]  # fmt: skip
    assert days.desk.store.balance(days.copy.operator) == 0
    check_ledger(days.desk)


def test_what_is_taken_back_later_moves_no_money(tmp_path: Path) -> None:
    bus, copy = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    bus.begin_shift("d-17", "s-1")
    tap = bus.tap(shown)
    back = bus.annul(tap)
    for _ in range(3):
        copy.refusal()
    copy.tap(shown)
    desk = Desk(tmp_path, [bus, copy], [ADULT])
    desk.take((bus, bus.batch(1, tap)), (copy, copy.batch()))
    desk.now_ms = LATER_MS
    before = desk.rows("SELECT id, debits, credits FROM account ORDER BY id")
    found = Forgetting(desk.store, lambda: desk.now_ms, 190).forget(OLD_DAY + 8)
    assert (found.claims, found.kept) == (1, 1), "what is contested keeps its rider until people decide"
    desk.take((bus, bus.batch(back, back)))
    assert desk.rows("SELECT id, debits, credits FROM account ORDER BY id") == before
    held = desk.store.held(None, 9)
    assert [(it.device, it.why.value) for it in held] == [(bus.name, "contested"), (copy.name, "copied")]
    for case in held:
        assert desk.store.resolve(case.tap, Hold.PAID, LATER_MS) == FARE
    assert [desk.store.balance(it.operator) for it in (bus, copy)] == [FARE, FARE]
    assert Forgetting(desk.store, lambda: desk.now_ms, 190).forget(OLD_DAY + 8).kept == 0
    assert desk.rows("SELECT count(*) FROM claim WHERE credential = ?", ADULT.credential_id) == [(0,)]
    check_ledger(desk)


def test_a_key_of_a_clock_that_nobody_trusted_goes_by_the_next_time_that_is(tmp_path: Path) -> None:
    """Such a clock said 1970 when the key was made: today's travel is not destroyed for that."""
    found = []
    for n, at_ms in enumerate((NOON_MS, LATER_MS, None)):
        bus = Bus(f"bus-{n}-d1", with_day_key=False)
        bus.now_ms, bus.quality = NOON_MS - 10**8, ClockQuality.UNTRUSTED
        bus.add_day_key()
        bus.refusal()
        if at_ms is not None:
            bus.now_ms, bus.quality = at_ms, ClockQuality.TRUSTED
            bus.refusal()
        found.append(bus)
    desk = Desk(tmp_path, found, [])
    for bus in found:
        desk.take_whole(bus)
    desk.now_ms = LATER_MS
    assert Forgetting(desk.store, lambda: desk.now_ms, 190).forget(OLD_DAY + 8).keys == 1
    assert desk.rows("SELECT device FROM day_key ORDER BY device") == [("bus-1-d1",), ("bus-2-d1",)]


def test_quarantined_batches_of_then_keep_their_reason_and_lose_their_bytes(days: Days) -> None:
    days.desk.now_ms = NOON_MS
    forged = days.old.batch(signer=days.copy.tap_key)
    days.desk.take((days.old, forged))
    days.desk.now_ms = LATER_MS
    days.desk.take((days.old, days.old.batch(1, 2, signer=days.copy.tap_key)))
    assert days.forget().quarantined == 1
    assert [(reason, bool(payload), times) for _, reason, payload, times in days.desk.quarantined()] == [
        ("BadSignature", False, 1), ("BadSignature", True, 1),
    ]  # fmt: skip


@pytest.mark.sqlite_only
@given(st.integers(0, 40_000), st.integers(0, 40_000))
def test_whole_weeks_are_forgotten_and_never_too_young(before: int, today: int) -> None:
    if before > today - TRAVEL_DAYS_MIN:
        with pytest.raises(Refused):
            remembered_from(before, today)
        return
    day = remembered_from(before, today)
    assert before - 7 < day <= before
    assert weekday(day_begins_ms(day)) == 0


def test_reconciliation_and_what_a_day_settles_are_as_they_were(tmp_path: Path) -> None:
    """Also of rides that were corrected before their claims went."""
    bus = Bus()
    bus.begin_shift("d-17", "s-1")
    for n in range(3):
        bus.tap(ADULT.show(n))
    back = bus.tap(ADULT.show(7))
    bus.annul(back)
    bus.tap(CARD, fare=FARE)
    desk = Desk(tmp_path, [bus], [ADULT], tickets=[CARD])
    for batch in bus.batches(3):
        desk.take((bus, batch))
    desk.now_ms = LATER_MS

    def found() -> list[str]:
        Reconciling(desk.store, (OLD_DAY, OLD_DAY), [], now_ms=lambda: LATER_MS).finish()
        return sorted(it.it.name for it in desk.store.discrepancies(open_only=True, after=None, most=99))

    before = found()
    assert Forgetting(desk.store, lambda: desk.now_ms, 190).forget(OLD_DAY + 8).claims == 4
    assert found() == before == []
