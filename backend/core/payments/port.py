"""What a payment provider is asked, and what it may say. An adapter fills it for each kind of provider.

Rules:
- only `verify` says PAID, and it is asked with the amount of our own store;
- what is no clear answer (a time-out, a 5xx, an odd shape, a code that says nothing of this payment) is raised as
  ProviderUnknown, and never taken for a no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from backend.core.payments.topup import TopUp


class Says(Enum):
    """What a provider says of one payment."""

    WAITING = "waiting"  # the rider is at the bank, or has not begun
    HELD = "held"  # the rider has paid; whether it is ours, `verify` says
    PAID = "paid"  # verified, now or before, with our amount
    NOT_PAID = "not-paid"  # tried and failed, or given up
    OTHER_AMOUNT = "other-amount"  # paid, and not what our store says
    REVERSED = "reversed"  # the money went back to the rider
    TOO_LATE = "too-late"  # it can no longer be verified; whether it was before, it does not say
    STRANGER = "stranger"  # no payment of ours
    KEPT = "kept"  # asked to give it back, it refuses


@dataclass(frozen=True, slots=True)
class Payment:
    """What a provider has to know to find a payment. `receipt` '' where it is not known."""

    topup_id: str
    authority: str
    rials: int
    receipt: str = ""


def payment_of(topup: TopUp) -> Payment:
    """What its provider has to know of a top-up."""
    return Payment(topup.id, topup.authority, topup.rials, topup.receipt)


@dataclass(frozen=True, slots=True)
class Found:
    """What an inquiry finds: how the payment stands, and the receipt of the money, '' if there is none."""

    says: Says
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A payment that the provider holds and nobody has verified."""

    authority: str
    rials: int


class PaymentProvider(Protocol):
    """One provider. Every call may raise ProviderUnknown; only `request` raises ProviderRefused."""

    def request(self, *, topup_id: str, rials: int, callback_url: str, description: str) -> str:
        """Ask for a payment → the provider's authority. Raises ProviderRefused."""
        ...

    def pay_url(self, authority: str) -> str:
        """Where the rider pays."""
        ...

    def inquire(self, payment: Payment) -> Found:
        """How it stands: any but PAID. It moves no money and settles nothing."""
        ...

    def verify(self, payment: Payment) -> Says:
        """Confirm it, if it is paid with this amount: any but HELD. Asked again it says the same."""
        ...

    def unverified(self) -> Sequence[Unverified] | None:
        """What it holds for us and nobody has verified; None where a provider has no such list."""
        ...

    def reverse(self, payment: Payment) -> Says:
        """Give all of it back → REVERSED, or KEPT where it refuses."""
        ...

    def statement_key(self, payment: Payment) -> str:
        """By what its statement names this payment; '' where it cannot."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...
