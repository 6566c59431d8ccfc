"""Which database a test's ledgers are in: a module marked `databases` runs on each, and knows of none.

A folder is a ledger: opened again, it is the backend started again.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

import psycopg

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.connection import GuardedSession
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.connection import ReadFile
from backend.adapters.sqlite.store import SqliteStore

KINDS = ("sqlite", "postgresql")


class Database(Protocol):
    """Ledgers by their folders."""

    def open(self, folder: Path, city: str) -> LedgerStore:
        """Opened, or begun."""
        ...

    def reading(self, folder: Path) -> Guarded:
        """A connection that looks at what is there."""
        ...

    def rows(self, folder: Path, sql: str, values: Sequence[object] = ()) -> list[tuple]:
        """What is on the disk, seen through a connection of its own: only what is committed."""
        ...

    def change(self, folder: Path, sql: str, values: Sequence[object] = ()) -> None:
        """One statement, committed, as another process would."""
        ...


class Files:
    """A SQLite file a folder."""

    def open(self, folder: Path, city: str) -> LedgerStore:
        return SqliteStore(folder / "ledger.db", city)

    def reading(self, folder: Path) -> Guarded:
        return ReadFile(folder / "ledger.db")

    def rows(self, folder: Path, sql: str, values: Sequence[object] = ()) -> list[tuple]:
        with closing(sqlite3.connect(folder / "ledger.db")) as connection:
            return connection.execute(sql, values).fetchall()

    def change(self, folder: Path, sql: str, values: Sequence[object] = ()) -> None:
        with closing(sqlite3.connect(folder / "ledger.db")) as connection, connection:
            connection.execute(sql, values)


class Server:
    """A database a folder; `take` gives one with an empty ledger in it, `give_back` is told when nobody needs it."""

    def __init__(self, take: Callable[[], str], give_back: Callable[[str], None]) -> None:
        self._take, self._give_back = take, give_back
        self._made: dict[Path, str] = {}
        self._opened: list[LedgerStore] = []
        self._looking: dict[str, psycopg.Connection] = {}  # a session a look would cost more than the look

    def open(self, folder: Path, city: str) -> LedgerStore:
        folder.mkdir(parents=True, exist_ok=True)
        if folder not in self._made:
            for gone in [it for it in self._made if not it.exists()]:  # an example's of before
                self._done(self._made.pop(gone))
            self._made[folder] = self._take()
        self._opened.append(PostgresStore(self._made[folder], city, durable=False))
        return self._opened[-1]

    def reading(self, folder: Path) -> Guarded:
        return GuardedSession(self._made[folder], durable=False)

    def change(self, folder: Path, sql: str, values: Sequence[object] = ()) -> None:
        with psycopg.connect(self._made[folder], autocommit=True) as session:
            session.execute(sql.replace("?", "%s"), values or None)

    def close(self) -> None:
        """What a test left open: psycopg says so of each session, and a warning is an error here."""
        for store in self._opened:
            store.close()
        for conninfo in self._made.values():
            self._done(conninfo)

    def rows(self, folder: Path, sql: str, values: Sequence[object] = ()) -> list[tuple]:
        conninfo = self._made[folder]
        session = self._looking.get(conninfo)
        if session is None or session.broken:
            session = self._looking[conninfo] = psycopg.connect(conninfo, autocommit=True)
        return session.execute(sql.replace("?", "%s"), values or None).fetchall()

    def _done(self, conninfo: str) -> None:
        if session := self._looking.pop(conninfo, None):
            session.close()
        self._give_back(conninfo)


now: Database = Files()
