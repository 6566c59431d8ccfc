"""The whole store in a PostgreSQL."""

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.connection import GuardedSession, open_ledger
from backend.adapters.postgresql.driver import PostgresDriver


class PostgresStore(LedgerStore):
    """Implements `backend.core.ports.Store` in a database of its own.

    `durable`: refuse a server that does not sync what it commits; `begins`: a ledger, where there is none.
    Raises StoreForeign, StoreFailed.
    """

    def __init__(self, conninfo: str, city: str, *, durable: bool = True, begins: bool = True) -> None:
        writer = open_ledger(conninfo, city, durable=durable, begins=begins)
        reader, aside = (GuardedSession(conninfo, durable=durable) for _ in range(2))
        super().__init__(writer, reader, aside, PostgresDriver())
