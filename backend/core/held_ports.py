"""The port for money that is held for owners. Part of `Store`."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.holding import HeldSum, HeldTap, Hold
from backend.core.ledger import TapId


class HeldStore(Protocol):
    """Raises StoreFailed."""

    def held(self, after: TapId | None, limit: int) -> Sequence[HeldTap]:
        """Taps whose money is held, by device, journal and sequence, behind this one. Each is a case."""
        ...

    def held_sums(self) -> Sequence[HeldSum]:
        """What is held, by vehicle and reason."""
        ...

    def resolve(self, tap: TapId, hold: Hold, at_ms: int) -> int:
        """What two people said becomes of a tap's held money → how many rials that moved; 0: nothing was held."""
        ...
