"""The hot path's SQLite."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from functools import cache

from backend.adapters.ledger.hot import Row
from backend.adapters.ledger.near import Asked, between_sql, near_sql

_EACH = "SELECT {what} FROM {of} CROSS JOIN {table} ON {on}"  # CROSS: in this order, by an index of the second
_JOINED = _EACH.replace("{table}", "claim")
_NEAR, _BETWEEN = f"WITH {near_sql(_JOINED)}", between_sql(_JOINED)
_ASKED = (  # of this connection alone, in memory: bound as values, so many rows would be a statement of their own
    "CREATE TEMP TABLE IF NOT EXISTS asked (kind INT, credential BLOB, vehicle TEXT, one INT, other INT, lies INT)"
)


class SqliteDriver:
    """Implements `backend.adapters.ledger.hot.Driver`."""

    each = _EACH

    def begin_months(self, raw: sqlite3.Connection, days: Collection[int], now_ms: int) -> None:
        """One table has room for all months."""

    def rows(self, raw: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        return raw.execute(sql, values).fetchall()

    def near(self, raw: sqlite3.Connection, asked: Sequence[Asked]) -> list[Row]:
        """Claims near others."""
        return self._looked_up(raw, _NEAR, asked)

    def between(self, raw: sqlite3.Connection, asked: Sequence[Asked]) -> list[Row]:
        """Claims of riders in spans of time."""
        return self._looked_up(raw, _BETWEEN, asked)

    def _looked_up(self, raw: sqlite3.Connection, sql: str, asked: Sequence[Asked]) -> list[Row]:
        raw.execute(_ASKED)
        raw.execute("DELETE FROM temp.asked")
        raw.executemany("INSERT INTO temp.asked VALUES (?, ?, ?, ?, ?, ?)", asked)
        return raw.execute(sql).fetchall()

    def numbers(self, raw: sqlite3.Connection, table: str, many: int) -> Sequence[int]:
        """As SQLite would give them; nobody else writes in this transaction."""
        ((last,),) = raw.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchall()  # noqa: S608 - ours
        return range(last + 1, last + many + 1)

    def run(self, raw: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> int:
        """One statement → how many rows it changed."""
        return raw.execute(sql, values).rowcount

    def many(self, raw: sqlite3.Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        if rows:
            raw.executemany(sql, rows)

    def move(self, raw: sqlite3.Connection, accounts: Sequence[tuple[str, int, int]]) -> None:
        """Add to debits and credits."""
        raw.executemany(
            "INSERT INTO account (id, debits, credits) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET debits = account.debits + excluded.debits, credits = account.credits + excluded.credits",
            accounts,
        )

    def add(
        self, raw: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """New rows, in bulk."""
        raw.executemany(_insert(table, tuple(columns)), rows)


@cache
def _insert(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - ours
