"""The checkers of the promises: each finds what it is for, and nothing else."""

from dataclasses import replace

import pytest

from protocol.fares.verdicts import Verdict
from simulators.checkers import JournalTap, Posting, compare, ledger_sum

TAPS = [JournalTap(("d", 1, n), Verdict.ACCEPTED, 100) for n in (3, 4)]
TAPS.append(JournalTap(("d", 1, 5), Verdict.COPIED, 0))
POSTINGS = [Posting("fare", "rider:a", "operator:b", 100, tap.tap) for tap in TAPS[:2]]
POSTINGS.append(Posting("topup", "provider:clearing", "rider:a", 500, None))
BALANCES = [("rider:a", 300), ("operator:b", 200), ("provider:clearing", -500)]
CHARGES = [(b"a", 1, 1), (b"a", 2, 2)]


def test_a_clean_run_is_clean() -> None:
    found = compare(TAPS, POSTINGS, BALANCES, CHARGES)
    assert (found.accepted, found.posted, found.lost, found.doubled, found.ledger_sum) == (2, 2, (), (), 0)
    assert found.refused == {"copied": 1}
    assert found.overcharged == ()


def test_a_boarding_without_posting_is_lost() -> None:
    found = compare(TAPS, POSTINGS[1:], BALANCES, CHARGES)
    assert found.lost == (("d", 1, 3),)


def test_a_free_boarding_is_posted_by_the_citys_part() -> None:
    free = JournalTap(("d", 1, 9), Verdict.ACCEPTED_CONCESSION, 0)
    city = Posting("subsidy", "city:class:4", "operator:b", 100, free.tap)
    assert compare([free], [city], [], []).lost == ()
    assert compare([free], [], [], []).lost == (free.tap,)


@pytest.mark.parametrize(
    ("postings", "charges"),
    [
        ([*POSTINGS, POSTINGS[0]], CHARGES),
        ([*POSTINGS, replace(POSTINGS[0], tap=("d", 1, 5))], CHARGES),  # the journal refused that one
        (POSTINGS, [*CHARGES, CHARGES[0]]),
    ],
)
def test_twice_is_doubled(postings: list[Posting], charges: list[tuple[bytes, int, int]]) -> None:
    assert len(compare(TAPS, postings, BALANCES, charges).doubled) == 1


def test_more_than_shown_is_overcharged() -> None:
    """P20."""
    dear = [replace(POSTINGS[0], rials=101), *POSTINGS[1:]]
    assert compare(TAPS, dear, BALANCES, CHARGES).overcharged == (("d", 1, 3),)


@pytest.mark.parametrize(
    "balances",
    [
        [("rider:a", 301), ("operator:b", 200), ("provider:clearing", -501)],  # adds up, but to other transfers
        [("rider:a", 300), ("operator:b", 200)],
        [("rider:a", 300), ("operator:b", 200), ("provider:clearing", -500), ("ghost", 1)],
    ],
)
def test_a_ledger_that_does_not_add_up_is_found(balances: list[tuple[str, int]]) -> None:
    """P8."""
    assert ledger_sum(POSTINGS, BALANCES) == 0
    assert ledger_sum(POSTINGS, balances) != 0
