"""An agent takes cash and credits a rider's wallet: what that posts, and under which bounds. Pure.

Rules:
- the money is at the agent's: `agent:NAME` owes it to the house, and the rider has it at once. What is brought to the
  bank is posted by two people, from `agent:NAME` to `bank`;
- it pays what the rider owes first, the rest is his wallet's, as a top-up by a provider does;
- an agent owes AGENT_OWES_MAX_RIALS at most: so much a stolen token can make, and no more until two people have posted
  that cash was brought;
- each has an idempotency key of the agent's own, and its id is made of both: the same request posts nothing twice (P6),
  however late it comes again. Without a key there is none, for who takes cash asks again when the line breaks;
- nothing goes back this way: a slip is put right by two people, by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from backend.core.errors import Refused
from backend.core.ledger import Transfer, TransferKind, agent_account, debt_account, rider_account
from backend.core.limits import AGENT_OWES_MAX_RIALS, TOPUP_MAX_RIALS, TOPUP_MIN_RIALS
from backend.core.staff.errors import Unfit


@dataclass(frozen=True, slots=True)
class CashTopUp:
    """One of them. `id`: 32 hex digits. `debt_rials`: what of `rials` has paid the rider's debt."""

    id: str
    agent: str
    credential_id: bytes
    rials: int
    at_ms: int
    debt_rials: int = 0

    def transfers(self) -> Sequence[Transfer]:
        """What it posts."""
        parts = (
            ("debt", debt_account(self.credential_id), self.debt_rials),
            ("wallet", rider_account(self.credential_id), self.rials - self.debt_rials),
        )
        return [
            Transfer(
                sha256(f"cash-topup|{what}|{self.id}".encode()).digest(), TransferKind.CASH, agent_account(self.agent),
                account, rials,
            )
            for what, account, rials in parts
            if rials
        ]  # fmt: skip


def id_of(agent: str, key: str) -> str:
    """What an agent's request under a key is called. Raises Unfit without a key."""
    if not key:
        raise Unfit("a top-up for cash has a key", fix="send an Idempotency-Key, and the same one again if unsure")
    return sha256(f"cash-topup|{agent}|{key}".encode()).digest()[:16].hex()


def debt_part(rials: int, *, agent_owes: int, rider_owes: int) -> int:
    """How much of it pays what the rider owes. Raises Unfit, Refused."""
    if not TOPUP_MIN_RIALS <= rials <= TOPUP_MAX_RIALS:
        raise Unfit("no top-up is of that amount", fix=f"{TOPUP_MIN_RIALS} to {TOPUP_MAX_RIALS} rials", rials=rials)
    if agent_owes + rials > AGENT_OWES_MAX_RIALS:
        raise Refused(
            "this agent would owe too much", fix="bring cash to the bank; two people post it", owes_rials=agent_owes,
            most_rials=AGENT_OWES_MAX_RIALS, rider_fa="این باجه اکنون شارژ نمی‌کند",
            rider_en="This agent tops up no more just now",
        )  # fmt: skip
    return min(max(rider_owes, 0), rials)
