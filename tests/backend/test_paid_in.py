"""What providers pay out becomes entries once, where their statements and the bank's agree: clearing ends at zero."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.app.verifying import verify
from backend.core.ledger.verifying import Broken
from backend.core.payments.topup import TopUp
from backend.core.reconciliation.paid_in import PaidIn, held
from backend.core.reconciliation.payments import Payout
from protocol.localtime import day_begins_ms, service_day
from tests.backend import databases
from tests.backend.bus import NOON_MS, Rider
from tests.backend.desk import CITY, Desk, check_ledger
from tests.backend.test_reconciling_money import at, bank, opened, reconcile, statement

DAY = service_day(NOON_MS)
DUE = (DAY, DAY + 3)  # the days by which what was paid out on DAY is at the bank
BOOKED = at(day_begins_ms(DAY + 1))
RIDER = Rider(1)
pytestmark = pytest.mark.databases


def top_up(desk: Desk, name: str, rials: int, provider: str = "main") -> None:
    desk.store.add_topup(TopUp(name, RIDER.credential_id, rials, "pending", f"A{name}", NOON_MS, provider=provider))
    assert desk.store.pay_topup(name, NOON_MS)


def row(name: str, rials: int, payout: str, fee: int = 0, kind: str = "payment") -> str:
    return f"A{name},{rials},{at(NOON_MS)},{kind},{fee},{payout}"


def entry(name: str, rials: int) -> str:
    return f"{name},{rials},{BOOKED}"


def books(desk: Desk) -> dict[str, int]:
    """What lies where: what we have, and what was borne, above zero."""
    return {
        account: rials
        for account, rials in desk.rows("SELECT id, debits - credits FROM account")
        if account == "bank" or account.startswith("provider:")
    }


def run(desk: Desk, folder: Path, rows: Sequence[str], entries: Sequence[str], provider: str = "main") -> None:
    told = (provider, statement(folder, rows, f"{provider}-{abs(hash(tuple(rows)))}"))
    reconcile(desk, told, ("", bank(folder, *entries)), days=DUE)


def test_what_both_agree_on_is_posted_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    top_up(desk, "two", 300_000)
    rows = [row("one", 500_000, "P1", 2_500), row("two", 300_000, "P1", 1_500)]
    run(desk, tmp_path, rows, [])
    assert books(desk) == {"provider:clearing": 800_000}, "the bank does not have it yet"
    for _ in range(2):
        run(desk, tmp_path, rows, [entry("P1", 796_000)])
        assert books(desk) == {"provider:clearing": 0, "bank": 796_000, "provider:fees": 4_000}
    assert opened(desk) == {}
    assert desk.rows("SELECT kind, debit, credit, rials FROM transfer WHERE kind IN ('paid-in', 'provider-fee')") == [
        ("paid-in", "bank", "provider:clearing", 796_000), ("provider-fee", "provider:fees", "provider:clearing", 4_000),
    ]  # fmt: skip
    check_ledger(desk)
    assert told(desk) == []
    desk.close()


def told(desk: Desk) -> list[tuple[Broken, str]]:
    with closing(databases.now.reading(desk.folder)) as guarded:
        return [(it.what, it.where) for it in verify(guarded, CITY, [], lambda *_: None).findings.kept]


def test_what_differs_posts_nothing_until_it_does_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    rows = [row("one", 500_000, "P1", 2_500)]
    run(desk, tmp_path, rows, [entry("P1", 497_499)])
    assert (books(desk), opened(desk)) == ({"provider:clearing": 500_000}, {"payout-differs:main/P1": 1})
    run(desk, tmp_path, rows, [entry("P1", 497_500)])
    assert (books(desk)["bank"], opened(desk)) == (497_500, {})
    desk.close()


@pytest.mark.parametrize(
    ("rows", "differs"),
    [
        ([row("one", 500_000, "P1", 3_000)], 1_000),
        ([row("one", 500_000, "P1", 2_500), row("two", 7_000, "P1")], 7_000),
        ([row("one", 500_000, "P2", 2_500)], 500_000),
        ([], 500_000),
    ],
)
def test_a_statement_that_is_corrected_afterwards_is_told_and_takes_nothing_back(
    tmp_path: Path, rows: list[str], differs: int
) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    run(desk, tmp_path, [row("one", 500_000, "P1", 2_500)], [entry("P1", 497_500)])
    before = books(desk)
    run(desk, tmp_path, rows, [entry("P1", 497_500)])
    assert books(desk) == before
    assert opened(desk)["payout-misposted:main/P1"] == differs
    run(desk, tmp_path, [row("one", 500_000, "P1", 2_500)], [entry("P1", 497_500)])
    assert (books(desk), opened(desk)) == (before, {}), "and closes by itself where it is given as it was"
    desk.close()


def test_an_entry_that_the_bank_has_late_is_posted_by_the_run_of_its_days(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    run(desk, tmp_path, [row("one", 500_000, "P1")], [])
    assert opened(desk) == {"payout-missing:main/P1": 500_000}
    late = DAY + 9
    reconcile(desk, ("", bank(tmp_path, f"P1,500000,{at(day_begins_ms(late))}")), days=(late, late))
    assert books(desk) == {"provider:clearing": 0, "bank": 500_000}
    desk.close()


def test_a_payout_whose_last_row_is_told_to_be_of_another_day_is_the_same(tmp_path: Path) -> None:
    """Though neither the run of the day that it was posted with, nor the bank's days, lead to it any more."""
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    run(desk, tmp_path, [row("one", 500_000, "P1")], [])
    reconcile(desk, ("", bank(tmp_path, f"P1,500000,{at(day_begins_ms(DAY + 9))}")), days=(DAY + 9, DAY + 9))
    moved = f"Aone,500000,{at(NOON_MS + 86_400_000)},payment,0,P1"
    run(desk, tmp_path, [moved], [])
    assert not [name for name in opened(desk) if name.startswith("payout-misposted")]
    assert books(desk) == {"provider:clearing": 0, "bank": 500_000}
    desk.close()


def test_one_entry_of_the_bank_is_posted_for_one_provider(tmp_path: Path) -> None:
    """Whoever was first: another provider that uses the name later has an entry of its own, or none."""
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000, "saman")
    top_up(desk, "two", 500_000)
    run(desk, tmp_path, [row("one", 500_000, "P1")], [entry("P1", 500_000)], "saman")
    run(desk, tmp_path, [row("two", 500_000, "P1")], [entry("P1", 500_000)])
    assert books(desk) == {"provider:clearing:saman": 0, "provider:clearing": 500_000, "bank": 500_000}
    assert opened(desk) == {"payout-missing:main/P1": 500_000}
    run(desk, tmp_path, [row("two", 500_000, "P1")], [entry("P1", 500_000), entry("P1", 500_000)])
    assert books(desk) == {"provider:clearing:saman": 0, "provider:clearing": 0, "bank": 1_000_000}
    desk.close()


def test_a_payout_that_is_all_fees_needs_no_bank_and_one_below_nothing_posts_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 2_000)
    run(desk, tmp_path, [row("one", 2_000, "P1", 2_000), row("old", 900, "P2", 0, "reversal")], [])
    assert books(desk) == {"provider:clearing": 0, "provider:fees": 2_000}
    desk.close()


@pytest.mark.parametrize(
    ("forged", "where"),
    [
        ("UPDATE paid_in SET rials = rials - 1", "payout P1 of main"),
        ("DELETE FROM paid_in", "transfer"),
    ],
)
def test_a_payout_that_nobody_agreed_on_is_told_by_who_verifies(tmp_path: Path, forged: str, where: str) -> None:
    desk = Desk(tmp_path, [], [RIDER])
    top_up(desk, "one", 500_000)
    run(desk, tmp_path, [row("one", 500_000, "P1", 2_500)], [entry("P1", 497_500)])
    databases.now.change(tmp_path, forged)
    found = told(desk)
    assert found
    assert {what for what, _ in found} == {Broken.SOURCE}
    assert all(it.startswith(where) for _, it in found)
    desk.close()


# --- any order of statements ------------------------------------------------------------------------------------------

AMOUNT = st.integers(1, 9).map(lambda n: n * 100_000)
PAYMENTS = st.lists(st.tuples(AMOUNT, st.sampled_from(["P1", "P2", "P3"]), st.sampled_from([0, 500, 1_000])),
                    min_size=1, max_size=5)  # fmt: skip


@settings(deadline=None, max_examples=12)
@given(paid=PAYMENTS, versions=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=4))
def test_when_all_is_paid_out_clearing_is_at_zero_whatever_was_told_before(
    paid: list[tuple[int, str, int]], versions: list[tuple[int, int]]
) -> None:
    """Statements late, cut short, doubled or with other amounts, in any order; then both as they are, told twice.

    What agreed before its time is posted and is told; nothing is posted twice, and money is never made.
    """
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [], [RIDER])
        for n, (rials, _, _) in enumerate(paid):
            top_up(desk, f"t{n}", rials)
        rows = [row(f"t{n}", rials, payout, fee) for n, (rials, payout, fee) in enumerate(paid)]
        sums = {name: sum(it[0] - it[2] for it in paid if it[1] == name) for _, name, _ in paid}
        entries = [entry(name, rials) for name, rials in sums.items()]
        for of_provider, of_bank in versions:
            run(
                desk, Path(folder), [rows, rows[1:], [*rows, rows[0]]][of_provider],
                [entries, entries[1:], [*entries, entries[0]]][of_bank],
            )  # fmt: skip
        for _ in range(2):
            run(desk, Path(folder), rows, entries)
        posted = dict(desk.rows("SELECT name, rials + fee_rials FROM paid_in"))
        whole = {name: sum(it[0] for it in paid if it[1] == name) for name in sums}
        assert posted == whole, "each once, of what it was"
        assert books(desk)["provider:clearing"] == 0
        assert opened(desk) == {}
        check_ledger(desk)
        assert told(desk) == []
        desk.close()


@given(
    st.lists(st.tuples(st.sampled_from(["main", "saman", "mellat"]), st.integers(1, 3)), unique_by=lambda it: it[0]),
    st.lists(st.integers(1, 3), max_size=4), st.data(),
)  # fmt: skip
def test_no_entry_is_two_payouts(said: list[tuple[str, int]], amounts: list[int], data: st.DataObject) -> None:
    """Whatever was posted before: no more is free than the bank has besides."""
    payouts = [Payout(provider, "P1", rials, 0, 1, NOON_MS) for provider, rials in said]
    before = data.draw(st.lists(st.sampled_from(said), unique=True) if said else st.just([]))
    posted = {provider: PaidIn(provider, "P1", rials, 0, DAY) for provider, rials in before}
    found = held(payouts, amounts, posted, [])
    assert sorted(it.payout.provider for it in found) == sorted(provider for provider, _ in said)
    taken = [it.free_rials for it in found if it.free_rials is not None] + [it.rials for it in posted.values()]
    for rials in set(taken):
        assert taken.count(rials) <= max(amounts.count(rials), [it.rials for it in posted.values()].count(rials))
