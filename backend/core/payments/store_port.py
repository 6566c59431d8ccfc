"""The port for top-ups, wallets' debts and who is denied. Part of `Store`."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.payments.topup import Denial, State, TopUp


class TopUpStore(Protocol):
    """Raises StoreFailed; StoreRefused where a receipt, or a transfer's key, is another top-up's."""

    def add_topup(self, topup: TopUp) -> None:
        """Note a top-up before the provider is asked."""
        ...

    def topup(self, topup_id: str) -> TopUp | None:
        """One top-up."""
        ...

    def topup_by_authority(self, authority: str) -> TopUp | None:
        """One top-up by the provider's id."""
        ...

    def topup_named(self, provider: str, name: str) -> TopUp | None:
        """The one that this provider's statements name so: by its receipt, or else its authority."""
        ...

    def give_authority(self, topup_id: str, authority: str, *, next_ms: int) -> bool:
        """What the provider calls it: it is PENDING then. False if it has one already."""
        ...

    def move_topup(
        self, topup_id: str, old: State, new: State, *, receipt: str = "", tries: int, next_ms: int | None, at_ms: int
    ) -> bool:
        """From one state to another, short of money, or on within one. False if it is no longer in `old`.

        `receipt` '' leaves the one that is kept. A host that began it is told of what riders are told otherwise.
        """
        ...

    def pay_topup(self, topup_id: str, at_ms: int, *, receipt: str = "", next_ms: int | None = None) -> bool:
        """Mark paid and post it, debt first, in one transaction; False if it was paid already, or went back.

        Ends a denial for debt when nothing is owed any more.
        """
        ...

    def charge_back(self, topup_id: str, at_ms: int) -> bool:
        """A paid one went back: mark it and post it, wallet first, then debt, in one transaction. False if not paid.

        Of the wallet, what may be spent: what is pending against it stays (H4 of `two_phase`).
        Denies the rider where the debt is too much (`postings`).
        """
        ...

    def due_topups(self, provider: str, now_ms: int, limit: int) -> Sequence[TopUp]:
        """Those of a provider to look at now, longest due first.

        Also what is put off further than any pace does (SWEEP_AHEAD_MS): the clock was ahead then.
        """
        ...

    def topups_between(self, from_ms: int, until_ms: int) -> Sequence[TopUp]:
        """By creation time."""
        ...

    def look_soon(self, topup_ids: Sequence[str], at_ms: int) -> None:
        """The sweeper looks at these next, whatever they waited for, but at what went back (`life.FINAL`)."""
        ...

    def denials(self, *, open_only: bool) -> Sequence[Denial]:
        """Who is denied, or was; newest first."""
        ...
