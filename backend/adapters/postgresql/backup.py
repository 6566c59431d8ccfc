"""A ledger in PostgreSQL copied by pg_dump while the backend writes, and put back by pg_restore.

What comes back lies in a schema of its own, `restoring`, until it is checked and of the new incarnation; then it and
what was there change places in one transaction. A dump names `public`, and no program puts it elsewhere. So psql runs
pg_restore's script between our words: what is there gets out of the way and comes back in one transaction, and nobody
ever sees the place empty. `restoring` is committed before, empty: beside it no backend opens anything, for a
restoration that was killed is to be finished. The dump has all but `alembic_version`, without which nothing is a
ledger.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from backend.adapters.backup_file import BLOCK
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.contents import contents, renew
from backend.adapters.ledger.schema import VERSION, VERSION_TABLE
from backend.adapters.postgresql.connection import (
    ASIDE,
    RESTORING,
    GuardedSession,
    alone,
    require_unused,
    schemas_aside,
)
from backend.adapters.postgresql.tools import Running, tool
from backend.core.backups import Contents, Label, Restored, Sink, Source, Tick, require_as_labelled
from backend.core.errors import BackendError, StoreFailed, StoreForeign, TargetOccupied

_MEANWHILE: Final = "ledger_meanwhile"  # what is there, for as long as pg_restore's script runs; nobody sees it
_BEFORE: Final = f"""BEGIN;
ALTER SCHEMA public RENAME TO {_MEANWHILE};
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
"""
_BEHIND: Final = f"""
DROP SCHEMA {RESTORING};
ALTER SCHEMA public RENAME TO {RESTORING};
ALTER SCHEMA {_MEANWHILE} RENAME TO public;
COMMIT;
"""
_ANYTHING: Final = (  # also what is no table: an extension
    "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'public'::regnamespace"
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
                    f"--exclude-schema={ASIDE}*", f"--exclude-schema={RESTORING}", "--no-owner", "--no-privileges",
                    "--no-comments", f"--dbname={self._conninfo}",
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
        """B4 and B5; and that its programs are here."""
        with self._session() as session, session.reading() as core:
            for program in ("pg_restore", "psql"):
                tool(program, _major(core))
            self._require_room(core, replace=replace)

    def put_back(self, it: Source, label: Label, *, replace: bool, at_ms: int, tick: Tick) -> Restored:
        """Beside what is there, which is untouched until one transaction exchanges both."""
        with self._session() as session:
            with session.transaction() as core:
                alone(core)
                self._require_room(core, replace=replace)
                major = _major(core)
                core.exec_driver_sql(f"DROP SCHEMA IF EXISTS {RESTORING} CASCADE")
                core.exec_driver_sql(f"CREATE SCHEMA {RESTORING}")
            try:
                self._restore(major, it, label, tick)
                tick("checking the ledger", 0, 1)
                with session.transaction() as core:
                    incarnation, aside = self._exchange(core, label, replace=replace, at_ms=at_ms)
            except BackendError:
                _clear(session)
                raise
        return Restored(dataclasses.replace(label.ledger, incarnation=incarnation), aside)

    def _exchange(self, core: sa.Connection, label: Label, *, replace: bool, at_ms: int) -> tuple[int, str]:
        """→ the new incarnation, and where what was there lies; the caller holds the transaction."""
        alone(core)
        known = self._require_room(core, replace=replace)
        core.exec_driver_sql(f"SET LOCAL search_path TO {RESTORING}")
        require_as_labelled(contents(core, version=label.ledger.version), label)
        core.exec_driver_sql(VERSION_TABLE)
        core.execute(VERSION.insert().values(version_num=label.ledger.version))
        incarnation = renew(core, above=known, at_ms=at_ms)
        ((anything,),) = raw(core).execute(_ANYTHING).fetchall()
        aside = f"{ASIDE}_{at_ms}" if anything else ""
        core.exec_driver_sql(f"ALTER SCHEMA public RENAME TO {aside}" if aside else "DROP SCHEMA public")
        core.exec_driver_sql(f"ALTER SCHEMA {RESTORING} RENAME TO public")
        return incarnation, f"schema {aside}" if aside else ""

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
        """→ the highest incarnation of the ledgers that are there or were set aside, 0 for none."""
        tables = sa.inspect(core).get_table_names()
        if tables and not replace:
            raise TargetOccupied(
                f"this database is not empty: it has {len(tables)} tables, {tables[0]} among them",
                fix="name an empty one; if what is there may go, say --replace: it is set aside, not deleted",
            )
        require_unused(core)
        known = [0]
        for schema in ("public", *schemas_aside(core)):
            if core.dialect.has_table(core, "ledger", schema=schema):
                held = core.exec_driver_sql(f"SELECT incarnation FROM {schema}.ledger").scalar()  # noqa: S608 - ours
                known.append(held or 0)
        return max(known)

    def _restore(self, major: int, it: Source, label: Label, tick: Tick) -> None:
        """Whole in the schema `restoring`, or nothing. psql commits on our word, once pg_restore has ended well."""
        with TemporaryFile() as said, TemporaryFile() as log:
            taking = Running(tool("psql", major), [
                "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={self._conninfo}", "--file=-",
            ], said, feeds=True)  # fmt: skip
            try:
                taking.feed(_BEFORE.encode())
                restore = Running(tool("pg_restore", major), [
                    "--exit-on-error", "--no-owner", "--no-privileges", "--file=-",
                ], log, feeds=True, to=taking.stream)  # fmt: skip
                try:
                    self._feed(restore, it, label, tick)
                    tick("waiting for PostgreSQL to make its indexes", 0, 1)
                    restore.end()
                except StoreFailed:
                    taking.end()  # whose word comes first: pg_restore's may be that nobody took it
                    raise
                except BaseException:
                    restore.give_up()
                    raise
                taking.feed(_BEHIND.encode())
                taking.end()
            except BaseException:
                taking.give_up()
                raise

    def _feed(self, restore: Running, it: Source, label: Label, tick: Tick) -> None:
        done = 0
        while block := it.read(BLOCK):
            if not restore.feed(block):
                return  # it has ended, and says why
            done += len(block)
            tick("putting the ledger back", done, label.size)


def _major(core: sa.Connection) -> int:
    session: psycopg.Connection[Any] = raw(core)
    return session.info.server_version // 10_000


def _clear(session: GuardedSession) -> None:
    """What was not accepted goes. Where no ledger is, the empty schema stays: a restoration is to be finished here."""
    with session.transaction() as core:
        core.exec_driver_sql(f"DROP SCHEMA IF EXISTS {RESTORING} CASCADE")
        if not core.dialect.has_table(core, "ledger"):
            core.exec_driver_sql(f"CREATE SCHEMA {RESTORING}")
