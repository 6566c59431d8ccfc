"""Rides that were let through, summed by policy, cause and day; the hot path adds to them."""

from collections.abc import Sequence

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.tables import LET_THROUGH
from backend.core.let_through import LetThrough
from protocol.fares.verdicts import Reason

_IN_ORDER = sa.select(LET_THROUGH).order_by(*(LET_THROUGH.c[name] for name in ("day", "policies", "name", "reason")))


class LetThroughTables:
    """Implements `LetThroughStore`."""

    _writer: Guarded

    def let_through(self) -> Sequence[LetThrough]:
        """Every sum, by policy, cause and day."""
        with self._writer.reading() as core:
            rows = core.execute(_IN_ORDER).all()
        return [LetThrough(number, name, Reason(reason), *sums) for number, name, reason, *sums in rows]
