"""Two phases: whatever the order and the repeats, a pending is resolved once and nothing is spent twice (P6, P8)."""

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.sqlite.store import SqliteStore
from backend.core.errors import (
    AlreadyResolved,
    KeyReused,
    NoPending,
    NotCovered,
    PendingExpired,
    PendingNotDue,
    StoreFailed,
    StoreRefused,
    TooMuchPosted,
)
from backend.core.ledger import (
    PROVIDER_CLEARING,
    SUSPENSE,
    Kind,
    Transfer,
    TransferKind,
    operator_account,
    rider_account,
)
from backend.core.ledger.two_phase import Balance, Entry, Phase, resolving_key
from simulators.ledger_facts import read_ledger
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY
from tests.backend.memory_pendings import MemoryPendings

WALLETS = [rider_account(bytes([n]) * 8) for n in range(2)]
OPERATOR = operator_account("bus-1")
ACCOUNTS = [*WALLETS, OPERATOR, PROVIDER_CLEARING]
KEYS = [bytes([n]) * 32 for n in range(5)]
keys, amounts = st.sampled_from(KEYS[:3]), st.integers(1, 5)


@dataclass
class Held:
    """What the model knows of a pending: the simplest thing that could be right."""

    debit: str
    credit: str
    rials: int
    expires_ms: int
    became: Phase = Phase.PENDING
    moved: int = 0


@dataclass
class Model:
    """Money that was put in at once, and what was held: balances are sums over both, made anew each time."""

    paid_in: dict[str, int] = field(default_factory=dict)
    held: dict[bytes, Held] = field(default_factory=dict)

    def balance(self, account: str) -> Balance:
        put = sum(self.paid_in.values()) if account == PROVIDER_CLEARING else 0
        found = Balance(debits=put, credits=self.paid_in.get(account, 0))
        for it in self.held.values():
            waits = it.rials if it.became is Phase.PENDING else 0
            if it.debit == account:
                found = found.plus(Balance(debits=it.moved, debits_pending=waits))
            if it.credit == account:
                found = found.plus(Balance(credits=it.moved, credits_pending=waits))
        return found


class Machine(RuleBasedStateMachine):
    """Any order of holding, posting, voiding, sweeping and time going on, each as often as it likes."""

    make: Callable[[], Any]

    def __init__(self) -> None:
        super().__init__()
        self.store, self.end = self.make()
        self.model, self.now, self.paid = Model(), NOON_MS, 0

    def teardown(self) -> None:
        self.end()

    @initialize()
    def begin(self) -> None:
        self.pay_in(WALLETS[0], 9)

    @rule(wallet=st.sampled_from(WALLETS), rials=amounts)
    def pay_in(self, wallet: str, rials: int) -> None:
        self.paid += 1
        key = b"in" + self.paid.to_bytes(30)
        pay_at_once(self.store, Transfer(key, TransferKind.TOPUP, PROVIDER_CLEARING, wallet, rials), self.now)
        self.model.paid_in[wallet] = self.model.paid_in.get(wallet, 0) + rials

    @rule(key=keys, debit=st.sampled_from([*WALLETS, PROVIDER_CLEARING]), rials=amounts, lasts=st.integers(1, 3))
    def hold(self, key: bytes, debit: str, rials: int, lasts: int) -> None:
        expires_ms = self.now + lasts
        transfer = Transfer(key, TransferKind.FARE, debit, OPERATOR, rials)
        known = self.model.held.get(key)
        if known is not None:
            if (known.debit, known.rials, known.expires_ms) == (debit, rials, expires_ms):
                assert not self.store.make_pending(transfer, expires_ms=expires_ms, at_ms=self.now)
            else:
                refused(KeyReused, lambda: self.store.make_pending(transfer, expires_ms=expires_ms, at_ms=self.now))
            return
        has = self.model.balance(debit)
        if debit in WALLETS and has.credits - has.debits - has.debits_pending < rials:
            refused(NotCovered, lambda: self.store.make_pending(transfer, expires_ms=expires_ms, at_ms=self.now))
            return
        assert self.store.make_pending(transfer, expires_ms=expires_ms, at_ms=self.now)
        self.model.held[key] = Held(debit, OPERATOR, rials, expires_ms)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data(), later=st.integers(0, 5))
    def hold_the_same_again(self, data: st.DataObject, later: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.held)))
        it = self.model.held[key]
        transfer = Transfer(key, TransferKind.FARE, it.debit, it.credit, it.rials)
        assert not self.store.make_pending(transfer, expires_ms=it.expires_ms, at_ms=self.now + later)

    @rule(key=keys, phase=st.sampled_from([Phase.POSTED, Phase.VOIDED, Phase.EXPIRED]), part=st.none() | amounts)
    def resolve(self, key: bytes, phase: Phase, part: int | None) -> None:
        rials = part if phase is Phase.POSTED else None

        def asked() -> bool:
            return self.store.resolve_pending(key, phase, at_ms=self.now, rials=rials)

        it = self.model.held.get(key)
        if it is None:
            refused(NoPending, asked)
            return
        moved = (it.rials if rials is None else rials) if phase is Phase.POSTED else 0
        if moved > it.rials:
            refused(TooMuchPosted, asked)
        elif it.became is not Phase.PENDING:
            if (it.became, it.moved) == (phase, moved):
                assert not asked()
            else:
                refused(AlreadyResolved, asked)
        elif phase is Phase.EXPIRED and self.now < it.expires_ms:
            refused(PendingNotDue, asked)
        elif phase is not Phase.EXPIRED and self.now >= it.expires_ms:
            refused(PendingExpired, asked)
        else:
            assert asked()
            it.became, it.moved = phase, moved

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit: int) -> None:
        due = sorted(
            (it.expires_ms, key) for key, it in self.model.held.items()
            if it.became is Phase.PENDING and it.expires_ms <= self.now
        )[:limit]  # fmt: skip
        assert self.store.expire_due(self.now, limit) == len(due)
        for _, key in due:
            self.model.held[key].became = Phase.EXPIRED

    @rule(by=st.integers(1, 2))
    def time_goes_on(self, by: int) -> None:
        self.now += by

    @invariant()
    def balances_are_the_models(self) -> None:
        found = {account: self.store.balance_of(account) for account in ACCOUNTS}
        assert found == {account: self.model.balance(account) for account in ACCOUNTS}
        assert sum(it.debits for it in found.values()) == sum(it.credits for it in found.values())
        assert sum(it.debits_pending for it in found.values()) == sum(it.credits_pending for it in found.values())
        assert all(min(it.debits_pending, it.credits_pending) >= 0 for it in found.values())
        assert all(found[it].available(Kind.LIABILITY) >= 0 for it in WALLETS), "held twice is spent twice"


def refused(by: type[StoreRefused], asked: Callable[[], object]) -> None:
    with pytest.raises(by) as told:
        asked()
    assert told.value.fix


def pay_at_once(store: Any, transfer: Transfer, at_ms: int) -> None:
    if isinstance(store, MemoryPendings):
        store.post_at_once(transfer, at_ms)
        return
    with store._writer.transaction() as core:
        store.post(core, [transfer], at_ms)


def run(make: Callable[[], Any], *, examples: int, steps: int) -> None:
    machine = type("Made", (Machine,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )  # fmt: skip


def test_the_rules_hold_in_any_order() -> None:
    run(lambda: (MemoryPendings(), lambda: None), examples=60, steps=30)


@pytest.mark.databases
def test_the_tables_do_as_the_rules_say() -> None:
    """P6, P8: the same machine; and each ledger's chain and constraints stand behind it."""

    def make() -> tuple[LedgerStore, Callable[[], None]]:
        folder = tempfile.TemporaryDirectory()
        store = databases.now.open(Path(folder.name), CITY)

        def end() -> None:
            store.close()
            folder.cleanup()

        return store, end

    run(make, examples=5, steps=20)


# --- what the tables themselves refuse -------------------------------------------------------------------------------

HELD = Transfer(KEYS[0], TransferKind.FARE, SUSPENSE, OPERATOR, 5, day=20_719)


def pending_of(store: Any, rials: int = 5, key: bytes = KEYS[0], lasts_ms: int = 9) -> None:
    assert store.make_pending(replace(HELD, key=key, rials=rials), expires_ms=NOON_MS + lasts_ms, at_ms=NOON_MS)


@pytest.mark.parametrize(("rials", "moved"), [(None, 5), (5, 5), (2, 2), (1, 1)])
def test_a_part_that_is_posted_lets_go_of_the_rest(rials: int | None, moved: int) -> None:
    """H1."""
    store = MemoryPendings()
    pending_of(store)
    assert store.balance_of(OPERATOR) == Balance(credits_pending=5)
    assert store.resolve_pending(KEYS[0], Phase.POSTED, at_ms=NOON_MS + 8, rials=rials)
    assert store.balance_of(OPERATOR) == Balance(credits=moved)
    assert store.balance_of(SUSPENSE) == Balance(debits=moved)


def test_no_more_is_posted_than_is_held() -> None:
    store = MemoryPendings()
    pending_of(store)
    refused(TooMuchPosted, lambda: store.resolve_pending(KEYS[0], Phase.POSTED, at_ms=NOON_MS, rials=6))
    with pytest.raises(ValueError, match="amount"):
        store.resolve_pending(KEYS[0], Phase.VOIDED, at_ms=NOON_MS, rials=2)
    with pytest.raises(ValueError, match="amount"):
        store.resolve_pending(KEYS[0], Phase.PENDING, at_ms=NOON_MS)


@pytest.mark.parametrize("phase", [Phase.POSTED, Phase.VOIDED])
def test_its_time_is_the_first_moment_at_which_it_only_expires(phase: Phase) -> None:
    """H3."""
    store = MemoryPendings()
    pending_of(store)
    refused(PendingNotDue, lambda: store.resolve_pending(KEYS[0], Phase.EXPIRED, at_ms=NOON_MS + 8))
    refused(PendingExpired, lambda: store.resolve_pending(KEYS[0], phase, at_ms=NOON_MS + 9))
    assert store.resolve_pending(KEYS[0], Phase.EXPIRED, at_ms=NOON_MS + 9)
    assert not store.resolve_pending(KEYS[0], Phase.EXPIRED, at_ms=NOON_MS + 99), "again: the same"
    refused(AlreadyResolved, lambda: store.resolve_pending(KEYS[0], phase, at_ms=NOON_MS))


def test_what_is_held_of_a_wallet_is_not_held_twice() -> None:
    """H4: of a wallet of five, three and three are too much; what is let go of is there again."""
    store = MemoryPendings()
    pay_at_once(store, Transfer(KEYS[4], TransferKind.TOPUP, PROVIDER_CLEARING, WALLETS[0], 5), NOON_MS)
    first, second = (replace(HELD, key=key, debit=WALLETS[0], rials=3) for key in KEYS[:2])
    assert store.make_pending(first, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
    assert store.balance_of(WALLETS[0]).available(Kind.LIABILITY) == 2
    refused(NotCovered, lambda: store.make_pending(second, expires_ms=NOON_MS + 9, at_ms=NOON_MS))
    store.resolve_pending(KEYS[0], Phase.VOIDED, at_ms=NOON_MS)
    assert store.make_pending(second, expires_ms=NOON_MS + 9, at_ms=NOON_MS)


def test_what_is_available_of_an_asset() -> None:
    assert Balance(9, 1, debits_pending=4, credits_pending=3).available(Kind.ASSET) == 5
    assert Balance(1, 9, debits_pending=3, credits_pending=4).available(Kind.LIABILITY) == 5


@pytest.mark.databases
def test_a_sweep_takes_the_oldest_first(tmp_path: Path) -> None:
    store = databases.now.open(tmp_path, CITY)
    for n, lasts_ms in enumerate((3, 1, 2)):
        pending_of(store, rials=10**n, key=KEYS[n], lasts_ms=lasts_ms)
    left = []
    for at_ms, limit in ((0, 9), (3, 1), (3, 1), (3, 9), (99, 9)):
        store.expire_due(NOON_MS + at_ms, limit)
        left.append(store.balance_of(OPERATOR).credits_pending)
    assert left == [111, 101, 1, 0, 0]
    store.close()


@pytest.mark.databases
def test_rows_are_added_and_none_is_changed(tmp_path: Path) -> None:
    """P8: a part that is posted, as three rows would be told."""
    store = databases.now.open(tmp_path, CITY)
    store.make_pending(HELD, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
    (pending,) = databases.now.rows(tmp_path, "SELECT * FROM transfer")
    before = store.ledger_mark().head
    store.resolve_pending(HELD.key, Phase.POSTED, at_ms=NOON_MS + 1, rials=2)
    first, second = databases.now.rows(tmp_path, "SELECT * FROM transfer ORDER BY id")
    assert first == pending
    names = "key, kind, debit, credit, rials, phase, resolves, expires_ms"
    assert databases.now.rows(tmp_path, f"SELECT {names} FROM transfer WHERE phase = 'posted'") == [
        (resolving_key(HELD.key), "fare", SUSPENSE, OPERATOR, 2, "posted", HELD.key, None)
    ]
    assert store.ledger_mark().head == second[6] != before
    assert databases.now.rows(tmp_path, "SELECT DISTINCT day FROM transfer") == [(HELD.day,)]
    assert not store.make_pending(HELD, expires_ms=NOON_MS + 9, at_ms=NOON_MS), "the same is found again"
    assert store.balance(OPERATOR) == 2
    assert databases.now.rows(tmp_path, "SELECT * FROM pending") == []
    store.close()


def test_who_audits_the_file_reads_them_too(tmp_path: Path) -> None:
    """`savar audit`: rows of both phases are in the chain, and only what is posted has moved."""
    with closing(SqliteStore(tmp_path / "ledger.db", CITY)) as store:
        for n, phase in enumerate((Phase.POSTED, Phase.VOIDED, Phase.EXPIRED, None)):
            key = KEYS[n]
            store.make_pending(replace(HELD, key=key), expires_ms=NOON_MS + 9, at_ms=NOON_MS)
            if phase is not None:
                store.resolve_pending(key, phase, at_ms=NOON_MS + 9 * (phase is Phase.EXPIRED))
    facts = read_ledger(tmp_path / "ledger.db")
    assert not [line for line in facts.broken if "for no tap" not in line]
    assert [it.rials for it in facts.postings] == [5]
    assert dict(facts.balances) == {SUSPENSE: -5, OPERATOR: 5}


BROKEN = [
    ("phase = 'posted'", "a phase that resolves nothing"),
    ("phase = 'lost', resolves = key, expires_ms = NULL", "a phase that there is not"),
    ("phase = NULL", "a time without a phase"),
    ("expires_ms = NULL", "a pending without a time"),
    ("phase = NULL, expires_ms = NULL, resolves = key", "what moves at once resolves nothing"),
]


@pytest.mark.databases
@pytest.mark.parametrize(("change", "_why"), BROKEN)
def test_a_row_is_whole(tmp_path: Path, change: str, _why: str) -> None:
    store = databases.now.open(tmp_path, CITY)
    store.make_pending(HELD, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
    with pytest.raises(StoreRefused, match=r"(?i)check"), store._writer.transaction() as core:
        core.exec_driver_sql(f"UPDATE transfer SET {change}")
    store.close()


@pytest.mark.databases
def test_the_tables_take_no_second_resolution_and_nothing_below_zero(tmp_path: Path) -> None:
    """H2, H4: also where a program's own look were wrong."""
    store = databases.now.open(tmp_path, CITY)
    store.make_pending(HELD, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
    store.resolve_pending(HELD.key, Phase.VOIDED, at_ms=NOON_MS)
    row = (
        "INSERT INTO transfer (key, kind, debit, credit, rials, hash, at_ms, phase, resolves, day) SELECT hash, kind,"
        " debit, credit, rials, hash, at_ms, 'expired', resolves, day FROM transfer WHERE phase = 'voided'"
    )
    for broken in (row, "UPDATE account SET debits_pending = -1", "UPDATE account SET credits_pending = -1"):
        with pytest.raises(StoreRefused, match=r"(?i)unique|check"), store._writer.transaction() as core:
            core.exec_driver_sql(broken)
    store.close()


@pytest.mark.databases
def test_a_key_of_one_phase_is_taken_too(tmp_path: Path) -> None:
    """P6: one key, one row, whichever way it came in."""
    store = databases.now.open(tmp_path, CITY)
    store.make_pending(HELD, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
    with pytest.raises(StoreFailed):
        pay_at_once(store, replace(HELD, kind=TransferKind.TOPUP), NOON_MS)
    other = replace(HELD, key=KEYS[1])
    pay_at_once(store, other, NOON_MS)
    refused(KeyReused, lambda: store.make_pending(other, expires_ms=NOON_MS + 9, at_ms=NOON_MS))
    refused(NoPending, lambda: store.resolve_pending(other.key, Phase.POSTED, at_ms=NOON_MS))
    store.close()


def test_what_is_no_entry_is_not_made() -> None:
    for wrong in (
        lambda: Entry(HELD, Phase.PENDING),
        lambda: Entry(HELD, Phase.PENDING, resolves=KEYS[1], expires_ms=5),
        lambda: Entry(HELD, Phase.POSTED),
        lambda: Entry(HELD, Phase.VOIDED, resolves=KEYS[1], expires_ms=5),
        lambda: MemoryPendings().make_pending(HELD, expires_ms=NOON_MS, at_ms=NOON_MS),
    ):
        with pytest.raises(ValueError, match="pending"):
            wrong()
