"""The journal's tables. A record's bytes and signature are the append-only truth and never need a migration.

`window` beside them holds an accepted boarding's plain ids (layout: `pack_window`) for the repeat window only; it is
wiped when that has passed. It stands in the record's own row because a second table costs a tap a second page: 1.5
against 1.25 times the disk's own sync, measured.
"""

import struct

from edge.core.ports import Accepted
from protocol.wire.passes import Presentation

APPLICATION_ID = 0x53564A31  # "SVJ1": so that no other SQLite file is taken for a journal
SCHEMA = """
CREATE TABLE record (
  sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL, signature BLOB NOT NULL, window BLOB
) STRICT;
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL, epoch INTEGER NOT NULL,
  forgotten INTEGER NOT NULL  -- every `window` up to this sequence is wiped
) STRICT;
CREATE TABLE receipt (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
"""
_WINDOW = struct.Struct(">8sIHQBB")  # credential id, render time s, counter, accepted at wall ms, party, door


def pack_window(accepted: Accepted) -> bytes:
    """An accepted boarding → the bytes kept beside its record."""
    shown = accepted.presentation
    return _WINDOW.pack(
        shown.credential_id, shown.time_s, shown.counter, accepted.wall_ms, accepted.party, accepted.door
    )


def unpack_window(data: bytes) -> Accepted:
    """The bytes kept beside a record → the accepted boarding."""
    credential_id, time_s, counter, wall_ms, party, door = _WINDOW.unpack(data)
    return Accepted(Presentation(credential_id, time_s, counter), wall_ms, party, door)
