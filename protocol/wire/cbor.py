"""Deterministic CBOR (RFC 8949 §4.2), strict both ways, and positional structures with named fields.

cbor2 alone accepts trailing bytes, duplicate keys and non-minimal integers. Rules here:
- the profile is integers, byte strings, UTF-8 text, arrays, maps with text keys, false, true and null;
- what decodes must be byte for byte what we would have encoded; if not, `_diagnose` walks the bytes and names why;
- a tag is refused before its content is looked at: shared references (tags 28 and 29) let 2 KB stand for terabytes;
- what we encode is held against the same declared fields, so nothing is signed that its reader would refuse;
- a structure is an array [version, field, …]; a field too many, too few or of another type is refused by its name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Never

import cbor2

from protocol import limits
from protocol.errors import (
    DuplicateKey,
    MissingField,
    NotDeterministic,
    OutOfRange,
    TooLarge,
    TrailingBytes,
    Truncated,
    UnknownField,
    UnknownVersion,
    WrongType,
)


def _refuse_tag(*_: object) -> Never:
    raise NotDeterministic("tag outside the profile")


class _NoTags(Mapping[int, Callable[..., Never]]):
    """Stands for a table that refuses every tag, in place of cbor2's built-in meanings."""

    def __getitem__(self, tag: int) -> Callable[..., Never]:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


_NO_TAGS = _NoTags()
_TYPE_NAMES = {0: "unsigned", 1: "negative", 2: "bytes", 3: "text", 4: "array", 5: "map", 6: "tag", 7: "simple"}


def encode(value: object) -> bytes:
    """Value → deterministic CBOR. The value must be in the profile; maps are sorted by their encoded keys."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, max_bytes: int) -> Any:
    """Deterministic CBOR → value.

    Raises TooLarge, Truncated, TrailingBytes, DuplicateKey or NotDeterministic (all WireError), by name.
    """
    if len(data) > max_bytes:
        raise TooLarge("CBOR item over its limit", bytes=len(data), limit=max_bytes)
    try:
        value = cbor2.loads(
            data,
            semantic_decoders=_NO_TAGS,
            max_depth=limits.CBOR_MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        same = cbor2.dumps(value, canonical=True) == data
    except (cbor2.CBORError, ValueError, OverflowError, TypeError, RecursionError) as error:
        _diagnose(data)
        raise NotDeterministic(f"CBOR refused by the decoder: {error}") from error
    if not same:
        _diagnose(data)
        raise NotDeterministic("CBOR that re-encodes to other bytes")
    _require_profile(value)
    return value


_LEAVES = frozenset((bytes, str, bool, type(None)))
_LEAST, _MOST = -limits.UINT64_MAX - 1, limits.UINT64_MAX


def _require_profile(value: object) -> None:
    """Refuse what the profile leaves out although it round-trips (floats, tags, big numbers, odd map keys)."""
    if isinstance(value, list):
        for item in value:  # most are leaves or small numbers: not worth a call, in every record of every batch
            kind = type(item)
            if kind not in _LEAVES and not (kind is int and _LEAST <= item <= _MOST):
                _require_profile(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise WrongType("map key is not text", key=encode(key).hex())
            _require_profile(item)
    elif isinstance(value, int):
        if not _LEAST <= value <= _MOST:
            raise NotDeterministic("integer beyond 64 bits (a tag)")
    elif type(value) not in _LEAVES:
        raise NotDeterministic(f"{type(value).__name__} is outside the profile")


def _diagnose(data: bytes) -> None:
    """Walk the bytes and raise the first fault by name; return if the walk finds none."""
    end = _walk(data, 0, 0)
    if end < len(data):
        raise TrailingBytes("bytes after the end of the structure", at=end, extra=len(data) - end)


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """One CBOR head → (major type, argument, offset behind it), minimal and definite or refused."""
    if at >= len(data):
        raise Truncated("CBOR ends inside a structure", at=at)
    major, info = data[at] >> 5, data[at] & 31
    if info < 24:
        return major, info, at + 1
    if info > 27:
        raise NotDeterministic("indefinite length or reserved head", at=at)
    size = 1 << (info - 24)
    if at + 1 + size > len(data):
        raise Truncated("CBOR ends inside a head", at=at)
    argument = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    if major == 7:
        raise NotDeterministic("float or two-byte simple value", at=at)
    if argument < (24 if size == 1 else 1 << (4 * size)):
        raise NotDeterministic("non-minimal integer or length", at=at, type=_TYPE_NAMES[major])
    return major, argument, at + 1 + size


def _walk(data: bytes, at: int, depth: int) -> int:
    """Walk one item from `at`; return the offset behind it."""
    if depth > limits.CBOR_MAX_DEPTH:
        raise TooLarge("CBOR nested too deep", limit=limits.CBOR_MAX_DEPTH)
    major, argument, at = _head(data, at)
    if major in (2, 3):
        end = at + argument
        if end > len(data):
            raise Truncated("CBOR ends inside a string", at=at, missing=end - len(data))
        if major == 3:
            _require_utf8(data[at:end], at)
        return end
    if major == 4:
        for _ in range(argument):
            at = _walk(data, at, depth + 1)
    elif major == 5:
        at = _walk_map(data, at, argument, depth + 1)
    elif major == 6:
        raise NotDeterministic("tag outside the profile", tag=argument)
    return at


def _require_utf8(text: bytes, at: int) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise NotDeterministic("text is not UTF-8", at=at + error.start) from error


def _walk_map(data: bytes, at: int, pairs: int, depth: int) -> int:
    """Walk a map's pairs from `at`: keys sorted by their bytes, none twice."""
    before = b""
    for _ in range(pairs):
        start = at
        at = _walk(data, at, depth)
        key = data[start:at]
        if key[0] >> 5 != 3:
            raise WrongType("map key is not text", key=key.hex())
        if key == before:
            raise DuplicateKey("map names one key twice", key=key.hex())
        if key < before:
            raise NotDeterministic("map keys are not sorted", key=key.hex())
        before = key
        at = _walk(data, at, depth)
    return at


# --- Named fields --------------------------------------------------------------------------------------------------
Check = Callable[[str, object], None]
Fields = Sequence[tuple[str, Check]]


def uint(most: int, *, least: int = 0) -> Check:
    """Unsigned integer from `least` to `most`."""

    def check(name: str, value: object) -> None:
        if type(value) is int and least <= value <= most:
            return  # the usual case first: every tap is checked on its way into the chain
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType(f"{name} is not an integer", field=name, got=type(value).__name__)
        if not least <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, least=least, most=most)

    return check


def code(codes: type[IntEnum]) -> Check:
    """One of the numbers of `codes`; gaps and retired numbers are out of range."""
    known = frozenset(int(member) for member in codes)

    def check(name: str, value: object) -> None:
        if type(value) is int and value in known:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType(f"{name} is not an integer", field=name, got=type(value).__name__)
        if value not in known:
            raise OutOfRange(f"{name} is no known code", field=name, value=value)

    return check


def sint(most: int) -> Check:
    """Signed integer with magnitude up to `most`."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType(f"{name} is not an integer", field=name, got=type(value).__name__)
        if not -most <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, least=-most, most=most)

    return check


def octets(exactly: int | None = None, *, most: int = limits.BATCH_MAX_BYTES) -> Check:
    """Byte string, of one length or up to `most`."""
    least, longest = (0, most) if exactly is None else (exactly, min(exactly, most))

    def check(name: str, value: object) -> None:
        if type(value) is bytes and least <= len(value) <= longest:
            return
        if not isinstance(value, bytes):
            raise WrongType(f"{name} is not a byte string", field=name, got=type(value).__name__)
        if exactly is not None and len(value) != exactly:
            raise OutOfRange(f"{name} is not {exactly} bytes", field=name, bytes=len(value))
        if len(value) > most:
            raise TooLarge(f"{name} is over its limit", field=name, bytes=len(value), limit=most)

    return check


def flag(name: str, value: object) -> None:
    """False or true."""
    if not isinstance(value, bool):
        raise WrongType(f"{name} is not a boolean", field=name, got=type(value).__name__)


_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def name_text(name: str, value: object) -> None:
    """A short name of a device, vehicle, route…: 1–32 of a–z, 0–9 and hyphen. May be used in a topic."""
    if not isinstance(value, str):
        raise WrongType(f"{name} is not text", field=name, got=type(value).__name__)
    if not 1 <= len(value) <= limits.NAME_MAX_CHARS or not _NAME_CHARS.issuperset(value):
        raise OutOfRange(f"{name} is not a name of 1–{limits.NAME_MAX_CHARS} of a–z, 0–9, -", field=name)


def short_text(name: str, value: object) -> None:
    """Free text of a bounded number of code points (software version, a reason for a person)."""
    if not isinstance(value, str):
        raise WrongType(f"{name} is not text", field=name, got=type(value).__name__)
    if len(value) > limits.TEXT_MAX_CHARS:
        raise TooLarge(f"{name} is over {limits.TEXT_MAX_CHARS} characters", field=name, limit=limits.TEXT_MAX_CHARS)


def optional(check: Check) -> Check:
    """Null, or what `check` allows."""

    def inner(name: str, value: object) -> None:
        if value is not None:
            check(name, value)

    return inner


def array(check: Check, *, most: int) -> Check:
    """Array of at most `most` items that each pass `check`."""

    def inner(name: str, value: object) -> None:
        if not isinstance(value, list):
            raise WrongType(f"{name} is not an array", field=name, got=type(value).__name__)
        if len(value) > most:
            raise TooLarge(f"{name} has too many items", field=name, items=len(value), limit=most)
        for item in value:
            check(name, item)

    return inner


def row(fields: Fields) -> Check:
    """Array with exactly these fields."""

    def inner(name: str, value: object) -> None:
        if not isinstance(value, list):
            raise WrongType(f"{name} is not an array", field=name, got=type(value).__name__)
        check_fields(name, value, fields)

    return inner


def check_fields(structure: str, values: Sequence[object], fields: Fields) -> None:
    """Hold values against their declared fields; raise MissingField, UnknownField or the field's own error."""
    if len(values) != len(fields):
        if len(values) > len(fields):
            raise UnknownField(f"{structure} has an unknown field", structure=structure, position=len(fields))
        missing = fields[len(values)][0]
        raise MissingField(f"{structure} lacks {missing}", structure=structure, field=missing)
    for (name, check), value in zip(fields, values, strict=True):
        check(name, value)


def encode_structure(
    structure: str, values: Sequence[object], fields: Fields, *, version: int, max_bytes: int
) -> bytes:
    """Fields → [version, field, …], each held to its declaration first. Raises WireError by name."""
    check_fields(structure, values, fields)
    data = encode([version, *values])
    if len(data) > max_bytes:
        raise TooLarge(f"{structure} over its limit", structure=structure, bytes=len(data), limit=max_bytes)
    return data


def decode_structure(structure: str, data: bytes, fields: Fields, *, version: int, max_bytes: int) -> list[Any]:
    """Decode [version, field, …] and return the fields, each checked. Raises WireError by name."""
    return decode_versions(structure, data, {version: fields}, max_bytes=max_bytes)


def decode_versions(structure: str, data: bytes, versions: Mapping[int, Fields], *, max_bytes: int) -> list[Any]:
    """The same for a structure of which several versions are read: the fields of the version that it names."""
    value = decode(data, max_bytes=max_bytes)
    if not isinstance(value, list) or not value:
        raise WrongType(f"{structure} is not a structure", structure=structure)
    fields = versions.get(value[0]) if type(value[0]) is int else None
    if fields is None:
        raise UnknownVersion(f"{structure} of unknown version", structure=structure, version=repr(value[0])[:40])
    del value[0]
    check_fields(structure, value, fields)
    return value


__all__ = [
    "Check", "Fields", "array", "check_fields", "code", "decode", "decode_structure", "decode_versions", "encode",
    "encode_structure", "flag", "name_text", "octets", "optional", "row", "short_text", "sint", "uint",
]  # fmt: skip
