"""A ledger in PostgreSQL copied by pg_dump while the backend writes, and put back by pg_restore.

The dump has all but `alembic_version`, which says that a ledger is whole: it is made last, in the transaction that
makes the new incarnation. Until then no backend opens what is there: it would go on as the old incarnation.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from backend.adapters.backup_file import BLOCK
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.contents import contents, renew
from backend.adapters.ledger.schema import VERSION, VERSION_TABLE
from backend.adapters.ledger.tables import LEDGER
from backend.adapters.postgresql.connection import GuardedSession
from backend.adapters.postgresql.tools import Running, tool
from backend.core.backups import Contents, Label, Restored, Sink, Source, Tick, require_as_labelled
from backend.core.errors import StoreForeign, TargetOccupied

_ASIDE: Final = "aside"  # beginning of the names of schemas in which replaced ledgers lie
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND application_name = 'savar'"
)


class PostgresCopier:
    """Implements `backend.core.backups.Copier` for the database of a `conninfo`."""

    kind = "postgresql"

    def __init__(self, conninfo: str, city: str, *, durable: bool = True) -> None:
        self._conninfo, self._city, self._durable = conninfo, city, durable

    def copy(self, to: Sink, tick: Tick) -> Contents:
        """Label and dump are of one snapshot, which this session holds and pg_dump shares."""
        with self._session() as session, session.snapshot() as core:
            found = self._contents(core)
            (name, whole) = (
                raw(core).execute("SELECT pg_export_snapshot(), pg_database_size(current_database())").fetchone()
            )
            with TemporaryFile() as log:
                dump = Running(tool("pg_dump", _major(core)), [
                    "--format=custom", "--compress=1", f"--snapshot={name}", "--exclude-table=alembic_version",
                    f"--exclude-schema={_ASIDE}*", "--no-owner", "--no-privileges", "--no-comments",
                    f"--dbname={self._conninfo}",
                ], log, feeds=False)  # fmt: skip
                try:
                    done = 0
                    while block := dump.stream.read(BLOCK):
                        to.write(block)
                        done += len(block)
                        tick("dumping the ledger (of its size in the database)", done, whole)
                except BaseException:
                    dump.give_up()
                    raise
                dump.end()
        return found

    def require_room(self, *, replace: bool) -> None:
        """B4 and B5; and that there is a pg_restore."""
        with self._session() as session, session.reading() as core:
            tool("pg_restore", _major(core))
            self._require_room(core, replace=replace)

    def put_back(self, it: Source, label: Label, *, replace: bool, at_ms: int, tick: Tick) -> Restored:
        """In one transaction of pg_restore's, and one that makes it a ledger."""
        with self._session() as session:
            with session.transaction() as core:
                major = _major(core)
                known = self._require_room(core, replace=replace)
                aside = _set_aside(core, at_ms)
            self._restore(tool("pg_restore", major), it, label, tick)
            tick("checking the ledger", 0, 1)
            with session.transaction() as core:
                require_as_labelled(contents(core, version=label.ledger.version), label)
                core.exec_driver_sql(VERSION_TABLE)
                core.execute(VERSION.insert().values(version_num=label.ledger.version))
                incarnation = renew(core, above=known, at_ms=at_ms)
        return Restored(dataclasses.replace(label.ledger, incarnation=incarnation), aside)

    @contextmanager
    def _session(self) -> Iterator[GuardedSession]:
        session = GuardedSession(self._conninfo, durable=self._durable)
        try:
            yield session
        finally:
            session.close()

    def _contents(self, core: sa.Connection) -> Contents:
        """Raises StoreForeign where there is no ledger of this city."""
        if not (core.dialect.has_table(core, "ledger") and core.dialect.has_table(core, "alembic_version")):
            raise StoreForeign("this database has no ledger", fix="give the backend.toml of a backend that ran")
        found = contents(core)
        if found.city != self._city:
            raise StoreForeign(
                f"this is the ledger of {found.city}", fix=f"point [database] at {self._city}'s database"
            )
        return found

    def _require_room(self, core: sa.Connection, *, replace: bool) -> int:
        """→ the incarnation of the ledger that is there, 0 for none."""
        tables = sa.inspect(core).get_table_names()
        if not tables:
            return 0
        if not replace:
            raise TargetOccupied(
                f"this database is not empty: it has {len(tables)} tables, {tables[0]} among them",
                fix="name an empty one; if what is there may go, say --replace: it is set aside, not deleted",
            )
        ((others,),) = raw(core).execute(_OTHERS).fetchall()
        if others:
            raise TargetOccupied(f"{others} sessions of a backend are in this database", fix="stop the backend first")
        if "ledger" not in tables:
            return 0
        return core.execute(sa.select(LEDGER.c.incarnation)).scalar() or 0

    def _restore(self, program: str, it: Source, label: Label, tick: Tick) -> None:
        with TemporaryFile() as log:
            restore = Running(program, [
                "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
                f"--dbname={self._conninfo}",
            ], log, feeds=True)  # fmt: skip
            try:
                done = 0
                with suppress(BrokenPipeError):  # it has ended, and says why
                    while block := it.read(BLOCK):
                        restore.stream.write(block)
                        done += len(block)
                        tick("putting the ledger back", done, label.size)
                    restore.stream.flush()
            except BaseException:
                restore.give_up()
                raise
            tick("waiting for PostgreSQL to make its indexes", 0, 1)
            restore.end()


def _major(core: sa.Connection) -> int:
    session: psycopg.Connection[Any] = raw(core)
    return session.info.server_version // 10_000


def _set_aside(core: sa.Connection, at_ms: int) -> str:
    """The schema with all that is there under another name, and an empty one in its place."""
    if not sa.inspect(core).get_table_names():
        return ""
    name = f"{_ASIDE}_{at_ms}"
    core.exec_driver_sql(f"ALTER SCHEMA public RENAME TO {name}")
    core.exec_driver_sql("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
    return f"schema {name}"
