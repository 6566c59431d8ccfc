"""A guardian tops his ward up from his own wallet: what that posts, and under which bounds. Pure.

Rules:
- it pays what the ward owes first, the rest is the ward's wallet's, as a top-up by a provider does;
- it comes from what the guardian may spend: not from what is pending, and not while he owes anything;
- the ward's wallet then holds WARD_WALLET_MAX_RIALS at most: a bank may take back months later what the guardian had
  paid in, and that becomes his debt while the ward keeps the money. So what wards can be given so is bounded;
- each is made of its own id, so the same request posts nothing twice (P6), however late it comes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from backend.core.errors import Refused
from backend.core.ledger import Transfer, TransferKind, debt_account, rider_account
from backend.core.limits import WARD_WALLET_MAX_RIALS


@dataclass(frozen=True, slots=True)
class Given:
    """One such top-up. `id`: 32 hex digits. `debt_rials`: what of `rials` has paid the ward's debt."""

    id: str
    guardian: bytes
    ward: bytes
    rials: int
    at_ms: int
    debt_rials: int = 0

    def transfers(self) -> Sequence[Transfer]:
        """What it posts."""
        wallet = rider_account(self.guardian)
        parts = (
            ("debt", debt_account(self.ward), self.debt_rials),
            ("wallet", rider_account(self.ward), self.rials - self.debt_rials),
        )
        return [
            Transfer(
                sha256(f"ward-topup|{what}|{self.id}".encode()).digest(), TransferKind.WARD, wallet, account, rials
            )
            for what, account, rials in parts
            if rials
        ]


@dataclass(frozen=True, slots=True)
class Wallets:
    """How both stand when it is given, in rials: what the guardian may spend and owes, what the ward has and owes."""

    guardian_free: int
    guardian_owes: int
    ward_has: int
    ward_owes: int


def debt_part(rials: int, stands: Wallets) -> int:
    """How much of it pays what the ward owes. Raises Refused, with why."""
    if stands.guardian_owes > 0:
        raise Refused(
            "the guardian owes something", fix="pay it by a top-up first", rider_fa="نخست بدهی خود را بپردازید",
            rider_en="Pay what you owe first",
        )  # fmt: skip
    if stands.guardian_free < rials:
        raise Refused(
            "the wallet holds less than that", fix="top it up first, or give less", rider_fa="موجودی کیف پول کافی نیست",
            rider_en="Your wallet holds less than that", free_rials=max(stands.guardian_free, 0),
        )  # fmt: skip
    debt_rials = min(max(stands.ward_owes, 0), rials)
    if stands.ward_has + rials - debt_rials > WARD_WALLET_MAX_RIALS:
        raise Refused(
            "the ward's wallet would hold too much", fix="give less; by a provider there is no such bound",
            rider_fa="کیف پول این فرد بیش از اندازه پر می‌شود", rider_en="That wallet would hold too much",
            most_rials=WARD_WALLET_MAX_RIALS,
        )  # fmt: skip
    return debt_rials
