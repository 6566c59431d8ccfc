"""The checkers of the promises: each finds what it is for, and nothing else."""

from dataclasses import replace

import pytest

from backend.core.ledger import COPIED, SUSPENSE, TransferKind, rider_account
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from simulators.checkers import Findings, JournalTap, Posting, ShownTicket, compare, ledger_sum

A, B = (Presentation(bytes([n]) * 8, 1_000, 1) for n in (1, 2))
RIDER_A, RIDER_B, OPERATOR = rider_account(A.credential_id), rider_account(B.credential_id), "operator:bus"
TAPS = [
    JournalTap(("d", 1, 3), Verdict.ACCEPTED, 100, A),
    JournalTap(("d", 1, 4), Verdict.ACCEPTED, 100, B),
    JournalTap(("d", 1, 5), Verdict.COPIED, 0, A),
]
POSTINGS = [
    Posting(TransferKind.FARE, RIDER_A, OPERATOR, 100, ("d", 1, 3)),
    Posting(TransferKind.FARE, RIDER_B, OPERATOR, 100, ("d", 1, 4)),
    Posting(TransferKind.TOPUP, "provider:clearing", RIDER_A, 500, None),
]
BALANCES = [(RIDER_A, 400), (RIDER_B, -100), (OPERATOR, 200), ("provider:clearing", -500)]
BEGINS = {("d", 1): 1}
ELSEWHERE = JournalTap(("e", 7, 9), Verdict.ACCEPTED, 100, A)  # the presentation of tap 3 on another bus


def found(taps: list[JournalTap] = TAPS, postings: list[Posting] = POSTINGS, begins: dict = BEGINS) -> Findings:
    return compare(taps, postings, BALANCES, begins)


def test_a_clean_run_is_clean() -> None:
    clean = found()
    assert (clean.accepted, clean.posted, clean.ledger_sum) == (2, 2, 0)
    assert (clean.lost, clean.doubled, clean.overcharged) == ((), (), ())
    assert clean.refused == {"copied": 1}


def test_a_boarding_without_posting_is_lost() -> None:
    """P2, P6."""
    assert found(postings=POSTINGS[1:]).lost == ("tap 3 of d (journal 1) was accepted and is not posted",)


def test_a_boarding_free_for_the_rider_is_posted_by_the_citys_part() -> None:
    free = JournalTap(("d", 1, 9), Verdict.ACCEPTED_CONCESSION, 0, A)
    city = Posting(TransferKind.SUBSIDY, "city:class:4", OPERATOR, 100, free.tap)
    assert found([free], [city]).posted == 1
    assert found([free], []).lost
    assert found([replace(free, fare_rials=50)], [city]).lost  # the rider's half is missing


@pytest.mark.parametrize("kind", [TransferKind.FARE, TransferKind.SUBSIDY])
def test_a_tap_posted_twice_is_doubled(kind: TransferKind) -> None:
    """P6."""
    twice = [replace(POSTINGS[0], kind=kind)] * 2
    assert len(found(postings=[*POSTINGS[1:], *twice]).doubled) == 1


def test_a_posting_that_no_journal_accepted_is_doubled_unless_its_record_was_pruned() -> None:
    refused = replace(POSTINGS[0], tap=("d", 1, 5), debit=COPIED)
    assert found(postings=[*POSTINGS, refused]).doubled == (
        "tap 5 of d (journal 1) is posted, but its journal did not accept it",
    )
    assert found(postings=[*POSTINGS, replace(refused, tap=("d", 1, 99))]).doubled  # a journal that was rolled back
    pruned = replace(refused, tap=("d", 1, 2))
    assert found(postings=[*POSTINGS, pruned], begins={("d", 1): 3}).doubled == ()
    another_journal = replace(refused, tap=("d", 2, 5))
    assert found(postings=[*POSTINGS, another_journal]).doubled == ()


@pytest.mark.parametrize(
    ("kind", "debit", "times"),
    [
        (TransferKind.FARE, RIDER_A, 1),
        (TransferKind.SUBSIDY, "city:class:2", 1),
        (TransferKind.FARE, COPIED, 0),
        (TransferKind.FARE, SUSPENSE, 0),
    ],
)
def test_a_presentation_charged_for_two_boardings_is_doubled(kind: TransferKind, debit: str, times: int) -> None:
    """P10: two buses may accept one presentation; its rider, and the city, pay for one boarding."""
    made = [*POSTINGS, Posting(TransferKind.FARE, COPIED, OPERATOR, 100, ELSEWHERE.tap)]
    made[-1 if kind is TransferKind.FARE else len(made) :] = [Posting(kind, debit, OPERATOR, 100, ELSEWHERE.tap)]
    assert len(found([*TAPS, ELSEWHERE], made, {**BEGINS, ("e", 7): 1}).doubled) == times


@pytest.mark.parametrize(
    ("taps", "postings"),
    [
        (TAPS, [replace(POSTINGS[0], rials=101), *POSTINGS[1:]]),
        (TAPS, [replace(POSTINGS[0], debit=RIDER_B), *POSTINGS[1:]]),
        ([replace(TAPS[0], shown=None), *TAPS[1:]], POSTINGS),
    ],
    ids=["more than shown", "another rider", "no proof"],
)
def test_more_than_shown_or_without_the_riders_proof_is_overcharged(
    taps: list[JournalTap], postings: list[Posting]
) -> None:
    """P20."""
    assert len(found(taps, postings).overcharged) == 1


def paper(number: int, rides: int | None = 1, day: int | None = None) -> JournalTap:
    """A ride by one and the same ticket."""
    return JournalTap(
        ("d", 1, 10 + number), Verdict.ACCEPTED, 100, None, ShownTicket(b"ticket-1", "singles", rides, day)
    )


def paid(one: JournalTap, payer: str = "tickets:singles", rials: int = 100) -> Posting:
    kind = TransferKind.SUBSIDY if payer.startswith("city:") else TransferKind.FARE
    return Posting(kind, payer, OPERATOR, rials, one.tap)


@pytest.mark.parametrize("payer", ["tickets:singles", "city:class:3"])
@pytest.mark.parametrize(("rides", "day", "copies"), [(1, None, 1), (2, 20_000, 0), (2, 20_000, 1), (None, None, 0)])
def test_a_ticket_that_pays_more_rides_than_it_was_sold_for_is_doubled(
    payer: str, rides: int | None, day: int | None, copies: int
) -> None:
    """P6: its copies are paid by `copied`; another day's rides are others."""
    taps = [replace(paper(n, rides, day), fare_rials=0 if payer.startswith("city") else 100) for n in range(2 + copies)]
    posted = [paid(one, payer) for one in taps]
    assert len(found(taps, posted).doubled) == (rides is not None and len(taps) > rides)
    by_copied = [*posted[: rides or 9], *(paid(one, COPIED) for one in taps[rides or 9 :])]
    assert found(taps, by_copied).doubled == ()
    tomorrow = [replace(one, ticket=replace(one.ticket, day=one.tap[2])) for one in taps]
    assert found(tomorrow, posted).doubled == ()


def test_a_tickets_issue_pays_for_its_own_tickets_and_what_was_shown() -> None:
    """P20."""
    one = paper(1)
    assert found([one], [paid(one)]).overcharged == found([one], [paid(one)]).lost == ()
    assert len(found([one], [paid(one, rials=101)]).overcharged) == 1
    assert len(found([one], [paid(one, "tickets:others")]).overcharged) == 1
    assert len(found([one], [paid(one, RIDER_A)]).overcharged) == 1
    assert len(found([TAPS[0]], [paid(TAPS[0])]).overcharged) == 1  # a pass is no ticket


def test_less_than_shown_and_an_unproven_boarding_in_suspense_are_in_order() -> None:
    """P16, P20: posted may be less than told; without a proof nobody's wallet pays."""
    assert found(postings=[replace(POSTINGS[0], rials=99), *POSTINGS[1:]]).overcharged == ()
    unproven = [replace(TAPS[0], shown=None), *TAPS[1:]]
    assert found(unproven, [replace(POSTINGS[0], debit=SUSPENSE), *POSTINGS[1:]]).overcharged == ()


@pytest.mark.parametrize(
    "balances",
    [
        [(RIDER_A, 401), (RIDER_B, -100), (OPERATOR, 200), ("provider:clearing", -501)],  # adds up to other transfers
        BALANCES[:-1],
        [*BALANCES, ("ghost", 1)],
    ],
)
def test_a_ledger_that_does_not_add_up_is_found(balances: list[tuple[str, int]]) -> None:
    """P8."""
    assert ledger_sum(POSTINGS, BALANCES) == 0
    assert ledger_sum(POSTINGS, balances) != 0
