"""Vectors of the bundle's manifest, its chunks, and what is read out of both."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from protocol import limits
from protocol.wire import cbor
from protocol.wire.bundles import cut_bundle
from protocol.wire.keys import Purpose
from protocol.wire.manifests import Chunk, Section, encode_manifest, name_chunk
from protocol.wire.signed import cut, seal_message
from protocol.wire.staff import encode_staff
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of

KEY = samples.BUNDLE_KEY
_MONTH_MS = limits.POLICY_MAX_S * 1000
SECTIONS, CONTENTS = cut_bundle(samples.BUNDLE)


def manifest(number: int, *sections: Section) -> bytes:
    return encode_manifest("isfahan", number, samples.WALL_MS, sections or SECTIONS, KEY)


def manifest_entries() -> Entries:
    good = manifest(12)
    values = cbor.decode(cut(good, max_bytes=len(good)).payload, max_bytes=len(good))
    older, twin = manifest(11), encode_manifest("isfahan", 12, samples.WALL_MS + 1, SECTIONS, KEY)

    def entry(data: bytes, city: str = "isfahan", in_force: bytes = b"") -> dict[str, Any]:
        return of(data, decoder="manifest", city=city, in_force=in_force.hex())

    def with_values(position: int, value: object) -> dict[str, Any]:
        changed = [*values[:position], value, *values[position + 1 :]]
        return entry(seal_message(Purpose.MANIFEST, cbor.encode(changed), KEY))

    row = ["deny", 1, [[bytes(32), 1]]]
    future = Section("zz-unknown", 7, (Chunk(bytes(32), 1),))
    return {
        "manifest": entry(good), "the same one read again": entry(good, in_force=good),
        "newer than the one in force": entry(good, in_force=older),
        "a kind of tomorrow": entry(manifest(12, *SECTIONS, future)),
        "nothing in it": with_values(4, []),
        "many chunks": entry(manifest(12, Section("riders", 1, tuple(name_chunk(bytes([n])) for n in range(200))))),
        "older than the one in force": entry(older, in_force=good),
        "the same number, other contents": entry(twin, in_force=good),
        "of another city": entry(good, city="shiraz"),
        "signed by a device": entry(encode_manifest("isfahan", 12, 1, SECTIONS, samples.TAP_KEY)),
        "signed as health": entry(seal_message(Purpose.HEALTH, cbor.encode(values), KEY)),
        "one bit changed": entry(flipped(good, 40)), "high s": entry(good[:-64] + high_s(good[-64:])),
        "one byte short": entry(good[:-1]), "one byte more": entry(good + b"\x00"),
        "version 2": with_values(0, 2), "number is negative": with_values(2, -1), "number is true": with_values(2, True),
        "field missing": entry(seal_message(Purpose.MANIFEST, cbor.encode(values[:-1]), KEY)),
        "field too many": entry(seal_message(Purpose.MANIFEST, cbor.encode([*values, 0]), KEY)),
        "one kind twice": with_values(4, [row, row]), "kinds not sorted": with_values(4, [row, ["a", 1, []]]),
        "kind in capitals": with_values(4, [["Deny", 1, []]]), "section without chunks": with_values(4, [["deny", 1]]),
        "digest of 31 bytes": with_values(4, [["deny", 1, [[bytes(31), 1]]]]),
        "chunk of no bytes": with_values(4, [["deny", 1, [[bytes(32), 0]]]]),
        "chunk over 1 MiB": with_values(4, [["deny", 1, [[bytes(32), (1 << 20) + 1]]]]),
        "33 sections": with_values(4, [[f"s{n:02}", 1, []] for n in range(33)]),
    }  # fmt: skip


def chunk_entries() -> Entries:
    data = b"one chunk"

    def entry(found: bytes) -> dict[str, Any]:
        return of(found, decoder="chunk", digest=sha256(data).hexdigest(), size=str(len(data)))

    return {
        "chunk": entry(data), "chunk with one bit changed": entry(flipped(data, 3)),
        "chunk cut short": entry(data[:-1]), "chunk with a byte more": entry(data + b"\x00"),
    }  # fmt: skip


def tariff_chunk(*, fare: int = 50_000, starts: int = 0, shares: object = (), lines: object = (), peaks: object = (),
                 products: object = ()) -> bytes:  # fmt: skip
    """The chunk of a tariff, true to its contract or not."""
    tables = [list(one) for one in (shares, lines, peaks, products)]  # type: ignore[call-overload]
    return cbor.encode(
        [2, starts, fare, tables[0], 180, 3_600, 150_000, 700_000, tables[1], tables[2], [20_000], tables[3], False]
    )


def orders(*rows: list[object], graces: Sequence[list[object]] = ()) -> bytes:
    """The chunk of policies with these orders and graces, and one vehicle in training."""
    return cbor.encode([2, list(rows), ["bus-0009"], list(graces)])


def contents_entries() -> Entries:
    """A manifest with its chunks in any order → what a validator works by."""

    def entry(sections: list[Section], chunks: list[bytes]) -> dict[str, Any]:
        return of(
            manifest(12, *sections),
            decoder="contents",
            purpose="MANIFEST",
            city="isfahan",
            chunks=[chunk.hex() for chunk in chunks],
        )

    def with_chunk(kind: str, *chunks: bytes, version: int = 3) -> dict[str, Any]:
        others = [one for one in SECTIONS if one.kind != kind]
        return entry([*others, Section(kind, version, tuple(map(name_chunk, chunks)))], [*CONTENTS.values(), *chunks])

    def tariff(**changes: object) -> dict[str, Any]:
        return with_chunk("tariff", tariff_chunk(**changes))

    def denied(*rows: list[object]) -> bytes:
        return cbor.encode([1, list(rows)])

    first, second = denied([bytes(8), 1]), denied([b"\x01" + bytes(7), 1])
    ids = [sha256(bytes([n])).digest()[:8] for n in range(250)]
    no_tariff = [one for one in SECTIONS if one.kind != "tariff"]
    return {
        "contents": entry(SECTIONS, [*CONTENTS.values()]),
        "deny list of two chunks": with_chunk("deny", first, second),
        "deny list of 250": with_chunk("deny", denied(*([i, 1] for i in sorted(ids)))),
        "no staff": entry([one for one in SECTIONS if one.kind != "staff"], [*CONTENTS.values()]),
        "staff in two chunks": with_chunk("staff", encode_staff(samples.STAFF[:1]), encode_staff(samples.STAFF[1:])),
        "no deny list": entry([one for one in SECTIONS if one.kind != "deny"], [*CONTENTS.values()]),
        "no tariff": entry(no_tariff, [*CONTENTS.values()]),
        "tariff in two chunks": with_chunk("tariff", tariff_chunk(), tariff_chunk(fare=1)),
        "tariff number beyond 32 bits": with_chunk("tariff", tariff_chunk(), version=1 << 32),
        "tariff of version 1": with_chunk("tariff", cbor.encode([1, 50_000, [], 180])),
        "one class twice": tariff(shares=[[1, 500], [1, 1000]]), "classes not sorted": tariff(shares=[[2, 500], [1, 1000]]),
        "fare beyond its limit": tariff(fare=62_500_000_001), "share of 1001": tariff(shares=[[1, 1001]]),
        "tariff without its end": with_chunk("tariff", cbor.encode(cbor.decode(tariff_chunk(), max_bytes=999)[:-1])),
        "one line twice": tariff(lines=[["r1", 1, []], ["r1", 2, []]]),
        "flat and by distance": tariff(lines=[["r1", 1, [[1_000, 5]]]]),
        "bands that do not ascend": tariff(lines=[["r1", 0, [[2_000, 5], [1_000, 6]]]]),
        "a longer ride that costs less": tariff(lines=[["r1", 0, [[1_000, 6], [2_000, 5]]]]),
        "peak on no day": tariff(peaks=[[0, 1, 2, 1000]]), "peak that ends before it begins": tariff(peaks=[[1, 5, 5, 1000]]),
        "peaks not sorted": tariff(peaks=[[2, 1, 2, 1000], [1, 1, 2, 1000]]),
        "a rule for the wallet": tariff(products=[[0, 0, [], True]]),
        "next tariff": with_chunk("tariff-next", tariff_chunk(starts=1_900_000_000_000), version=4),
        "next tariff of the same number": with_chunk("tariff-next", tariff_chunk(starts=1_900_000_000_000)),
        "next tariff that starts first": with_chunk("tariff-next", tariff_chunk(), version=4),
        "policies": with_chunk("policies", orders(
            ["crisis-1", 2, 5, 9, ["r1", "r2"], ["bus-1"], 0], ["out-2", 4, 1, 2, [], [], 900],
            graces=[["net-3", 2, 5, 9, [], ["bus-1", "bus-2"], 900, 50_000], ["office-4", 1, 5, 9, ["r1"], [], 1, 0]],
        )),
        "policies of version 1": with_chunk("policies", cbor.encode([1, [], []])),
        "order without an end": with_chunk("policies", orders(["crisis-1", 2, 5, 5, [], [], 0])),
        "order of a month and a second": with_chunk("policies", orders(["crisis-1", 2, 5, 5 + _MONTH_MS + 1, [], [], 0])),
        "order of a month": with_chunk("policies", orders(["crisis-1", 2, 5, 5 + _MONTH_MS, [], [], 0])),
        "order of no known cause": with_chunk("policies", orders(["crisis-1", 9, 5, 6, [], [], 0])),
        "one order twice": with_chunk("policies", orders(["a", 1, 1, 2, [], [], 0], ["a", 1, 1, 2, [], [], 0])),
        "grace without an end": with_chunk("policies", orders(graces=[["a", 1, 5, 5, [], [], 1, 0]])),
        "grace without a bound": with_chunk("policies", orders(graces=[["a", 1, 5, 9, [], [], 0, 0]])),
        "grace that raises nothing": with_chunk("policies", orders(graces=[["a", 2, 5, 9, [], [], 1, 0]])),
        "rials on a grace that raises nothing": with_chunk("policies", orders(graces=[["a", 1, 5, 9, [], [], 1, 1]])),
        "a grace of an order's name": with_chunk("policies", orders(
            ["a", 1, 1, 2, [], [], 0], graces=[["a", 1, 5, 9, [], [], 1, 0]]
        )),
        "a grace's vehicles not sorted": with_chunk("policies", orders(graces=[["a", 1, 5, 9, [], ["b", "a"], 1, 0]])),
        "denied twice": with_chunk("deny", denied([bytes(8), 1], [bytes(8), 1])),
        "denied twice, in two chunks": with_chunk("deny", first, denied([bytes(8), 2])),
        "deny chunks in another order": with_chunk("deny", second, first),
    }  # fmt: skip
