"""Every structure, field by field: missing, unknown, of another type, a boolean for an integer, out of range — each by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from protocol import limits
from protocol.errors import (
    MissingField,
    NotDeterministic,
    OutOfRange,
    SavarError,
    TooLarge,
    TrailingBytes,
    Truncated,
    UnknownField,
    UnknownVersion,
    WrongType,
)
from protocol.wire import (
    batches,
    bundles,
    cbor,
    chain,
    health,
    manifests,
    policies,
    receipts,
    records,
    sister,
    tariffs,
    timetable,
)
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.records import Service
from protocol.wire.signed import cut, seal_message
from tests.protocol import samples
from tests.protocol.lines import LINE_9, LINE_91


@dataclass(frozen=True)
class Structure:
    """A structure under test: its declared fields, a valid example, and its decoder over encoded [version, …] bytes."""

    name: str
    fields: cbor.Fields
    values: list[Any]
    decode: Callable[[bytes], object]
    version: int | None = 1  # None: it begins with its kind

    @property
    def versioned(self) -> bool:
        return self.version is not None

    def bytes_of(self, values: list[Any]) -> bytes:
        return cbor.encode([self.version, *values] if self.versioned else values)


def signed(
    name: str,
    fields: cbor.Fields,
    message: bytes,
    key: SigningKey,
    opener: Callable[..., object],
    *,
    version: int = 1,
    **more: Any,
) -> Structure:
    """A structure inside a signed message: what is under test is signed again, so that it gets as far as the decoder."""
    values = cbor.decode(cut(message, max_bytes=len(message)).payload, max_bytes=len(message))[1:]
    return Structure(
        name,
        fields,
        values,
        lambda payload: opener(seal_message(Purpose[name.upper()], payload, key), [key.verifying], **more),
        version,
    )


def chunk(kind: str, fields: cbor.Fields, version: int = 1) -> Structure:
    """A chunk under test, in a manifest whose other chunks are as they should be."""
    sections, contents = bundles.cut_bundle(samples.BUNDLE)
    example = contents[next(one for one in sections if one.kind == kind).chunks[0]]
    others = [one for one in sections if one.kind != kind]

    def read(data: bytes) -> object:
        named = manifests.name_chunk(data)
        section = manifests.Section(kind, 3, (named,))
        manifest = manifests.Manifest("isfahan", 12, 1, (*others, section), b"", b"")
        return bundles.read_bundle(manifest, (contents | {named: data}).__getitem__)

    return Structure(kind, fields, cbor.decode(example, max_bytes=len(example))[1:], read, version)


def public_part(kind: records.RecordKind, raw: bytes) -> Structure:
    _, public, attachment = cbor.decode(raw, max_bytes=len(raw))
    return Structure(
        kind.name.lower(),
        records._FIELDS[kind],
        cbor.decode(public, max_bytes=len(public)),
        lambda part: records.decode_record(cbor.encode([1, part, attachment])),
        version=None,
    )


HISTORY, HASHES = samples.history()
BATCH = samples.batch(HISTORY, HASHES[-1])
TIMETABLE = timetable.encode_lines([LINE_9, LINE_91])
STRUCTURES = [
    Structure("batch", batches._FIELDS, cbor.decode(BATCH, max_bytes=len(BATCH))[1:], batches.decode_batch),
    Structure("record", records._RECORD, cbor.decode(HISTORY[2], max_bytes=9999)[1:], records.decode_record),
    public_part(records.RecordKind.OPENING, HISTORY[0]),
    public_part(records.RecordKind.DAY_KEY, HISTORY[1]),
    public_part(records.RecordKind.TAP, HISTORY[2]),
    signed("receipt", receipts._FIELDS, receipts.encode_receipt(samples.RECEIPT, samples.RECEIPT_KEY),
           samples.RECEIPT_KEY, receipts.open_receipt),
    signed("health", health._HEALTH, health.encode_health(samples.HEALTH, samples.TAP_KEY),
           samples.TAP_KEY, health.open_health, version=health.HEALTH_VERSION),
    signed("state", health._STATE, health.encode_state(samples.STATE, samples.TAP_KEY),
           samples.TAP_KEY, health.open_state, version=health.STATE_VERSION),
    signed("sister", sister._FIELDS, sister.encode_sister(replace(samples.SISTER, batch=BATCH), samples.TAP_KEY),
           samples.TAP_KEY, lambda data, keys: sister.open_sister(data, keys[0]), version=sister.VERSION),
    chunk("keys", bundles._KEYS_CHUNK),
    chunk("tariff", tariffs._TARIFF, tariffs.VERSION),
    chunk("policies", policies._POLICIES, policies.VERSION),
    chunk("deny", bundles._DENY_CHUNK),
    Structure("timetable", timetable._CHUNK, cbor.decode(TIMETABLE, max_bytes=len(TIMETABLE))[1:], timetable.decode_lines),
    signed("manifest", manifests._FIELDS, manifests.encode_manifest("isfahan", 12, 1, bundles.cut_bundle(samples.BUNDLE)[0],
           samples.BUNDLE_KEY), samples.BUNDLE_KEY, manifests.open_manifest, city="isfahan"),
]  # fmt: skip
each_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)


@each_structure
def test_the_example_is_taken(structure: Structure) -> None:
    structure.decode(structure.bytes_of(structure.values))


@each_structure
def test_missing_field(structure: Structure) -> None:
    for count in range(1 - structure.versioned, len(structure.fields)):
        with pytest.raises(MissingField) as caught:
            structure.decode(structure.bytes_of(structure.values[:count]))
        assert caught.value.data == {"structure": structure.name, "field": structure.fields[count][0]}


@each_structure
def test_unknown_field(structure: Structure) -> None:
    with pytest.raises(UnknownField) as caught:
        structure.decode(structure.bytes_of([*structure.values, 0]))
    assert caught.value.data == {"structure": structure.name, "position": len(structure.fields)}


@each_structure
def test_not_a_structure(structure: Structure) -> None:
    for data in (b"\x80", b"\xa0", b"\x01", b"\xf6", cbor.encode("x"), cbor.encode(b"x")):
        with pytest.raises(WrongType):
            structure.decode(data)


@each_structure
@pytest.mark.parametrize("version", [0, 99, True, None, "1", [1], b"\x01"], ids=repr)
def test_unknown_version_or_kind(structure: Structure, version: object) -> None:
    values = [version, *(structure.values if structure.versioned else structure.values[1:])]
    if not structure.versioned and version == 0:
        version = values[0] = 98  # lower ones are kinds
    with pytest.raises(UnknownVersion) as caught:
        structure.decode(cbor.encode(values))
    assert repr(version) in caught.value.data.values()


@each_structure
def test_damaged_bytes(structure: Structure) -> None:
    whole = structure.bytes_of(structure.values)
    with pytest.raises(TrailingBytes):
        structure.decode(whole + b"\x00")
    with pytest.raises(Truncated):
        structure.decode(whole[:-1])
    with pytest.raises(NotDeterministic):  # the same array with a longer head
        structure.decode(b"\x98" + bytes([whole[0] & 31]) + whole[1:] if whole[0] < 0x98 else b"\x99\x00" + whole[1:])


def wrong_values(check: cbor.Check, value: Any) -> Iterator[tuple[object, type[SavarError]]]:
    """Values that a field with this example must refuse, and as what."""
    if not _takes(check, None):
        yield None, WrongType
    if isinstance(value, bool):
        yield from ((1, WrongType), ("true", WrongType))
    elif isinstance(value, int):
        yield from ((True, WrongType), (str(value), WrongType), ([value], WrongType), (b"\x01", WrongType))
        yield from ((limits.UINT64_MAX, OutOfRange), (-limits.INT63_MAX, OutOfRange))
    elif isinstance(value, bytes):
        yield from ((value.hex(), WrongType), (list(value), WrongType), (0, WrongType))
        if not _takes(check, b"x"):  # of one length
            yield from ((value[:-1], OutOfRange), (value + b"\x00", OutOfRange))
    elif isinstance(value, str):
        yield from ((value.encode(), WrongType), (1, WrongType), ([value], WrongType))
        if not _takes(check, ""):  # a name, not free text
            yield from (
                (bad, OutOfRange) for bad in ("", "x" * 33, "Bus", "bus/1", "bus+", "b#", "b us", "bus_1", "اتوبوس")
            )
        else:
            yield "x" * 201, TooLarge
    elif isinstance(value, list):
        yield from (({}, WrongType), ("x", WrongType), (1, WrongType))


def _takes(check: cbor.Check, value: object) -> bool:
    try:
        check("field", value)
    except SavarError:
        return False
    return True


@each_structure
def test_wrong_values(structure: Structure) -> None:
    tried = 0
    for position, (name, check) in enumerate(structure.fields):
        if position == 0 and not structure.versioned:
            continue  # the kind has its own test
        for bad, error in wrong_values(check, structure.values[position]):
            values = [*structure.values]
            values[position] = bad
            with pytest.raises(error) as caught:
                structure.decode(structure.bytes_of(values))
            assert caught.type is error, (name, bad)
            assert caught.value.data["field"] == name, (name, bad)
            tried += 1
    assert tried >= 3 * (len(structure.fields) - 1)


BOARDING = [
    7,
    9,
    samples.CREDENTIAL_ID,
    samples.TIME_S,
    1,
    2,
    1,
    samples.WALL_MS,
    0,
    50_000,
    500,
    500,
    25_000,
    2,
    0,
    7,
    False,
    ["r9", 1, "t-1", 900],
    [7, 8],
]
INNER = [
    ("opening", -1, "epoch", [True, 41, bytes(32)], WrongType),
    ("opening", -1, "head", [1, 41, bytes(31)], OutOfRange),
    ("tap", 16, "lat_e6", [90_000_001, 0, 1, 0], OutOfRange),
    ("tap", 16, "lat_e6", [-90_000_001, 0, 1, 0], OutOfRange),
    ("tap", 16, "lon_e6", [0, 180_000_001, 1, 0], OutOfRange),
    ("tap", 16, "accuracy_m", [0, 0, -1, 0], OutOfRange),
    ("tap", 16, "doubt", [0, 0, 1, 10], OutOfRange),
    ("tap", 16, "doubt", [0, 0, 1, True], WrongType),
    ("tap", 16, "doubt", [0, 0, 1], MissingField),
    ("tap", 12, "direction", 2, OutOfRange),
    ("tap", 19, "party", 16, OutOfRange),
    ("tap", 22, "fare_rials", limits.RIALS_MAX + 1, OutOfRange),
    ("tap", 22, "fare_rials", -1, OutOfRange),
    ("tap", 23, "verdict", 20, OutOfRange),
    ("tap", 23, "verdict", 0, OutOfRange),
    ("tap", 24, "reason", 99, OutOfRange),
    ("tap", 25, "deny", [1, "4"], WrongType),
    ("opening", 3, "sequence", 0, OutOfRange),
    ("batch", 2, "first", 0, OutOfRange),
    ("batch", 3, "records", [], OutOfRange),
    ("batch", 3, "records", ["x"], WrongType),
    ("batch", 3, "records", [bytes(limits.RECORD_MAX_BYTES + 1)], TooLarge),
    ("batch", 3, "records", [b""] * (limits.BATCH_DRAIN_RECORDS + 1), TooLarge),
    ("health", 10, "name", [["Front", 0, 0, 0, 0, 0, 0]], OutOfRange),
    ("health", 10, "state", [["front", 5, 0, 0, 0, 0, 0]], OutOfRange),
    ("health", 10, "cameras", [["front", 0, 0, 0, 0, 0, 0]] * 9, TooLarge),
    ("health", 16, "started", 9, OutOfRange),
    ("health", 19, "tamper", 1, WrongType),
    ("health", 20, "temperature_mc", [200_001, *[None] * 9], OutOfRange),
    ("health", 20, "temperature_mc", [-200_001, *[None] * 9], OutOfRange),
    ("health", 20, "throttled", [None, -1, *[None] * 8], OutOfRange),
    ("health", 20, "up_s", [*[None] * 9, "1"], WrongType),
    ("health", 21, "linked", [0, 0, 0, 0, 0], WrongType),
    ("health", 21, "carried", [True, 0, 0, -1, 0], OutOfRange),
    ("health", 22, "unread", ["Disk"], OutOfRange),
    ("health", 22, "unread", ["disk"] * 17, TooLarge),
    ("health", 23, "state", [None] * 14, WrongType),
    ("health", 23, "state", [3, *[None] * 13], OutOfRange),
    ("health", 23, "starts", [0, None, 65_536, *[None] * 11], OutOfRange),
    ("health", 23, "cause", [0, None, None, 3, *[None] * 10], OutOfRange),
    ("health", 23, "supply_mv", [0, *[None] * 3, -1, *[None] * 9], OutOfRange),
    ("health", 23, "ignition", [0, *[None] * 5, 1, *[None] * 7], WrongType),
    ("health", 23, "sessions", [0, *[None] * 12, "1"], WrongType),
    ("state", 5, "cause", 8, OutOfRange),
    ("state", 5, "cause", int(health.RunCause.LOST), OutOfRange),  # of a death, in a birth
    ("sister", 1, "batch", bytes(limits.BATCH_MAX_BYTES + 1), TooLarge),
    ("sister", 2, "boardings", [BOARDING] * (limits.SISTER_BOARDINGS_MAX + 1), TooLarge),
    ("sister", 2, "along", [[*BOARDING[:17], 3, None]], WrongType),
    ("sister", 2, "metres", [[*BOARDING[:17], ["r9", 1, None, limits.TARIFF_METRES_MAX + 1], None]], OutOfRange),
    ("sister", 2, "line", [[*BOARDING[:17], ["R 9", 1, None, 1], None]], OutOfRange),
    ("sister", 2, "direction", [[*BOARDING[:17], ["r9", 2, None, 1], None]], OutOfRange),
    ("sister", 2, "trip", [[*BOARDING[:17], ["r9", 1, "T 1", 1], None]], OutOfRange),
    ("sister", 2, "closes", [[*BOARDING[:18], 9]], WrongType),
    ("sister", 2, "epoch", [[*BOARDING[:0], -1, *BOARDING[1:]]], OutOfRange),
    ("sister", 2, "sequence", [[*BOARDING[:1], 0, *BOARDING[2:]]], OutOfRange),
    ("sister", 2, "credential_id", [[*BOARDING[:2], bytes(9), *BOARDING[3:]]], OutOfRange),
    ("sister", 2, "time_s", [[*BOARDING[:3], 1 << 32, *BOARDING[4:]]], OutOfRange),
    ("sister", 2, "counter", [[*BOARDING[:4], 65_536, *BOARDING[5:]]], OutOfRange),
    ("sister", 2, "party", [[*BOARDING[:5], 16, *BOARDING[6:]]], OutOfRange),
    ("sister", 2, "door", [[*BOARDING[:6], 256, *BOARDING[7:]]], OutOfRange),
    ("sister", 2, "wall_ms", [[*BOARDING[:7], -1, *BOARDING[8:]]], OutOfRange),
    ("sister", 2, "age_ms", [[*BOARDING[:8], 1 << 63, *BOARDING[9:]]], OutOfRange),
    ("sister", 2, "adult_rials", [[*BOARDING[:9], limits.FLAT_FARE_MAX_RIALS + 1, *BOARDING[10:]]], OutOfRange),
    ("sister", 2, "permille", [[*BOARDING[:10], 1001, *BOARDING[11:]]], OutOfRange),
    ("sister", 2, "cap_permille", [[*BOARDING[:11], 1001, *BOARDING[12:]]], OutOfRange),
    ("sister", 2, "fare_rials", [[*BOARDING[:12], limits.RIALS_MAX + 1, *BOARDING[13:]]], OutOfRange),
    ("sister", 2, "verdict", [[*BOARDING[:13], 0, *BOARDING[14:]]], OutOfRange),
    ("sister", 2, "reason", [[*BOARDING[:14], True, *BOARDING[15:]]], WrongType),
    ("sister", 2, "tariff_version", [[*BOARDING[:15], 1 << 32, *BOARDING[16:]]], OutOfRange),
    ("sister", 2, "annulled", [[*BOARDING[:16], 0, *BOARDING[17:]]], WrongType),
    ("sister", 3, "epoch", [True, 1, bytes(32)], WrongType),
    ("sister", 3, "sequence", [1, -1, bytes(32)], OutOfRange),
    ("sister", 3, "head", [1, 1, bytes(33)], OutOfRange),
    ("sister", 6, "reads", [1, ""], WrongType),
    ("sister", 6, "fault", [True, "x" * 201], TooLarge),
    ("sister", 4, "receipt", bytes(limits.MESSAGE_MAX_BYTES + 1), TooLarge),
    ("manifest", 3, "kind", [["Keys", 1, []]], OutOfRange),
    ("manifest", 3, "version", [["keys", -1, []]], OutOfRange),
    ("manifest", 3, "digest", [["keys", 1, [[bytes(33), 1]]]], OutOfRange),
    ("manifest", 3, "size", [["keys", 1, [[bytes(32), 0]]]], OutOfRange),
    ("manifest", 3, "size", [["keys", 1, [[bytes(32), limits.CHUNK_MAX_BYTES + 1]]]], OutOfRange),
    ("manifest", 3, "chunks", [["keys", 1, [[bytes(32), 1]] * (limits.SECTION_CHUNKS_MAX + 1)]], TooLarge),
    ("keys", 0, "issuer_keys", [bytes(32)], OutOfRange),
    ("keys", 0, "issuer_keys", [bytes(33)] * 17, TooLarge),
    ("tariff", 2, "permille", [[1, 1001]], OutOfRange),
    ("tariff", 2, "rider_class", [[16, 1]], OutOfRange),
    ("tariff", 1, "flat_fare_rials", limits.FLAT_FARE_MAX_RIALS + 1, OutOfRange),
    ("tariff", 3, "repeat_window_s", limits.REPEAT_WINDOW_MAX_S + 1, OutOfRange),
    ("tariff", 4, "transfer_window_s", limits.TRANSFER_WINDOW_MAX_S + 1, OutOfRange),
    ("tariff", 5, "day_cap_rials", limits.RIALS_MAX + 1, OutOfRange),
    ("tariff", 6, "week_cap_rials", -1, OutOfRange),
    ("tariff", 7, "line", [["Line 1", 1, []]], OutOfRange),
    ("tariff", 7, "rials", [["r1", limits.FLAT_FARE_MAX_RIALS + 1, []]], OutOfRange),
    ("tariff", 7, "metres", [["r1", 1, [[limits.TARIFF_METRES_MAX + 1, 1]]]], OutOfRange),
    ("tariff", 8, "weekdays", [[128, 1, 2, 1000]], OutOfRange),
    ("tariff", 8, "from_minute", [[1, 1440, 1440, 1000]], OutOfRange),
    ("tariff", 8, "to_minute", [[1, 1, 1441, 1000]], OutOfRange),
    ("tariff", 8, "permille", [[1, 1, 2, limits.PEAK_MAX_PERMILLE + 1]], OutOfRange),
    ("tariff", 10, "product", [[16, 1, [], True]], OutOfRange),
    ("tariff", 10, "elsewhere", [[1, 1, [], 1]], WrongType),
    ("policies", 0, "order", [["A decree", 1, 1, 2, [], [], 0]], OutOfRange),
    ("policies", 0, "vehicles", [["a", 1, 1, 2, [], 9, 0]], WrongType),
    ("policies", 0, "bound_rials", [["a", 1, 1, 2, [], [], limits.RIALS_MAX + 1]], OutOfRange),
    ("policies", 2, "order", [["A grace", 1, 1, 2, [], [], 1, 0]], OutOfRange),
    ("policies", 2, "kind", [["a", 9, 1, 2, [], [], 1, 0]], OutOfRange),
    ("policies", 2, "rials", [["a", 2, 1, 2, [], [], 1, limits.ALLOWANCE_RAISE_MAX_RIALS + 1]], OutOfRange),
    ("policies", 1, "training", ["Bus 9"], OutOfRange),
    ("deny", 0, "credential_id", [[bytes(7), 0]], OutOfRange),
    ("deny", 0, "version", [[bytes(8), 256]], OutOfRange),
    ("timetable", 0, "name", [["S 1", "", "", 0, 0]], OutOfRange),
    ("timetable", 0, "label", [["s-1", "x" * 201, "", 0, 0]], TooLarge),
    ("timetable", 0, "lat_e6", [["s-1", "", "", 90_000_001, 0]], OutOfRange),
    ("timetable", 0, "lon_e6", [["s-1", "", "", 0, -180_000_001]], OutOfRange),
    ("timetable", 1, "weekdays", [[128, 0, 0, [], []]], OutOfRange),
    ("timetable", 1, "added", [[0, 0, 0, [*range(401)], []]], TooLarge),
    ("timetable", 1, "removed", [[0, 0, 0, [], [-1]]], OutOfRange),
    ("timetable", 2, "headsign", [["9", "", "", [[0, 9, "", [], [], [], []]]]], WrongType),
    ("timetable", 2, "metres", [["9", "", "", [[0, "", "", [], [[0, 1_000_001]], [], []]]]], OutOfRange),
    ("timetable", 2, "start_s", [["9", "", "", [[0, "", "", [], [], [], [[-1, "t", 0, 0]]]]]], OutOfRange),
]  # fmt: skip


@pytest.mark.parametrize(("name", "position", "field", "bad", "error"), INNER)
def test_wrong_inner_values(name: str, position: int, field: str, bad: object, error: type[SavarError]) -> None:
    structure = next(one for one in STRUCTURES if one.name == name)
    values = [*structure.values]
    values[position] = bad
    with pytest.raises(error) as caught:
        structure.decode(structure.bytes_of(values))
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("position", [0, 1])
def test_a_structure_in_a_structure_has_exactly_its_fields(position: int) -> None:
    manifest = next(one for one in STRUCTURES if one.name == "manifest")
    values = [*manifest.values]
    section = values[3][0]
    values[3] = [section[:-1] if position else [*section, 0]]
    with pytest.raises(MissingField if position else UnknownField) as caught:
        manifest.decode(manifest.bytes_of(values))
    assert caught.value.data["structure"] == "sections"


def test_over_the_size_of_its_kind() -> None:
    """Bytes beyond a format's limit are refused unread."""
    with pytest.raises(TooLarge):
        batches.decode_batch(bytes(limits.BATCH_MAX_BYTES + 1))
    with pytest.raises(TooLarge):
        records.decode_record(bytes(limits.RECORD_MAX_BYTES + 1))
    for opener in (receipts.open_receipt, health.open_health, health.open_state):
        with pytest.raises(TooLarge):
            opener(bytes(limits.MESSAGE_MAX_BYTES + 1), [])
    with pytest.raises(TooLarge):
        manifests.open_manifest(bytes(limits.MANIFEST_MAX_BYTES + 1), [], city="isfahan")
    with pytest.raises(TooLarge):
        sister.open_sister(bytes(limits.SISTER_MESSAGE_MAX_BYTES + 1), samples.TAP_KEY.verifying)


def test_a_record_that_would_be_refused_is_not_made() -> None:
    """What the reader refuses must never get into a chain: it would block the journal behind it."""
    with pytest.raises(TooLarge):
        records.encode_tap(bytes(2_000), bytes(50))
    with pytest.raises(OutOfRange):
        samples.opening(sequence=0)
    with pytest.raises(OutOfRange):
        samples.opening(previous=chain.GENESIS[:-1])
    with pytest.raises(OutOfRange):
        samples.opening(device="Bus 1")


GOOD_TAP = samples.tap_values(bytes(32))


@pytest.mark.parametrize("field", ["device", *(name for name in Service.__slots__)])
@pytest.mark.parametrize("bad", ["Bus 1", 999, ["bus"], b"bus"])
def test_what_a_tap_has_in_common_with_the_tap_before_is_checked_all_the_same(field: str, bad: object) -> None:
    """It is checked once for each device and service: a good one before does not let a wrong one through."""
    records.encode_public_tap(GOOD_TAP)
    if field == "device":
        tap = replace(GOOD_TAP, link=replace(GOOD_TAP.link, device=bad))
    else:
        tap = replace(GOOD_TAP, service=replace(GOOD_TAP.service, **{field: bad}))
    for _ in range(2):
        with pytest.raises((WrongType, OutOfRange)) as caught:
            records.encode_public_tap(tap)
        assert caught.value.data["field"] == field


@pytest.mark.parametrize("door", [True, 1.0])
def test_what_only_equals_a_checked_value_is_encoded_as_the_checked_value(door: object) -> None:
    """Python takes True and 1.0 for 1; a door `true` in a record would be refused by its reader."""
    good = records.encode_public_tap(GOOD_TAP)
    same = replace(GOOD_TAP, service=replace(GOOD_TAP.service, door=door))
    assert records.encode_public_tap(same) == good


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"party": 99}, "party"),
        ({"lists": (1, -1)}, "deny"),
        ({"key_id": b"short"}, "key_id"),
        ({"link": replace(GOOD_TAP.link, previous=b"")}, "previous"),
        ({"link": replace(GOOD_TAP.link, sequence=0)}, "sequence"),
        ({"at": replace(GOOD_TAP.at, wall_ms=-1)}, "wall_ms"),
    ],
)
def test_what_varies_from_tap_to_tap_is_checked_every_time(change: dict[str, object], field: str) -> None:
    records.encode_public_tap(GOOD_TAP)
    with pytest.raises((WrongType, OutOfRange)) as caught:
        records.encode_public_tap(replace(GOOD_TAP, **change))
    assert caught.value.data["field"] == field
