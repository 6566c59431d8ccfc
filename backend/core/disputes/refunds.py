"""What two people give back of a disputed fare. Pure.

Rules:
- what is decided is a fact of the tap (`Claim.refunded_rials`), and what is posted follows from it as everything does
  (`repeats`, `holding`): the difference to what stood before. So it is given back once, never beyond what the tap costs
  its rider, and a correction that comes later takes back what was given too much;
- where the fare was wrong, who was paid for the ride bears it, wherever that money is by now: with the owner, or held;
  the city has its part of a concession back in proportion, rounded down. The entries are of the ride's day, so a
  settled day is adjusted by the next statement (docs/SETTLEMENT.md);
- where it was right and the house gives it back all the same, `refunds` pays in the rider's place, and nobody loses.
"""

from backend.core.errors import Refused
from backend.core.holding import posted_again
from backend.core.ledger import Transfer, TransferKind
from backend.core.repeats import Claim


def left_rials(claim: Claim) -> int:
    """What a tap costs its rider by now."""
    return claim.rials - claim.given_back_rials


def given_back(claim: Claim, rials: int, *, by_house: bool) -> tuple[Claim, list[Transfer]]:
    """A charged claim with so much more of it given back → it, and what is posted. Raises Refused."""
    left = left_rials(claim)
    if not 0 < rials <= left:
        raise Refused(
            "more than the tap costs its rider by now", fix="read the dispute again, and propose at most what is left",
            left_rials=left,
        )  # fmt: skip
    before = claim.given_back_rials
    if before and by_house is not claim.back_by_house:
        raise Refused(
            "of this boarding something was given back before, and others bear it",
            fix="let the same bear this, or let two people post the difference by hand", given_rials=before,
        )  # fmt: skip
    total = before + rials
    after = claim._replace(
        refunded_rials=total, refunded_by_house=by_house, back_rials=total, back_by_house=by_house
    )  # fmt: skip
    transfers, revision = posted_again(claim, after, of_fare=TransferKind.REFUND)
    return after._replace(revision=revision), transfers
