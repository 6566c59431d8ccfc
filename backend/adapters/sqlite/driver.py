"""The hot path's SQLite."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from backend.adapters.ledger.hot import Row

# Near some claims of one credential: every boarding of the same codes, of the same vehicle about then, and near
# tap-outs, which reach far by the record's time and by the phone's, those that they name; and every tap-out that names
# a tap of all these. On a line by distance also the companions that a tap-out may take along: they are looked for
# around whatever comes, and around them all that they may have come with. By an index each.
_WITHIN = """ UNION SELECT boarding FROM json_each({}) AS it CROSS JOIN claim ON credential = :credential
  AND {} BETWEEN json_extract(it.value, '$[1]') AND json_extract(it.value, '$[2]')
  AND vehicle = json_extract(it.value, '$[0]')"""
_NAMED = (
    " AND (epoch, sequence) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:ended))"
)
_THEN = _WITHIN.format(":then", "wall_ms")
_BY_THE_WAY = (
    _WITHIN.format(":outs_clock", "wall_ms") + _NAMED,
    _WITHIN.format(":outs_phone", "time_s") + _NAMED,
    _WITHIN.format(":way_clock", "wall_ms") + " AND extends",
    _WITHIN.format(":way_phone", "time_s") + " AND extends",
    _WITHIN.format(":companions_clock", "wall_ms"),
    _WITHIN.format(":companions_phone", "time_s"),
)
# `{}`: what lies around, apart from where every fare is flat, for each look there costs.
_NEAR = """WITH near AS (SELECT * FROM claim WHERE boarding IN (
 SELECT boarding FROM json_each(:codes) AS it CROSS JOIN claim ON credential = :credential
  AND time_s = json_extract(it.value, '$[0]') AND counter = json_extract(it.value, '$[1]')
 {})
 AND closes_sequence IS NULL)
SELECT * FROM near UNION ALL SELECT claim.* FROM (
 SELECT epoch AS of_epoch, sequence AS of_sequence FROM near
 UNION SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:taps)
) CROSS JOIN claim ON credential = :credential AND closes_epoch = of_epoch AND closes_sequence = of_sequence"""
_FLAT, _BY_DISTANCE = _NEAR.format(_THEN), _NEAR.format("".join((_THEN, *_BY_THE_WAY)))


class SqliteDriver:
    """Implements `backend.adapters.ledger.hot.Driver`."""

    near_flat, near_by_the_way = _FLAT, _BY_DISTANCE

    def rows(self, raw: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All that a query gives."""
        return raw.execute(sql, values).fetchall()

    def near(self, raw: sqlite3.Connection, sql: str, values: Mapping[str, object]) -> list[Row]:
        """The same, of values that have names."""
        return raw.execute(sql, values).fetchall()

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
