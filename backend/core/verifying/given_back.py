"""What goes back of a fare, and what becomes of held money, held against what two people approved. Pure.

Rules, V9 of `backend.core.verifying.sources`:
- what goes back of a tap is what people said of a tap of its boarding; of companions who came later, of their own;
- what they said of a tap is the answer of its dispute, as two people approved it, behind at most what such answers gave
  back of other taps of its boarding, by the same who bears it (`disputes.refunds`). Where one of them was taken back
  later, they are of one boarding no more: it counts all the same;
- what was held of a tap and is paid or written off is what two people said of that tap. Of what is paid, only boardings
  without a proof tell: of all others ledgers of before have paid without asking, and nobody can say any more which.

Disputes and taps of forgotten days are gone, some taps of those days are not: of these nobody can say any more what
others of their boardings had back, and of such as have no name not even what they had.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.core.holding import Hold
from backend.core.ledger import TapId
from backend.core.ledger.verifying import Broken, Findings
from backend.core.reconciliation.taps import place
from protocol.localtime import service_day


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a tap says was given back of its fare, and its dispute; empty and 0 where it has none with that answer.

    `rials`: what people said of it, with what its boarding had back before; `back_rials`: what goes back of it.
    """

    tap: TapId
    wall_ms: int
    named: bool  # or its rider is forgotten
    boarding: bytes
    extends: bool
    annulled: bool
    rials: int
    by_house: bool
    back_rials: int
    back_by_house: bool
    dispute: str
    answered_rials: int
    answered_by_house: bool


class _Approved:
    """Of one rider's taps: rials of approved answers, by who bears them, and by boarding."""

    def __init__(self, of_rider: Sequence[GivenBack], approved: Mapping[str, tuple[int, bool]]) -> None:
        self._all: Counter[bool] = Counter()
        self._taken_back: Counter[bool] = Counter()
        self._standing: Counter[tuple[bytes, bool]] = Counter()
        for it in of_rider:
            if approved.get(it.dispute) == (it.answered_rials, it.answered_by_house):
                self._all[it.answered_by_house] += it.answered_rials
                if it.annulled:
                    self._taken_back[it.answered_by_house] += it.answered_rials
                else:
                    self._standing[it.boarding, it.answered_by_house] += it.answered_rials

    def most(self, it: GivenBack) -> int:
        """What a tap can have back by all of them, its own one, too."""
        if it.annulled:
            return self._all[it.by_house]
        return self._standing[it.boarding, it.by_house] + self._taken_back[it.by_house]


def check_refunds(
    findings: Findings, of_rider: Sequence[GivenBack], approved: Mapping[str, tuple[int, bool]], remembered_from: int
) -> None:
    """One rider's. `approved`: by dispute, what two people let go back, and whether the house bears it.

    `remembered_from`: the first service day that is not forgotten; a boarding of that day may have begun before it.
    """
    firsts = {(it.boarding, it.rials, it.by_house) for it in of_rider if not it.extends}
    answers = _Approved(of_rider, approved)
    for it in of_rider:
        known = not remembered_from or service_day(it.wall_ms) > remembered_from
        back = it.back_rials, it.back_by_house
        if it.back_rials and known and not (
            (it.rials, it.by_house) == back if it.extends else (it.boarding, *back) in firsts
        ):  # fmt: skip
            must = f"people to have given back {it.back_rials} rials of its boarding"
            findings.add(Broken.SOURCE, _tap(it), must, "nobody gave that back")
        if it.rials and (known or it.named):
            _check_answer(findings, it, approved, answers.most(it) if known else None)


def _check_answer(
    findings: Findings, it: GivenBack, approved: Mapping[str, tuple[int, bool]], most: int | None
) -> None:  # fmt: skip
    """One that people gave something back of. `most`: by approved answers of its boarding; None: some are forgotten."""
    must = f"an answered dispute of {it.rials} rials"
    answered = f"an answer of {it.answered_rials} rials"
    said = it.answered_rials, it.by_house
    if not it.dispute:
        findings.add(Broken.SOURCE, _tap(it), must, "no dispute that has its answer")
    elif it.answered_by_house is not it.by_house or it.answered_rials > it.rials:
        findings.add(Broken.SOURCE, _tap(it), must, answered)
    elif (much := approved.get(it.dispute)) != said:
        findings.add(
            Broken.SOURCE, _tap(it), f"{it.answered_rials} rials that two people approved for dispute {it.dispute}",
            "nobody approved" if much is None else f"approved: {much[0]} rials",
        )  # fmt: skip
    elif most is not None and it.rials > most:
        findings.add(Broken.SOURCE, _tap(it), must, f"{answered}, and {most - it.answered_rials} of other taps")


def check_resolved(findings: Findings, tap: TapId, hold: Hold, approved: Mapping[TapId, Hold]) -> None:
    """V9. `approved`: what two people said becomes of the held money of taps."""
    said = approved.get(tap, Hold.HELD)
    if said is not hold:
        must = f"two people to have said that it is {hold.name.lower().replace('_', ' ')}"
        findings.add(Broken.SOURCE, f"tap {place(tap)}", must, f"{said.name.lower().replace('_', ' ')}, as approved")


def _tap(it: GivenBack) -> str:
    return f"tap {place(it.tap)}"
