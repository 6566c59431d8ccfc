"""Approved proposals held against the log of the staff. Pure.

Rules:
- V11: of each approved proposal the log tells that its proposer proposed it and that somebody else, whom the proposal
  names, approved it, both with the digest of what stands there; and the log's chain holds, up to hashes that an auditor
  kept. So who can write proposals has to write the log anew from there on, too, and a kept hash tells that he did.

Entries of before November 2026 name no digest: behind the first one that does, none without counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backend.core.ledger.verifying import Broken, Findings
from backend.core.staff.log import Broken as BrokenLog
from backend.core.staff.log import Outcome, worded
from backend.core.staff.two_people import DECIDE, PROPOSE, Proposal


class Word(NamedTuple):
    """What the log has about a proposal, in one entry."""

    number: int
    person: str
    action: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Approval:
    """An approved proposal, and all that the log tells of it."""

    it: Proposal
    words: Sequence[Word]


def check_log(findings: Findings, broken: BrokenLog | None) -> None:
    """Whether the log itself holds."""
    if broken is not None:
        findings.add(Broken.LOG, f"staff log, entry {broken.number}", "a chain without a gap", broken.why)


def check_approval(findings: Findings, approval: Approval, digests_from: int | None) -> None:
    """V11. `digests_from`: the first entry of the log that names a digest; None where none does."""
    it = approval.it
    for action, who, outcome in (
        (PROPOSE[it.kind].value, it.proposer, Outcome.PROPOSED),
        (DECIDE[it.kind].value, it.decided_by, Outcome.APPROVED),
    ):
        fits = {outcome.value, worded(outcome, it.digest)}
        if not any(
            (word.action, word.person) == (action, who) and word.outcome in fits
            and (word.outcome != outcome.value or digests_from is None or word.number < digests_from)
            for word in approval.words
        ):  # fmt: skip
            told = [f"{word.person} {word.outcome}" for word in approval.words if word.action == action]
            findings.add(
                Broken.APPROVAL, f"proposal {it.id}", f"the log to tell: {who} {worded(outcome, it.digest)}",
                ", ".join(told) or "nothing of it there",
            )  # fmt: skip
