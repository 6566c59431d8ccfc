"""Opening a ledger in PostgreSQL, and a connection that is opened anew when the database was restarted."""

from typing import Any, ClassVar

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from backend.adapters.ledger.connection import Guarded, Kind, raw
from backend.adapters.ledger.schema import begin_ledger, bring_up
from backend.adapters.ledger.tables import LEDGER
from backend.core.errors import BackendError, StoreFailed, StoreForeign

_BEGINNING = 0x53564C36  # of the lock that the opening of a ledger holds: two backends begin one ledger once
_REFUSES = (psycopg.IntegrityError, psycopg.DataError)
_READS = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class GuardedSession(Guarded):
    """One session of a PostgreSQL. Raises StoreFailed when opened, and when it is lost in the middle of something."""

    url = "postgresql+psycopg://"
    where = "PostgreSQL and the way to it"
    beginnings: ClassVar[dict[Kind, str]] = {"reading": "", "snapshot": _READS, "transaction": "BEGIN"}

    def __init__(self, conninfo: str) -> None:
        super().__init__()
        self._conninfo = conninfo
        with self.reading():
            pass

    def _connect(self) -> psycopg.Connection[Any]:
        session = psycopg.connect(self._conninfo, autocommit=True, application_name="savar")
        session.execute("SET synchronous_commit = on")  # a receipt means durable, whatever the server is set to
        return session

    def _is_lost(self, raw: psycopg.Connection[Any]) -> bool:
        return raw.closed or raw.broken

    def in_transaction(self, raw: psycopg.Connection[Any]) -> bool:
        """Whether one is open; none is on a session that is lost."""
        return not self._is_lost(raw) and raw.info.transaction_status != TransactionStatus.IDLE

    def refused(self, error: BaseException) -> bool | None:
        """What PostgreSQL's rules or columns refuse, and what the server, or the way to it, does."""
        if isinstance(error, _REFUSES):
            return True
        return False if isinstance(error, psycopg.Error) else None


def open_ledger(conninfo: str, city: str, *, durable: bool) -> GuardedSession:
    """Open or begin the ledger of a city in a database of its own. Raises StoreForeign, StoreFailed.

    `durable`: refuse a server that does not sync what it commits.
    """
    guarded = GuardedSession(conninfo)
    try:
        if durable:
            _require_syncing(guarded)
        _begin_or_bring_up(guarded, city)
    except BackendError:
        guarded.close()
        raise
    return guarded


def _require_syncing(guarded: GuardedSession) -> None:
    with guarded.reading() as core:
        told = {name: raw(core).execute(f"SHOW {name}").fetchone() for name in ("fsync", "full_page_writes")}
    off = [name for name, value in told.items() if value != ("on",)]
    if off:
        raise StoreFailed(
            f"this PostgreSQL loses what it committed when its machine stops: {' and '.join(off)} is off",
            fix=f"set {off[0]} = on in postgresql.conf and reload it; a receipt means durable",
        )


def _begin_or_bring_up(guarded: GuardedSession, city: str) -> None:
    with guarded.transaction() as core:
        raw(core).execute("SELECT pg_advisory_xact_lock(%s)", (_BEGINNING,))
        if not core.dialect.has_table(core, "ledger"):
            if tables := sa.inspect(core).get_table_names():
                raise StoreForeign(
                    f"this database is no Savar ledger: it has {tables[0]}",
                    fix="give the backend a database of its own",
                )
            begin_ledger(core, city)
        bring_up(core)
        held = core.execute(sa.select(LEDGER.c.city)).scalar_one()
        if held != city:
            raise StoreForeign(
                f"this is the ledger of {held}, not of {city}", fix="point [database] at this city's database"
            )
