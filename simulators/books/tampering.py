"""A ledger's tables changed behind the backend's back, as a fault would: whatever the database."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg


class Tables(Protocol):
    """One connection of its own; each call is committed. Values stand as `?`."""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query gives."""
        ...

    def change(self, sql: str, values: Sequence[object] = ()) -> None:
        """One statement."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class SqliteTables:
    """In a file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA synchronous=OFF")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[object] = ()) -> None:
        """One statement."""
        with self._connection:
            self._connection.execute(sql, values)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        with self._connection:
            self._connection.executemany(sql, rows)

    def close(self) -> None:
        """Let go."""
        self._connection.close()


class PostgresTables:
    """In a PostgreSQL."""

    def __init__(self, conninfo: str) -> None:
        self._session: psycopg.Connection[Any] = psycopg.connect(conninfo, autocommit=True)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self._session.execute(sql.replace("?", "%s").encode(), values or None).fetchall()

    def change(self, sql: str, values: Sequence[object] = ()) -> None:
        """One statement."""
        self._session.execute(sql.replace("?", "%s").encode(), values or None)

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each of these rows."""
        with self._session.transaction(), self._session.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s").encode(), rows)

    def close(self) -> None:
        """Let go."""
        self._session.close()
