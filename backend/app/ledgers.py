"""The ledger that a backend's configuration names."""

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.sqlite.store import SqliteStore
from backend.app.config import BackendConfig


def open_ledger(config: BackendConfig, *, begins: bool = True) -> LedgerStore:
    """Opened, or begun where there is none and it `begins`. Raises StoreForeign, StoreFailed."""
    if config.database is None:
        return SqliteStore(config.data_dir / "ledger.db", config.city, begins=begins)
    from backend.adapters.postgresql.store import PostgresStore  # noqa: PLC0415 - psycopg is for those who have one

    return PostgresStore(config.database.postgresql, config.city, begins=begins)
