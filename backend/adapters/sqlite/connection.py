"""Opening the ledger file."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Final

from backend.adapters.ledger.connection import FIX, Guarded, Kind, raw
from backend.adapters.ledger.schema import NEWEST, begin_ledger, bring_up
from backend.adapters.sqlite.driver import SqliteDriver
from backend.core.errors import BackendError, StoreFailed, StoreForeign, TargetOccupied
from backend.core.limits import SQLITE_CACHE_KIB, SQLITE_LOG_PAGES, SQLITE_PAGE_BYTES

APPLICATION_ID = 0x53564C36  # "SVL6": so that no other SQLite file is taken for a ledger
RESTORING: Final = "ledger.restoring"  # a ledger that is being put back; no backend opens anything beside it
_FIX = FIX.format("the disk")


class GuardedFile(Guarded):
    """One connection to a SQLite file. Raises StoreFailed when opened."""

    url = "sqlite://"
    where = "the disk"
    errors = sqlite3.Error
    speaks = SqliteDriver
    beginnings: ClassVar[dict[Kind, str]] = {"reading": "", "snapshot": "BEGIN", "transaction": "BEGIN IMMEDIATE"}

    def __init__(self, path: Path, *, writes: bool = False) -> None:
        super().__init__()
        self._path, self._writes = path, writes
        with self.reading():
            pass

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
            for pragma in (
                "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY",
            ):  # fmt: skip
                connection.execute(f"PRAGMA {pragma}")
            if self._writes:
                connection.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint={SQLITE_LOG_PAGES}")
            # What it grew to beside a long look (a verification, a backup) is given back behind it.
            connection.execute(f"PRAGMA journal_size_limit={SQLITE_LOG_PAGES * SQLITE_PAGE_BYTES * 2}")
        except sqlite3.Error as error:
            raise StoreFailed(f"cannot open {self._path.name}: {error}", fix=_FIX) from error
        return connection

    def _is_lost(self, _raw: sqlite3.Connection) -> bool:
        return False

    def in_transaction(self, raw: sqlite3.Connection) -> bool:
        """Whether one is open."""
        return raw.in_transaction

    def refused(self, error: BaseException) -> bool | None:
        """What SQLite's rules or columns refuse, and what the disk does."""
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError):
            return True
        return False if isinstance(error, sqlite3.Error) else None

    def said(self, error: BaseException) -> str:
        """SQLite names columns, and no value."""
        return str(error)

    def committed(self, _answer: sqlite3.Cursor) -> bool:
        """What failed before was raised then."""
        return True


class ReadFile(GuardedFile):
    """One that cannot write, and makes no file."""

    def _connect(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False,
                timeout=10,
            )  # fmt: skip
        except sqlite3.Error as error:
            raise StoreFailed(f"cannot open {self._path.name}: {error}", fix=_FIX) from error


def open_to_read(path: Path, city: str) -> GuardedFile:
    """The ledger of a city that is there, not to be changed. Raises StoreForeign, StoreFailed."""
    _require_there(path)
    try:
        require_ours(path, city)
    except sqlite3.Error as error:
        raise StoreFailed(f"cannot open {path.name}: {error}", fix=_FIX) from error
    return ReadFile(path)


def open_ledger(path: Path, city: str, *, begins: bool = True) -> GuardedFile:
    """Open the ledger of a city, or create it where there is none and it `begins`. Raises StoreForeign, StoreFailed."""
    try:
        _require_no_restoration(path)
        if not begins:
            _require_there(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            require_ours(path, city)
            _require_unused_before(path)
        else:
            _make_private(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreFailed(f"cannot open {path.name}: {error}", fix=_FIX) from error
    guarded = GuardedFile(path, writes=True)
    try:
        _begin_or_bring_up(guarded, city)
    except BackendError:
        guarded.close()
        raise
    return guarded


def _require_there(path: Path) -> None:
    """Raises StoreFailed. An empty file is what a backend left that was killed before its ledger's first commit."""
    if not (path.exists() and path.stat().st_size):
        raise StoreFailed(f"there is no ledger at {path}", fix="give the backend.toml of a backend that ran")


def _make_private(path: Path) -> None:
    """A file that only its owner reads, for riders are in it; SQLite gives its log beside it the same mode."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def files_aside(path: Path) -> list[Path]:
    """Ledgers that lay at `path` and were replaced."""
    return sorted(path.parent.glob("ledger-aside-*.db"))


def _require_no_restoration(path: Path) -> None:
    """Raises StoreForeign: what is there is to be replaced, or is gone already."""
    if path.with_name(RESTORING).exists():
        raise StoreForeign(
            f"a ledger is being put back here, or was not finished: {path.with_name(RESTORING)}",
            fix="finish `savar ledger restore`, with --replace if it asks for it; if it is given up, remove that file",
        )
    if (asides := files_aside(path)) and not (path.exists() and path.stat().st_size):
        raise StoreForeign(
            f"there is no ledger at {path}, and one that was set aside: {asides[-1].name}",
            fix="finish `savar ledger restore`; a new ledger begins in a folder of its own",
        )


def _begin_or_bring_up(guarded: GuardedFile, city: str) -> None:
    with guarded.transaction() as core:
        if _is_empty(raw(core)):
            begin_ledger(core, city)
            raw(core).execute(f"PRAGMA application_id={APPLICATION_ID}")
        else:
            bring_up(core)


def require_ours(path: Path, city: str) -> None:
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


def _require_unused_before(path: Path) -> None:
    """A ledger is brought up with nobody else in it: an older program would go on writing what the newer lacks then.

    Whoever has it open keeps SQLite from leaving its log. Raises TargetOccupied.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        if _is_empty(connection) or _is_newest(connection):
            return
        require_unused(connection, path)


def _is_newest(connection: sqlite3.Connection) -> bool:
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone()
    return bool(there) and connection.execute("SELECT version_num FROM alembic_version").fetchone() == (NEWEST,)


def require_unused(connection: sqlite3.Connection, path: Path) -> None:
    """Return if nobody else has the file open. Raises TargetOccupied."""
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise TargetOccupied(f"somebody has {path} open", fix="stop the backend first") from error


def _is_empty(connection: sqlite3.Connection) -> bool:
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0
