"""One suite over the store in memory and the one on disk, so that what the API's tests stand on cannot lie."""

from collections.abc import Iterator
from dataclasses import astuple, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.core import ledger, limits
from backend.core.errors import StoreFailed, StoreRefused
from backend.core.ledger.two_phase import Phase
from backend.core.payments.topup import State as TopUpState
from backend.core.payments.topup import TopUp
from backend.core.ports import Device
from backend.core.said import said_in
from protocol.limits import INT63_MAX
from protocol.wire.health import BoardCause, BoardHealth, BoardState, State
from tests.backend.bus import Rider
from tests.backend.desk import CITY
from tests.backend.memory_store import MemoryStore
from tests.protocol.samples import DEVICE, HEALTH, WALL_MS

ONE, TWO = Rider(1), Rider(2, rider_class=2)
KNOWN = [Device(DEVICE, "s0", "bus-0001", 1, b""), Device("bus-0009-d2", "s0", "bus-0009", 2, b"")]
Store = MemoryStore | LedgerStore


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    made: LedgerStore
    if request.param == "sqlite":
        made = SqliteStore(tmp_path / "ledger.db", CITY)
    else:
        made = PostgresStore(request.getfixturevalue("database"), CITY, durable=False)
    yield made
    made.close()


# --- riders --------------------------------------------------------------------------------------------------------------


def test_a_rider_is_found_by_id_and_by_key(store: Store) -> None:
    store.add_rider(ONE.row)
    store.add_rider(TWO.row)
    assert store.rider(TWO.credential_id) == TWO.row
    assert store.rider_with_key(TWO.key.public) == TWO.row
    assert store.rider(bytes(8)) is None
    assert store.rider_with_key(bytes(33)) is None


def test_adding_again_changes_the_token_only(store: Store) -> None:
    store.add_rider(ONE.row)
    store.add_rider(replace(ONE.row, token_hash=bytes(32), rider_class=5, created_ms=9))
    assert store.rider(ONE.credential_id) == replace(ONE.row, token_hash=bytes(32))


def test_one_key_is_one_rider(store: Store) -> None:
    store.add_rider(ONE.row)
    twin = Rider(77, holder=ONE.key)
    with pytest.raises(StoreFailed):
        store.add_rider(twin.row)
    assert store.rider(twin.credential_id) is None


# --- top-ups -------------------------------------------------------------------------------------------------------------


def topup(name: str, *, at_ms: int = WALL_MS, status: str = "asked", authority: str = "") -> TopUp:
    return TopUp(name, ONE.credential_id, 500_000, status, authority, at_ms)


def test_a_top_up_is_paid_once(store: Store) -> None:
    """P6, P8: the status and the posting in one step, and only the first time."""
    store.add_topup(topup("a"))
    assert store.give_authority("a", "A1", next_ms=7)
    assert not store.give_authority("a", "A2", next_ms=8)
    assert store.topup("a") == replace(topup("a", status="pending", authority="A1"), next_ms=7)
    assert store.topup_by_authority("A1") == store.topup("a")
    assert [store.pay_topup("a", WALL_MS, next_ms=9) for _ in range(3)] == [True, False, False]
    assert store.topup("a") == replace(topup("a", status="paid", authority="A1"), next_ms=9)
    assert (store.balance(ONE.account), store.balance(ledger.PROVIDER_CLEARING)) == (500_000, -500_000)
    assert store.counts()["posted_rials"] == 0  # a top-up is no fare


def test_paid_stays_paid(store: Store) -> None:
    """A late no does not undo money that was credited: a change is made from the state that was looked at."""
    store.add_topup(topup("a"))
    store.pay_topup("a", WALL_MS)
    assert not store.move_topup("a", TopUpState.ASKED, TopUpState.FAILED, tries=0, next_ms=None, at_ms=0)
    assert store.topup("a") == topup("a", status="paid")


@pytest.mark.parametrize("status", ["reversing", "reversed", "charged-back"])
def test_what_went_back_is_not_credited(store: Store, status: str) -> None:
    store.add_topup(topup("a", status=status, authority="A1"))
    assert not store.pay_topup("a", WALL_MS)
    assert not store.charge_back("a", WALL_MS)
    assert store.balance(ONE.account) == 0


def test_a_receipt_pays_one_top_up(store: Store) -> None:
    """P6: a bank verifies the same money as often as it is asked; the second top-up gets nothing of it."""
    for name, provider in (("a", "saman"), ("b", "saman"), ("c", "main")):
        store.add_topup(replace(topup(name, status="pending", authority=f"A-{name}"), provider=provider))
    assert store.pay_topup("a", WALL_MS, receipt="R/1")
    for take in (
        lambda: store.pay_topup("b", WALL_MS, receipt="R/1"),
        lambda: store.move_topup(
            "b", TopUpState.PENDING, TopUpState.REVERSING, receipt="R/1", tries=0, next_ms=None, at_ms=0
        ),
    ):
        with pytest.raises(StoreRefused):
            take()
    assert store.topup("b").status == "pending"
    assert store.pay_topup("c", WALL_MS, receipt="R/1")  # another provider's
    assert store.balance("provider:clearing:saman") == store.balance("provider:clearing") == -500_000
    assert store.topup_named("saman", "R/1").id == "a"
    assert store.topup_named("saman", "A-b").id == "b"
    assert store.topup_named("main", "A-b") is None


def test_a_charge_back_takes_the_wallet_then_makes_debt_and_a_top_up_pays_it_first(store: Store) -> None:
    """Wallet, debt, deny; released when nothing is owed any more."""
    for name in ("spent", "back", "small", "rest", "more"):
        store.add_topup(replace(topup(name), rials=100_000 if name == "small" else 500_000))
    debt = ledger.debt_account(ONE.credential_id)
    store.pay_topup("back", WALL_MS)
    ride(store, 380_000)
    assert store.charge_back("back", WALL_MS)
    assert not store.charge_back("back", WALL_MS)
    assert (store.balance(ONE.account), store.balance(debt)) == (0, -380_000)
    assert store.balance("provider:clearing") == 0
    assert [(it.credential_id, it.reason) for it in store.denials(open_only=True)] == [(ONE.credential_id, "debt")]
    store.keep_announced(b"m", {ONE.credential_id: 1, TWO.credential_id: 1})
    store.pay_topup("small", WALL_MS)
    assert (store.balance(ONE.account), store.balance(debt)) == (0, -280_000)
    assert store.denials(open_only=True)  # something is still owed
    assert not store.has_paid(ONE.credential_id, 1)
    store.pay_topup("rest", WALL_MS + 5)
    assert (store.balance(ONE.account), store.balance(debt)) == (220_000, 0)
    assert list(store.denials(open_only=True)) == []
    assert [it.ended_ms for it in store.denials(open_only=False)] == [WALL_MS + 5]
    assert store.has_paid(ONE.credential_id, 1)
    assert not store.has_paid(TWO.credential_id, 1)  # who never was denied has nothing to be released from


def test_a_rider_may_be_denied_again_within_the_same_millisecond(store: Store) -> None:
    for name in ("one", "two", "three"):
        store.add_topup(topup(name))
    store.pay_topup("one", WALL_MS)
    ride(store, 500_000)
    store.charge_back("one", WALL_MS)
    store.keep_announced(b"m", {ONE.credential_id: 1})
    store.pay_topup("two", WALL_MS)
    assert list(store.denials(open_only=True)) == []
    store.charge_back("two", WALL_MS)
    assert len(store.denials(open_only=True)) == 1
    assert len(store.denials(open_only=False)) == 2
    assert not store.has_paid(ONE.credential_id, 1)


def test_small_debt_denies_nobody(store: Store) -> None:
    store.add_topup(replace(topup("a"), rials=300_000))
    store.pay_topup("a", WALL_MS)
    ride(store, 700_000)  # the wallet is below zero: that is no part of what went back
    store.charge_back("a", WALL_MS)
    assert (store.balance(ONE.account), store.balance(ledger.debt_account(ONE.credential_id))) == (-400_000, -300_000)
    assert list(store.denials(open_only=False)) == []


@pytest.mark.parametrize(
    ("lists", "version", "paid"),
    [
        (["owes", {ONE: 3}, "pays"], 3, True),
        (["owes", {ONE: 3}, {ONE: 3}, "pays", {ONE: 3}], 3, True),
        (["owes", {ONE: 3}, "pays"], 2, False),
        ([{ONE: 3}, "owes", {ONE: 3}, "pays"], 3, False),  # denied for something else before
        (["owes", {ONE: 3}, {ONE: 4}, "pays"], 4, False),  # and later
        (["owes", {ONE: 3}, {ONE: 4}, "pays"], 3, False),
        (["owes", {ONE: 3}, "pays", {}, {ONE: 3}], 3, False),  # and another time: a debt releases once
        (["owes", "pays", {ONE: 3}], 3, False),
        (["owes", {ONE: 3}, "pays", "owes"], 3, False),
        (["owes", {ONE: 3}, "pays", "owes", "pays"], 3, True),
    ],
)
def test_paid_debt_releases_what_debt_alone_has_denied(
    store: Store, lists: list[str | dict[Rider, int]], version: int, *, paid: bool
) -> None:
    """Else whoever once owed, and paid, could be taken off the list by one person, whatever he is denied for."""
    for n, it in enumerate(lists):
        if isinstance(it, dict):
            listed = {rider.credential_id: up_to for rider, up_to in it.items()}
            store.keep_announced(b"%d" % n, listed)
            assert (store.announced(), store.announced_denials()) == (b"%d" % n, listed)
            continue
        store.add_topup(topup(f"{n}"))
        store.pay_topup(f"{n}", WALL_MS)
        if it == "owes":
            ride(store, 500_000)
            store.charge_back(f"{n}", WALL_MS)
        assert len(store.denials(open_only=True)) == (it == "owes")
    assert store.has_paid(ONE.credential_id, version) is paid


def test_debt_that_is_forgiven_as_well_is_nothing_to_pay_and_denies_nobody(store: Store) -> None:
    for name in ("back", "pays", "more"):
        store.add_topup(topup(name))
    debt = ledger.debt_account(ONE.credential_id)
    store.pay_topup("back", WALL_MS)
    ride(store, 500_000)
    store.charge_back("back", WALL_MS)
    forgiven = 600_000
    move(store, ledger.TransferKind.MANUAL, ledger.ADJUSTMENTS, debt, forgiven)
    assert store.pay_topup("pays", WALL_MS)
    assert (store.balance(debt), store.balance(ONE.account)) == (forgiven - 500_000, 500_000)
    assert list(store.denials(open_only=True)) == []
    assert store.pay_topup("more", WALL_MS)
    assert store.balance(ONE.account) == 1_000_000


def test_a_charge_back_leaves_what_is_pending_on_the_wallet(store: Store) -> None:
    """H4: a pending that was covered stays so, or posting it would overdraw the wallet."""
    if isinstance(store, MemoryStore):
        pytest.skip("has no pendings")
    store.add_topup(topup("a"))
    store.pay_topup("a", WALL_MS)
    held = ledger.Transfer(bytes(32), ledger.TransferKind.FARE, ONE.account, "operator:bus-0001", 200_000)
    store.make_pending(held, expires_ms=WALL_MS + 9, at_ms=WALL_MS)
    store.charge_back("a", WALL_MS)
    store.resolve_pending(held.key, Phase.POSTED, at_ms=WALL_MS + 1)
    assert (store.balance(ONE.account), store.balance(ledger.debt_account(ONE.credential_id))) == (0, -200_000)


NUMBERS = count(1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["pay", "ride"]), st.integers(1, 12).map(lambda n: n * 50_000)),
        st.tuples(st.just("back"), st.integers(0, 9)),
    ),
    max_size=14,
)


@settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(STEPS)
def test_whatever_is_paid_ridden_and_taken_back_no_rial_is_lost(store: Store, steps: list[tuple[str, int]]) -> None:
    """P8: against a model of two numbers; each example has a rider of its own in one ledger."""
    rider = next(NUMBERS).to_bytes(8, "big")
    wallet = owed = 0
    denied, held = False, store.balance("provider:clearing")
    paid: list[TopUp] = []
    for what, n in steps:
        if what == "pay":
            it = TopUp(f"p{next(NUMBERS)}", rider, n, "pending", "A", WALL_MS)
            store.add_topup(it)
            assert store.pay_topup(it.id, WALL_MS)
            paid.append(it)
            pays = min(n, owed)
            wallet, owed, held = wallet + n - pays, owed - pays, held - n
            denied = denied and owed > 0
        elif what == "ride":
            ride(store, n, ledger.rider_account(rider))
            wallet -= n
        elif n < len(paid):
            it = paid.pop(n)
            assert store.charge_back(it.id, WALL_MS)
            assert not store.pay_topup(it.id, WALL_MS)
            takes = min(max(wallet, 0), it.rials)
            wallet, owed, held = wallet - takes, owed + it.rials - takes, held + it.rials
            denied = denied or owed > limits.DEBT_MAX_RIALS
        told = [it for it in store.denials(open_only=True) if it.credential_id == rider]
        assert (store.balance(ledger.rider_account(rider)), -store.balance(ledger.debt_account(rider))) == (
            wallet,
            owed,
        )
        assert (store.balance("provider:clearing"), len(told)) == (held, denied)


def ride(store: Store, rials: int, account: str = ONE.account) -> None:
    """What a tap would post."""
    move(store, ledger.TransferKind.FARE, account, "operator:bus-0001", rials)


def move(store: Store, kind: ledger.TransferKind, debit: str, credit: str, rials: int) -> None:
    fare = ledger.Transfer(next(NUMBERS).to_bytes(32, "big"), kind, debit, credit, rials)
    if isinstance(store, MemoryStore):
        store.transfers.append(fare)
        return
    with store._writer.transaction() as core:
        store.post(core, [fare], WALL_MS)


def test_a_transfer_under_a_used_key_is_refused_whole(store: Store) -> None:
    """P6: the key is the last line of defence; the status does not move without the money."""
    store.add_topup(topup("b"))
    used = ledger.topup("b", TWO.credential_id, 1)
    if isinstance(store, MemoryStore):
        store.transfers.append(used)
    else:
        with store._writer.transaction() as core:
            store.post(core, [used], WALL_MS)
    with pytest.raises(StoreFailed):
        store.pay_topup("b", WALL_MS)
    assert store.topup("b").status == "asked"
    assert store.balance(ONE.account) == 0


def test_what_is_due_comes_longest_due_first(store: Store) -> None:
    for name, next_ms in (("late", 30), ("now", 20), ("first", 10), ("never", None)):
        store.add_topup(replace(topup(name), next_ms=next_ms))
    assert [it.id for it in store.due_topups("main", 20, 9)] == ["first", "now"]
    assert [it.id for it in store.due_topups("main", 30, 2)] == ["first", "now"]
    store.look_soon(["never", "late"], 5)
    store.look_soon([], 1)
    assert [it.id for it in store.due_topups("main", 5, 9)] == ["late", "never"]
    assert list(store.due_topups("saman", 99, 9)) == []


def test_what_a_clock_ahead_has_put_off_is_due_after_the_rest(store: Store) -> None:
    longest = limits.SWEEP_AHEAD_MS
    assert longest >= 1000 * max(*limits.PAID_AGAIN_S, limits.SWEEP_GAP_S, limits.TOPUP_ASKED_S)
    for name, next_ms in (("ahead", 20 + longest + 1), ("waits", 20 + longest), ("now", 20)):
        store.add_topup(replace(topup(name), next_ms=next_ms))
    assert [it.id for it in store.due_topups("main", 20, 9)] == ["now", "ahead"]
    assert [it.id for it in store.due_topups("main", 20, 1)] == ["now"]


@pytest.mark.parametrize("status", ["reversed", "charged-back"])
def test_what_went_back_is_not_looked_at_soon(store: Store, status: str) -> None:
    store.add_topup(topup("a", status=status))
    store.look_soon(["a"], 5)
    assert store.topup("a").next_ms is None


def test_what_is_unknown_is_none_or_nothing(store: Store) -> None:
    assert store.topup("x") is None
    assert store.topup_by_authority("x") is None
    assert store.balance("rider:00") == 0
    assert list(store.rider_taps(bytes(8), 10)) == []


def test_top_ups_of_a_period(store: Store) -> None:
    """From inclusive, until exclusive."""
    for n, at_ms in enumerate((10, 20, 30)):
        store.add_topup(topup(str(n), at_ms=at_ms))
    assert [it.id for it in store.topups_between(10, 30)] == ["0", "1"]


# --- the fleet -----------------------------------------------------------------------------------------------------------


def test_devices_are_those_enrolled_heard_or_not(store: Store) -> None:
    store.keep_health(HEALTH, WALL_MS + 9)
    store.keep_health(HEALTH, WALL_MS + 7)  # an older word does not turn the clock back
    store.keep_health(replace(HEALTH, device="stranger"), WALL_MS)
    told, silent = store.devices(KNOWN)
    assert (told.device, told.last_seen_ms, told.health, told.online) == (DEVICE, WALL_MS + 9, HEALTH, False)
    assert (silent.device, silent.last_seen_ms, silent.health, silent.backlog) == ("bus-0009-d2", None, None, 0)
    assert store.last_seen() == {DEVICE: WALL_MS + 9, "stranger": WALL_MS}


@pytest.mark.parametrize(
    "board", [None, BoardHealth(BoardState.GONE), BoardHealth(BoardState.THERE, cause=BoardCause.ASKED)]
)
def test_a_panel_board_comes_back_with_its_own_codes(store: Store, board: BoardHealth | None) -> None:
    """A plain 1 equals GONE and has no name: whoever tells it in words would fall over it."""
    store.keep_health(replace(HEALTH, board=board), WALL_MS)
    told = store.devices(KNOWN)[0].health
    assert told is not None
    assert told.board == board
    if board is not None and told.board is not None:
        assert [type(it) for it in astuple(told.board)] == [type(it) for it in astuple(board)]


def test_a_state_is_no_sign_of_life(store: Store) -> None:
    """The broker keeps it, and sends a will: the device was not seen."""
    store.keep_state(State(DEVICE, True, 7, WALL_MS, "v"))
    assert (store.devices(KNOWN)[0].online, store.last_seen()) == (True, {})
    store.keep_health(HEALTH, WALL_MS + 1)
    store.keep_state(State(DEVICE, False, 7, WALL_MS, "v"))
    row = store.devices(KNOWN)[0]
    assert (row.online, row.last_seen_ms, row.health) == (False, WALL_MS + 1, HEALTH)
    store.keep_state(State("only-a-will", False, 7, WALL_MS, "v"))
    assert store.last_seen() == {DEVICE: WALL_MS + 1}


def test_how_far_a_device_said_it_had_come(store: Store) -> None:
    """Of the journal that it spoke of last, its whole word; of one before, that only a further record is newer."""
    assert store.said(DEVICE, HEALTH.epoch) is None
    store.keep_health(HEALTH, WALL_MS)
    assert store.said(DEVICE, HEALTH.epoch) == said_in(HEALTH)
    assert store.said("another", HEALTH.epoch) is None
    store.keep_health(replace(HEALTH, epoch=HEALTH.epoch + 1, last_sequence=3), WALL_MS + 1)
    assert store.said(DEVICE, HEALTH.epoch) == (HEALTH.last_sequence, INT63_MAX, INT63_MAX)
    assert store.said(DEVICE, HEALTH.epoch + 1) == (3, HEALTH.uptime_s, HEALTH.wall_ms)


def test_an_alarm_opens_once_ends_once_and_may_open_again(store: Store) -> None:
    first = store.open_alarm("silent", DEVICE, "d", "f", 5)
    assert store.open_alarm("silent", DEVICE, "other", "f", 6) is None
    other = store.open_alarm("fork", DEVICE, "d", "f", 6)
    assert [alarm.id for alarm in store.alarms(open_only=True)] == [other.id, first.id]
    assert store.end_alarm("silent", DEVICE, 7) == replace(first, ended_ms=7)
    assert store.end_alarm("silent", DEVICE, 8) is None
    again = store.open_alarm("silent", DEVICE, "d", "f", 9)
    assert again.id != first.id
    assert [alarm.ended_ms for alarm in store.alarms(open_only=False)] == [None, None, 7]


def test_an_empty_ledger_counts_nothing(store: Store) -> None:
    assert dict(store.counts()) == {"accepted": 0, "posted_rials": 0, "shown_less": 0, "quarantined": 0}
    assert list(store.taps(None, 10)) == []
