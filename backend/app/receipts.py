"""A rider's own receipts: each charged boarding with why it cost what it did, newest first."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from backend.app.explaining import Explaining
from backend.core.disputes.dispute import Dispute
from backend.core.explaining.ports import ReceiptPlace
from backend.core.explaining.receipts import Receipt, receipt_of
from backend.core.ledger import TapId
from backend.core.repeats import Claim


class _Store(Protocol):
    def moment(self) -> AbstractContextManager[object]:
        """What is read within is of one moment."""
        ...

    def charged_claims(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> Sequence[Claim]:
        """Newest first, behind this place."""
        ...

    def disputed(self, taps: Sequence[TapId]) -> Mapping[TapId, Dispute]:
        """Those of these taps that are disputed."""
        ...


class Receipts:
    """Implements `ReceiptDesk`. The rider's own: whose they are has been proven by who asks."""

    def __init__(self, store: _Store, explaining: Explaining) -> None:
        self._store, self._explaining = store, explaining

    def of(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> Sequence[Receipt]:
        """Newest first, behind this place. Raises StoreFailed."""
        with self._store.moment():  # else ingest could take a ride back between what is charged and why
            claims = self._store.charged_claims(credential_id, before, limit)
            disputed = self._store.disputed([it.tap for it in claims])
            facts = self._explaining.facts_of([it.tap for it in claims])
        return [receipt_of(told, it, disputed.get(it.tap)) for told, it in zip(facts, claims, strict=True)]
