"""Opening a ledger in PostgreSQL, and a connection that is opened anew when the database was restarted."""

from typing import Any, ClassVar, Final

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from backend.adapters.ledger.connection import Guarded, Kind, raw
from backend.adapters.ledger.schema import begin_ledger, bring_up, is_newest
from backend.adapters.ledger.tables import LEDGER
from backend.adapters.postgresql.driver import PostgresDriver
from backend.adapters.postgresql.months import Months
from backend.core.errors import BackendError, StoreFailed, StoreForeign, TargetOccupied
from backend.core.limits import DATABASE_CONNECT_S, DATABASE_LOCK_S, DATABASE_SILENT_S

_BEGINNING = 0x53564C36  # of the lock that the opening of a ledger holds: two backends begin one ledger once
ASIDE: Final = "aside"  # beginning of the names of schemas in which replaced ledgers lie
RESTORING: Final = "restoring"  # the schema of a ledger that is being put back; no backend opens anything beside it
_REFUSES = (psycopg.IntegrityError, psycopg.DataError)
_SETTINGS = ["server_encoding", "fsync", "full_page_writes"]
_READS = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND application_name = 'savar'"
)


class GuardedSession(Guarded):
    """One session of a PostgreSQL. Raises StoreFailed when opened, and when it is lost in the middle of something."""

    url = "postgresql+psycopg://"
    where = "PostgreSQL and the way to it"
    errors = psycopg.Error
    speaks = PostgresDriver
    beginnings: ClassVar[dict[Kind, str]] = {"reading": "", "snapshot": _READS, "transaction": "BEGIN"}

    def __init__(self, conninfo: str, *, durable: bool, writes: bool = False) -> None:
        super().__init__()
        self._conninfo, self._durable, self._writes = conninfo, durable, writes
        with self.reading():
            pass

    def _connect(self) -> psycopg.Connection[Any]:
        session = psycopg.connect(
            self._conninfo, autocommit=True, application_name="savar", client_encoding="utf8",
            connect_timeout=DATABASE_CONNECT_S, keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
            tcp_user_timeout=1_000 * DATABASE_SILENT_S,
        )  # fmt: skip
        try:
            idle_s = DATABASE_SILENT_S if self._writes else 0  # a day's places are looked through slowly
            session.execute(
                "SET synchronous_commit = on;"  # a receipt means durable, whatever the server is set to
                " SET jit = off;"  # over many partitions it takes a quarter of a second a statement, and gains less
                f" SET lock_timeout = '{DATABASE_LOCK_S}s'; SET idle_in_transaction_session_timeout = '{idle_s}s'"
            )
            self._require_fit(session)
        except BaseException:
            session.close()
            raise
        return session

    def _require_fit(self, session: psycopg.Connection[Any]) -> None:
        """Each time: a server may come back as another one. Raises StoreFailed."""
        told = dict(
            session.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (_SETTINGS,)).fetchall()
        )
        if told["server_encoding"] != "UTF8":
            raise StoreFailed(
                f"this database is in {told['server_encoding']}, which has no Persian",
                fix="make it anew: createdb --template=template0 --encoding=UTF8 --locale=C",
            )
        off = [name for name in ("fsync", "full_page_writes") if told[name] != "on"]
        if off and self._durable:
            raise StoreFailed(
                f"this PostgreSQL loses what it committed when its machine stops: {' and '.join(off)} is off",
                fix=f"set {off[0]} = on in postgresql.conf and reload it; a receipt means durable",
            )

    def _is_lost(self, raw: psycopg.Connection[Any]) -> bool:
        return raw.closed or raw.broken

    def in_transaction(self, raw: psycopg.Connection[Any]) -> bool:
        """Whether one is open; none is on a session that is lost."""
        return not self._is_lost(raw) and raw.info.transaction_status != TransactionStatus.IDLE

    def refused(self, error: BaseException) -> bool | None:
        """What PostgreSQL's rules or columns refuse, and what the server, or the way to it, does."""
        if isinstance(error, _REFUSES):
            return True
        return False if isinstance(error, psycopg.Error | UnicodeError) else None

    def said(self, error: BaseException) -> str:
        """The server's one line; its detail has the row's values."""
        if isinstance(error, psycopg.Error) and error.diag.message_primary is not None:
            return f"{error.diag.message_primary} ({error.sqlstate})"
        return str(error).partition("\n")[0]

    def committed(self, answer: psycopg.Cursor[Any]) -> bool:
        """PostgreSQL answers ROLLBACK where a statement had failed before."""
        return answer.statusmessage == "COMMIT"


def open_ledger(conninfo: str, city: str, *, durable: bool, begins: bool = True) -> GuardedSession:
    """Open or begin the ledger of a city in a database of its own. Raises StoreForeign, StoreFailed.

    `durable`: refuse a server that does not sync what it commits; `begins`: a ledger, where there is none.
    """
    guarded = GuardedSession(conninfo, durable=durable, writes=True)
    try:
        _begin_or_bring_up(guarded, city, begins=begins)
    except BackendError:
        guarded.close()
        raise
    return guarded


def _begin_or_bring_up(guarded: GuardedSession, city: str, *, begins: bool) -> None:
    with guarded.transaction() as core:
        alone(core)
        _require_no_restoration(core)
        if not (core.dialect.has_table(core, "ledger") and core.dialect.has_table(core, "alembic_version")):
            if tables := sa.inspect(core).get_table_names():
                raise StoreForeign(
                    f"this database is no Savar ledger: it has {tables[0]}",
                    fix="give the backend a database of its own",
                )
            if asides := schemas_aside(core):
                raise StoreForeign(
                    f"this database has no ledger, and one that was set aside: {asides[-1]}",
                    fix="finish `savar ledger restore`; a new ledger begins in a database of its own",
                )
            if not begins:
                raise StoreForeign("this database has no ledger", fix="give the backend.toml of a backend that ran")
            begin_ledger(core, city)
        if not is_newest(core):
            require_unused(core)
        bring_up(core)
        Months().sort(raw(core))
        held = core.execute(sa.select(LEDGER.c.city)).scalar_one()
        if held != city:
            raise StoreForeign(
                f"this is the ledger of {held}, not of {city}", fix="point [database] at this city's database"
            )


def require_unused(core: sa.Connection) -> None:
    """Nobody else of ours is in this database: what is older would go on writing what the newer lacks then.

    Raises TargetOccupied.
    """
    ((others,),) = raw(core).execute(_OTHERS).fetchall()
    if others:
        raise TargetOccupied(f"{others} sessions of a backend are in this database", fix="stop the backend first")


def alone(core: sa.Connection) -> None:
    """Among those that begin a ledger here or exchange it; the caller holds the transaction."""
    raw(core).execute("SELECT pg_advisory_xact_lock(%s)", (_BEGINNING,))


def schemas_aside(core: sa.Connection) -> list[str]:
    """Where ledgers lie that were replaced, the newest last."""
    found = raw(core).execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY 1", (f"^{ASIDE}_[0-9]+$",))
    return [name for (name,) in found.fetchall()]


def _require_no_restoration(core: sa.Connection) -> None:
    """Raises StoreForeign: what is there is to be replaced, and may be empty."""
    if raw(core).execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (RESTORING,)).fetchone():
        raise StoreForeign(
            f"a ledger is being put back here, or was not finished: this database has a schema {RESTORING}",
            fix="finish `savar ledger restore`, with --replace if it asks for it; if it is given up, drop that schema",
        )
