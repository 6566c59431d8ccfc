"""An account is closed where nothing is open; late taps come off what waits, the rest is owed once, and nothing is lost."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backend.app.closing import Closings
from backend.app.disputes import Disputes
from backend.app.moved import moved_lines
from backend.core.closing.closing import Left
from backend.core.disputes.dispute import Reason, Why
from backend.core.errors import NotFound, Refused
from backend.core.ledger import Transfer, TransferKind, closed_account, rider_account
from backend.core.limits import CLOSING_HOLD_DAYS
from backend.core.moving import VERSION_MAX
from backend.core.payments.topup import TopUp
from protocol.wire.passes import issue_credential, read_issued
from tests.backend import databases
from tests.backend.bus import FARE, ISSUER, NOON_MS, Bus, Rider
from tests.backend.disputes.office import SARA
from tests.backend.moving.phones import Office, Phone, registered

pytestmark = pytest.mark.databases
ADULT = Rider(1)
ID = ADULT.credential_id
WALLET, OWED = rider_account(ID), closed_account(ID)
DAY_MS = 86_400_000


class Leaving(Office):
    """The desks of before, and the one that closes accounts."""

    def __init__(self, folder: Path, buses: list[Bus], rials: int = 500_000) -> None:
        super().__init__(folder, buses, [ADULT])
        self.closings = Closings(self.store, self.riders, lambda: self.now_ms)
        self.top_up("first", rials)

    def top_up(self, name: str, rials: int) -> None:
        self.store.add_topup(TopUp(name, ID, rials, "pending", f"A-{name}", self.now_ms))
        self.store.pay_topup(name, self.now_ms)

    def close_it(self) -> Left:
        row = self.store.rider(ID)
        assert row is not None
        return self.closings.close(row)

    def at_the_end(self) -> None:
        """The hold is over, and the thread looks."""
        self.now_ms = self.closings.of(ID).closing.due_ms
        self.closings.turn()


def test_the_last_version_is_closed_too_and_its_taps_are_weighed_as_ever(tmp_path: Path) -> None:
    """There is no next one: what stands in its place has its number, and a key that nobody has."""
    bus, phone = Bus(), Phone(ADULT, "rider 1")
    office = Leaving(tmp_path, [bus])
    row = office.store.rider(ID)
    assert row is not None
    was = read_issued(row.credential)
    phone.credential = issue_credential(
        ISSUER, credential_id=ID, version=VERSION_MAX, holder=was.holder, rider_class=0, product=was.product,
        expiry_day=was.expiry_day, allowance_units=was.allowance_units,
    )  # fmt: skip
    databases.now.change(tmp_path, "UPDATE rider SET credential = ?", (phone.credential,))
    office.close_it()
    ended = office.store.rider(ID)
    assert ended is not None
    assert read_issued(ended.credential).version == VERSION_MAX
    assert read_issued(ended.credential).holder != was.holder
    assert office.store.ended_versions() == {ID: VERSION_MAX}
    assert [(it.credential_id, it.version) for it in moved_lines(office.store, ())] == [(ID, VERSION_MAX)]
    closed_s = office.now_ms // 1000
    taps = []
    for n, (time_s, short) in enumerate(((closed_s - 60, False), (closed_s - 30, True), (closed_s + 60, True))):
        bus.now_ms = time_s * 1000
        taps.append(bus.tap((phone.show_short if short else phone.show)(n, time_s=time_s)))
    office.take_whole(bus)
    assert sorted(it.sequence for it in office.store.charged_claims(ID, None, 9)) == taps[:2]
    assert [(it.sequence, it.why.value) for it in office.store.held(None, 9)] == [(taps[2], "moved")]
    with pytest.raises(Refused):
        registered(office, ADULT.key)
    office.close()


def test_it_ends_the_credential_and_the_money_waits(tmp_path: Path) -> None:
    office = Leaving(tmp_path, [])
    with pytest.raises(NotFound):
        office.closings.of(ID)
    office.closings.require_open(ID)
    told = office.close_it()
    assert (told.wallet_rials, told.owed_rials) == (500_000, 0)
    assert told.closing.due_ms - told.closing.closed_ms == CLOSING_HOLD_DAYS * DAY_MS
    office.now_ms += 5
    assert office.close_it() == told, "asked again, it is the same"
    assert [(it.credential_id, it.version) for it in moved_lines(office.store, ())] == [(ID, 1)]
    with pytest.raises(Refused):
        registered(office, ADULT.key)
    with pytest.raises(Refused):
        office.move(ADULT, "another phone")
    with pytest.raises(Refused):
        office.closings.require_open(ID)
    new = Phone(ADULT, "granted")
    office.grant(ADULT, new.key.public)
    with pytest.raises(Refused):
        registered(office, new.key)
    row = office.store.rider(ID)
    assert row is not None
    assert read_issued(row.credential).version == 2
    assert row.token_hash == ADULT.row.token_hash, "he goes on reading how it stands"
    assert office.rows("SELECT count(*) FROM rider WHERE credential_id = ?", ID) == [(1,)]
    office.close()


def test_what_is_left_is_owed_once_when_the_hold_is_over(tmp_path: Path) -> None:
    bus = Bus()
    office = Leaving(tmp_path, [bus])
    bus.tap(ADULT.show(1))  # on a bus that comes after months
    office.now_ms = NOON_MS + 3_600_000
    closed = office.close_it().closing
    bus.now_ms = office.now_ms + 60_000
    bus.tap(ADULT.show(2, time_s=bus.now_ms // 1000))  # the old phone, after it
    office.now_ms = closed.due_ms - 1
    office.closings.turn()
    assert office.money() == {WALLET: 500_000, "provider:clearing": -500_000}
    office.take_whole(bus)
    office.at_the_end()
    kept = {
        OWED: 500_000 - FARE, bus.operator: FARE, bus.held: FARE, "suspense": -FARE, "provider:clearing": -500_000,
    }  # fmt: skip
    assert office.money() == kept
    for _ in range(2):
        office.closings.turn()
    assert office.money() == kept
    assert [it.why.value for it in office.store.held(None, 9)] == ["moved"]
    # A bank confirms later still what nobody knew of: it is his, too, by an entry of its own.
    office.top_up("late", 70_000)
    office.closings.turn()
    assert office.money()[OWED] == 570_000 - FARE
    assert office.closings.of(ID).owed_rials == 570_000 - FARE
    assert [it.owed_rials for it in office.closings.listed(b"", 9)] == [570_000 - FARE]
    assert office.closings.listed(ID, 9) == []
    office.close()


def test_what_comes_later_than_the_hold_takes_nothing_back(tmp_path: Path) -> None:
    bus = Bus()
    office = Leaving(tmp_path, [bus])
    bus.tap(ADULT.show(1))
    office.now_ms = NOON_MS + 3_600_000
    office.close_it()
    office.at_the_end()
    office.take_whole(bus)
    office.closings.turn()
    found = office.money()
    assert (found[OWED], found[WALLET]) == (500_000, -FARE)
    office.close()


def open_topup(office: Leaving, state: str) -> None:
    office.store.add_topup(TopUp("open", ID, 50_000, state, "A-open", office.now_ms))


def pending(office: Leaving) -> None:
    held = Transfer(b"p" * 32, TransferKind.FARE, WALLET, "operator:bus-1", 10)
    office.store.make_pending(held, expires_ms=office.now_ms + 9, at_ms=office.now_ms)


def in_debt(office: Leaving) -> None:
    office.top_up("back", 50_000)
    by_hand = Transfer(b"m" * 32, TransferKind.MANUAL, WALLET, "adjustments", 550_000)
    with office.store._writer.transaction() as core:
        office.store.post(core, [by_hand], office.now_ms)
    office.store.charge_back("back", office.now_ms)


@pytest.mark.parametrize(
    ("opens", "says"),
    [
        (lambda it: open_topup(it, "asked"), "top-up"), (lambda it: open_topup(it, "pending"), "top-up"),
        (lambda it: open_topup(it, "reversing"), "top-up"), (pending, "pending"), (in_debt, "owed"),
    ],
)  # fmt: skip
def test_not_while_anything_is_open(tmp_path: Path, opens: Callable[[Leaving], None], says: str) -> None:
    office = Leaving(tmp_path, [])
    opens(office)
    accounts = "SELECT id, debits, credits, debits_pending FROM account ORDER BY id"
    before = office.rows(accounts)
    with pytest.raises(Refused, match=says) as refused:
        office.close_it()
    assert refused.value.data["rider_fa"]
    assert office.rows(accounts) == before
    row = office.store.rider(ID)
    assert row is not None
    assert row.credential == ADULT.credential, "nothing of it is done"
    office.closings.require_open(ID)
    office.close()


def test_not_while_a_ride_is_unpaid_or_disputed(tmp_path: Path) -> None:
    bus = Bus()
    office = Leaving(tmp_path, [bus], FARE)
    taps = [bus.tap(ADULT.show(n)) for n in range(2)]
    office.take_whole(bus)
    with pytest.raises(Refused, match="owed"):
        office.close_it()
    office.top_up("more", FARE)
    disputes = Disputes(office.store, office.staff, clock=lambda: office.now_ms, randomness=os.urandom)
    said = disputes.open(ID, (bus.name, bus.epoch, taps[0]), Reason.TWICE, "")
    with pytest.raises(Refused, match="dispute"):
        office.close_it()
    disputes.refuse(SARA, said.dispute.id, Why.PROVEN, "your phone signed it", key="")
    assert office.close_it().wallet_rials == 0
    office.at_the_end()
    assert OWED not in office.money()
    office.close()


@given(st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_nothing_is_lost_and_nothing_is_doubled(seed: int) -> None:
    """Whenever a bus comes and whenever the thread looks: what was in the wallet is what he is owed, and what he rode."""
    choose = random.Random(seed)
    with TemporaryDirectory() as folder:
        bus = Bus()
        rials = choose.randrange(5, 20) * FARE
        office = Leaving(Path(folder), [bus], rials)
        rides = choose.randrange(4)
        for n in range(rides):
            bus.tap(ADULT.show(n))
        office.now_ms = NOON_MS + 3_600_000
        closed = office.close_it().closing
        shown = choose.randrange(3)
        for n in range(shown):
            bus.now_ms = closed.closed_ms + 60_000 * n
            bus.tap(ADULT.show(50 + n, time_s=bus.now_ms // 1000))
        waits = bus.batches(1)
        while waits or office.now_ms < closed.due_ms:
            office.now_ms = min(closed.due_ms, office.now_ms + choose.randrange(1, 40) * DAY_MS)
            for _ in range(choose.randrange(4)):
                if waits:
                    office.take((bus, waits.pop(0)))
            office.closings.turn()
            found = office.money()
            assert found.get(WALLET, 0) + found.get(OWED, 0) + found.get(bus.operator, 0) == rials
        office.closings.turn()
        found = office.money()
        assert found[bus.operator] == rides * FARE if rides else bus.operator not in found
        assert found.get(bus.held, 0) == shown * FARE == -found.get("suspense", 0)
        assert found[OWED] + found.get(WALLET, 0) == rials - rides * FARE
        office.close()
