"""Journals for the tests of the tools: real records and signatures, written with the standard library's sqlite3."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from edge.adapters.journal_schema import APPLICATION_ID, SCHEMA, YOUNGER, digest_of
from edge.core.ports import StoredRecord
from protocol.errors import WireError
from protocol.wire import chain
from protocol.wire.receipts import Receipt, encode_receipt
from tests.protocol.samples import DEVICE, EPOCH, RECEIPT_KEY, TAP_KEY, WALL_MS, history


def rows(taps: int = 3) -> list[StoredRecord]:
    """Opening, day key and `taps` taps, each signed."""
    records, hashes = history(taps)
    return [
        StoredRecord(number, raw, chain.sign_hash(head, TAP_KEY))
        for number, (raw, head) in enumerate(zip(records, hashes, strict=True), start=1)
    ]


def head_at(stored: list[StoredRecord], sequence: int) -> bytes:
    """The chain's hash at a sequence."""
    head = chain.GENESIS
    for row in stored[:sequence]:
        head = chain.next_hash(head, row.raw)
    return head


def receipt(sequence: int, head: bytes, *, epoch: int = EPOCH) -> tuple[int, bytes]:
    """A receipt as the journal keeps it."""
    word = Receipt(DEVICE, epoch, sequence, head, 1, bytes(32), WALL_MS)
    return sequence, encode_receipt(word, RECEIPT_KEY)


def create(path: Path, stored: Iterable[StoredRecord], kept: tuple[int, bytes] | None = None) -> sqlite3.Connection:
    """Write a journal as the validator's schema says; the caller closes the connection (and so folds the log in)."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.executescript(SCHEMA + YOUNGER)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    rows = list(stored)
    tail = rows[-1] if rows else StoredRecord(0, b"", b"")
    connection.execute(
        "INSERT INTO identity VALUES (1, ?, ?, 0, ?, ?)", (DEVICE, EPOCH, tail.sequence, tail.signature or None)
    )
    before = [StoredRecord(0, b"", b""), *rows]
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO record (sequence, bytes, countersign, digest) VALUES (?, ?, ?, ?)",
        [
            (row.sequence, row.raw, signed.signature or None, _digest(row.raw))
            for row, signed in zip(rows, before, strict=False)
        ],
    )
    connection.execute("COMMIT")
    if kept is not None:
        connection.execute("INSERT INTO receipt VALUES (1, ?, ?)", kept)
    return connection


def _digest(raw: bytes) -> bytes:
    """Of what is no record at all any eight bytes."""
    try:
        return digest_of(chain.head_of(raw))
    except WireError:
        return bytes(8)


def write(path: Path, stored: Iterable[StoredRecord], kept: tuple[int, bytes] | None = None) -> Path:
    """A closed journal file."""
    create(path, stored, kept).close()
    return path
