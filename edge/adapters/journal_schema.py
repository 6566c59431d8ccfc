"""The journal's tables. Record bytes and signatures are the append-only truth and never need a migration.

`countersign` is the signature over the hash of the record *before*: a record is signed while its own commit syncs, so
its signature can only be stored with the next one, and the tap's commit stays one INSERT. That hides the whole
signature behind the sync: 70 µs of a 260 µs tap with a key in memory (measured; the caches are cold after each sync),
14 to 30 ms with a TPM. The last record's signature is in memory; a clean close writes it into `identity`. After a
power cut it is made again: the bytes that it covers are all there.

`window` beside them holds an accepted boarding's plain ids (layout: `pack_window`) for the repeat window only; it is
wiped when that has passed. It stands in the record's own row because a second table costs a tap a second page: 1.5
against 1.25 times the disk's own sync, measured.
"""

import struct

from edge.core.ports import Accepted
from protocol.limits import FLAT_FARE_MAX_RIALS, INT63_MAX, PARTY_MAX
from protocol.wire.passes import Presentation

APPLICATION_ID = 0x53564A31  # "SVJ1": so that no other SQLite file is taken for a journal
SCHEMA = """
CREATE TABLE record (
  sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL,
  countersign BLOB,  -- over the hash of record sequence - 1; null in record 1
  window BLOB
) STRICT;
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL, epoch INTEGER NOT NULL,
  forgotten INTEGER NOT NULL,  -- every `window` up to this sequence is wiped
  tail_sequence INTEGER, tail_signature BLOB  -- the last record at the last clean close, and the signature over it
) STRICT;
CREATE TABLE receipt (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE receipted (  -- how far a receipt reached on each local day, by our clock and by the backend's
  own_day INTEGER PRIMARY KEY, issued_day INTEGER NOT NULL, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL
) STRICT;
"""
# Records with their signatures: each from the record behind it. A WHERE clause on `record.sequence` follows.
SELECT_SIGNED = """
SELECT record.sequence AS sequence, record.bytes AS bytes, behind.countersign AS signature
FROM record LEFT JOIN record AS behind ON behind.sequence = record.sequence + 1
"""
# credential id, render time s, counter, accepted at wall ms, party, door, adult fare, per mille of it and of caps
_WINDOW = struct.Struct(">8sIHQBBQHH")


def pack_window(accepted: Accepted) -> bytes:
    """An accepted boarding → the bytes kept beside its record."""
    shown = accepted.presentation
    return _WINDOW.pack(
        shown.credential_id, shown.time_s, shown.counter, accepted.wall_ms, accepted.party, accepted.door,
        *accepted.share,
    )  # fmt: skip


def unpack_window(data: bytes) -> Accepted:
    """The bytes kept beside a record → the accepted boarding. Raises ValueError where they have rotted."""
    if len(data) != _WINDOW.size:
        raise ValueError(f"{len(data)} bytes beside a record")
    credential_id, time_s, counter, wall_ms, party, door, adult_rials, *shares = _WINDOW.unpack(data)
    if party > PARTY_MAX or wall_ms > INT63_MAX or adult_rials > FLAT_FARE_MAX_RIALS or max(shares) > 1000:
        raise ValueError(f"party {party} at {wall_ms} for {adult_rials} rials beside a record")
    return Accepted(Presentation(credential_id, time_s, counter), wall_ms, party, door, adult_rials, *shares)
