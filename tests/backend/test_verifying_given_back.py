"""What taps say was given back, held against what two people approved: each way in which it may not come to it."""

from dataclasses import replace

import pytest

from backend.core.ledger.verifying import Findings
from backend.core.verifying.given_back import GivenBack, check_refunds
from protocol.localtime import service_day
from tests.backend.bus import NOON_MS

DAY = service_day(NOON_MS)
APPROVED = {"d-1": (100, False), "d-2": (50, False), "d-3": (30, True)}
FIRST = GivenBack(
    ("d", 1, 1), NOON_MS, named=True, boarding=b"b", extends=False, annulled=False, rials=100, by_house=False,
    back_rials=0, back_by_house=False, dispute="d-1", answered_rials=100, answered_by_house=False,
)  # fmt: skip
LATER = replace(FIRST, tap=("d", 1, 2), rials=150, back_rials=150, dispute="d-2", answered_rials=50)
HELD_COPY = replace(FIRST, named=False, dispute="", answered_rials=0)
COMPANIONS = replace(FIRST, tap=("d", 1, 3), extends=True, back_rials=100)


def told(*of_rider: GivenBack, remembered_from: int = 0) -> list[str]:
    """The taps that are told."""
    findings = Findings()
    check_refunds(findings, of_rider, APPROVED, remembered_from)
    return [it.where for it in findings.kept]


@pytest.mark.parametrize(
    "of_rider",
    [
        [FIRST, LATER],
        [replace(FIRST, back_rials=100)],
        [FIRST, replace(FIRST, tap=("d", 1, 2), rials=0, back_rials=100, dispute="", answered_rials=0)],
        [replace(FIRST, annulled=True, boarding=b"c"), LATER],
        [FIRST, replace(LATER, annulled=True, boarding=b"c", back_rials=0)],
        [COMPANIONS],
    ],
)  # fmt: skip
def test_what_people_said_is_sound(of_rider: list[GivenBack]) -> None:
    """Of a tap, behind what its boarding had back before; also where one of both was taken back since."""
    assert told(*of_rider) == []


@pytest.mark.parametrize(
    "of_rider",
    [
        [FIRST, replace(LATER, rials=151, back_rials=151)],
        [replace(FIRST, boarding=b"c"), LATER],
        [replace(FIRST, dispute="d-4"), LATER],
        [LATER],
        [replace(FIRST, rials=0, dispute="d-4"), LATER],
        [replace(LATER, rials=49, back_rials=49)],
        [FIRST, replace(LATER, back_rials=149)],
        [FIRST, replace(LATER, back_by_house=True)],
        [FIRST, replace(LATER, rials=0, dispute="", answered_rials=0, boarding=b"c", back_rials=100)],
        [replace(LATER, rials=80, by_house=True, back_rials=80, back_by_house=True, dispute="d-3", answered_rials=30,
                 answered_by_house=True), replace(FIRST, annulled=True)],
        [FIRST, replace(COMPANIONS, rials=0, dispute="", answered_rials=0)],
        [replace(COMPANIONS, back_rials=0), replace(FIRST, tap=("d", 1, 4), rials=0, back_rials=100, dispute="",
                                                    answered_rials=0)],
    ],
)  # fmt: skip
def test_what_nobody_said_is_told(of_rider: list[GivenBack]) -> None:
    """Too much, another boarding's, a dispute of nobody's word, too little, by another who bears it, of others' tap."""
    assert told(*of_rider)


def test_of_forgotten_days_is_told_what_can_still_be_known() -> None:
    """A copy without its rider has no dispute any more; a tap that waits has its own, and no others of its boarding."""
    assert told(HELD_COPY) == ["tap d/1/1"]
    assert told(HELD_COPY, remembered_from=DAY - 1) == ["tap d/1/1"]
    for remembered_from in (DAY, DAY + 1):
        assert told(HELD_COPY, remembered_from=remembered_from) == []
        assert told(LATER, remembered_from=remembered_from) == []
        assert told(replace(HELD_COPY, named=True, rials=0, back_rials=9), remembered_from=remembered_from) == []
        assert told(replace(LATER, dispute="d-4"), remembered_from=remembered_from) == ["tap d/1/2"]
        assert told(replace(LATER, dispute="", answered_rials=0), remembered_from=remembered_from) == ["tap d/1/2"]
