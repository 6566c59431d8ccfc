"""The journal on SQLite through apsw: WAL, synchronous=FULL, one append-only table of record bytes.

Rules:
- `append` is one transaction and returns after its fsync; only then may anything green be shown (P1);
- a record's signature is stored with the record behind it (see `journal_schema`), so nothing follows an unsigned one,
  and `read` gives none;
- one process owns the file, exclusively: two writers would fork the chain, and the locks and shared memory that a
  second opener needs would cost every tap a tenth of its time. `savar journal` reads when the validator is stopped;
- no second SQLite library opens this file in the same process (POSIX locks are per process);
- after a failed write the file is reopened and whatever the failed commit may have left behind the known head is
  removed before the next record: a record is in the journal if and only if `append` returned (P4), unless the power
  goes in between, when a card that cannot sync may keep either; `drop_tail` takes one back that nobody was told of;
- the write-ahead log is folded in by `checkpoint`, off the tap's path; a full card stops taps, never housekeeping (see
  `house`).
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw

from edge.adapters import let_ride_table
from edge.adapters.card import CARD_ERRORS, FAILED_FIX, abandon, translate, whole
from edge.adapters.house import House, transaction
from edge.adapters.journal_schema import (
    APPLICATION_ID,
    SCHEMA,
    SELECT_SIGNED,
    YOUNGER,
    digest_of,
    pack_annuls,
    pack_window,
    unpack_beside,
)
from edge.core.accepted import Accepted, RecordId
from edge.core.errors import JournalFailed, JournalForeign
from edge.core.ports import ChainedRecord, Head, Reserve, StoredRecord
from edge.core.retention import ReceiptDay
from edge.core.spending import LetRide
from protocol.errors import WireError
from protocol.wire import chain

log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?)"
_INSERT_TICKET = "INSERT OR REPLACE INTO ticket VALUES (?, ?, ?)"
_DELETE_TICKET = "DELETE FROM ticket WHERE epoch = ? AND sequence = ?"


class ApswJournal:
    """One device's journal file. Safe to call from several threads; writes are serialised by the caller's lock too."""

    def __init__(
        self, path: Path, *, device: str, new_epoch: int, vfs: str | None = None, reserve: Reserve | None = None
    ) -> None:
        """Open or create. `new_epoch` (random) names the journal if it is new; `reserve` is for a full card.

        Raises JournalForeign (another device's file, or no journal), JournalFull, JournalFailed.
        """
        self._path = path
        self._vfs = vfs
        self._device = device
        self._house = House(reserve)
        self._lock = threading.Lock()
        self._suspect = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write = self._connect()
        except CARD_ERRORS as error:
            raise translate(error) from error
        except OSError as error:
            raise JournalFailed(f"cannot use {path.name}: {error}", fix=FAILED_FIX) from error
        try:
            self._create(new_epoch)
            self._house.keep(lambda: self._write, self._make_whole)
            self._insert = self._write.cursor()
            self._head = self._stored_head()
            self._signature = self._stored_signature()  # over the head; None until it is known
            self._before: tuple[Head, bytes | None] | None = None  # where the newest `append` began
            self._house.renew(self._write)
        except BaseException as error:
            abandon(self._write)
            if isinstance(error, CARD_ERRORS):
                raise translate(error) from error
            if isinstance(error, WireError):
                raise JournalFailed(f"the journal's end cannot be read: {error.message}", fix=FAILED_FIX) from error
            raise

    def _connect(self) -> apsw.Connection:
        return self._house.connect(self._path, self._vfs)

    def _create(self, new_epoch: int) -> None:
        found = self._write.execute("PRAGMA application_id").get
        if found == 0 and not self._write.execute("SELECT count(*) FROM sqlite_schema").get:
            with transaction(self._write):
                self._write.execute(SCHEMA + YOUNGER)
                self._write.execute(f"PRAGMA application_id={APPLICATION_ID}")
                self._write.execute("INSERT INTO identity VALUES (1, ?, ?, 0, NULL, NULL)", (self._device, new_epoch))
        elif found != APPLICATION_ID:
            raise JournalForeign(
                f"{self._path.name} is not a Savar journal", fix="point data_dir at this device's folder"
            )
        named = self._write.execute("SELECT device, epoch FROM identity").fetchall()
        device, epoch = named[0] if len(named) == 1 else ("", None)
        if not isinstance(epoch, int):
            raise JournalFailed("the journal does not say whose it is: its first pages are damaged", fix=FAILED_FIX)
        self._epoch = epoch
        if device != self._device:
            raise JournalForeign(
                f"this card holds the journal of {device}, not of {self._device}",
                fix="carry its taps off with `savar journal recover`, then give this device an empty data_dir",
                found=device, expected=self._device,
            )  # fmt: skip

    def _make_whole(self) -> None:
        """Tables that are younger than the software that wrote the card, and sums that have rotted."""
        self._write.execute(YOUNGER)
        let_ride_table.make_whole(self._write)

    def _stored_head(self) -> Head:
        row = self._write.execute(
            "SELECT sequence, bytes, digest FROM record ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return Head(self._epoch, 0, chain.GENESIS)
        head = Head(self._epoch, row[0], chain.head_of(whole(row[1])))
        if digest_of(head.hash) != row[2]:
            raise JournalFailed(f"the journal's last record, {head.sequence}, has rotted", fix=FAILED_FIX)
        return head

    def _stored_signature(self) -> bytes | None:
        found: bytes | None = self._write.execute(
            "SELECT tail_signature FROM identity WHERE tail_sequence = ?", (self._head.sequence,)
        ).get
        return found

    @property
    def head(self) -> Head:
        """Where the chain stands."""
        return self._head

    @property
    def signed(self) -> int:
        """The last sequence whose signature is known: the head's, or the one before it."""
        with self._lock:
            return self._signed_through()

    def _signed_through(self) -> int:
        return self._head.sequence if self._signature is not None else max(0, self._head.sequence - 1)

    def append(
        self, record: ChainedRecord, accepted: Accepted | None, *,
        annuls: int | None = None, let_ride: LetRide | None = None,
    ) -> None:  # fmt: skip
        """One durable commit: the record, and what the window keeps of it. Raises JournalFull or JournalFailed."""
        window = None if accepted is None else pack_window(accepted)
        if annuls is not None:
            window = pack_annuls(annuls)
        with self._lock:
            before, signature = self._head, self._signature
            assert signature is not None or before.sequence == 0, "a record is signed before the next one follows it"
            try:
                self._mend()
                row = (record.sequence, record.raw, signature, window, digest_of(record.head))
                uses_ticket = accepted is not None and accepted.uses_ticket
                if annuls is None and let_ride is None and not uses_ticket:
                    # A statement by itself is a transaction by itself: no BEGIN and COMMIT to pay for.
                    self._insert.execute(_INSERT, row)
                else:
                    self._append_with(row, annuls, let_ride, uses_ticket=uses_ticket)
            except CARD_ERRORS as error:
                self._suspect = True
                raise translate(error) from error
            self._before = (before, signature)
            self._head = Head(self._epoch, record.sequence, record.head)
            self._signature = None

    def _append_with(
        self, row: tuple[Any, ...], annuls: int | None, let_ride: LetRide | None, *, uses_ticket: bool
    ) -> None:
        with transaction(self._write):
            self._insert.execute(_INSERT, row)
            if uses_ticket:
                self._insert.execute(_INSERT_TICKET, (self._epoch, row[0], row[3]))
            if annuls is not None:
                self._insert.execute(_DELETE_TICKET, (self._epoch, annuls))
            if let_ride is not None:
                let_ride_table.note(self._insert, let_ride, row[0])

    def sign_tail(self, signature: bytes) -> None:
        """The signature over the head's hash has come."""
        with self._lock:
            self._signature = signature

    def drop_tail(self) -> None:
        """Undo the newest `append`, durably. Raises JournalFull, JournalFailed; the next `append` does it then."""
        with self._lock:
            assert self._before is not None, "there is an append to undo"
            assert self._signature is None, "what is signed may have been shipped"
            (self._head, self._signature), self._before = self._before, None
            try:
                self._cut()
            except CARD_ERRORS as error:
                self._suspect = True
                raise translate(error) from error

    def _mend(self) -> None:
        """After a failed write: a fresh connection, and nothing behind the head that `append` vouched for.

        Whoever comes first does it, a tap or housekeeping: a parked bus must not wait for its next rider, and a record
        that was shown "out of service" must not stand until then.
        """
        if self._suspect:
            abandon(self._write)
            self._write = self._connect()
            let_ride_table.make_whole(self._write)
            self._insert = self._write.cursor()
            self._cut()
            self._suspect = False

    def _cut(self) -> None:
        with transaction(self._write):
            self._write.execute("DELETE FROM record WHERE sequence > ?", (self._head.sequence,))
            self._write.execute(
                "DELETE FROM ticket WHERE epoch = ? AND sequence > ?", (self._epoch, self._head.sequence)
            )
            # One record at most lies behind the head, so what a sum was before it is known.
            let_ride_table.cut(self._write, self._head.sequence)

    def read(self, first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
        """Consecutive signed records from `first` within both bounds, at least one if there is one.

        Raises JournalFailed.
        """
        rows: list[StoredRecord] = []
        size = 0
        with self._lock:
            last = min(first + most - 1, self._signed_through())
            try:
                self._mend()
                for sequence, raw, _, countersign in self._write.execute(
                    SELECT_SIGNED + "WHERE record.sequence BETWEEN ? AND ? ORDER BY record.sequence", (first, last)
                ):
                    size += len(whole(raw)) + 4
                    if rows and size > most_bytes:
                        break
                    signature = self._signature if sequence == self._head.sequence else countersign
                    rows.append(StoredRecord(sequence, raw, signature or b""))
            except CARD_ERRORS as error:
                raise translate(error) from error
        return rows

    def window(self) -> Iterable[tuple[int, Accepted]]:
        """Accepted boardings kept for the repeat window, oldest first, with their sequences. Raises JournalFailed."""
        with self._lock:
            try:
                rows: list[Any] = self._write.execute(
                    "SELECT sequence, CAST(window AS BLOB) FROM record"  # rotten, it may be text that is none
                    " WHERE sequence > (SELECT forgotten FROM identity) AND window IS NOT NULL ORDER BY sequence"
                ).fetchall()
            except CARD_ERRORS as error:
                raise translate(error) from error
        return unpack_beside((sequence, whole(window)) for sequence, window in rows)

    def forget_window(self, through: int) -> None:
        """Wipe the plain ids beside records up to `through`. Raises JournalFull, JournalFailed."""
        self._keep_house(lambda: self._wipe(through))

    def _wipe(self, through: int) -> None:
        with transaction(self._write):
            self._write.execute(
                "UPDATE record SET window = NULL WHERE sequence > (SELECT forgotten FROM identity)"
                " AND sequence <= ? AND window IS NOT NULL",
                (through,),
            )
            self._write.execute("UPDATE identity SET forgotten = max(forgotten, ?)", (through,))

    def used_tickets(self) -> Iterable[tuple[RecordId, Accepted]]:
        """Rides by bearer tickets that are remembered. Raises JournalFailed."""
        with self._lock:
            try:
                self._mend()
                rows: list[Any] = self._write.execute(
                    "SELECT epoch, sequence, CAST(window AS BLOB) FROM ticket ORDER BY epoch, sequence"
                ).fetchall()
            except CARD_ERRORS as error:
                raise translate(error) from error
        return [
            (RecordId(epoch, sequence), it)
            for epoch, *row in rows
            for sequence, it in unpack_beside([(row[0], whole(row[1]))])
        ]

    def let_ride(self) -> Sequence[LetRide]:
        """What was let ride under each policy whose last ride's record is held. Raises JournalFailed."""
        with self._lock:
            try:
                self._mend()
                return let_ride_table.read(self._write)
            except CARD_ERRORS as error:
                raise translate(error) from error

    def keep_tickets(self, more: Sequence[tuple[RecordId, Accepted]], gone: Sequence[RecordId]) -> None:
        """Rides that the other door told, and those that count no longer. Raises JournalFull, JournalFailed."""
        self._keep_house(lambda: self._note_tickets(more, gone))

    def _note_tickets(self, more: Sequence[tuple[RecordId, Accepted]], gone: Sequence[RecordId]) -> None:
        with transaction(self._write):
            self._write.executemany(_INSERT_TICKET, [(*record, pack_window(it)) for record, it in more])
            self._write.executemany(_DELETE_TICKET, gone)

    def keep_receipt(self, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        """Remember the newest verified receipt and the day it stood on; takes back notes of higher ones.

        Raises JournalFull, JournalFailed.
        """
        self._keep_house(lambda: self._note_receipt(receipt, sequence, day))

    def _note_receipt(self, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        with transaction(self._write):
            self._write.execute("INSERT OR REPLACE INTO receipt VALUES (1, ?, ?)", (sequence, receipt))
            self._write.execute("DELETE FROM receipted WHERE sequence > ?", (sequence,))
            if day is not None:
                self._write.execute(
                    "INSERT OR REPLACE INTO receipted VALUES (?, ?, ?, ?)",
                    (day.own, day.issued, day.incarnation, sequence),
                )

    def receipted_by(self, day: ReceiptDay) -> int:
        """The highest sequence noted as receipted on this day or before; 0 if there is none. Raises JournalFailed."""
        with self._lock:
            try:
                self._mend()
                found: int | None = self._write.execute(
                    "SELECT max(sequence) FROM receipted WHERE own_day <= ? AND issued_day <= ? AND incarnation = ?",
                    (day.own, day.issued, day.incarnation),
                ).get
            except CARD_ERRORS as error:
                raise translate(error) from error
        return found or 0

    def receipt(self) -> bytes | None:
        """The newest receipt kept. Raises JournalFailed."""
        with self._lock:
            try:
                found: bytes | None = self._write.execute("SELECT bytes FROM receipt").get
            except CARD_ERRORS as error:
                raise translate(error) from error
            return found

    def prune(self, through: int) -> int:
        """Delete records 1…`through`, never the last one. Returns how many went. Raises JournalFull, JournalFailed."""
        return self._keep_house(lambda: self._delete(through))

    def _delete(self, through: int) -> int:
        through = min(through, self._head.sequence - 1)
        with transaction(self._write):
            let_ride_table.prune(self._write, through)
            self._write.execute("DELETE FROM record WHERE sequence <= ?", (through,))
            return self._write.changes()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file. Raises JournalFull, JournalFailed."""
        self._keep_house(lambda: self._house.fold(self._write))
        self._keep_house(lambda: self._house.renew(self._write))

    def _keep_house(self, work: Callable[[], _Result]) -> _Result:
        def mended() -> _Result:
            self._mend()
            return work()

        with self._lock:
            try:
                return self._house.keep(lambda: self._write, mended)
            except CARD_ERRORS as error:
                raise translate(error) from error

    def close(self) -> None:
        """Keep the last record's signature, fold the log in and close."""
        with self._lock:
            if self._signature is not None and not self._suspect:
                try:
                    self._write.execute(
                        "UPDATE identity SET tail_sequence = ?, tail_signature = ?",
                        (self._head.sequence, self._signature),
                    )
                except apsw.Error as error:
                    log.warning("the last signature is not kept, the next start makes it again: %s", error)
            self._write.close()
