"""The two databases of a drill: where the ledger lies, how it is read from outside, restarted and thrown away."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from simulators.postgres import LocalPostgres


class DrillLedger(Protocol):
    """One ledger of a drill. `settings`: lines for backend.toml; `restarts`: whether it has a server of its own."""

    kind: str
    settings: str
    restarts: bool

    def open(self, city: str) -> LedgerStore:
        """By the product's own code."""
        ...

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """By the bare driver, read only."""
        ...

    def restart(self) -> None:
        """The server's processes end at once, and it is begun again."""
        ...

    def lose(self) -> None:
        """The ledger is gone; an empty place is left."""
        ...

    def close(self) -> None:
        """Nothing stays behind."""
        ...


class SqliteDrill:
    """A file; who kills the process that has it open has restarted the database."""

    kind, settings, restarts = "sqlite", "", False

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, city: str) -> LedgerStore:
        """Begun, if it is not there."""
        return SqliteStore(self.path, city)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """One after the other."""
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield from connection.execute(sql)

    def restart(self) -> None:
        """There is no server."""

    def lose(self) -> None:
        """File and log."""
        for file in self.path.parent.glob(f"{self.path.name}*"):
            file.unlink()

    def close(self) -> None:
        """Its folder is the drill's."""


class PostgresDrill:
    """A server of its own, whose disk is asked to sync."""

    kind, restarts = "postgresql", True

    def __init__(self) -> None:
        self._server = LocalPostgres()
        self._server.start()
        self._conninfo = self._server.make("drill")
        self.settings = f'\n[database]\npostgresql = "{self._conninfo}"\n'

    def open(self, city: str) -> LedgerStore:
        """Begun, if it is empty."""
        return PostgresStore(self._conninfo, city)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """By a cursor of the server's: a ledger need not fit into memory."""
        with psycopg.connect(self._conninfo) as session, session.cursor(name="drill") as cursor:
            cursor.itersize = 10_000
            cursor.execute(sql)
            yield from cursor

    def restart(self) -> None:
        """Its processes end as by kill -9, and it recovers from its log."""
        self._server.crash()
        self._server.start()

    def lose(self) -> None:
        """The database is dropped, and made anew."""
        self._server.drop("drill")
        self._server.make("drill")

    def close(self) -> None:
        """The server ends, and its folder goes."""
        self._server.stop()


def opened(kind: str, folder: Path) -> DrillLedger:
    """An empty one."""
    return SqliteDrill(folder / "backend" / "data" / "ledger.db") if kind == "sqlite" else PostgresDrill()


DATABASES: Sequence[str] = ("sqlite", "postgresql")
