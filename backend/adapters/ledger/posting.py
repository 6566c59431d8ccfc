"""How tables that post transfers reach the one place that does (`ingest`)."""

from collections.abc import Sequence
from typing import Protocol

import sqlalchemy as sa

from backend.core.ledger import Transfer


class PostTransfers(Protocol):
    """Appends transfers to the chain and moves the balances; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, transfers: Sequence[Transfer], at_ms: int) -> None:
        """In their order."""
        ...
