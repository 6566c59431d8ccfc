"""What a bundle says, and how it is cut into the sections and chunks of a manifest (P12).

    authority   the recovery key's newest word (`authority.py`); the version is its number   one chunk
    keys     issuers that are believed, receipt keys, the sealing key          one chunk
    tariff   what a ride costs (`tariffs.py`); the section's version is its number   one chunk
    tariff-next   the one that follows at its own time, if it is known         one chunk
    policies     free rides and training; the section's version is their number   one chunk
    staff    who may sign in at a terminal (`staff.py`); the version is the list's number   one chunk
    deny     denied credentials; the section's version is the list's number    any number of chunks
    riders   the rows of `riders.py`; the section's version is the table's     any number of chunks
    timetable  the lines of `timetable.py`; the version is the timetable's     any number of chunks
    releases   the software (`releases.py`); the version counts what was published    metadata, then any number

Rules:
- lists that mean a table or a set ascend strictly: one meaning has one form, and no entry overrides another unseen;
- keys and tariff must be there: a door without them cannot answer;
- the deny list and the riders are cut by the ids' leading bits, so that one entry more changes one chunk;
- the riders are no part of `Bundle`: a million of them are put into the table on the card, never into memory;
- nor is the timetable: a bus that lacks it takes fares all the same; nor are releases, which prove themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from protocol import limits
from protocol.errors import MissingField, OutOfRange, TooLarge, WrongLength
from protocol.fares.policies import NONE, Policies
from protocol.fares.tariff import Tariff
from protocol.wire import cbor
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, Section, name_chunk, require_ascending
from protocol.wire.policies import decode_policies, encode_policies
from protocol.wire.releases import RELEASES
from protocol.wire.riders import chunk_ids
from protocol.wire.staff import STAFF, StaffRow, decode_staff, encode_staff
from protocol.wire.tariffs import decode_tariff, encode_tariff

VERSION = 1  # of keys and deny list; the riders' chunks are rows and nothing else
_Row = TypeVar("_Row")
KEYS, TARIFF, NEXT_TARIFF, POLICIES, DENY, RIDERS = "keys", "tariff", "tariff-next", "policies", "deny", "riders"
TIMETABLE, AUTHORITY = "timetable", "authority"
IN_BUNDLE = (AUTHORITY, KEYS, TARIFF, NEXT_TARIFF, POLICIES, STAFF, DENY)  # what `Bundle` says
KINDS = (*IN_BUNDLE, RIDERS, TIMETABLE, RELEASES)  # what a validator fetches and uses; any other kind is carried only

_KEYS = cbor.array(cbor.octets(limits.PUBLIC_KEY_BYTES), most=limits.BUNDLE_KEYS_MAX)
_KEYS_CHUNK: cbor.Fields = (
    ("issuer_keys", _KEYS),
    ("receipt_keys", _KEYS),
    ("sealing_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
)
_DENIED: cbor.Fields = (("credential_id", cbor.octets(limits.CREDENTIAL_ID_BYTES)), ("version", cbor.uint(255)))
_DENY_CHUNK: cbor.Fields = (("entries", cbor.array(cbor.row(_DENIED), most=limits.DENY_CHUNK_ENTRIES_MAX)),)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Public keys (33-byte points), tariff and deny list of a city. `deny`: credential id → highest denied version.

    `authority` is what the recovery key says, as signed and not verified here. `incarnation` is what a device made of
    it: the latest that was announced, None where nobody announces any.
    """

    city: str
    number: int
    issued_ms: int
    issuer_keys: tuple[bytes, ...]
    receipt_keys: tuple[bytes, ...]
    sealing_key: bytes
    tariff: Tariff
    deny_number: int = 0
    deny: Mapping[bytes, int] = field(default_factory=dict)
    next_tariff: Tariff | None = None
    policies: Policies = NONE
    staff_number: int = 0
    staff: tuple[StaffRow, ...] = ()
    authority_number: int = 0
    authority: bytes = b""
    incarnation: int | None = None

    @property
    def tariffs(self) -> tuple[Tariff, ...]:
        """The tariff in force, and the one that follows."""
        return (self.tariff,) if self.next_tariff is None else (self.tariff, self.next_tariff)

    @property
    def window_s(self) -> int:
        """For how long a bus has to know who boarded: the longest window of its tariffs, in seconds."""
        return max(max(it.repeat_window_s, it.transfer_window_s, _ride_s(it)) for it in self.tariffs)

    def tariff_at(self, wall_ms: int | None) -> Tariff:
        """What holds at this time; where no clock is to be trusted (None), what held when the bundle was issued."""
        following = self.next_tariff
        return self.tariff if following is None or wall_ms is None or wall_ms < following.starts_ms else following


def _ride_s(tariff: Tariff) -> int:
    """For how long a boarding may still be tapped out."""
    return limits.TAP_OUT_WITHIN_S if tariff.tap_out else 0


def cut_bundle(bundle: Bundle) -> tuple[list[Section], dict[Chunk, bytes]]:
    """Bundle → the sections of its manifest, and the bytes of every chunk. Raises WireError for what is too large."""
    keys = _chunk(KEYS, [list(bundle.issuer_keys), list(bundle.receipt_keys), bundle.sealing_key], _KEYS_CHUNK)
    _require_follows(bundle.tariff, bundle.next_tariff)
    fares = [encode_tariff(it) for it in bundle.tariffs]
    if len(bundle.deny) > limits.BUNDLE_DENY_MAX:
        raise TooLarge("deny list over its limit", field="deny", items=len(bundle.deny), limit=limits.BUNDLE_DENY_MAX)
    denied = [_chunk(DENY, [rows], _DENY_CHUNK) for rows in _deny_parts(bundle.deny)]
    rules = encode_policies(bundle.policies) if bundle.policies.number else None
    people = encode_staff(bundle.staff) if bundle.staff_number else None
    word = bundle.authority or None
    one_each = [data for data in (rules, people, word) if data is not None]
    contents = {name_chunk(data): data for data in (keys, *fares, *one_each, *denied)}
    sections = [
        Section(KEYS, bundle.number, (name_chunk(keys),)),
        *(
            Section(kind, it.version, (name_chunk(data),))
            for kind, it, data in zip((TARIFF, NEXT_TARIFF), bundle.tariffs, fares, strict=False)
        ),
        *(() if rules is None else (Section(POLICIES, bundle.policies.number, (name_chunk(rules),)),)),
        *(() if people is None else (Section(STAFF, bundle.staff_number, (name_chunk(people),)),)),
        *(() if word is None else (Section(AUTHORITY, bundle.authority_number, (name_chunk(word),)),)),
        Section(DENY, bundle.deny_number, tuple(map(name_chunk, denied))),
    ]
    return sections, contents


def read_bundle(manifest: Manifest, chunk: Callable[[Chunk], bytes]) -> Bundle:
    """A verified manifest and the verified bytes of its chunks → what a validator works by.

    Raises WireError by name: MissingField without keys or tariff, OutOfRange for a section of another number of chunks
    or a tariff number that no record could name, NotDeterministic or DuplicateKey for a deny list that does not ascend.
    """
    issuers, receipts, sealing = _read(KEYS, _only(manifest, KEYS, chunk), _KEYS_CHUNK)
    tariff = _tariff(manifest, TARIFF, chunk)
    following = None if manifest.section(NEXT_TARIFF) is None else _tariff(manifest, NEXT_TARIFF, chunk)
    _require_follows(tariff, following)
    orders = manifest.section(POLICIES)
    policies = NONE if orders is None else decode_policies(_only(manifest, POLICIES, chunk), orders.version)
    people, word = manifest.section(STAFF), manifest.section(AUTHORITY)
    denied = manifest.section(DENY) or Section(DENY, 0, ())
    rows = [row for it in denied.chunks for row in _read(DENY, chunk(it), _DENY_CHUNK)[0]]
    if len(rows) > limits.BUNDLE_DENY_MAX:
        raise TooLarge("deny list over its limit", field="deny", items=len(rows), limit=limits.BUNDLE_DENY_MAX)
    require_ascending("deny", [row[0] for row in rows])
    return Bundle(
        city=manifest.city, number=manifest.number, issued_ms=manifest.issued_ms, issuer_keys=tuple(issuers),
        receipt_keys=tuple(receipts), sealing_key=sealing, tariff=tariff,
        deny_number=denied.version, deny=dict(rows), next_tariff=following, policies=policies,
        staff_number=0 if people is None else people.version,
        staff=() if people is None else decode_staff(_only(manifest, STAFF, chunk)),
        authority_number=0 if word is None else word.version,
        authority=b"" if word is None else _only(manifest, AUTHORITY, chunk),
    )  # fmt: skip


def _require_follows(tariff: Tariff, following: Tariff | None) -> None:
    """What comes behind a tariff has a higher number and a later start. Raises OutOfRange."""
    if following is not None and not (following.version > tariff.version and following.starts_ms > tariff.starts_ms):
        raise OutOfRange("the next tariff does not follow", field=NEXT_TARIFF, version=following.version)


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


def _only(manifest: Manifest, kind: str, chunk: Callable[[Chunk], bytes]) -> bytes:
    """The bytes of a section that is one chunk."""
    chunks = _section(manifest, kind).chunks
    if len(chunks) != 1:
        raise OutOfRange(f"section {kind} is not one chunk", field=kind, chunks=len(chunks))
    return chunk(chunks[0])


def _tariff(manifest: Manifest, kind: str, chunk: Callable[[Chunk], bytes]) -> Tariff:
    return decode_tariff(_only(manifest, kind, chunk), _section(manifest, kind).version)
