"""The hot path's PostgreSQL: bulk by COPY, the rest by statements that psycopg prepares."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import psycopg

from backend.adapters.ledger.hot import Row

# As in `sqlite/driver`, in this database's words: near some claims of one credential, by an index each. LATERAL and
# OFFSET 0 say that every place is looked up by itself: else the planner reads all rides that a rider ever made.
_PAIRS = "SELECT (value->>0)::bigint, (value->>1)::bigint FROM jsonb_array_elements(%({})s::jsonb) AS pair (value)"
_WITHIN = """ UNION SELECT boarding FROM jsonb_array_elements(%({})s::jsonb) AS span (value) CROSS JOIN LATERAL (
  SELECT boarding FROM claim WHERE credential = %(credential)s
  AND {} BETWEEN (span.value->>1)::bigint AND (span.value->>2)::bigint AND vehicle = span.value->>0{} OFFSET 0
 ) AS lying"""
_NAMED = f" AND (epoch, sequence) IN ({_PAIRS.format('ended')})"
_THEN = _WITHIN.format("then", "wall_ms", "")
_BY_THE_WAY = (
    _WITHIN.format("outs_clock", "wall_ms", _NAMED),
    _WITHIN.format("outs_phone", "time_s", _NAMED),
    _WITHIN.format("way_clock", "wall_ms", " AND extends"),
    _WITHIN.format("way_phone", "time_s", " AND extends"),
    _WITHIN.format("companions_clock", "wall_ms", ""),
    _WITHIN.format("companions_phone", "time_s", ""),
)
_NEAR = """WITH near AS (SELECT claim.* FROM (
 SELECT boarding FROM ({codes}) AS code (of_time_s, of_counter) CROSS JOIN LATERAL (
  SELECT boarding FROM claim WHERE credential = %(credential)s AND time_s = of_time_s AND counter = of_counter OFFSET 0
 ) AS shown{around}
) AS named CROSS JOIN LATERAL (
 SELECT * FROM claim WHERE claim.boarding = named.boarding AND closes_sequence IS NULL OFFSET 0
) AS claim)
SELECT * FROM near UNION ALL SELECT claim.* FROM (
 SELECT epoch AS of_epoch, sequence AS of_sequence FROM near UNION {taps}
) AS ending CROSS JOIN LATERAL (
 SELECT * FROM claim WHERE credential = %(credential)s AND closes_epoch = of_epoch AND closes_sequence = of_sequence
 OFFSET 0
) AS claim"""
_MOVE = (
    "INSERT INTO account (id, debits, credits) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])"
    " ON CONFLICT (id) DO UPDATE"
    " SET debits = account.debits + excluded.debits, credits = account.credits + excluded.credits"
)


def _near(*around: str) -> str:
    return _NEAR.format(codes=_PAIRS.format("codes"), taps=_PAIRS.format("taps"), around="".join(around))


class PostgresDriver:
    """Implements `backend.adapters.ledger.hot.Driver`."""

    near_flat, near_by_the_way = _near(_THEN), _near(_THEN, *_BY_THE_WAY)

    def rows(self, raw: psycopg.Connection[Any], sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        return raw.execute(_marked(sql), values or None).fetchall()

    def near(self, raw: psycopg.Connection[Any], sql: str, values: Mapping[str, object]) -> list[Row]:
        """The same, of values that have names."""
        return raw.execute(sql, values).fetchall()

    def run(self, raw: psycopg.Connection[Any], sql: str, values: Sequence[object] = ()) -> int:
        """One statement → how many rows it changed."""
        return raw.execute(_marked(sql), values or None).rowcount

    def many(self, raw: psycopg.Connection[Any], sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        if rows:
            raw.cursor().executemany(_marked(sql), rows)

    def move(self, raw: psycopg.Connection[Any], accounts: Sequence[tuple[str, int, int]]) -> None:
        """Add to debits and credits, all in one statement."""
        names, debits, credits_ = zip(*accounts, strict=True) if accounts else ((), (), ())
        raw.execute(_MOVE, ([*names], [*debits], [*credits_]))

    def add(
        self, raw: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """New rows, in bulk."""
        with raw.cursor().copy(_copy(table, tuple(columns))) as copy:
            for row in rows:
                copy.write_row(row)


@cache
def _marked(sql: str) -> str:
    """psycopg's marks for ours; no statement of the hot path has a question mark in a text."""
    return sql.replace("?", "%s")


@cache
def _copy(table: str, columns: tuple[str, ...]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN"
