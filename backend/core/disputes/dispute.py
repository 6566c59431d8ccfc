"""A dispute: a case of one rider about one charged tap of his, with its amount, owner and due time. Pure.

state             what comes                                   becomes
open              two people give back all that is charged     refunded
open              two people give back a part of it            partly-refunded
open              one of finance refuses it, with a reason     refused
any other         anything                                     stays, for ever

Rules:
- a rider disputes what he is charged for: a tap of his own that costs him something by now, and each once;
- it is finance's, and due after DISPUTE_DUE_MS; who is late is told so, and the dispute stays open;
- what is charged may be corrected meanwhile by what buses bring: an answer counts by what stands when it is given;
- the rider reads state, reason and answer. Staff read the tap and his words, and not whose wallet it is (P18).
"""

from dataclasses import dataclass
from enum import Enum

from backend.core.ledger import TapId
from backend.core.limits import DISPUTE_DUE_MS
from backend.core.staff.two_people import require_words

OWNER = "finance"


class Reason(Enum):
    """What the rider says is wrong; the words stand in the ledger."""

    NOT_MINE = "not-mine"  # he did not ride
    TWICE = "twice"  # he rode once and is charged again
    TOO_MUCH = "too-much"  # class, cap, transfer or distance
    NOT_CARRIED = "not-carried"  # the bus did not take him, or broke down
    OTHER = "other"  # as his words say


class State(Enum):
    """How it stands; the words stand in the ledger."""

    OPEN = "open"
    REFUNDED = "refunded"
    PARTLY = "partly-refunded"
    REFUSED = "refused"


class Why(Enum):
    """Why nothing is given back; the words stand in the ledger."""

    PROVEN = "proven"  # the phone's own signature stands behind the ride
    FARE_RIGHT = "fare-right"
    CORRECTED = "corrected"  # what came later has given it back already
    NOTHING_FOUND = "nothing-found"


@dataclass(frozen=True, slots=True)
class Dispute:
    """`id`: 32 hex digits. `charged_rials`: what the tap cost when it was opened. Times in Unix milliseconds.

    `given_rials`, borne by the house or by who was paid for the ride; `why` of a refusal; `answer`: in finance's words.
    """

    id: str
    credential_id: bytes
    tap: TapId
    wall_ms: int
    reason: Reason
    words: str
    charged_rials: int
    opened_ms: int
    due_ms: int
    state: State = State.OPEN
    given_rials: int = 0
    by_house: bool = False
    why: Why | None = None
    answer: str = ""
    answered_ms: int | None = None

    def is_overdue(self, now_ms: int) -> bool:
        """Whether it should have been answered."""
        return self.state is State.OPEN and now_ms >= self.due_ms


def begin(
    dispute_id: str, credential_id: bytes, tap: TapId, *, wall_ms: int, reason: Reason, words: str, charged_rials: int,
    now_ms: int,
) -> Dispute:  # fmt: skip
    """A new one. Raises Unfit for a card number in the words."""
    require_words("words", words)
    due_ms = now_ms + DISPUTE_DUE_MS
    return Dispute(dispute_id, credential_id, tap, wall_ms, reason, words, charged_rials, now_ms, due_ms)
