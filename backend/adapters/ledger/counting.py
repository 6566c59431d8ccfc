"""Boardings of a day, counted beside everybody else. Riders are counted by the database: their ids stay in it."""

from collections.abc import Mapping

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.local import RIDE_DAYS, ride_day_of
from backend.core.opendata.cells import DEPTH, GROUPS, HOUR, Count, Key
from backend.core.opendata.release import UNKNOWN
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import day_begins_ms
from protocol.wire.records import RecordKind

_ADULT, _REDUCED = GROUPS
_PARTS = (  # of a boarding, as a key has them: SQL
    f"coalesce(record.line, '{UNKNOWN}')",
    f"(claim.wall_ms / 1000 + {LOCAL_OFFSET_S}) % {DAY_S} / 3600",
    f"CASE WHEN claim.rider_class = 0 THEN '{_ADULT}' ELSE '{_REDUCED}' END",
)
# Of records the day's alone: else PostgreSQL would read every month. One whose clock was not trusted may lie elsewhere,
# and then its line is not known here.
_FROM = f"""
FROM claim LEFT JOIN record ON record.device = claim.device AND record.epoch = claim.epoch
  AND record.sequence = claim.sequence AND record.kind = {int(RecordKind.TAP)}
  AND record.wall_ms >= :begin AND record.wall_ms < :end
WHERE {ride_day_of("claim.wall_ms")} = :number AND claim.wall_ms >= :begin AND claim.wall_ms < :end
  AND claim.charged AND NOT claim.extends AND NOT claim.annulled
"""


def _asked(depth: int) -> sa.TextClause:
    parts = "".join(f"{part} AS part_{n}, " for n, part in enumerate(_PARTS[:depth]))
    names = ", ".join(f"part_{n}" for n in range(depth))
    return sa.text(
        f"SELECT {parts}CAST(sum(1 + claim.party) AS BIGINT), count(DISTINCT claim.credential) {_FROM} GROUP BY {names}"
    )


_EACH = tuple(_asked(depth) for depth in range(HOUR, DEPTH + 1))


class CountingTables:
    """Implements `OpenDataStore`, with `ForgettingTables`, over the connection for what takes long."""

    _aside: Guarded

    def boardings_of(self, day: int) -> Mapping[Key, Count]:
        """The counts of a service day, of one moment."""
        span = {"number": day % RIDE_DAYS, "begin": day_begins_ms(day), "end": day_begins_ms(day + 1)}
        found: dict[Key, Count] = {}
        with self._aside.snapshot() as core:
            for asked in _EACH:
                for *key, boardings, riders in core.execute(asked, span):
                    found[tuple(map(_text, key))] = Count(int(boardings), int(riders))
        return found


def _text(part: object) -> str:
    """Hours have two digits, so that they sort as they pass."""
    return f"{part:02}" if isinstance(part, int) else str(part)
