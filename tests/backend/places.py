"""Ledgers to back up and restore, of either kind of database, by names."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg

from backend.adapters import backup_file
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.backup import PostgresCopier
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.backup import SqliteCopier
from backend.adapters.sqlite.store import SqliteStore
from backend.core.backups import Copier, Label, Restored, Tick, require_ours, require_whole
from simulators.postgres import LocalPostgres
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk

_NUMBERS = count()
TABLES = ("record", "transfer", "account", "claim", "epoch", "rider", "tally", "day_key", "tariff")


def silent(_stage: str, _done: int, _of: int) -> None:
    """Nobody looks."""


class Place:
    """Ledgers of one kind of database by names: files, or databases of one server."""

    def __init__(self, kind: str, folder: Path, server: LocalPostgres | None) -> None:
        self.kind, self.folder, self.server = kind, folder, server
        self._made: dict[str, str] = {}
        self.opened: list[LedgerStore] = []

    def _where(self, name: str) -> str:
        """A database with nothing in it; a file that is not there."""
        if name not in self._made:
            assert self.server is not None
            self._made[name] = self.server.make(f"backup_{next(_NUMBERS)}")
        return self._made[name]

    def copier(self, name: str, city: str = CITY) -> Copier:
        if self.kind == "sqlite":
            return SqliteCopier(self.folder / name / "ledger.db", city, self.folder)
        return PostgresCopier(self._where(name), city, durable=False)

    # what Desk asks of `databases.now`; a folder's name is the ledger's

    def open(self, folder: Path, city: str) -> LedgerStore:
        if self.kind == "sqlite":
            store: LedgerStore = SqliteStore(folder / "ledger.db", city)
        else:
            store = PostgresStore(self._where(folder.name), city, durable=False)
        self.opened.append(store)
        return store

    def rows(self, folder: Path, sql: str, values: Sequence[object] = ()) -> list[tuple]:
        if self.kind == "sqlite":
            with closing(sqlite3.connect(folder / "ledger.db")) as connection:
                return connection.execute(sql, values).fetchall()
        with psycopg.connect(self._where(folder.name), autocommit=True) as session:
            return session.execute(sql.replace("?", "%s"), values or None).fetchall()

    def change(self, name: str, sql: str) -> None:
        """One statement, committed, as a hand would."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.folder / name / "ledger.db")) as ledger, ledger:
                ledger.execute(sql)
            return
        with psycopg.connect(self._where(name), autocommit=True) as session:
            session.execute(sql)

    def desk(self, name: str, *buses: Bus, riders: Sequence[Rider] = ()) -> Desk:
        return Desk(self.folder / name, buses, riders)

    def dump(self, name: str) -> dict[str, list[tuple]]:
        return {it: sorted(self.rows(self.folder / name, f"SELECT * FROM {it}"), key=repr) for it in TABLES}

    def back_up(self, name: str, file: str, tick: Tick = silent) -> Label:
        copier = self.copier(name)
        return backup_file.write(self.folder / file, copier.kind, NOON_MS, lambda to: copier.copy(to, tick))

    def restore(self, file: str, name: str, *, replace: bool = False, at_ms: int = NOON_MS) -> Restored:
        """As backend.app.backups does."""
        copier, path = self.copier(name), self.folder / file
        label = backup_file.read_label(path)
        require_ours(label, city=CITY, database=self.kind)
        copier.require_room(replace=replace)
        size, digest = backup_file.measure(path, label, silent)
        require_whole(label, size=size, digest=digest)
        with backup_file.ledger_of(path) as ledger:
            return copier.put_back(ledger, label, replace=replace, at_ms=at_ms, tick=silent)

    def close(self) -> None:
        for store in self.opened:
            store.close()
        for conninfo in self._made.values():
            self.server.drop(conninfo.rsplit("=", 1)[1])


RIDERS = [Rider(number) for number in range(5)]


def ridden(taps: int, name: str = "bus-1-d1") -> Bus:
    bus = Bus(name)
    bus.ride(1, RIDERS, taps)
    return bus


def filled(place: Place, bus: Bus, last: int | None = None) -> Desk:
    """A ledger with the bus's records up to `last`."""
    desk = place.desk("first", bus, riders=RIDERS)
    desk.take((bus, bus.batch(1, last)))
    return desk
