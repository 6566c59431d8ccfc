"""A journal's file read by the tools, in a process of their own, through sqlite-utils. Nothing is ever written.

Rules:
- opened with `mode=ro`; the write-ahead log beside the file belongs to it and is read;
- `immutable` only on read-only media, where SQLite cannot make its shared memory; a log that is not folded in cannot
  be read there, so that is refused by name instead of showing an older journal as whole;
- a record's signature stands beside the record behind it, the last one's in `identity` after a clean close; a record
  whose signature is not there, or cannot be read, comes with empty bytes in its place, and is empty itself where it
  is not as it was written;
- a running validator owns its file alone; then the tools say so, and read a copy of the file and its log.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from edge.adapters.journal_schema import APPLICATION_ID, SELECT_SIGNED, digest_of
from edge.core.errors import JournalFailed, JournalForeign
from edge.core.limits import JOURNAL_PAGE_ROWS, JOURNAL_ROW_MIN_BYTES
from edge.core.ports import StoredRecord
from protocol.errors import WireError
from protocol.wire import chain

_LOCK_WAIT_S = 1.0  # another tool may be closing; a validator keeps its lock for good
_PROBE_MAX_STEP = 1 << 40  # no device makes so many taps: behind it nothing is looked for
# Of a damaged file: the page of the record behind, which holds the signature, may be what cannot be read.
_SELECT_UNSIGNED = "SELECT sequence, bytes, digest, NULL AS signature FROM record "
_RECOVER = "use `savar journal recover`, which reads what is readable"


@dataclass(frozen=True, slots=True)
class Extent:
    """Which rows a journal holds, and how many with a boarding still in the repeat window."""

    first: int | None
    last: int | None
    rows: int
    window: int


class JournalFile:
    """One journal, read only. Use `open_journal`."""

    def __init__(self, path: Path, database: Database) -> None:
        self._database = database
        self.path = path
        self.device, self.epoch, self._tail_sequence, self._tail_signature = self._identity()

    def _identity(self) -> tuple[str, int, int | None, bytes | None]:
        with _named(self.path):
            (found,) = self._rows("PRAGMA application_id")
            if found["application_id"] != APPLICATION_ID:
                raise JournalForeign(f"{self.path} is not a Savar journal", fix="give the path of a journal.db")
            identity = list(self._rows("SELECT device, epoch, tail_sequence, tail_signature FROM identity"))
        if not identity:
            raise JournalFailed(f"{self.path} does not say whose journal it is", fix="its file is damaged beyond use")
        device, epoch, tail_sequence, tail_signature = identity[0].values()
        return device, epoch, tail_sequence, tail_signature

    def _rows(self, sql: str, *values: int) -> Iterator[dict[str, Any]]:
        try:
            rows: Iterator[dict[str, Any]] = self._database.query(sql, values)
        except UnicodeDecodeError as error:  # sqlite3 cannot put its own complaint about a rotten schema into words
            raise sqlite3.DatabaseError("the schema is damaged") from error
        return rows

    def extent(self) -> Extent:
        """First and last row, how many there are. Raises JournalFailed."""
        with _named(self.path):
            (found,) = self._rows(
                "SELECT min(sequence) AS first, max(sequence) AS last, count(*) AS n, count(window) AS w FROM record"
            )
        return Extent(found["first"], found["last"], found["n"], found["w"])

    def last(self) -> int:
        """Last row's number, 0 if there is none. Raises JournalFailed."""
        with _named(self.path):
            (found,) = self._rows("SELECT max(sequence) AS last FROM record")
        return found["last"] or 0

    def rows(self, first: int = 0) -> Iterator[StoredRecord]:
        """Rows from `first` in order. Raises JournalFailed where the file cannot be read."""
        at = first
        while True:
            with _named(self.path):
                page = [
                    self._stored(row)
                    for row in self._rows(
                        f"{SELECT_SIGNED} WHERE record.sequence >= ? ORDER BY record.sequence"
                        f" LIMIT {JOURNAL_PAGE_ROWS}",
                        at,
                    )
                ]
            yield from page
            if len(page) < JOURNAL_PAGE_ROWS:
                return
            at = page[-1].sequence + 1

    def row(self, sequence: int) -> StoredRecord | None:
        """One row, None if there is none or it cannot be read."""
        try:
            return self._one("WHERE record.sequence = ?", sequence)
        except sqlite3.DatabaseError:
            return None

    def _one(self, where: str, value: int) -> StoredRecord | None:
        """One row, without its signature if only that cannot be read."""
        try:
            return next((self._stored(row) for row in self._rows(SELECT_SIGNED + where, value)), None)
        except sqlite3.DatabaseError:
            return next((self._stored(row) for row in self._rows(_SELECT_UNSIGNED + where, value)), None)

    def _stored(self, row: dict[str, Any]) -> StoredRecord:
        """A row; a damaged one may hold anything, and then holds nothing."""
        sequence, raw, signature = row["sequence"], row["bytes"], row["signature"]
        if signature is None and sequence == self._tail_sequence:
            signature = self._tail_signature
        if not isinstance(signature, bytes):  # then its digest alone says that it is as it was written
            raw, signature = raw if _is_whole(raw, row["digest"]) else b"", b""
        return StoredRecord(sequence, raw if isinstance(raw, bytes) else b"", signature)

    def receipt(self) -> tuple[int, bytes] | None:
        """The newest receipt kept: (sequence, message bytes). Raises JournalFailed."""
        with _named(self.path):
            kept = next(self._rows("SELECT sequence, bytes FROM receipt"), None)
        return None if kept is None else (kept["sequence"], kept["bytes"])

    def readable_rows(self) -> Iterator[StoredRecord]:
        """Rows of a damaged file, one by one, in order; what SQLite cannot reach is passed over."""
        most = self.path.stat().st_size // JOURNAL_ROW_MIN_BYTES + 1
        at = 0
        while True:
            try:
                row = self._first_from(at)
            except sqlite3.DatabaseError:
                singles, more = self._around_damage(at, most)
                yield from filter(None, map(self.row, singles))
                if not more:
                    return
                at = max(singles.stop, at + 1)
                continue
            if row is None:
                return
            yield row
            at = row.sequence + 1

    def _first_from(self, at: int) -> StoredRecord | None:
        row = self._one("WHERE record.sequence >= ? ORDER BY record.sequence LIMIT 1", at)
        if row is not None and row.sequence < at:  # a rotten key: going on from there would never end
            raise sqlite3.DatabaseError("rows are out of order")
        return row

    def _around_damage(self, at: int, most: int) -> tuple[range, bool]:
        """Nothing can be read in order from `at` on: the rows to try singly, and whether order works behind them.

        Steps double until a row, or the end, is reached. A file holds at most `most` rows, and they have no gaps, so
        they are looked for just before that row; else just behind `at`.
        """
        step = 1
        while step < _PROBE_MAX_STEP:
            try:
                row = self._first_from(at + step)
            except sqlite3.DatabaseError:
                step *= 2
                continue
            if row is None:
                return range(at, at + min(step, most)), False
            return range(max(at, row.sequence - most), row.sequence), True
        return range(at, at + most), False


def _is_whole(raw: object, digest: object) -> bool:
    try:
        return isinstance(raw, bytes) and digest_of(chain.head_of(raw)) == digest
    except WireError:
        return False


@contextmanager
def open_journal(path: Path) -> Iterator[JournalFile]:
    """Open a journal for reading. Raises JournalForeign (no journal) or JournalFailed (unreadable)."""
    if not path.is_file():
        raise JournalForeign(f"no file {path}", fix="give the path of a journal.db")
    mode = "immutable=1" if _on_read_only_media(path) else "mode=ro"
    with _named(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=_LOCK_WAIT_S)
    try:
        with _named(path):
            database = Database(connection, recursive_triggers=False, execute_plugins=False)
        yield JournalFile(path, database)
    finally:
        connection.close()


def _on_read_only_media(path: Path) -> bool:
    if not os.statvfs(path.resolve().parent).f_flag & os.ST_RDONLY:
        return False
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise JournalFailed(
            f"{path} is on read-only media with a log that is not folded in: taps would be missed",
            fix=f"copy {path.name} and {log.name} to a writable folder and read them there",
        )
    return True


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """sqlite3's errors → ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_NOTADB":
            raise JournalForeign(f"{path} is not a Savar journal", fix="give the path of a journal.db") from error
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise JournalFailed(
                f"{path} is in use by a running validator",
                fix=f"stop it, or read a copy of {path.name} and {path.name}-wal",
            ) from error
        raise JournalFailed(f"{path} cannot be read: {error}", fix=_RECOVER) from error
