"""The CBOR profile: what it takes round-trips, what it refuses is refused by name."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import (
    DuplicateKey,
    NotDeterministic,
    OutOfRange,
    SavarError,
    TooLarge,
    TrailingBytes,
    Truncated,
    UnknownVersion,
    WrongType,
)
from protocol.wire import cbor

ROOM = 1 << 20
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-limits.UINT64_MAX - 1, limits.UINT64_MAX)
    | st.binary(max_size=70_000)
    | st.text(max_size=300)
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=20
)


def depth(value: object) -> int:
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(values)
def test_round_trip(value: object) -> None:
    data = cbor.encode(value)
    if len(data) > ROOM or depth(value) > limits.CBOR_MAX_DEPTH:
        with pytest.raises(TooLarge):
            cbor.decode(data, max_bytes=ROOM)
    else:
        assert cbor.decode(data, max_bytes=ROOM) == value


@given(values, st.binary(min_size=1, max_size=4))
def test_trailing_bytes_are_refused(value: object, extra: bytes) -> None:
    data = cbor.encode(value)
    with pytest.raises((TrailingBytes, TooLarge)) as caught:
        cbor.decode(data + extra, max_bytes=ROOM)
    if caught.type is TrailingBytes:
        assert caught.value.data == {"at": len(data), "extra": len(extra)}


@given(values, st.data())
def test_every_true_prefix_is_truncated(value: object, data: st.DataObject) -> None:
    whole = cbor.encode(value)
    with pytest.raises((Truncated, TooLarge)):
        cbor.decode(whole[: data.draw(st.integers(0, len(whole) - 1))], max_bytes=ROOM)


@given(st.binary(max_size=200))
def test_what_is_taken_is_what_we_would_have_written(data: bytes) -> None:
    try:
        value = cbor.decode(data, max_bytes=ROOM)
    except SavarError:
        return
    assert cbor.encode(value) == data


REFUSED = {
    "nothing": ("", Truncated, {"at": 0}),
    "trailing byte": ("0102", TrailingBytes, {"at": 1, "extra": 1}),
    "duplicate key": ("a2616101616102", DuplicateKey, {"key": "6161"}),
    "non-minimal integer, 1 byte": ("1801", NotDeterministic, {"at": 0, "type": "unsigned"}),
    "non-minimal integer, 2 bytes": ("1900ff", NotDeterministic, {"at": 0, "type": "unsigned"}),
    "non-minimal integer, 4 bytes": ("1a0000ffff", NotDeterministic, {"at": 0, "type": "unsigned"}),
    "non-minimal integer, 8 bytes": ("1b00000000ffffffff", NotDeterministic, {"at": 0, "type": "unsigned"}),
    "non-minimal integer that has room in its head": ("1817", NotDeterministic, {"at": 0, "type": "unsigned"}),
    "non-minimal tag": ("d80100", NotDeterministic, {"at": 0, "type": "tag"}),
    "non-minimal negative": ("3800", NotDeterministic, {"at": 0, "type": "negative"}),
    "non-minimal byte string": ("580161", NotDeterministic, {"at": 0, "type": "bytes"}),
    "non-minimal text": ("780161", NotDeterministic, {"at": 0, "type": "text"}),
    "non-minimal array": ("980101", NotDeterministic, {"at": 0, "type": "array"}),
    "non-minimal map": ("b801616101", NotDeterministic, {"at": 0, "type": "map"}),
    "indefinite array": ("9f01ff", NotDeterministic, {"at": 0}),
    "indefinite map": ("bf616101ff", NotDeterministic, {"at": 0}),
    "indefinite byte string": ("5f4101ff", NotDeterministic, {"at": 0}),
    "indefinite text": ("7f6161ff", NotDeterministic, {"at": 0}),
    "break alone": ("ff", NotDeterministic, {"at": 0}),
    "reserved head": ("1c", NotDeterministic, {"at": 0}),
    "half float": ("f93c00", NotDeterministic, {}),
    "float": ("fa47c35000", NotDeterministic, {}),
    "double": ("fb3ff199999999999a", NotDeterministic, {}),
    "not a number": ("f97e00", NotDeterministic, {}),
    "float in an array": ("8181f93c00", NotDeterministic, {}),
    "float in a map": ("a16161f93c00", NotDeterministic, {}),
    "undefined in an array": ("81f7", NotDeterministic, {}),
    "key that is an integer, inside": ("81a10102", WrongType, {"key": "01"}),
    "undefined": ("f7", NotDeterministic, {}),
    "simple value": ("f820", NotDeterministic, {}),
    "false in two bytes": ("f814", NotDeterministic, {"at": 0}),
    "tag: epoch time": ("c11a514b67b0", NotDeterministic, {"tag": 1}),
    "tag: big number": ("c249010000000000000000", NotDeterministic, {"tag": 2}),
    "tag: decimal": ("c4821a05f5e10003", NotDeterministic, {"tag": 4}),
    "tag: big float": ("c5821b7fffffffffffffff03", NotDeterministic, {"tag": 5}),
    "tag: fraction by zero": ("d81e820100", NotDeterministic, {"tag": 30}),
    "tag: regular expression": ("d823615b", NotDeterministic, {"tag": 35}),
    "tag: set": ("d9010281f5", NotDeterministic, {"tag": 258}),
    "tag: self-described": ("d9d9f701", NotDeterministic, {"tag": 55_799}),
    "tag of no meaning": ("d9ffff01", NotDeterministic, {"tag": 65_535}),
    "unsorted keys": ("a2616201616102", NotDeterministic, {"key": "6161"}),
    "keys sorted by letters, not by bytes": ("a262616101616202", NotDeterministic, {"key": "6162"}),
    "key that is bytes": ("a1416101", WrongType, {"key": "4161"}),
    "key that is an integer": ("a10102", WrongType, {"key": "01"}),
    "key that is an array": ("a1810102", WrongType, {"key": "8101"}),
    "text that is no UTF-8": ("61ff", NotDeterministic, {"at": 1}),
    "text that is no UTF-8 further on": ("636161ff", NotDeterministic, {"at": 3}),
    "text with a surrogate": ("63eda080", NotDeterministic, {"at": 1}),
    "array of 2^64-1 items": ("9bffffffffffffffff", Truncated, {"at": 9}),
    "byte string of 2^64-1": ("5bffffffffffffffff", Truncated, {"at": 9, "missing": limits.UINT64_MAX}),
    "head cut off": ("19ff", Truncated, {"at": 0}),
    "one level too deep": ("81" * 9 + "01", TooLarge, {"limit": 8}),
    "maps too deep": ("a16161" * 9 + "01", TooLarge, {"limit": 8}),
    "as deep as allowed, and a trailing byte": ("81" * 8 + "0100", TrailingBytes, {"at": 9, "extra": 1}),
    "maps as deep as allowed, and a trailing byte": ("a16161" * 8 + "0100", TrailingBytes, {"at": 25, "extra": 1}),
    "very deep": ("81" * 100_000, TooLarge, {"limit": 8}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "error", "facts"), REFUSED.values(), ids=REFUSED)
def test_refused_by_name(data: str, error: type[SavarError], facts: dict[str, object]) -> None:
    with pytest.raises(error) as caught:
        cbor.decode(bytes.fromhex(data), max_bytes=ROOM)
    assert caught.type is error
    assert caught.value.data == facts


def test_the_deepest_allowed_nesting_is_taken() -> None:
    value: object = 1
    for _ in range(limits.CBOR_MAX_DEPTH):
        value = [value]
    assert cbor.decode(cbor.encode(value), max_bytes=ROOM) == value


def test_over_its_limit() -> None:
    with pytest.raises(TooLarge) as caught:
        cbor.decode(bytes(11), max_bytes=10)
    assert caught.value.data == {"bytes": 11, "limit": 10}


def test_shared_references_do_not_unfold() -> None:
    """A kilobyte of tags 28 and 29 that stands for 10^8 strings: cbor2's own decoder takes it, re-encoding never ends."""
    levels, each = 4, 100
    data = bytes([0x80 | levels + 1]) + b"\xd8\x1c" + cbor.encode("x" * 20)
    for level in range(levels):
        data += b"\xd8\x1c\x98" + bytes([each]) + (b"\xd8\x1d" + cbor.encode(level)) * each
    assert len(cbor2.loads(data)) == levels + 1
    with pytest.raises(NotDeterministic) as caught:
        cbor.decode(data, max_bytes=ROOM)
    assert caught.value.data == {"tag": 28}


def test_encoding_is_held_to_the_declared_fields() -> None:
    fields: cbor.Fields = (("count", cbor.uint(3)), ("text", cbor.short_text))
    for room in (5, 9):
        assert cbor.encode_structure("thing", [3, "x"], fields, version=1, max_bytes=room) == bytes.fromhex(
            "8301036178"
        )
    for bad in ([4, "x"], [True, "x"], [3], [3, "x", 0], [3, "x" * 201], [3, "x" * 20]):
        with pytest.raises(SavarError):
            cbor.encode_structure("thing", bad, fields, version=1, max_bytes=9)


def test_a_signed_integer_is_held_to_both_its_ends() -> None:
    """A position west of Greenwich is one; half a degree or a word is none."""
    check = cbor.sint(90)
    for value in (-90, 0, 90):
        check("lat", value)
    for value in (-91, 91):
        with pytest.raises(OutOfRange) as caught:
            check("lat", value)
        assert caught.value.data == {"field": "lat", "value": value, "least": -90, "most": 90}
    for other in (True, "1", 1.0, None):
        with pytest.raises(WrongType) as wrong:
            check("lat", other)
        assert wrong.value.data == {"field": "lat", "got": type(other).__name__}


def test_a_name_has_only_what_may_stand_in_a_topic() -> None:
    for char in map(chr, range(0x250)):
        if char.isascii() and (char.islower() or char.isdigit() or char == "-"):
            cbor.name_text("device", f"bus{char}")
        else:
            with pytest.raises(OutOfRange):
                cbor.name_text("device", f"bus{char}")


def test_an_error_repeats_only_a_little_of_what_a_stranger_sent() -> None:
    """P3: errors are kept and shown; 100 KB in one of them would be a flood of its own."""
    data = cbor.encode(["x" * 100_000])
    with pytest.raises(UnknownVersion) as caught:
        cbor.decode_structure("thing", data, (), version=1, max_bytes=ROOM)
    assert len(str(caught.value.data)) < 200
