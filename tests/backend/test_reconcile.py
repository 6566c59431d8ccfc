"""Reconciliation: every payment of either side in exactly one class, whatever the statement looks like."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.payments.statement import BadStatement, LineFault, StatementRow, decode_statement
from backend.core.payments.topup import TopUp
from backend.core.reconcile import Kind, Reconciliation, reconcile
from protocol.limits import RIALS_MAX

HEAD = "authority,amount_rials,paid_at"
WHEN = "2026-09-21T13:30:00+03:30"
WHEN_MS = 1_789_984_800_000

authorities = st.integers(0, 8).map(lambda n: f"A{n}")
rials = st.integers(1, 5).map(lambda n: n * 10_000)
rows = st.lists(st.builds(StatementRow, authorities, rials, st.just(WHEN_MS)), unique_by=lambda row: row.authority)
topups = st.lists(
    st.builds(
        TopUp, st.uuids().map(lambda u: u.hex), st.just(bytes(8)), rials,
        st.sampled_from(["asked", "pending", "paid", "failed"]), authorities, st.just(WHEN_MS),
    ),
    unique_by=lambda topup: topup.authority,
)  # fmt: skip


def matched(theirs: list[StatementRow], ours: list[TopUp]) -> Reconciliation:
    return reconcile(theirs, [(topup.authority, topup) for topup in ours])


@given(rows, topups)
def test_every_payment_is_in_exactly_one_class(theirs: list[StatementRow], ours: list[TopUp]) -> None:
    found = matched(theirs, ours)
    assert sorted(item.row.authority for item in found.items if item.row) == sorted(row.authority for row in theirs)
    paid = {topup.authority for topup in ours if topup.status == "paid"}
    told = [item.topup.authority for item in found.items if item.topup]
    assert len(told) == len(set(told))
    assert paid <= set(told)
    for item in found.items:
        same = item.topup is not None and item.row is not None and item.topup.rials == item.row.rials
        if item.kind is Kind.MATCHED:
            assert same
            assert item.topup.status == "paid"
        elif item.kind is Kind.OURS_ONLY:
            assert item.row is None
            assert item.topup.status == "paid"
        elif item.kind is Kind.THEIRS_ONLY:
            assert item.topup is None or (same and item.topup.status != "paid")
        else:
            assert item.topup.rials != item.row.rials
    totals = [found.total(kind) for kind in Kind]
    assert sum(total.count for total in totals) == len(found.items)
    assert sum(total.theirs_rials for total in totals) == sum(row.rials for row in theirs)


@given(rows, topups, st.randoms())
def test_the_order_of_either_side_changes_nothing(
    theirs: list[StatementRow], ours: list[TopUp], shuffle: object
) -> None:
    before = {(item.kind, item.topup, item.row) for item in matched(theirs, ours).items}
    shuffle.shuffle(theirs)
    shuffle.shuffle(ours)
    assert {(item.kind, item.topup, item.row) for item in matched(theirs, ours).items} == before


@given(rows)
def test_a_statement_reads_as_it_was_written(theirs: list[StatementRow]) -> None:
    text = "\r\n".join([HEAD, *(f"{row.authority},{row.rials},{WHEN}" for row in theirs), ""])
    assert decode_statement("\ufeff" + text) == (
        [StatementRow(row.authority, row.rials, 1_789_984_800_000) for row in theirs], []
    )  # fmt: skip


@given(st.text())
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    with contextlib.suppress(BadStatement):
        decode_statement(text)
    found, bad = decode_statement(f"{HEAD}\n{text}\nA1,10000,{WHEN}")
    assert found[-1].authority == "A1" or bad[-1].fault is LineFault.REPEATED


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("A1,10000", LineFault.FIELDS),
        (f"A1,10000,{WHEN},x", LineFault.FIELDS),
        (f'"A1,10000,{WHEN}', LineFault.FIELDS),
        (f'"A"1,10000,{WHEN}', LineFault.FIELDS),  # not read as A1
        (f"A 1,10000,{WHEN}", LineFault.AUTHORITY),
        (f",10000,{WHEN}", LineFault.AUTHORITY),
        (f"A1,10000.5,{WHEN}", LineFault.AMOUNT),
        (f"A1,1e4,{WHEN}", LineFault.AMOUNT),
        (f"A1,-5,{WHEN}", LineFault.AMOUNT),
        (f"A1,0,{WHEN}", LineFault.AMOUNT),
        (f"A1,۱۰۰۰۰,{WHEN}", LineFault.AMOUNT),
        (f"A1,{RIALS_MAX + 1},{WHEN}", LineFault.AMOUNT),
        ("A1,10000,yesterday", LineFault.TIME),
        ("A1,10000,2026-09-21T13:30:00", LineFault.TIME),  # whose noon?
        (f"A0,10000,{WHEN}", LineFault.REPEATED),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_others_count(line: str, fault: LineFault) -> None:
    """P3: nothing of a statement is dropped in silence."""
    found, bad = decode_statement(f"{HEAD}\nA0,10000,{WHEN}\n{line}\nA2,20000,{WHEN}\n")
    assert [row.authority for row in found] == ["A0", "A2"]
    assert [(one.number, one.fault) for one in bad] == [(3, fault)]


@pytest.mark.parametrize("amount", [1, RIALS_MAX])
def test_the_smallest_and_the_largest_amount_are_read(amount: int) -> None:
    assert decode_statement(f"{HEAD}\nA1,{amount},{WHEN}") == ([StatementRow("A1", amount, WHEN_MS)], [])


@pytest.mark.parametrize("first", ["", "authority,amount_rials", '"authority,amount_rials,paid_at', "A1,10000," + WHEN])
def test_a_statement_under_another_header_is_refused_whole(first: str) -> None:
    """Columns in another order would be money read from the wrong one."""
    with pytest.raises(BadStatement):
        decode_statement(f"{first}\nA1,10000,{WHEN}")


def test_empty_lines_are_no_bad_lines() -> None:
    """Spreadsheets end their files with them."""
    found, bad = decode_statement(f"{HEAD}\r\nA1,10000,{WHEN}\r\n\r\n  \r\nA2,10000,{WHEN}\r\n")
    assert ([row.authority for row in found], bad) == (["A1", "A2"], [])
