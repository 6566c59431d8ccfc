"""The port for what an explanation is made from. Part of `Store`."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.explaining.facts import Entry, Standing
from backend.core.ledger import TapId
from backend.core.repeats import Claim


class ExplainStore(Protocol):
    """Raises StoreFailed."""

    def held_at(self, device: str, epoch: int, sequence: int) -> Standing | None:
        """What stands for one tap; None where nothing was posted, or its rider's travel was destroyed."""
        ...

    def boarding(self, name: bytes) -> Sequence[Claim]:
        """Every tap of one boarding."""
        ...

    def posted_for(self, tap: TapId) -> Sequence[Entry]:
        """Every entry that was posted for one tap, in the order of the chain."""
        ...
