"""The port for what is pending. Part of `Store`."""

from typing import Protocol

from backend.core.ledger.transfers import Transfer
from backend.core.ledger.two_phase import Balance, Phase


class PendingStore(Protocol):
    """Each call is one durable transaction. Raises StoreFailed, and what `two_phase` refuses (StoreRefused)."""

    def make_pending(self, transfer: Transfer, *, expires_ms: int, at_ms: int) -> bool:
        """Make a transfer pending until then; False if it was made so before.

        Raises ValueError (a time that is past), KeyReused, NotCovered.
        """
        ...

    def resolve_pending(self, key: bytes, phase: Phase, *, at_ms: int, rials: int | None = None) -> bool:
        """Post a pending (whole, or so many rials of it), void it or let it expire; False if that was done before.

        Raises NoPending, AlreadyResolved, PendingExpired, PendingNotDue, TooMuchPosted.
        """
        ...

    def expire_due(self, now_ms: int, limit: int) -> int:
        """Let up to so many whose time is over expire, the oldest first → how many did."""
        ...

    def balance_of(self, account: str) -> Balance:
        """Both sides of one account, posted and pending; nothing of one that no row names."""
        ...
