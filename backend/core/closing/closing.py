"""A closed account: when, until when its money waits for late taps, and what is owed then. Pure.

Rules:
- it is closed by its rider, and not while anything is open: debt, a wallet below zero, what is pending on it, a top-up
  of which nobody knows yet whether it is paid, a dispute without an answer;
- its credential ends with that (`moving`), and no phone gets the next version. What was ridden before is the rider's,
  whenever a bus brings it; what is shown later is nobody's;
- so what the wallet holds stays there for CLOSING_HOLD_DAYS, and late taps come off it as ever. From then on whatever
  is there, also what comes later still, goes to `closed:CREDENTIAL`, each time once: finance owes it to him, and two
  people post it when they have paid him;
- nothing goes back by a payment provider: these take a payment back within half an hour, while taps of that hour may be
  on buses for months.
"""

from dataclasses import dataclass
from hashlib import sha256

from backend.core.ledger import Transfer, TransferKind, closed_account, rider_account
from backend.core.limits import CLOSING_HOLD_DAYS
from protocol.limits import DAY_S


@dataclass(frozen=True, slots=True)
class Closing:
    """One closed account. Times in Unix milliseconds. `parts`: how often something was left for its rider."""

    credential_id: bytes
    closed_ms: int
    due_ms: int
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of it: in the wallet, and owed to its rider already, in rials."""

    closing: Closing
    wallet_rials: int
    owed_rials: int


def close(credential_id: bytes, now_ms: int) -> Closing:
    """Closed now."""
    return Closing(credential_id, now_ms, now_ms + CLOSING_HOLD_DAYS * DAY_S * 1000)


def left_over(it: Closing, rials: int) -> Transfer:
    """What the wallet holds when its time is over, owed to its rider; `rials` above 0."""
    number = it.parts + 1
    key = sha256(f"closing|{it.credential_id.hex()}|{number}".encode()).digest()
    return Transfer(
        key, TransferKind.CLOSING, rider_account(it.credential_id), closed_account(it.credential_id), rials
    )  # fmt: skip
