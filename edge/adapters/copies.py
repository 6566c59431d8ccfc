"""The sister door's records on this card, on SQLite through apsw: a file of its own beside the journal.

Rules:
- the bytes are the sister's, as received; the signature of each batch stands beside its last record, and commits to all
  before it, so a run is shipped up to one;
- every epoch is kept: a card that was changed, and the one before it;
- a batch that disagrees is kept apart, up to BRANCH_BYTES_MAX: evidence, never a record (P11);
- a file that cannot be read is set aside and never deleted: it may be the last; one of another sister's records
  goes under its name before this is opened (`former_copies`).
"""

import logging
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import apsw

from edge.adapters.card import CARD_ERRORS, FAILED_FIX, abandon, translate, whole
from edge.adapters.house import House, transaction
from edge.core.errors import JournalFailed, JournalFull
from edge.core.limits import BRANCH_BYTES_MAX
from edge.core.ports import Reserve, StoredRecord
from edge.core.retention import ReceiptDay
from protocol.wire.standing import Watermark

log = logging.getLogger(__name__)
APPLICATION_ID = 0x53565331  # "SVS1": so that no other SQLite file is taken for a sister's copies
_KEEP_FIX = "move the file away and keep it: its records may be the last ones"
SCHEMA = """
CREATE TABLE sister (one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL) STRICT;
CREATE TABLE epoch (
  epoch INTEGER PRIMARY KEY, began INTEGER NOT NULL UNIQUE, sequence INTEGER NOT NULL, head BLOB NOT NULL, receipt BLOB
) STRICT;
CREATE TABLE record (
  epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, bytes BLOB NOT NULL, hash BLOB NOT NULL, signature BLOB,
  PRIMARY KEY (epoch, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipted (
  epoch INTEGER NOT NULL, own_day INTEGER NOT NULL, issued_day INTEGER NOT NULL, incarnation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (epoch, own_day)
) STRICT, WITHOUT ROWID;
CREATE TABLE branch (id INTEGER PRIMARY KEY, why TEXT NOT NULL, bytes BLOB NOT NULL UNIQUE) STRICT;
"""


class ApswCopies:
    """Implements `edge.core.ports.Copies` for one sister. Used by one thread.

    Opened by its first use; one that cannot be opened is tried again by the next. Raises JournalFull, JournalFailed.
    """

    def __init__(self, path: Path, *, sister: str, vfs: str | None = None, reserve: Reserve | None = None) -> None:
        """`reserve` is the journal's, for a full card."""
        self._path = path
        self._sister = sister
        self._vfs = vfs
        self._house = House(reserve)
        self._open: apsw.Connection | None = None
        self._held: list[Watermark] | None = None  # as this connection has read or written it: asked with every batch

    def _opened(self) -> apsw.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalFailed(f"cannot use {self._path.name}: {error}", fix=FAILED_FIX) from error
        connection = self._house.connect(self._path, self._vfs)
        try:
            self._create(connection)
        except BaseException:
            abandon(connection)
            raise
        return connection

    def _create(self, connection: apsw.Connection) -> None:
        found = connection.execute("PRAGMA application_id").get
        if found == 0 and not connection.execute("SELECT count(*) FROM sqlite_schema").get:
            with transaction(connection):
                connection.execute(SCHEMA)
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                connection.execute("INSERT INTO sister VALUES (1, ?)", (self._sister,))
        if (said := connection.execute("PRAGMA quick_check(1)").get) != "ok":
            # Half believed, a torn page answers one way now and another later: seed 10 was not the same twice.
            raise JournalFailed(f"the copies are damaged: {said}", fix=_KEEP_FIX)
        held = connection.execute("SELECT device FROM sister").get
        if held != self._sister:
            raise JournalFailed(
                f"this card holds copies of {held}, not of {self._sister}",
                fix=_KEEP_FIX,
                found=held, expected=self._sister,
            )  # fmt: skip

    def _using(self) -> "_Used":
        """The connection, fresh after a failure; errors as ours."""
        return _Used(self)

    def connection(self) -> apsw.Connection:
        """The one that is open, or a new one. Raises apsw.Error, JournalFailed."""
        if self._open is None:
            self._open = self._opened()
        return self._open

    def held(self) -> Sequence[Watermark]:
        """How far each epoch is held, oldest first."""
        with self._using() as connection:
            if self._held is None:
                rows: list[Any] = connection.execute(
                    "SELECT epoch, sequence, head FROM epoch ORDER BY began"
                ).fetchall()
                self._held = [Watermark(*row) for row in rows]
            return tuple(self._held)

    def hash_of(self, epoch: int, sequence: int) -> bytes | None:
        """Our copy's hash of one record."""
        with self._using() as connection:
            found: bytes | None = connection.execute(
                "SELECT hash FROM record WHERE epoch = ? AND sequence = ?", (epoch, sequence)
            ).get
        return found

    def add(self, before: Watermark, rows: Sequence[tuple[int, bytes, bytes]], signature: bytes) -> None:
        """Consecutive records behind `before`, in one synced commit."""
        with self._using() as connection:
            self._house.renew(connection)
            self._held = None
            self._add(connection, before, rows, signature)

    def _add(
        self, connection: apsw.Connection, before: Watermark, rows: Sequence[tuple[int, bytes, bytes]], signature: bytes
    ) -> None:
        last, _, head = rows[-1]
        signatures = [*[None] * (len(rows) - 1), signature]
        with transaction(connection):
            connection.execute(
                "INSERT INTO epoch VALUES (?, (SELECT coalesce(max(began), 0) + 1 FROM epoch), ?, ?, NULL)"
                " ON CONFLICT (epoch) DO UPDATE SET sequence = excluded.sequence, head = excluded.head",
                (before.epoch, last, head),
            )
            connection.executemany(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                [(before.epoch, n, raw, h, s) for (n, raw, h), s in zip(rows, signatures, strict=True)],
            )

    def keep_branch(self, batch: bytes, why: str) -> None:
        """Keep it, unless it is kept already or the bound is reached."""
        with self._using() as connection, transaction(connection):
            used: int = connection.execute("SELECT coalesce(sum(length(bytes)), 0) FROM branch").get
            if used + len(batch) <= BRANCH_BYTES_MAX:
                connection.execute("INSERT OR IGNORE INTO branch (why, bytes) VALUES (?, ?)", (why, batch))

    def branches(self) -> Sequence[bytes]:
        """The batches kept apart, oldest first."""
        with self._using() as connection:
            return [row[0] for row in connection.execute("SELECT bytes FROM branch ORDER BY id")]

    def read(self, epoch: int, first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
        """Consecutive records from `first` up to one whose signature is held, at least one such run."""
        run: list[StoredRecord] = []
        complete = size = 0
        with self._using() as connection:
            for sequence, raw, signature in connection.execute(
                "SELECT sequence, bytes, signature FROM record WHERE epoch = ? AND sequence >= ? ORDER BY sequence",
                (epoch, first),
            ):
                size += len(whole(raw)) + 4
                if complete and (size > most_bytes or len(run) >= most):
                    break
                if run and sequence != run[-1].sequence + 1:  # what lies between was pruned before it was copied
                    break
                run.append(StoredRecord(sequence, raw, signature or b""))
                if signature is not None:
                    complete = len(run)
        return run[:complete]

    def keep_receipt(self, epoch: int, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        """Remember the newest receipt of an epoch, and the day it stood on."""
        with self._using() as connection:
            self._house.keep(lambda: connection, lambda: _note_receipt(connection, epoch, receipt, sequence, day))

    def receipts(self) -> Sequence[bytes]:
        """The newest receipt kept of each epoch."""
        with self._using() as connection:
            return [row[0] for row in connection.execute("SELECT receipt FROM epoch WHERE receipt IS NOT NULL")]

    def receipted_by(self, epoch: int, day: ReceiptDay) -> int:
        """As the journal's."""
        with self._using() as connection:
            found: int | None = connection.execute(
                "SELECT max(sequence) FROM receipted"
                " WHERE epoch = ? AND own_day <= ? AND issued_day <= ? AND incarnation = ?",
                (epoch, day.own, day.issued, day.incarnation),
            ).get
        return found or 0

    def prune(self, epoch: int, through: int) -> int:
        """Delete copies 1…`through` of an epoch, never its last record. Returns how many went."""
        delete = (
            "DELETE FROM record WHERE epoch = ?1 AND sequence <= ?2"
            " AND sequence < (SELECT sequence FROM epoch WHERE epoch = ?1)"
        )
        with self._using() as connection:
            self._house.keep(lambda: connection, lambda: connection.execute(delete, (epoch, through)))
            return connection.changes()

    def oldest(self, epoch: int) -> int:
        """The first sequence still held of an epoch; 0 if there is none."""
        with self._using() as connection:
            found: int | None = connection.execute("SELECT min(sequence) FROM record WHERE epoch = ?", (epoch,)).get
        return found or 0

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._using() as connection:
            self._house.fold(connection)

    def close(self) -> None:
        """Fold the log in and close."""
        connection, self._open, self._held = self._open, None, None
        if connection is not None:
            abandon(connection)


class _Used:
    """What `_using` enters: a class, for it is entered several times with each message of the other door."""

    def __init__(self, copies: ApswCopies) -> None:
        self._copies = copies

    def __enter__(self) -> apsw.Connection:
        try:
            return self._copies.connection()
        except CARD_ERRORS as error:
            self._fail(error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, CARD_ERRORS):
            self._fail(error)

    def _fail(self, error: apsw.Error | UnicodeDecodeError) -> NoReturn:
        self._copies.close()
        raise translate(error) from error


def _note_receipt(
    connection: apsw.Connection, epoch: int, receipt: bytes, sequence: int, day: ReceiptDay | None
) -> None:
    with transaction(connection):
        connection.execute("UPDATE epoch SET receipt = ? WHERE epoch = ?", (receipt, epoch))
        connection.execute("DELETE FROM receipted WHERE epoch = ? AND sequence > ?", (epoch, sequence))
        if day is not None:
            connection.execute(
                "INSERT OR REPLACE INTO receipted VALUES (?, ?, ?, ?, ?)",
                (epoch, day.own, day.issued, day.incarnation, sequence),
            )


def open_copies(path: Path, *, sister: str, reserve: Reserve | None = None) -> ApswCopies:
    """Open or create; a file that is of no use here is set aside and a new one begun. Raises nothing: taps go on."""
    copies = ApswCopies(path, sister=sister, reserve=reserve)
    try:
        copies.held()  # this and the receipts are what a start needs
        copies.receipts()
    except JournalFull as error:
        log.error("the other door's records are not kept: %s", error)
    except JournalFailed as error:
        copies.close()
        if not isinstance(error.__cause__, apsw.BusyError):  # whoever reads it now is not disturbed
            _set_aside(path, error)
    return copies


def _set_aside(path: Path, why: JournalFailed) -> None:
    """Under the first free name beside it, with its log, which belongs to it."""
    try:
        names = (path.with_name(f"{path.stem}-aside-{n}{path.suffix}") for n in count(1))
        aside = next(name for name in names if not name.exists())
        for suffix in ("-wal", ""):
            lies = path.with_name(path.name + suffix)
            if lies.exists():
                lies.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        log.error("%s is of no use and cannot be set aside: %s; %s", path.name, error, why)
        return
    log.error("%s is set aside as %s — keep it, it may hold the last copy of the other door's records: %s", path.name,
              aside.name, why)  # fmt: skip
