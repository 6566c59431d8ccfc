"""The whole store in a SQLite file."""

from pathlib import Path

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.sqlite.connection import GuardedFile, open_ledger
from backend.adapters.sqlite.driver import SqliteDriver


class SqliteStore(LedgerStore):
    """Implements `backend.core.ports.Store`. Raises StoreForeign or StoreFailed when opened.

    `begins`: a ledger, where there is none.
    """

    def __init__(self, path: Path, city: str, *, begins: bool = True) -> None:
        writer = open_ledger(path, city, begins=begins)
        super().__init__(writer, GuardedFile(path), GuardedFile(path), SqliteDriver())
