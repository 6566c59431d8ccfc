"""Statements as CSV, and what of a payment does not match: pure rules, over all there may be of one payment."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ledger import rider_account
from backend.core.reconciliation.classes import ABOUT, Class
from backend.core.reconciliation.discrepancies import Entry, when_found
from backend.core.reconciliation.payments import (
    Entry as BankEntry,
)
from backend.core.reconciliation.payments import (
    HeldTopUp,
    Payout,
    Told,
    judge_entry,
    judge_payout,
    judge_told,
    judge_topup,
    keys_of,
    paired,
)
from backend.core.reconciliation.statements import (
    BankRow,
    ProviderRow,
    RowKind,
    StatementUnfit,
    Unreadable,
    bank_rows,
    provider_rows,
)
from backend.core.reconciliation.taps import PostedTransfer

AT_MS = 1_790_000_000_000
RIDER = bytes(8)


def test_both_headers_are_read_and_times_are_of_any_offset() -> None:
    short = list(provider_rows(["\ufeffauthority,amount_rials,paid_at\r\n", "A1,500,2026-09-21T15:30:00+03:30\r\n"]))
    assert short == [ProviderRow(2, "A1", 500, 1_789_992_000_000)]
    whole = [
        "authority,amount_rials,paid_at,kind,fee_rials,payout",
        "a/b+c=,500,2026-09-21T12:00:00+00:00,reversal,5,P-1",
    ]
    assert list(provider_rows(whole)) == [ProviderRow(2, "a/b+c=", 500, 1_789_992_000_000, RowKind.REVERSAL, 5, "P-1")]
    bank = list(bank_rows(["reference,amount_rials,booked_at", "", "P-1,495,2026-09-21T12:00:00+00:00"]))
    assert bank == [BankRow(3, "P-1", 495, 1_789_992_000_000)]
    both_ways = [
        "reference,amount_rials,booked_at,kind", "P-1,495,2026-09-21T12:00:00+00:00,in",
        "T-7,90,2026-09-21T12:00:00+00:00,out", "T-8,90,2026-09-21T12:00:00+00:00,sideways",
        "T-9,90,2026-09-21T12:00:00+00:00",
    ]  # fmt: skip
    assert list(bank_rows(both_ways)) == [
        BankRow(2, "P-1", 495, 1_789_992_000_000), BankRow(3, "T-7", 90, 1_789_992_000_000, outgoing=True),
        Unreadable(4, "kind is neither in nor out"), Unreadable(5, "not 4 fields"),
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["", "a,b", "authority,amount_rials", "reference,amount_rials,booked_at"])
def test_another_header_is_no_statement(header: str) -> None:
    with pytest.raises(StatementUnfit):
        list(provider_rows([header]))


@pytest.mark.parametrize(
    "line",
    [
        "A1,500", 'A1,"500,2026-09-21T12:00:00+00:00,payment,0,', "A 1,500,2026-09-21T12:00:00+00:00,payment,0,",
        "A1,0,2026-09-21T12:00:00+00:00,payment,0,", "A1,-5,2026-09-21T12:00:00+00:00,payment,0,",
        "A1,5.0,2026-09-21T12:00:00+00:00,payment,0,", "A1,500,2026-09-21T12:00:00,payment,0,",
        "A1,500,yesterday,payment,0,", "A1,500,2026-09-21T12:00:00+00:00,gift,0,",
        "A1,500,2026-09-21T12:00:00+00:00,payment,501,", "A1,500,2026-09-21T12:00:00+00:00,payment,0,P 1",
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_told_by_its_number_and_the_next_one_counts(line: str) -> None:
    header = "authority,amount_rials,paid_at,kind,fee_rials,payout"
    good = "A2,500,2026-09-21T12:00:00+00:00,payment,0,"
    bad, read = provider_rows([header, line, good])
    assert isinstance(bad, Unreadable)
    assert bad.line == 2
    assert isinstance(read, ProviderRow)
    assert read.line == 3


@settings(max_examples=40)
@given(st.lists(st.text('aA1,"0-:+\r \u0661', max_size=30), max_size=8))
def test_no_line_breaks_the_reader(lines: list[str]) -> None:
    found = list(provider_rows(["authority,amount_rials,paid_at", *lines]))
    assert len(found) == sum(bool(line.strip()) for line in lines)
    assert all(one.line < other.line for one, other in pairwise(found))


# --- one payment, whatever of it is there --------------------------------------------------------------------------------

AMOUNTS = st.sampled_from((50, 100, 200))
ROWS = st.lists(st.tuples(st.sampled_from(RowKind), AMOUNTS), max_size=4)


@given(ROWS, st.none() | st.tuples(AMOUNTS, st.sampled_from(("paid", "pending", "charged-back", "failed"))))
def test_each_fact_of_a_payment_is_told_once_and_by_itself(
    rows: list[tuple[RowKind, int]], held: tuple[int, str] | None
) -> None:
    told = Told(
        "main", "A1", [ProviderRow(n, "A1", rials, AT_MS, kind) for n, (kind, rials) in enumerate(rows, start=2)]
    )
    topup = None if held is None else HeldTopUp("t", RIDER, held[0], held[1], "main", "A1", AT_MS)
    found = [it.of for it in judge_told(told, topup)]
    payments = [rials for kind, rials in rows if kind is RowKind.PAYMENT]
    reversals = [rials for kind, rials in rows if kind is RowKind.REVERSAL]
    credited = held is not None and held[1] in {"paid", "charged-back"}
    paid = payments[0] if payments else held[0] if held else 0
    counted = reversals[:1]
    for rials in reversals[1:]:
        counted += [rials] if sum(counted) + rials <= paid else []
    assert found.count(Class.DOUBLED_ROW) == max(0, len(payments) - 1) + len(reversals) - len(counted)
    assert (Class.PAID_NOT_CREDITED in found) == bool(payments and sum(counted) < paid and not credited)
    assert (Class.AMOUNT_DIFFERS in found) == bool(payments and held is not None and held[0] != payments[0])
    assert (Class.REVERSED_THERE in found) == bool(reversals and held is not None and held[1] == "paid")
    much = {it.of: it.rials for it in judge_told(told, topup)}
    assert much.get(Class.PAID_NOT_CREDITED, paid - sum(counted)) == paid - sum(counted)
    assert much.get(Class.REVERSED_THERE, sum(counted)) == sum(counted)
    names = [it.name for it in judge_told(told, topup)]
    assert len(names) == len(set(names))


@given(
    st.sampled_from(("paid", "charged-back")), st.dictionaries(st.integers(0, 3), st.sampled_from((40, 60, 100)), max_size=4),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_credited_top_up_has_its_amount_in_the_ledger_and_its_row_there(
    status: str,
    posted: dict[int, int],
    told: bool,  # noqa: FBT001 - hypothesis gives them
    covered: bool,  # noqa: FBT001 - hypothesis gives them
    stranger: bool,  # noqa: FBT001 - hypothesis gives them
) -> None:
    topup = HeldTopUp("t", RIDER, 100, status, "main", "A1", AT_MS)
    keys = [key for some in keys_of("t") for key in some]
    owner = rider_account(b"stranger" if stranger else RIDER)
    transfers = {
        keys[n]: PostedTransfer(n, keys[n], "topup", *(("provider:clearing", owner) if n < 2 else (owner, "provider:clearing")),
                                rials, AT_MS)
        for n, rials in posted.items()
    }  # fmt: skip
    rows = Told("main", "A1", [ProviderRow(2, "A1", 100, AT_MS)]) if told else None
    found = {it.of for it in judge_topup(topup, transfers, rows, covered=covered)}
    credited = sum(rials for n, rials in posted.items() if n < 2)
    taken = sum(rials for n, rials in posted.items() if n > 1)
    expected = set()
    if not credited:
        expected.add(Class.CREDIT_MISSING)
    elif credited != 100 or taken != (100 if status == "charged-back" else 0) or stranger:
        expected.add(Class.CREDIT_DIFFERS)
    if covered and not told:
        expected.add(Class.CREDITED_NOT_PAID)
    if covered and status == "charged-back":
        expected.add(Class.REVERSED_HERE)
    assert found == expected


def test_a_payout_is_its_rows_less_their_fees() -> None:
    payout = Payout("main", "P-1", 990, 10, 2, AT_MS)
    assert list(judge_payout(payout, 990)) == []
    (differs,) = judge_payout(payout, 1_000)
    assert (differs.of, differs.rials) == (Class.PAYOUT_DIFFERS, 10)
    (missing,) = judge_payout(payout, None)
    assert (missing.of, missing.rials) == (Class.PAYOUT_MISSING, 990)
    assert [(it.of, it.rials) for it in judge_entry(BankEntry("P-9", (5, 7), AT_MS), payouts=0)] == [
        (Class.BANK_ROW_UNKNOWN, 5), (Class.BANK_ROW_DOUBLED, 7),
    ]  # fmt: skip
    assert list(judge_entry(BankEntry("P-9", (5, 7), AT_MS), payouts=2)) == []


@given(st.lists(st.integers(-1, 3), max_size=4), st.lists(st.integers(1, 3), max_size=4))
def test_each_entry_of_the_bank_is_one_payouts(sums: list[int], amounts: list[int]) -> None:
    payouts = [Payout("main", "P-1", rials, 0, 1, AT_MS) for rials in sums]
    found = paired(payouts, amounts)
    used = [it for it in found if it is not None]
    assert not Counter(used) - Counter(amounts), "none is used twice"
    wanting = sum(rials > 0 for rials in sums)
    assert len(used) == min(wanting, len(amounts)), "and none lies idle while a payout has none"
    fits = sum((Counter(sums) & Counter(amounts)).values())
    assert sum(one == rials for one, rials in zip(found, sums, strict=True)) >= fits


def test_every_class_says_what_it_means_whose_it_is_and_what_to_do() -> None:
    assert set(ABOUT) == set(Class)
    assert all(about.meaning and about.fix for about in ABOUT.values())


def test_what_is_found_again() -> None:
    found = [when_found(it, grown=False) for it in (None, *Entry)]
    assert found == [Entry.OPENED, None, None, Entry.OPENED_AGAIN, None, None]
    more = [when_found(it, grown=True) for it in Entry]
    assert more == [Entry.GREW, Entry.GREW, Entry.OPENED_AGAIN, Entry.OPENED_AGAIN, Entry.GREW]
