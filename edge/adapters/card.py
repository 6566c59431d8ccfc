"""A database on the validator's card: how it is opened, and SQLite's errors turned into ours at one place."""

from contextlib import suppress
from pathlib import Path

import apsw

from edge.core.errors import JournalFailed, JournalFull
from edge.core.limits import WAL_PAGES_MAX

FAILED_FIX = "taps are not accepted; replace the card and run `savar journal recover` on the old one"
_BUSY_FIX = "stop what has it open: usually the door's own service (`systemctl stop 'savar-validator@*'`)"
_FULL_FIX = (
    "taps are not accepted until there is room: let it sync, or carry the journal off with `savar journal export`"
)


def connect(path: Path, vfs: str | None) -> apsw.Connection:
    """Open or create, owned by this process alone, every commit synced (P1). Raises apsw.Error."""
    connection = apsw.Connection(str(path), vfs=vfs)
    try:
        connection.set_busy_timeout(5_000)
        # Exclusive before WAL: then the index of the log lives in memory, and the first write takes the file for good.
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={WAL_PAGES_MAX}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # Plain ids leave the window within minutes; their bytes must leave the file too.
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        abandon(connection)
        raise
    return connection


def abandon(connection: apsw.Connection) -> None:
    """Close one that failed: left to the garbage collector it would write to the card later, under another's feet."""
    with suppress(apsw.Error):
        connection.close(force=True)


def whole(value: object) -> bytes:
    """A column that the schema says is bytes; on a rotten page it may be anything. Raises JournalFailed."""
    if not isinstance(value, bytes):
        raise JournalFailed("a row of the journal is damaged", fix=FAILED_FIX)
    return value


# What a rotten page can bring out of SQLite besides its own errors: text that is none, also in its complaints.
CARD_ERRORS = (apsw.Error, UnicodeDecodeError)


def translate(error: apsw.Error | UnicodeDecodeError) -> JournalFull | JournalFailed:
    """apsw's errors → ours."""
    if isinstance(error, apsw.FullError):
        return JournalFull("the journal's disk is full", fix=_FULL_FIX)
    if isinstance(error, apsw.BusyError):  # one process owns it: the card is well
        return JournalFailed("another process has the journal", fix=_BUSY_FIX)
    return JournalFailed(f"the journal cannot be used: {error}", fix=FAILED_FIX)
