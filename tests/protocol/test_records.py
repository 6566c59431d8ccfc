"""Records, chain, batches and sealing: what is written is what is read, and its hash is what is signed."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import (
    BadKey,
    ChainBroken,
    OutOfRange,
    SavarError,
    SealBroken,
    TooLarge,
    UnknownVersion,
    WrongLength,
    WrongType,
)
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire import cbor, chain
from protocol.wire.batches import Batch, decode_batch, encode_batch, verify_batch
from protocol.wire.records import (
    ClockQuality,
    CodeKind,
    DayKeyRecord,
    Doubt,
    Instant,
    Link,
    Opening,
    Position,
    Record,
    Service,
    Tap,
    decode_record,
    encode_day_key,
    encode_opening,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.seal import DayKey, unwrap_day_key, wrap_day_key
from tests.protocol import samples

names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
uint63 = st.integers(0, limits.INT63_MAX)
uint32 = st.integers(0, limits.UINT32_MAX)
octets = st.binary
links = st.builds(Link, names, uint63, st.integers(1, limits.INT63_MAX), octets(min_size=32, max_size=32))
instants = st.builds(Instant, uint63, uint63, st.sampled_from(ClockQuality), uint32)
maybe_name = st.none() | names
services = st.builds(
    Service, names, st.integers(0, 255), maybe_name, st.none() | st.integers(0, 1), maybe_name, maybe_name, maybe_name
)
positions = st.builds(
    Position,
    st.integers(-90_000_000, 90_000_000),
    st.integers(-180_000_000, 180_000_000),
    uint32,
    st.sampled_from(Doubt),
)
openings = st.builds(
    Opening, links, instants, st.text(max_size=200), octets(min_size=33, max_size=33),
    st.none() | st.tuples(uint63, uint63, octets(min_size=32, max_size=32)),
)  # fmt: skip
day_keys = st.builds(DayKeyRecord, links, instants, uint32, octets(min_size=8, max_size=8), octets(max_size=200))


@st.composite
def taps(draw: st.DrawFn) -> Tap:
    sealed = draw(octets(max_size=300))
    service, verdict = draw(services), draw(st.sampled_from(Verdict))
    free = TABLE[verdict].boards and not TABLE[verdict].charged
    return Tap(
        link=draw(links), at=draw(instants), service=service, position=draw(st.none() | positions),
        key_id=draw(octets(min_size=8, max_size=8)) if sealed else None,
        code_kind=draw(st.sampled_from(CodeKind)), party=draw(st.integers(0, 15)), product=draw(st.integers(0, 15)),
        tariff_version=draw(uint32), fare_rials=draw(st.integers(0, limits.RIALS_MAX)),
        verdict=verdict, reason=draw(st.sampled_from(Reason)), lists=(draw(uint63), draw(uint63)),
        line_told=service.route is not None and draw(st.booleans()), sealed=sealed,
        policy=draw(st.none() | st.tuples(uint63, names)), forgone_rials=draw(st.integers(0, limits.RIALS_MAX)) if free else 0,
        metres=draw(st.none() | st.integers(0, limits.TARIFF_METRES_MAX)),
        closes=draw(st.tuples(uint63, st.integers(1, limits.INT63_MAX))) if verdict is Verdict.TAPPED_OUT else None,
    )  # fmt: skip


def without_bytes(record: Record) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__ if name not in ("raw", "public")}


@given(taps())
def test_tap_round_trip(tap: Tap) -> None:
    public = encode_public_tap(tap)
    raw = encode_tap(public, tap.sealed)
    found = decode_record(raw)
    assert isinstance(found, Tap)
    assert without_bytes(found) == without_bytes(tap)
    assert (found.raw, found.public) == (raw, public)


@given(openings)
def test_opening_round_trip(opening: Opening) -> None:
    raw = encode_opening(opening)
    found = decode_record(raw)
    assert isinstance(found, Opening)
    assert without_bytes(found) == without_bytes(opening)
    assert found.raw == raw


@given(day_keys)
def test_day_key_round_trip(record: DayKeyRecord) -> None:
    raw = encode_day_key(record)
    found = decode_record(raw)
    assert isinstance(found, DayKeyRecord)
    assert without_bytes(found) == without_bytes(record)
    assert found.raw == raw


def test_times_are_labels_with_their_clocks_quality() -> None:
    """P14: every record carries the quality; only an untrusted clock judges no freshness."""
    assert [Instant(0, 0, quality, 0).trusted for quality in ClockQuality] == [True, True, False]
    assert decode_record(samples.opening()).at == samples.instant()


def test_an_opening_has_no_attachment() -> None:
    _, public, _ = cbor.decode(samples.opening(), max_bytes=9999)
    with pytest.raises(OutOfRange) as caught:
        decode_record(cbor.encode([1, public, b"x"]))
    assert caught.value.data == {"field": "attachment", "bytes": 1}


@pytest.mark.parametrize("sealed", [True, False])
def test_a_day_key_is_named_exactly_when_something_is_sealed(sealed: bool) -> None:  # noqa: FBT001
    public = encode_public_tap(samples.tap_values(chain.GENESIS, sealed=sealed))
    with pytest.raises(WrongType) as caught:
        decode_record(encode_tap(public, b"" if sealed else b"x"))
    assert caught.value.data == {"field": "key_id"}


@pytest.mark.parametrize("kind", [6, True, False, None, "tap", -1])
def test_record_of_unknown_kind(kind: object) -> None:
    with pytest.raises(UnknownVersion):
        decode_record(cbor.encode([1, cbor.encode([kind]), b""]))


def test_a_record_may_be_as_long_as_the_limit_says_and_no_longer() -> None:
    record = DayKeyRecord(Link("d", 1, 2, bytes(32)), Instant(0, 0, ClockQuality.TRUSTED, 0), 1, bytes(8), bytes(300))
    room = limits.RECORD_MAX_BYTES - len(encode_day_key(record))
    largest = encode_day_key(replace(record, wrapped=bytes(300 + room)))
    assert len(largest) == limits.RECORD_MAX_BYTES
    assert decode_record(largest) == replace(record, wrapped=bytes(300 + room), raw=largest)
    with pytest.raises(TooLarge):
        encode_day_key(replace(record, wrapped=bytes(301 + room)))


def test_hash_is_sha256_of_the_hash_before_and_the_bytes() -> None:
    records, hashes = samples.history()
    before = bytes(32)
    for record, head in zip(records, hashes, strict=True):
        assert head == sha256(before + record).digest()
        before = head


def test_walk_gives_records_and_hashes() -> None:
    records, hashes = samples.history()
    walked = chain.walk(records, device=samples.DEVICE, epoch=samples.EPOCH, first=1)
    assert [record.raw for record, _ in walked] == records
    assert [head for _, head in walked] == hashes
    part = chain.walk(records[2:], device=samples.DEVICE, epoch=samples.EPOCH, first=3)
    assert part == walked[2:]
    assert chain.walk([], device=samples.DEVICE, epoch=samples.EPOCH, first=3) == []


@given(st.integers(0, 4), st.integers(1, 5))
def test_batch_round_trip(start: int, count: int) -> None:
    records, hashes = samples.history()
    part = records[start : start + count]
    data = samples.batch(part, hashes[start + len(part) - 1], first=start + 1)
    batch = decode_batch(data)
    assert (batch.device, batch.epoch, batch.first, batch.records) == (
        samples.DEVICE,
        samples.EPOCH,
        start + 1,
        tuple(part),
    )
    assert batch.last == start + len(part)
    assert [record.raw for record, _ in verify_batch(batch, samples.TAP_KEY.verifying)] == part


def test_the_signature_stored_at_the_tap_is_the_batches_signature() -> None:
    """One signature a batch: the last commits to all before it."""
    records, hashes = samples.history()
    signature = chain.sign_hash(hashes[-1], samples.TAP_KEY)
    chain.verify_hash(hashes[-1], signature, samples.TAP_KEY.verifying)
    assert (
        len(verify_batch(Batch(samples.DEVICE, samples.EPOCH, 1, tuple(records), signature), samples.TAP_KEY.verifying))
        == 5
    )


@pytest.mark.parametrize("count", [0, limits.BATCH_DRAIN_RECORDS + 1])
def test_a_batch_that_would_be_refused_is_not_made(count: int) -> None:
    with pytest.raises(SavarError):
        encode_batch(samples.DEVICE, samples.EPOCH, 1, [b"x"] * count, bytes(64))
    with pytest.raises(SavarError):
        encode_batch(samples.DEVICE, samples.EPOCH, 1, [bytes(limits.RECORD_MAX_BYTES)] * 600, bytes(64))


proofs = st.binary(max_size=200)


@given(proofs, st.integers(1, limits.INT63_MAX), proofs)
def test_seal_round_trip(proof: bytes, sequence: int, public: bytes) -> None:
    sealed = samples.DAY_KEY.seal(sequence, proof, public)
    assert len(sealed) == len(proof) + 16
    assert samples.DAY_KEY.open(sequence, sealed, public) == proof


@given(proofs, st.data())
def test_a_sealed_part_opens_only_where_it_was_made(proof: bytes, data: st.DataObject) -> None:
    sealed = samples.DAY_KEY.seal(7, proof, b"public")
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    for sequence, part, public in (
        (8, sealed, b"public"),
        (7, sealed, b"publik"),
        (7, bytes(flipped), b"public"),
        (7, b"", b"public"),
    ):
        with pytest.raises(SealBroken) as caught:
            samples.DAY_KEY.open(sequence, part, public)
        assert caught.value.data == {"sequence": sequence}


def test_wrapping() -> None:
    secret = bytes(range(32))
    bound = {"device": samples.DEVICE, "epoch": 9, "day": samples.DAY}
    wrapped = wrap_day_key(secret, samples.SEALING_KEY.public, **bound)
    assert len(wrapped) == len(samples.WRAPPED) == 113
    assert unwrap_day_key(wrapped, samples.SEALING_KEY, **bound) == secret
    for wrong in ({"device": "bus-0001-d2"}, {"epoch": 8}, {"day": samples.DAY + 1}):
        with pytest.raises(SealBroken):
            unwrap_day_key(wrapped, samples.SEALING_KEY, **(bound | wrong))
    for bad in (b"", wrapped[:-1], wrapped + b"\x00", bytes(113), wrapped[:64]):
        with pytest.raises(SealBroken):
            unwrap_day_key(bad, samples.SEALING_KEY, **bound)
    with pytest.raises(SealBroken):
        unwrap_day_key(wrapped, samples.key("another sealing"), **bound)


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_day_key_has_32_bytes(size: int) -> None:
    """AES-GCM itself takes 16 and 24 too."""
    with pytest.raises(WrongLength):
        DayKey.load(bytes(size), samples.DAY)
    with pytest.raises(WrongLength):
        wrap_day_key(bytes(size), samples.SEALING_KEY.public, device="d", epoch=1, day=1)


def test_wrapping_to_no_key() -> None:
    uncompressed = b"\x04" + bytes(64)
    for recipient in (b"", bytes(33), uncompressed):
        with pytest.raises(BadKey):
            wrap_day_key(bytes(32), recipient, device="d", epoch=1, day=1)


def test_secrets_stay_out_of_a_repr() -> None:
    secret = bytes(range(32))
    assert repr(DayKey.load(secret, 5)) == f"DayKey({DayKey.load(secret, 5).id.hex()}, day=5)"
    assert DayKey.load(secret, 5).id.hex() not in secret.hex()


def test_a_records_place_is_told_by_name() -> None:
    """P11: what differs is said."""
    link = Link("bus-1", 2, 3, bytes(32))
    chain.follow(link, device="bus-1", epoch=2, sequence=3, previous=bytes(32))
    right = {"device": "bus-1", "epoch": 2, "sequence": 3, "previous": bytes(32)}
    for field, other in (("device", "bus-2"), ("epoch", 1), ("sequence", 4), ("previous", b"\x01" * 32)):
        with pytest.raises(ChainBroken) as caught:
            chain.follow(link, **(right | {field: other}))
        assert caught.value.data["field"] == field


@given(taps())
def test_a_line_that_is_not_there_was_told_by_nobody(tap: Tap) -> None:
    nowhere = replace(tap, service=replace(tap.service, route=None), line_told=True)
    with pytest.raises(WrongType, match="line"):
        encode_public_tap(nowhere)
    public = encode_public_tap(replace(nowhere, line_told=False))
    values = cbor.decode(public, max_bytes=len(public))
    values[26] = True
    with pytest.raises(WrongType, match="line"):
        decode_record(encode_tap(cbor.encode(values), tap.sealed))


def test_only_a_free_ride_forgoes_a_fare() -> None:
    charged = samples.tap_values(chain.GENESIS)
    with pytest.raises(OutOfRange, match="boards free"):
        encode_public_tap(replace(charged, forgone_rials=1))
    free = encode_public_tap(replace(charged, verdict=Verdict.BOARD_FREE, fare_rials=0, forgone_rials=125_000))
    values = cbor.decode(free, max_bytes=len(free))
    values[23] = int(Verdict.ALREADY_PAID)
    part = samples.DAY_KEY.seal(3, b"proof", cbor.encode(values))
    with pytest.raises(OutOfRange, match="boards free"):
        decode_record(encode_tap(cbor.encode(values), part))


def test_a_tap_names_what_it_ends_exactly_when_it_is_a_tap_out() -> None:
    charged = samples.tap_values(chain.GENESIS)
    for wrong in (replace(charged, closes=(1, 2)), replace(charged, verdict=Verdict.TAPPED_OUT)):
        with pytest.raises(WrongType, match="tap-out"):
            encode_public_tap(wrong)
    public = encode_public_tap(replace(charged, verdict=Verdict.TAPPED_OUT, closes=(1, 2), metres=7))
    values = cbor.decode(public, max_bytes=len(public))
    values[30] = None
    part = samples.DAY_KEY.seal(3, b"proof", cbor.encode(values))
    with pytest.raises(WrongType, match="tap-out"):
        decode_record(encode_tap(cbor.encode(values), part))
