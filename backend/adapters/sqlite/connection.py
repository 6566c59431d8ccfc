"""Opening the ledger file, and turning SQLite's errors into ours at one place."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import TracebackType

from backend.adapters.sqlite.schema import APPLICATION_ID, SCHEMA, SINCE
from backend.core.errors import StoreFailed, StoreForeign, StoreRefused
from backend.core.ledger import LEDGER_GENESIS

_FIX = "nothing of the last group is stored and buses keep their taps; look at the disk, then start the backend again"

_ERRORS = (sqlite3.Error, OverflowError)


class Guarded:
    """One SQLite connection and the lock that serialises it. Raises StoreFailed when opened."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise StoreFailed(f"cannot open {path.name}: {error}", fix=_FIX) from error

    def reading(self) -> "_Reading":
        """The connection for reads. Raises StoreFailed; StoreRefused for a number that no column can hold."""
        return _Reading(self._lock, self._connection)

    def transaction(self) -> "_Transaction":
        """One durable transaction: committed and synced when the block ends, nothing stored if it raises.

        Raises StoreRefused where a rule of the tables forbids it, StoreFailed where the disk does.
        """
        return _Transaction(self._lock, self._connection)

    def close(self) -> None:
        """Release it."""
        with self._lock:
            self._connection.close()


class _Reading:
    """What `reading` enters."""

    def __init__(self, lock: threading.RLock, connection: sqlite3.Connection) -> None:
        self._lock, self._connection = lock, connection

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()
        if isinstance(error, _ERRORS):
            raise _translated(error, "read") from error


class _Transaction:
    """What `transaction` enters."""

    def __init__(self, lock: threading.RLock, connection: sqlite3.Connection) -> None:
        self._lock, self._connection = lock, connection

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._end(error)
            raise
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None:
                self._connection.execute("COMMIT")
        except BaseException as failed:
            self._end(failed)
            raise
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Let go; what failed is rolled back, and told in our words if it was SQLite's."""
        try:
            if error is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._lock.release()
        if isinstance(error, _ERRORS):
            raise _translated(error, "written") from error


def _translated(error: sqlite3.Error | OverflowError, done: str) -> StoreFailed:
    """SQLite's errors → ours: what its rules or columns refuse, and what the disk does."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError):
        return StoreRefused(f"the ledger refuses it: {error}", fix="look at the quarantine")
    return StoreFailed(f"the ledger cannot be {done}: {error}", fix=_FIX)


def open_ledger(path: Path, city: str) -> Guarded:
    """Open or create the ledger of a city. Raises StoreForeign, StoreFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _require_ours(path, city)
    except (sqlite3.Error, OSError) as error:
        raise StoreFailed(f"cannot open {path.name}: {error}", fix=_FIX) from error
    guarded = Guarded(path)
    with guarded.transaction() as connection:
        if _is_empty(connection):
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute("INSERT INTO ledger VALUES (1, ?, 1, ?)", (city, LEDGER_GENESIS))
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(SINCE)
    return guarded


def _require_ours(path: Path, city: str) -> None:
    """Look before any pragma writes: what is not ours is left as it is. Raises StoreForeign."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        try:
            (found,) = connection.execute("PRAGMA application_id").fetchone()
            if found == 0 and _is_empty(connection):
                return
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            found = None
        if found != APPLICATION_ID:
            raise StoreForeign(f"{path.name} is not a Savar ledger", fix="point data_dir at the backend's folder")
        (held,) = connection.execute("SELECT city FROM ledger").fetchone()
    if held != city:
        raise StoreForeign(f"this is the ledger of {held}, not of {city}", fix="point data_dir at this city's folder")


def _is_empty(connection: sqlite3.Connection) -> bool:
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0
