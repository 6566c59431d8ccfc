"""Partitions of `record` and `transfer`, one a service month, begun before their first row comes.

Rules:
- a month is begun by the writer, in the transaction that first brings a row of it, and the next one a month ahead;
- only of the last months and the next: a clock that is mad makes no partitions, its rows lie in the default one;
- a new partition takes over what the default one holds of its month. So a month that could not begin, because somebody
  was looking at the default one for long, begins later, and nobody waits for it.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

import psycopg

from backend.adapters.ledger.tables import RECORD, TRANSFER
from backend.core.limits import (
    DATABASE_LOCK_S,
    PARTITION_AGAIN_MS,
    PARTITION_LOCK_MS,
    PARTITION_MONTHS_BACK_MAX,
)
from protocol.jalali import month_begins, service_month
from protocol.limits import DAY_S, LOCAL_OFFSET_S
from protocol.localtime import day_begins_ms, service_day

_TABLES: Final = ((RECORD, "wall_ms", day_begins_ms), (TRANSFER, "day", lambda day: day))
_month = lru_cache(maxsize=1_000)(service_month)


class Months:
    """Those that a writing session knows of. Held by whoever holds the transaction."""

    def __init__(self) -> None:
        self._there: set[int] = set()
        self._not_before_ms = 0

    def begin(self, raw: psycopg.Connection[Any], days: Collection[int], now_ms: int) -> None:
        """Partitions for rows of these service days, for now and the next month; once a transaction, first in it."""
        now = _month(service_day(now_ms))
        first, behind = month_begins(now - PARTITION_MONTHS_BACK_MAX), month_begins(now + 2)
        wanted = {_month(day) for day in days if first <= day < behind} | {now, now + 1}
        if wanted <= self._there or now_ms < self._not_before_ms:
            return
        held = {name for (name,) in raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}
        for month in sorted(wanted):
            if all(_name(table.name, month) in held for table, *_ in _TABLES):
                self._there.add(month)  # only what an earlier transaction made: this one may yet be rolled back
            elif not _begun(raw, month, held):
                self._not_before_ms = now_ms + PARTITION_AGAIN_MS
                return

    def sort(self, raw: psycopg.Connection[Any]) -> None:
        """Begin the months of which the default partitions hold rows, as after a migration."""
        ((now_ms,),) = raw.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchall()
        days = [
            day
            for (day,) in raw.execute(
                f"SELECT DISTINCT (wall_ms / 1000 + {LOCAL_OFFSET_S}) / {DAY_S} FROM record_default"  # noqa: S608 - ours
                " UNION SELECT DISTINCT day FROM transfer_default WHERE day IS NOT NULL"
            )
        ]
        if days:
            self.begin(raw, days, now_ms)


def _name(table: str, month: int) -> str:
    return f"{table}_{month // 12}_{month % 12 + 1:02}"


def _begun(raw: psycopg.Connection[Any], month: int, held: Collection[str]) -> bool:
    """False: somebody looks at a default partition, and nothing was changed."""
    try:
        with raw.transaction():
            raw.execute(f"SET LOCAL lock_timeout = {PARTITION_LOCK_MS}")
            for table, by, bound in _TABLES:
                if _name(table.name, month) not in held:
                    _begin(raw, table.name, month, by, (bound(month_begins(month)), bound(month_begins(month + 1))))
            raw.execute(f"SET LOCAL lock_timeout = '{DATABASE_LOCK_S}s'")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _begin(raw: psycopg.Connection[Any], table: str, month: int, by: str, span: tuple[int, int]) -> None:
    """ATTACH, and not CREATE … PARTITION OF: readers of the other months are not waited for."""
    name, columns = _name(table, month), ", ".join(RECORD.c.keys() if table == "record" else TRANSFER.c.keys())
    raw.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    raw.execute(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")
    raw.execute(
        f"WITH gone AS (DELETE FROM {table}_default WHERE {by} >= %s AND {by} < %s RETURNING {columns})"  # noqa: S608
        f" INSERT INTO {name} ({columns}) SELECT {columns} FROM gone",
        span,
    )
    raw.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({span[0]}) TO ({span[1]})")
