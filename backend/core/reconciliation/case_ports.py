"""What the desk of money that needs a person asks of the ledger, and the API of that desk."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.holding import HeldSum, HeldTap
from backend.core.ledger import TapId
from backend.core.reconciliation.discrepancies import Kept
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor


class _Listing(Protocol):
    def discrepancies(self, *, open_only: bool, after: str | None, most: int) -> Sequence[Kept]:
        """By name."""
        ...

    def held(self, after: TapId | None, limit: int) -> Sequence[HeldTap]:
        """By device, journal and sequence, behind a tap."""
        ...

    def held_sums(self) -> Sequence[HeldSum]:
        """By vehicle and reason."""
        ...


class MoneyCaseStore(_Listing, Protocol):
    """Raises StoreFailed."""

    def resolve_discrepancy(self, name: str, why: str, entry: Entry) -> Kept:
        """Why it needs no more acting, with the log's entry. Raises NotFound; Refused if it is not open."""
        ...


class MoneyCaseDesk(_Listing, Protocol):
    """What the API asks of the app."""

    def resolve(self, actor: Actor, name: str, *, why: str, key: str) -> Kept:
        """Somebody says why it needs no more acting. Raises NotFound, Refused, Unfit for a card number."""
        ...
