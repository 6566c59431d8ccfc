"""A rider's own receipts: each charged boarding with why it cost what it did, newest first."""

from collections.abc import Sequence
from typing import Protocol

from backend.app.explaining import Explaining
from backend.core.explaining.ports import ReceiptPlace
from backend.core.explaining.receipts import Receipt, receipt_of
from backend.core.repeats import Claim


class _Store(Protocol):
    def charged_claims(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> Sequence[Claim]:
        """Newest first, behind this place."""
        ...


class Receipts:
    """Implements `ReceiptDesk`. The rider's own: whose they are has been proven by who asks."""

    def __init__(self, store: _Store, explaining: Explaining) -> None:
        self._store, self._explaining = store, explaining

    def of(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> Sequence[Receipt]:
        """Newest first, behind this place. Raises StoreFailed."""
        claims = self._store.charged_claims(credential_id, before, limit)
        return [receipt_of(self._explaining.facts(it.tap), it) for it in claims]
