"""The bundle's manifest: one signed and numbered table of contents for everything that goes down to a validator (P12).

    manifest ─ sections {kind, version} ─ chunks {SHA-256, bytes}

Rules:
- signed by the city's bundle key, which a device holds from its enrolment; for one city;
- a number below the one in force is refused, and so is the same number with other contents: neither a captured broker
  nor an old file brings back what was replaced;
- a chunk is named by its hash, so it may come from anywhere, and one that is held is never fetched again;
- kinds ascend strictly. A reader carries a kind that it does not know, and neither fetches nor uses its chunks: an
  office may send a new kind to a fleet that is still being updated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, NumberReused, OutOfRange, RolledBack, WrongHash, WrongLength
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

VERSION = 1

CHUNK: cbor.Fields = (  # a chunk's name, wherever one is written
    ("digest", cbor.octets(limits.HASH_BYTES)),
    ("size", cbor.uint(limits.CHUNK_MAX_BYTES, least=1)),
)
_SECTION: cbor.Fields = (
    ("kind", cbor.name_text),
    ("version", cbor.uint(limits.INT63_MAX)),
    ("chunks", cbor.array(cbor.row(CHUNK), most=limits.SECTION_CHUNKS_MAX)),
)
_FIELDS: cbor.Fields = (
    ("city", cbor.name_text),
    ("number", cbor.uint(limits.INT63_MAX)),
    ("issued_ms", cbor.uint(limits.INT63_MAX)),
    ("sections", cbor.array(cbor.row(_SECTION), most=limits.MANIFEST_SECTIONS_MAX)),
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes by their name: SHA-256 and how many they are."""

    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Section:
    """What one kind of content consists of. `version` numbers the content: the tariff's, the deny list's."""

    kind: str
    version: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A verified manifest. `digest` is SHA-256 over its payload, `raw` the signed message as received."""

    city: str
    number: int
    issued_ms: int
    sections: tuple[Section, ...]
    digest: bytes
    raw: bytes = field(repr=False)

    def section(self, kind: str) -> Section | None:
        """The section of this kind, if there is one."""
        return next((one for one in self.sections if one.kind == kind), None)

    def chunks(self, kinds: Iterable[str]) -> list[Chunk]:
        """The chunks of these kinds in order, each once."""
        found = {one: None for kind in kinds if (it := self.section(kind)) is not None for one in it.chunks}
        return list(found)


def name_chunk(data: bytes) -> Chunk:
    """Bytes → their name."""
    return Chunk(sha256(data).digest(), len(data))


def check_chunk(wanted: Chunk, data: bytes) -> bytes:
    """The bytes, if they are the chunk that was wanted. Raises WrongLength or WrongHash."""
    if len(data) != wanted.size:
        raise WrongLength("a chunk of another length", expected=wanted.size, found=len(data))
    if sha256(data).digest() != wanted.digest:
        raise WrongHash("these are not the bytes that the manifest names", wanted=wanted.digest.hex())
    return data


def encode_manifest(city: str, number: int, issued_ms: int, sections: Sequence[Section], signer: Signer) -> bytes:
    """Contents → signed message bytes; sections are put in order. Raises WireError for what its reader would refuse."""
    rows = [
        [one.kind, one.version, [[chunk.digest, chunk.size] for chunk in one.chunks]]
        for one in sorted(sections, key=lambda one: one.kind)
    ]
    require_ascending("sections", [row[0] for row in rows])
    values = [city, number, issued_ms, rows]
    payload = cbor.encode_structure("manifest", values, _FIELDS, version=VERSION, max_bytes=limits.MANIFEST_MAX_BYTES)
    return seal_message(Purpose.MANIFEST, payload, signer)


def open_manifest(
    data: bytes, keys: Iterable[VerifyingKey], *, city: str, in_force: Manifest | None = None
) -> Manifest:
    """Signed message bytes → verified manifest for this city, not older than the one in force.

    Raises WireError or ProofError by name: OutOfRange for another city, RolledBack for a lower number, NumberReused for
    the same number with other contents.
    """
    payload = open_message(Purpose.MANIFEST, data, keys, max_bytes=limits.MANIFEST_MAX_BYTES)
    values = cbor.decode_structure("manifest", payload, _FIELDS, version=VERSION, max_bytes=limits.MANIFEST_MAX_BYTES)
    for_city, number, issued_ms, rows = values
    if for_city != city:
        raise OutOfRange("manifest is for another city", field="city", expected=city, found=for_city)
    require_ascending("sections", [row[0] for row in rows])
    digest = sha256(payload).digest()
    if in_force is not None:
        _require_not_older(number, digest, in_force)
    sections = tuple(Section(kind, version, tuple(Chunk(*it) for it in chunks)) for kind, version, chunks in rows)
    return Manifest(city, number, issued_ms, sections, digest, data)


def _require_not_older(number: int, digest: bytes, in_force: Manifest) -> None:
    if number < in_force.number:
        raise RolledBack("manifest is older than the one in force", number=number, in_force=in_force.number)
    if number == in_force.number and digest != in_force.digest:
        raise NumberReused("another manifest has this number already", number=number)


def require_ascending(name: str, items: Sequence[Any]) -> None:
    """Refuse a list that names one entry twice or out of order. Raises DuplicateKey, NotDeterministic."""
    for before, item in pairwise(items):
        if item == before:
            raise DuplicateKey(f"{name} names one entry twice", field=name)
        if item < before:
            raise NotDeterministic(f"{name} is not sorted", field=name)
