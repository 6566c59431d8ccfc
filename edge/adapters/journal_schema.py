"""The journal's tables. Record bytes and signatures are the append-only truth and never need a migration.

`countersign` is the signature over the hash of the record *before*: a record is signed while its own commit syncs, so
its signature can only be stored with the next one, and the tap's commit stays one INSERT. That hides the whole
signature behind the sync: 70 µs of a 260 µs tap with a key in memory (measured; the caches are cold after each sync),
14 to 30 ms with a TPM. The last record's signature is in memory; a clean close writes it into `identity`. After a
power cut it is made again, over bytes that are as they were written: `digest` says so. Without it a bit that flipped
in the one record that nothing vouches for yet would be signed, and its copy at the other door would be a fork.

`window` beside them holds an accepted boarding's plain ids (layout: `pack_window`) for the repeat window only; it is
wiped when that has passed. It stands in the record's own row because a second table costs a tap a second page: 1.5
against 1.25 times the disk's own sync, measured. Beside a record that takes a boarding back stands that one's sequence
instead: nothing is rewritten for it, and it goes with its record if that is dropped.

Rides by bearer tickets outlive window and record, so they have a table, in whose second page few taps write. What was
let ride under each policy is a sum (see `let_ride_table`).

The tables of YOUNGER are made where they are missing: a card that older software wrote holds taps, and no update
refuses it. The others never are: a journal without its records is damaged, and would begin its chain anew as a fork.
"""

import logging
import struct
from collections.abc import Iterable
from dataclasses import replace

from edge.adapters import let_ride_table
from edge.core.accepted import Accepted, RecordId
from protocol.errors import WireError, WrongType
from protocol.fares.verdicts import Reason, Verdict
from protocol.limits import FLAT_FARE_MAX_RIALS, INT63_MAX, PARTY_MAX, RIALS_MAX, TARIFF_METRES_MAX
from protocol.wire import cbor
from protocol.wire.passes import Presentation
from protocol.wire.sister import Along

log = logging.getLogger(__name__)
DIGEST_BYTES = 8  # against chance, not against people: those are the signature's matter
APPLICATION_ID = 0x53564A31  # "SVJ1": so that no other SQLite file is taken for a journal
SCHEMA = """
CREATE TABLE record (
  sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL,
  countersign BLOB,  -- over the hash of record sequence - 1; null in record 1
  window BLOB,
  digest BLOB NOT NULL  -- the first DIGEST_BYTES of the chain's hash over it
) STRICT;
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL, epoch INTEGER NOT NULL,
  forgotten INTEGER NOT NULL,  -- every `window` up to this sequence is wiped
  tail_sequence INTEGER, tail_signature BLOB  -- the last record at the last clean close, and the signature over it
) STRICT;
"""
YOUNGER = f"""
CREATE TABLE IF NOT EXISTS ticket (  -- rides by bearer tickets that still count, of both doors
  epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, window BLOB NOT NULL, PRIMARY KEY (epoch, sequence)
) STRICT, WITHOUT ROWID;
{let_ride_table.TABLE}
CREATE TABLE IF NOT EXISTS receipt (
  one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, bytes BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS receipted (  -- how far a receipt reached on each local day, by both clocks
  own_day INTEGER PRIMARY KEY, issued_day INTEGER NOT NULL, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL
) STRICT;
"""
# Records with their signatures: each from the record behind it. A WHERE clause on `record.sequence` follows.
SELECT_SIGNED = """
SELECT record.sequence AS sequence, record.bytes AS bytes, record.digest AS digest, behind.countersign AS signature
FROM record LEFT JOIN record AS behind ON behind.sequence = record.sequence + 1
"""
# credential id, render time s, counter, accepted at wall ms, party, door, adult fare, per mille of it and of caps,
# fare, verdict, reason, tariff
_WINDOW = struct.Struct(">8sIHQBBQHHQBBI")
_WAY_MAX_BYTES = 256
_WAY: cbor.Fields = (
    ("along", cbor.optional(cbor.row((
        ("line", cbor.name_text), ("direction", cbor.optional(cbor.uint(1))), ("trip", cbor.optional(cbor.name_text)),
        ("metres", cbor.optional(cbor.uint(TARIFF_METRES_MAX))),
    )))),
    ("closes", cbor.optional(cbor.row((("epoch", cbor.uint(INT63_MAX)), ("sequence", cbor.uint(INT63_MAX, least=1)))))),
)  # fmt: skip
_ANNULS = struct.Struct(">Q")  # the sequence of the boarding that was taken back


def digest_of(head: bytes) -> bytes:
    """The chain's hash over a record → what stands beside it."""
    return head[:DIGEST_BYTES]


def pack_window(accepted: Accepted) -> bytes:
    """An accepted boarding → the bytes kept beside its record."""
    shown = accepted.presentation
    return _WINDOW.pack(
        shown.credential_id, shown.time_s, shown.counter, accepted.wall_ms, accepted.party, accepted.door,
        *accepted.share, accepted.fare_rials, int(accepted.verdict), int(accepted.reason), accepted.tariff_version,
    ) + _pack_way(accepted)  # fmt: skip


def _pack_way(accepted: Accepted) -> bytes:
    """Where it was on a line by distance, and what a tap-out ends; nothing for all others."""
    along, closes = accepted.along, accepted.closes
    if along is None and closes is None:
        return b""
    place = None if along is None else [along.line, along.direction, along.trip, along.metres]
    return cbor.encode([place, None if closes is None else list(closes)])


def _unpack_way(data: bytes) -> tuple[Along | None, RecordId | None]:
    if not data:
        return None, None
    try:
        values = cbor.decode(data, max_bytes=_WAY_MAX_BYTES)
        if not isinstance(values, list):
            raise WrongType("a way is a list")
        cbor.check_fields("way", values, _WAY)
    except WireError as error:
        raise ValueError(f"no way beside a record: {error}") from error
    along, closes = values
    return None if along is None else Along(*along), None if closes is None else RecordId(*closes)


def pack_annuls(sequence: int) -> bytes:
    """The sequence of a boarding that was taken back → the bytes kept beside the record that says so."""
    return _ANNULS.pack(sequence)


def unpack_beside(rows: Iterable[tuple[int, bytes]]) -> list[tuple[int, Accepted]]:
    """What is kept beside records, with their sequences, oldest first → the boardings among them. What rotted is left.

    A record that has rotted so keeps nobody from boarding.
    """
    found: dict[int, Accepted] = {}
    for sequence, data in rows:
        try:
            if len(data) != _ANNULS.size:
                found[sequence] = unpack_window(data)
                continue
        except ValueError as error:
            log.error("a boarding of the repeat window is forgotten: record %d: %s", sequence, error)
            continue
        annulled: int = _ANNULS.unpack(data)[0]
        if annulled in found:
            found[annulled] = replace(found[annulled], annulled=True)
    return list(found.items())


def unpack_window(data: bytes) -> Accepted:
    """The bytes kept beside a record → the accepted boarding. Raises ValueError where they have rotted."""
    if len(data) < _WINDOW.size:
        raise ValueError(f"{len(data)} bytes beside a record")
    along, closes = _unpack_way(data[_WINDOW.size :])
    credential_id, time_s, counter, wall_ms, party, door, adult_rials, *more = _WINDOW.unpack(data[: _WINDOW.size])
    permille, cap_permille, fare_rials, verdict, reason, tariff_version = more
    shown = Presentation(credential_id, time_s, counter)
    if party > PARTY_MAX or wall_ms > INT63_MAX or max(permille, cap_permille) > 1000:
        raise ValueError(f"party {party} at {wall_ms} beside a record")
    if adult_rials > FLAT_FARE_MAX_RIALS or fare_rials > RIALS_MAX:
        raise ValueError(f"a fare of {fare_rials} rials, an adult's {adult_rials}, beside a record")
    return Accepted(
        shown, wall_ms, party, door, adult_rials, permille, cap_permille, fare_rials, Verdict(verdict), Reason(reason),
        tariff_version, along=along, closes=closes,
    )  # fmt: skip
