"""What a bundle says, and how it is cut into the sections and chunks of a manifest (P12).

    keys     issuers that are believed, receipt keys, the sealing key          one chunk
    tariff   the price of a boarding; the section's version is its number      one chunk
    deny     denied credentials; the section's version is the list's number    any number of chunks
    riders   the rows of `riders.py`; the section's version is the table's     any number of chunks
    timetable  the lines of `timetable.py`; the version is the timetable's     any number of chunks

Rules:
- lists that mean a table or a set ascend strictly: one meaning has one form, and no entry overrides another unseen;
- keys and tariff must be there: a door without them cannot answer;
- the deny list and the riders are cut by the ids' leading bits, so that one entry more changes one chunk;
- the riders are no part of `Bundle`: a million of them are put into the table on the card, never into memory;
- nor is the timetable: a bus that lacks it takes fares all the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from protocol import limits
from protocol.errors import MissingField, OutOfRange, TooLarge, WrongLength
from protocol.fares.tariff import Tariff
from protocol.wire import cbor
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, Section, name_chunk, require_ascending
from protocol.wire.riders import chunk_ids

VERSION = 1  # of every chunk but the riders', which are rows and nothing else
_Row = TypeVar("_Row")
KEYS, TARIFF, DENY, RIDERS = "keys", "tariff", "deny", "riders"
TIMETABLE = "timetable"
IN_BUNDLE = (KEYS, TARIFF, DENY)  # what `Bundle` says
KINDS = (*IN_BUNDLE, RIDERS)  # what a validator fetches and uses; any other kind is carried only

_KEYS = cbor.array(cbor.octets(limits.PUBLIC_KEY_BYTES), most=limits.BUNDLE_KEYS_MAX)
_KEYS_CHUNK: cbor.Fields = (
    ("issuer_keys", _KEYS),
    ("receipt_keys", _KEYS),
    ("sealing_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
)
_SHARES: cbor.Fields = (("rider_class", cbor.uint(15)), ("permille", cbor.uint(1000)))
_TARIFF_CHUNK: cbor.Fields = (
    ("flat_fare_rials", cbor.uint(limits.FLAT_FARE_MAX_RIALS)),
    ("rider_permille", cbor.array(cbor.row(_SHARES), most=16)),
    ("repeat_window_s", cbor.uint(limits.REPEAT_WINDOW_MAX_S)),
)
_DENIED: cbor.Fields = (("credential_id", cbor.octets(limits.CREDENTIAL_ID_BYTES)), ("version", cbor.uint(255)))
_DENY_CHUNK: cbor.Fields = (("entries", cbor.array(cbor.row(_DENIED), most=limits.DENY_CHUNK_ENTRIES_MAX)),)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Public keys (33-byte points), tariff and deny list of a city. `deny`: credential id → highest denied version."""

    city: str
    number: int
    issued_ms: int
    issuer_keys: tuple[bytes, ...]
    receipt_keys: tuple[bytes, ...]
    sealing_key: bytes
    tariff: Tariff
    deny_number: int = 0
    deny: Mapping[bytes, int] = field(default_factory=dict)


def cut_bundle(bundle: Bundle) -> tuple[list[Section], dict[Chunk, bytes]]:
    """Bundle → the sections of its manifest, and the bytes of every chunk. Raises WireError for what is too large."""
    tariff = bundle.tariff
    keys = _chunk(KEYS, [list(bundle.issuer_keys), list(bundle.receipt_keys), bundle.sealing_key], _KEYS_CHUNK)
    shares = [[rider_class, tariff.rider_permille[rider_class]] for rider_class in sorted(tariff.rider_permille)]
    fares = _chunk(TARIFF, [tariff.flat_fare_rials, shares, tariff.repeat_window_s], _TARIFF_CHUNK)
    if len(bundle.deny) > limits.BUNDLE_DENY_MAX:
        raise TooLarge("deny list over its limit", field="deny", items=len(bundle.deny), limit=limits.BUNDLE_DENY_MAX)
    denied = [_chunk(DENY, [rows], _DENY_CHUNK) for rows in _deny_parts(bundle.deny)]
    contents = {name_chunk(data): data for data in (keys, fares, *denied)}
    sections = [
        Section(KEYS, bundle.number, (name_chunk(keys),)),
        Section(TARIFF, tariff.version, (name_chunk(fares),)),
        Section(DENY, bundle.deny_number, tuple(map(name_chunk, denied))),
    ]
    return sections, contents


def read_bundle(manifest: Manifest, chunk: Callable[[Chunk], bytes]) -> Bundle:
    """A verified manifest and the verified bytes of its chunks → what a validator works by.

    Raises WireError by name: MissingField without keys or tariff, OutOfRange for a section of another number of chunks
    or a tariff number that no record could name, NotDeterministic or DuplicateKey for a deny list that does not ascend.
    """
    issuers, receipts, sealing = _only(manifest, KEYS, chunk, _KEYS_CHUNK)
    fare, shares, window = _only(manifest, TARIFF, chunk, _TARIFF_CHUNK)
    require_ascending("rider_permille", [share[0] for share in shares])
    denied = manifest.section(DENY) or Section(DENY, 0, ())
    rows = [row for it in denied.chunks for row in _read(DENY, chunk(it), _DENY_CHUNK)[0]]
    if len(rows) > limits.BUNDLE_DENY_MAX:
        raise TooLarge("deny list over its limit", field="deny", items=len(rows), limit=limits.BUNDLE_DENY_MAX)
    require_ascending("deny", [row[0] for row in rows])
    version = _section(manifest, TARIFF).version
    cbor.uint(limits.UINT32_MAX)("version", version)  # a record names its tariff in 32 bits
    return Bundle(
        city=manifest.city, number=manifest.number, issued_ms=manifest.issued_ms, issuer_keys=tuple(issuers),
        receipt_keys=tuple(receipts), sealing_key=sealing, tariff=Tariff(version, fare, dict(shares), window),
        deny_number=denied.version, deny=dict(rows),
    )  # fmt: skip


def cut_riders(rows: bytes) -> list[bytes]:
    """Rows of 48 bytes, ascending by id → the chunks of the section. Raises WireError for what no reader would take."""
    size = limits.RIDER_ROW_BYTES
    if len(rows) % size:
        raise WrongLength("riders are not whole rows", bytes=len(rows))
    whole = [rows[at : at + size] for at in range(0, len(rows), size)]
    chunks = [b"".join(part) for part in _parts(whole, lambda row: row, limits.RIDER_CHUNK_ROWS)]
    require_ascending("riders", [credential_id for chunk in chunks for credential_id in chunk_ids(chunk)])
    return chunks


def check_keys(bundle: Bundle) -> None:
    """Whether every key is one: a bundle with another must never come into force. Raises BadKey."""
    for key in (*bundle.issuer_keys, *bundle.receipt_keys, bundle.sealing_key):
        VerifyingKey.load(key)


def _deny_parts(deny: Mapping[bytes, int]) -> list[list[list[Any]]]:
    rows: list[list[Any]] = [[credential_id, version] for credential_id, version in sorted(deny.items())]
    return _parts(rows, lambda row: row[0], limits.DENY_CHUNK_ENTRIES)


def _parts(rows: list[_Row], id_of: Callable[[_Row], bytes], most: int) -> list[list[_Row]]:
    """Ascending rows cut by their ids' leading bits, as few as it takes that no part has more than `most`."""
    parts = [rows] if rows else []
    bits = 0
    while bits < 16 and any(len(part) > most for part in parts):
        bits += 1
        by_leading: dict[int, list[_Row]] = {}
        for row in rows:
            by_leading.setdefault(int.from_bytes(id_of(row)[:2], "big") >> (16 - bits), []).append(row)
        parts = list(by_leading.values())
    return parts


def _chunk(kind: str, values: list[Any], fields: cbor.Fields) -> bytes:
    return cbor.encode_structure(kind, values, fields, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def _read(kind: str, data: bytes, fields: cbor.Fields) -> list[Any]:
    return cbor.decode_structure(kind, data, fields, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def _section(manifest: Manifest, kind: str) -> Section:
    found = manifest.section(kind)
    if found is None:
        raise MissingField(f"manifest has no section {kind}", structure="manifest", field=kind)
    return found


def _only(manifest: Manifest, kind: str, chunk: Callable[[Chunk], bytes], fields: cbor.Fields) -> list[Any]:
    """The fields of a section that is one chunk."""
    chunks = _section(manifest, kind).chunks
    if len(chunks) != 1:
        raise OutOfRange(f"section {kind} is not one chunk", field=kind, chunks=len(chunks))
    return _read(kind, chunk(chunks[0]), fields)
