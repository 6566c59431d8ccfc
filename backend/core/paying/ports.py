"""What paying out needs of the ledger, and what the API asks of it."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.ledger.two_phase import Phase
from backend.core.paying.payout import Payable, Payout
from backend.core.settlement.parties import Party
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor


class PayoutStore(Protocol):
    """Raises StoreFailed."""

    def payables(self) -> Sequence[Payable]:
        """Whoever was ever owed something, by account."""
        ...

    def sent_payouts(self, before: int | None, limit: int, party: Party | None = None) -> Sequence[tuple[int, Payout]]:
        """Newest first, with a cursor each; all, or one party's."""
        ...

    def payout(self, payout_id: str) -> Payout | None:
        """One payout."""
        ...

    def end_payout(self, payout_id: str, phase: Phase, entry: Entry, reference: str) -> bool:
        """The bank's word about one that is on its way, and its entry in the log; False if it was told before.

        `reference`: of the bank's entry, by which its statement is held against what is posted.

        Raises what `two_phase.resolve` does.
        """
        ...


class PayoutDesk(Protocol):
    """What the API asks of the app."""

    def payables(self) -> Sequence[Payable]:
        """Who is owed what."""
        ...

    def payouts(self, before: int | None, limit: int, party: Party | None = None) -> Sequence[tuple[int, Payout]]:
        """Newest first, with a cursor each; all, or one party's."""
        ...

    def end(self, actor: Actor, payout_id: str, *, paid: bool, reference: str, key: str) -> Payout:
        """The bank's word: booked, or came back. Raises NotFound, and what `two_phase.resolve` does."""
        ...
