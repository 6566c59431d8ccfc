"""What ordinary hours of lines bring, and what vehicles took in some hours: sums, made by the database."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.core.reconciliation.losses import Taken
from protocol.limits import DAY_S, LOCAL_OFFSET_S

_LOCAL = f"(wall_ms / 1000 + {LOCAL_OFFSET_S})"
_SUMS = sa.text(f"""
SELECT {_LOCAL} / {DAY_S} AS day, line, {_LOCAL} % {DAY_S} / 3600 AS hour, count(DISTINCT vehicle),
 CAST(sum(fare_rials) AS BIGINT)
FROM record WHERE kind = 2 AND wall_ms >= :begin AND wall_ms < :end AND payer IS NOT NULL AND line IS NOT NULL
GROUP BY day, line, hour
""")  # noqa: S608 - ours
_WITHIN = sa.text("""
SELECT CAST(coalesce(sum(fare_rials), 0) AS BIGINT) FROM record
WHERE kind = 2 AND wall_ms >= :begin AND wall_ms < :end AND payer IS NOT NULL AND vehicle = :vehicle
""")


class ReconcilingLosses:
    """Part of the store; reads that take long."""

    _aside: Guarded

    def taken(self, from_ms: int, until_ms: int) -> Sequence[Taken]:
        """Fares of each line, hour and day in this time."""
        with self._aside.snapshot() as core:
            return [Taken(*row) for row in core.execute(_SUMS, {"begin": from_ms, "end": until_ms})]

    def taken_within(self, spans: Collection[tuple[str, int, int]]) -> Mapping[tuple[str, int, int], int]:
        """(vehicle, from, until) → the fares that it took in that time."""
        with self._aside.snapshot() as core:
            return {
                (vehicle, begin, end): int(core.execute(
                    _WITHIN, {"vehicle": vehicle, "begin": begin, "end": end}).scalar_one())
                for vehicle, begin, end in spans
            }  # fmt: skip
