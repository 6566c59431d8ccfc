"""The bundle's manifest and its chunks: round trips, what is never taken back, what one change costs (P12)."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import (
    DuplicateKey,
    MissingField,
    NotDeterministic,
    NumberReused,
    RolledBack,
    TooLarge,
    WrongHash,
    WrongLength,
)  # fmt: skip
from protocol.wire.bundles import KINDS, Bundle, cut_bundle, cut_riders, read_bundle
from protocol.wire.manifests import Chunk, Manifest, Section, check_chunk, encode_manifest, name_chunk, open_manifest
from tests.protocol import samples
from tests.protocol.test_messages import bundles, digests
from tests.protocol.test_records import names, uint63

KEY = samples.BUNDLE_KEY
chunks = st.builds(Chunk, digests, st.integers(1, limits.CHUNK_MAX_BYTES))
sections = st.lists(
    st.builds(Section, names, uint63, st.lists(chunks, max_size=5).map(tuple)),
    max_size=6,
    unique_by=lambda one: one.kind,
)


def opened(bundle: Bundle, in_force: Manifest | None = None) -> Manifest:
    data = encode_manifest(bundle.city, bundle.number, bundle.issued_ms, cut_bundle(bundle)[0], KEY)
    return open_manifest(data, [KEY.verifying], city=bundle.city, in_force=in_force)


def denying(count: int) -> Bundle:
    return replace(samples.BUNDLE, deny={sha256(n.to_bytes(4, "big")).digest()[:8]: 1 for n in range(count)})


@given(names, uint63, uint63, sections)
def test_manifest_round_trip(city: str, number: int, issued_ms: int, contents: list[Section]) -> None:
    data = encode_manifest(city, number, issued_ms, contents, KEY)
    found = open_manifest(data, [KEY.verifying], city=city)
    assert (found.city, found.number, found.issued_ms, found.raw) == (city, number, issued_ms, data)
    assert list(found.sections) == sorted(contents, key=lambda one: one.kind)


@given(bundles)
def test_contents_round_trip(bundle: Bundle) -> None:
    assert read_bundle(opened(bundle), cut_bundle(bundle)[1].__getitem__) == bundle


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 1))
def test_it_never_goes_back(number: int, in_force: int, other: int) -> None:
    """A lower number is refused, and one number never means two things."""
    before = opened(replace(samples.BUNDLE, number=in_force))
    new = replace(samples.BUNDLE, number=number, issued_ms=samples.WALL_MS + other)
    if number > in_force or (number == in_force and not other):
        assert opened(new, before).number == number
        return
    with pytest.raises(RolledBack if number < in_force else NumberReused):
        opened(new, before)


def test_one_more_denied_changes_one_chunk() -> None:
    """A chunk already held is not fetched again: of 100,000 entries a change costs a bus a few KiB."""
    before, after = denying(99_999), denying(100_000)
    held, wanted = opened(before).chunks(KINDS), opened(after).chunks(KINDS)
    missing = [one for one in wanted if one not in held]
    assert len(wanted) > 20
    assert len(missing) == 1
    assert missing[0].size < 60_000
    assert read_bundle(opened(after), cut_bundle(after)[1].__getitem__) == after


def test_more_than_the_limit_is_not_signed() -> None:
    with pytest.raises(TooLarge):
        cut_bundle(denying(limits.BUNDLE_DENY_MAX + 1))


def test_more_than_the_limit_is_not_read() -> None:
    """Chunks that are each within their limit make no list beyond its own."""
    bundle = denying(limits.BUNDLE_DENY_MAX)
    contents, found = cut_bundle(bundle)
    more = cut_bundle(replace(bundle, deny={b"\xff" * 8: 1}))
    others = [one for one in contents if one.kind != "deny"]
    denied = next(one for one in contents if one.kind == "deny")
    denied = replace(denied, chunks=(*denied.chunks, *next(one for one in more[0] if one.kind == "deny").chunks))
    manifest = replace(opened(bundle), sections=(*others, denied))
    with pytest.raises(TooLarge):
        read_bundle(manifest, (found | more[1]).__getitem__)


def test_a_kind_of_tomorrow_is_carried_and_not_fetched() -> None:
    """An office may send what half of the fleet does not know yet."""
    contents, data = cut_bundle(samples.BUNDLE)
    unknown = Section("holograms", 1, (name_chunk(b"x"),))
    message = encode_manifest("isfahan", 12, samples.WALL_MS, [*contents, unknown], KEY)
    found = open_manifest(message, [KEY.verifying], city="isfahan")
    assert found.section("holograms") == unknown
    assert name_chunk(b"x") not in found.chunks(KINDS)
    assert read_bundle(found, data.__getitem__) == samples.BUNDLE


@pytest.mark.parametrize("kind", ["keys", "tariff"])
def test_what_no_door_can_do_without(kind: str) -> None:
    contents, data = cut_bundle(samples.BUNDLE)
    manifest = replace(opened(samples.BUNDLE), sections=tuple(one for one in contents if one.kind != kind))
    with pytest.raises(MissingField) as caught:
        read_bundle(manifest, data.__getitem__)
    assert caught.value.data["field"] == kind


def test_a_kind_twice_is_not_signed() -> None:
    with pytest.raises(DuplicateKey):
        encode_manifest("isfahan", 1, 1, [Section("keys", 1, ()), Section("keys", 2, ())], KEY)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_no_other_bytes_pass_for_a_chunk(data: bytes, draw: st.DataObject) -> None:
    wanted = name_chunk(data)
    assert check_chunk(wanted, data) == data
    at = draw.draw(st.integers(0, len(data) * 8 - 1))
    other = bytearray(data)
    other[at // 8] ^= 1 << at % 8
    with pytest.raises(WrongHash):
        check_chunk(wanted, bytes(other))
    with pytest.raises(WrongLength):
        check_chunk(wanted, data + b"\x00")


def row(n: int) -> bytes:
    return sha256(n.to_bytes(4, "big")).digest()[:8] + bytes(33) + bytes([1, 0, 0, 0, 9, 0, 1])


def test_riders_are_cut_so_that_one_more_changes_one_chunk() -> None:
    before = sorted(row(n) for n in range(20_000))
    after = sorted([*before, row(20_001)])
    held, wanted = cut_riders(b"".join(before)), cut_riders(b"".join(after))
    assert b"".join(wanted) == b"".join(after)
    assert max(map(len, wanted)) <= limits.RIDER_CHUNK_ROWS * limits.RIDER_ROW_BYTES
    assert len(wanted) > 4
    assert len(set(wanted) - set(held)) == 1
    assert cut_riders(b"") == []


@pytest.mark.parametrize(
    ("rows", "error"),
    [(row(1) + row(1), DuplicateKey), (max(row(1), row(2)) + min(row(1), row(2)), NotDeterministic), (row(1)[:-1], WrongLength)],
)  # fmt: skip
def test_riders_that_no_reader_would_take_are_not_cut(rows: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        cut_riders(rows)
