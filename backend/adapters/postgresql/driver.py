"""The hot path's PostgreSQL: bulk by COPY, the rest by statements that psycopg prepares."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import psycopg

from backend.adapters.ledger.hot import Row
from backend.adapters.ledger.near import Asked, between_sql, near_sql
from backend.adapters.postgresql.months import Months

# LATERAL and OFFSET 0 say that every place is looked up by itself: else the planner reads all rides that a rider ever
# made, or, of a month that it knows nothing of yet, all transfers of a day for some keys.
_EACH = "SELECT {what} FROM {of} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {on} OFFSET 0) AS {table}"
_JOINED = _EACH.replace("{table}", "claim")
_ASKED = (
    "WITH asked (kind, credential, vehicle, one, other, lies) AS MATERIALIZED (SELECT * FROM"
    " unnest(%s::int[], %s::bytea[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[]))"
)
_NEAR = f"{_ASKED}, {near_sql(_JOINED)}"
_BETWEEN = f"{_ASKED} {between_sql(_JOINED)}"
_MOVE = (
    "INSERT INTO account (id, debits, credits) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])"
    " ON CONFLICT (id) DO UPDATE"
    " SET debits = account.debits + excluded.debits, credits = account.credits + excluded.credits"
)


class PostgresDriver:
    """Implements `backend.adapters.ledger.hot.Driver`."""

    each = _EACH

    def __init__(self) -> None:
        self._months = Months()

    def begin_months(self, raw: psycopg.Connection[Any], days: Collection[int], now_ms: int) -> None:
        """A partition a month."""
        self._months.begin(raw, days, now_ms)

    def rows(self, raw: psycopg.Connection[Any], sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        return raw.execute(_marked(sql), values or None).fetchall()

    def near(self, raw: psycopg.Connection[Any], asked: Sequence[Asked]) -> list[Row]:
        """Claims near others."""
        return raw.execute(_NEAR, _columns(asked)).fetchall()

    def between(self, raw: psycopg.Connection[Any], asked: Sequence[Asked]) -> list[Row]:
        """Claims of riders in spans of time."""
        return raw.execute(_BETWEEN, _columns(asked)).fetchall()

    def numbers(self, raw: psycopg.Connection[Any], table: str, many: int) -> Sequence[int]:
        """Of the table's sequence, which every partition goes by; what a transaction took that failed is left out."""
        asked = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        return [number for (number,) in raw.execute(asked, (table, many))]

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


def _columns(asked: Sequence[Asked]) -> list[list[object]]:
    """Rows → columns; kinds as numbers."""
    return [[int(it.kind) for it in asked], *([*column] for column in [*zip(*asked, strict=True)][1:])]


@cache
def _marked(sql: str) -> str:
    """psycopg's marks for ours; no statement of the hot path has a question mark in a text."""
    return sql.replace("?", "%s")


@cache
def _copy(table: str, columns: tuple[str, ...]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN"
