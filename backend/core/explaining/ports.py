"""The ports for what an explanation is made from, and for riders' receipts."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from backend.core.explaining.facts import Entry, Standing
from backend.core.ledger import TapId
from backend.core.repeats import Claim

if TYPE_CHECKING:
    from backend.core.explaining.receipts import Receipt

ReceiptPlace: TypeAlias = tuple[int, str, int, int]  # Unix milliseconds, device, journal, sequence: newest first


class ReceiptDesk(Protocol):
    """What the API asks for a rider's own."""

    def of(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> "Sequence[Receipt]":
        """Newest first, behind this place. Raises StoreFailed."""
        ...


class ExplainStore(Protocol):
    """Raises StoreFailed."""

    def moment(self) -> AbstractContextManager[object]:
        """What is read within is of one moment; who writes waits for its end."""
        ...

    def held_at(self, device: str, epoch: int, sequence: int) -> Standing | None:
        """What stands for one tap; None where nothing was posted, or its rider's travel was destroyed."""
        ...

    def boarding(self, name: bytes) -> Sequence[Claim]:
        """Every tap of one boarding."""
        ...

    def posted_for(self, tap: TapId) -> Sequence[Entry]:
        """Every entry that was posted for one tap, in the order of the chain."""
        ...
