"""Make the golden vectors: `python -m tests.vectors.make` from the project's root. Byte-stable: fixed secrets, RFC 6979.

Only the wrapped day key is not made here: HPKE is randomised, so one value is kept and only its opening is tested.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocol.errors import SavarError
from protocol.wire import cbor
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose, bstr, to_be_signed
from protocol.wire.receipts import encode_receipt
from protocol.wire.records import Tap, decode_record
from protocol.wire.signed import cut, seal_message
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.assignments import assignment_entries
from tests.vectors.decoders import DECODERS
from tests.vectors.driver import driver_entries
from tests.vectors.enrolments import (
    GOOD,
    REQUEST,
    ROOT_DIGITS,
    answer_entries,
    answer_file_entries,
    claim_entries,
    renewal_entries,
    renewed_entries,
    request_entries,
)
from tests.vectors.entries import Entries, flipped, of
from tests.vectors.health import health_entries
from tests.vectors.manifests import chunk_entries, contents_entries, manifest_entries
from tests.vectors.paper import badge_entries, ticket_entries
from tests.vectors.prices import price_entries
from tests.vectors.refusals import REFUSALS
from tests.vectors.short import ROWS, rider_entries, short_entries
from tests.vectors.sister import sister_entries
from tests.vectors.staff import staff_entries
from tests.vectors.statements import RECOVERY, statement_entries
from tests.vectors.timetable import timetable_entries
from tests.vectors.vehicle import grant_entries, request_of_rider_entries, vehicle_code_entries, vehicle_url_entries

HERE = Path(__file__).parent
DAY_KEY_SECRET = sha256(b"savar test day key").digest()
WRAPPED = bytes.fromhex(
    "04e01c76016f18198328fdc234535da51db84202ba7565227ab481ed3bf58c1c1bfce4c9f77aad655a3fc248e9d683b083e52fff0f27014b"
    "92cdd2e467eef39e93361a93d91efe8fdb7143d187ae020d41f708ad24f73cacaecdf752e0f1d717569e58142b8ec09f5bae959ccdb56374f2"
)


class Unexpected(Exception):
    """An entry was taken that must be refused, or refused as something else."""


def vectors_file(file: str, about: str, decoder: str | None, given: dict[str, Any], entries: Entries) -> dict[str, Any]:
    """Entries with the fields their decoder finds, or the refusal that `refusals.py` demands. Raises Unexpected."""
    out: dict[str, Any] = {"about": about, "given": given, "pass": [], "fail": []}
    for name, entry in entries.items():
        whole = {"name": name, "decoder": decoder, **entry}
        demanded = REFUSALS[file].get(name)
        try:
            found = {"fields": DECODERS[whole["decoder"]](given, whole)}
            refused = None
        except SavarError as error:
            found = {"error": error.name}
            refused = error.name
        if refused != demanded:
            raise Unexpected(f"{file}, {name}: must be {demanded or 'taken'}, was {refused or 'taken'}")
        out["fail" if demanded else "pass"].append(whole | found)
    return out


def keys_file() -> dict[str, Any]:
    """Keys that the other files use, and a signature of each purpose."""
    named = {
        name: samples.key(name)
        for name in ("issuer", "another issuer", "holder", "tap", "receipt", "bundle", "sealing")
    }
    payload = b"savar"
    return {
        "about": "Test keys: scalar = secret mod (n-1) + 1; id = first 8 bytes of SHA-256(public). Signatures by key `tap`.",
        "keys": [
            {"name": name, "secret": samples.secret(name).hex(), "public": key.public.hex(), "id": key.id.hex()}
            for name, key in named.items()
        ],
        "signatures": [
            {
                "purpose": purpose.name, "external_aad": purpose.value.hex(), "payload": payload.hex(),
                "to_be_signed": to_be_signed(purpose, payload).hex(), "signature": samples.TAP_KEY.sign(purpose, payload).hex(),
            }
            for purpose in Purpose
        ],
    }  # fmt: skip


def cbor_entries() -> Entries:
    taken = {
        "null": None, "true": True, "zero": 0, "largest": (1 << 64) - 1, "smallest": -(1 << 64), "23": 23, "24": 24, "255": 255,
        "256": 256, "65536": 65_536, "Persian": "سوار", "256 bytes": bytes(256), "map": {"b": 1, "aa": 2}, "arrays": [[], [[]], [1]],
    }  # fmt: skip
    refused = {
        "empty": "", "trailing byte": "0102", "duplicate key": "a2616101616102", "non-minimal integer": "1801",
        "non-minimal length": "580161", "indefinite array": "9f01ff", "indefinite bytes": "5f4101ff", "float": "f93c00",
        "double": "fb3ff199999999999a", "undefined": "f7", "simple value": "f820", "tag": "c11a514b67b0",
        "big number": "c249010000000000000000", "shared reference": "82d81c80d81d00", "unsorted keys": "a2616201616102",
        "integer key": "a10102", "bytes as key": "a1416102", "not UTF-8": "61ff", "truncated text": "6561", "too deep": "81" * 9 + "01",
        "huge array": "9bffffffffffffffff",
    }  # fmt: skip
    return {name: of(cbor.encode(value)) for name, value in taken.items()} | {
        name: {"bytes": hexed} for name, hexed in refused.items()
    }


def code_entries() -> Entries:
    texts = {
        "RFC 9285 AB": "SV1:BB8", "RFC 9285 base-45": "SV1:UJCLQE7W581", "empty": "SV1:", "long pass": write_code(samples.long_pass()),
        "300 bytes": write_code(bytes(range(256)) + bytes(44)), "no prefix": "BB8", "URL": "https://example.org/pay?id=1",
        "lower-case prefix": "sv1:BB8", "one letter left over": "SV1:BB8B", "three letters beyond 65535": "SV1::::",
        "two letters beyond 255": "SV1:::", "lower case": "SV1:bb8", "line end": "SV1:BB8\n", "Persian": "SV1:کرایه",
        "longer than a symbol": "SV1:" + "0" * 4293,
    }  # fmt: skip
    return {name: {"text": text} for name, text in texts.items()}


def pass_entries() -> Entries:
    good = samples.long_pass(party=3)
    impostor = next(
        key for key in (samples.key(f"impostor {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0]
    )
    signed = good[:118] + b"\x10"
    entries = {
        "adult alone": of(samples.long_pass()),
        "with companions": of(good),
        "issued by the second key": of(_pass_of(samples.credential(issuer=samples.OTHER_ISSUER))),
        "credential": of(samples.credential(), decoder="credential"),
        "phone's signature stripped": of(good[:119]),
        "presentation stripped": of(good[:112]),
        "phone's signature zeroed": of(good[:119] + bytes(64)),
        "issuer's signature zeroed": of(good[:48] + bytes(64) + good[112:]),
        "high s, phone": of(good[:119] + high_s(good[119:])),
        "high s, issuer": of(good[:48] + high_s(good[48:112]) + good[112:]),
        "glued to another credential": of(samples.credential(expiry_day=30_000) + good[112:]),
        "issuer of the same hint": of(_pass_of(samples.credential(issuer=impostor))),
        "unknown issuer": of(good[:1] + bytes([_unknown_hint()]) + good[2:]),
        "party of 16": of(signed + samples.HOLDER.sign(Purpose.PASS, signed)),
        "holder key off the curve": of(_with_holder(b"\x02" + b"\xff" * 32)),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "unknown kind": of(b"\x02" + good[1:]),
        "nothing": of(b""),
        "credential, one bit changed": of(flipped(samples.credential(), 45), decoder="credential"),
        "credential, one byte short": of(samples.credential()[:-1], decoder="credential"),
    }
    for field, at in {
        "version": 10,
        "holder": 20,
        "class": 44,
        "expiry": 46,
        "allowance": 47,
        "time": 115,
        "counter": 117,
        "party": 118,
    }.items():
        entries[f"{field} changed"] = of(flipped(good, at))
    return entries


def _unknown_hint() -> int:
    return next(hint for hint in range(256) if hint not in (samples.ISSUER.id[0], samples.OTHER_ISSUER.id[0]))


def _with_holder(public: bytes) -> bytes:
    """A pass that the issuer signed over these bytes as the holder's key."""
    body = samples.long_pass()[:11] + public + samples.long_pass()[44:48]
    return body + samples.ISSUER.sign(Purpose.CREDENTIAL, body) + samples.long_pass()[112:]


def _pass_of(credential: bytes) -> bytes:
    signed = credential + samples.long_pass()[112:119]
    return signed + samples.HOLDER.sign(Purpose.PASS, signed)


def message_entries() -> Entries:
    receipt = encode_receipt(samples.RECEIPT, samples.RECEIPT_KEY)
    payload = cut(receipt, max_bytes=len(receipt)).payload
    entries = {
        "receipt": of(receipt, decoder="receipt"),
        "high s": of(receipt[:-64] + high_s(receipt[-64:]), decoder="receipt"),
        "signature zeroed": of(receipt[:-64] + bytes(64), decoder="receipt"),
        "signature left out": of(receipt[:-66] + b"\x40", decoder="receipt"),
        "one byte short": of(receipt[:-1], decoder="receipt"),
        "one byte more": of(receipt + b"\x00", decoder="receipt"),
        "no tag": of(receipt[1:], decoder="receipt"),
        "algorithm EdDSA": of(receipt.replace(b"\x43\xa1\x01\x26", b"\x43\xa1\x01\x27", 1), decoder="receipt"),
        "payload with a longer head": of(receipt[:17] + b"\x59\x00" + receipt[18:], decoder="receipt"),
        "re-encoded payload": of(receipt[:17] + bstr(b"\x98\x08" + payload[1:]) + receipt[-66:], decoder="receipt"),
        "re-encoded payload, signed": of(
            seal_message(Purpose.RECEIPT, b"\x98\x08" + payload[1:], samples.RECEIPT_KEY), decoder="receipt"
        ),
        "payload with a trailing byte, signed": of(
            seal_message(Purpose.RECEIPT, payload + b"\x00", samples.RECEIPT_KEY), decoder="receipt"
        ),
        "receipt by a device": of(encode_receipt(samples.RECEIPT, samples.TAP_KEY), decoder="receipt"),
    }
    entries |= health_entries()
    values = cbor.decode(payload, max_bytes=len(payload))
    changed = {
        "field missing": values[:-1], "field too many": [*values, 0], "version 2": [2, *values[1:]], "version true": [True, *values[1:]],
        "sequence is true": [*values[:3], True, *values[4:]], "sequence is negative": [*values[:3], -1, *values[4:]],
        "sequence beyond 63 bits": [*values[:3], 1 << 63, *values[4:]], "head of 31 bytes": [*values[:4], bytes(31), *values[5:]],
        "device in capitals": [1, "BUS-1", *values[2:]], "map instead of array": {"device": "bus-1"}, "null": None,
    }  # fmt: skip
    for name, value in changed.items():
        entries[f"receipt: {name}"] = of(
            seal_message(Purpose.RECEIPT, cbor.encode(value), samples.RECEIPT_KEY), decoder="receipt"
        )
    for size in (0, 23, 24, 255, 256, 257, 65_535, 65_536):
        whole = seal_message(Purpose.HEALTH, b"\xab" * size, samples.TAP_KEY)
        head = len(whole) - 66 - size
        entries[f"payload of {size} bytes"] = {
            "decoder": "envelope", "purpose": "HEALTH", "before": whole[:head].hex(), "fill": "ab", "times": str(size), "after": whole[-66:].hex(),
        }  # fmt: skip
    return entries


def record_entries(records: list[bytes]) -> Entries:
    _, public, sealed = cbor.decode(records[2], max_bytes=9999)
    values = cbor.decode(public, max_bytes=9999)

    def tap(position: int, value: object) -> dict[str, Any]:
        changed = [*values[:position], value, *values[position + 1 :]]
        return of(cbor.encode([1, cbor.encode(changed), sealed]))

    return {
        "opening": of(records[0]), "day key": of(records[1]), "tap": of(records[2]), "refusal without a proof": of(records[-1]),
        "trailing byte": of(records[2] + b"\x00"), "one byte short": of(records[2][:-1]), "version 2": of(cbor.encode([2, public, sealed])),
        "public part with a trailing byte": of(cbor.encode([1, public + b"\x00", sealed])), "no attachment": of(cbor.encode([1, public])),
        "attachment of an opening": of(cbor.encode([1, *cbor.decode(records[0], max_bytes=9999)[1:2], b"x"])),
        "sealed part without a key": tap(17, None), "unknown kind": tap(0, 99), "sequence 0": tap(3, 0), "party 16": tap(19, 16),
        "verdict 0": tap(23, 0), "verdict 200": tap(23, 200), "fare negative": tap(22, -1), "fare is text": tap(22, "50000"),
        "latitude beyond the pole": tap(16, [90_000_001, 0, 1, 0]), "a doubt of tomorrow": tap(16, [0, 0, 1, 99]),
        "untrusted position": tap(16, [32_654_600, 51_667_900, 0, 3]), "position without a doubt": tap(16, [0, 0, 1]), "field too many": of(cbor.encode([1, cbor.encode([*values, 0]), sealed])),
        "field missing": of(cbor.encode([1, cbor.encode(values[:-1]), sealed])),
        "over 2048 bytes": of(cbor.encode([1, public, bytes(2048)])), **driver_entries(),
    }  # fmt: skip


def batch_entries(records: list[bytes], hashes: list[bytes]) -> Entries:
    whole = samples.batch(records, hashes[-1])
    fork = samples.tap(hashes[1], sequence=3, sealed=False)
    return {
        "whole journal": of(whole),
        "part of it": of(samples.batch(records[2:4], hashes[3], first=3)),
        "one record": of(samples.batch(records[:1], hashes[0])),
        "hole": of(samples.batch(records[:2] + records[3:], hashes[-1])),
        "fork": of(samples.batch([*records[:2], fork, records[3]], hashes[3])),
        "another order": of(samples.batch([records[0], records[2], records[1]], hashes[2])),
        "cut short": of(cbor.encode([1, samples.DEVICE, samples.EPOCH, 1, records[:-1], whole[-64:]])),
        "another device": of(samples.batch(records, hashes[-1], device="bus-0002-d1")),
        "another epoch": of(samples.batch(records, hashes[-1], epoch=1)),
        "numbered from 2": of(samples.batch(records, hashes[-1], first=2)),
        "numbered from 0": of(cbor.encode([1, samples.DEVICE, samples.EPOCH, 0, records, whole[-64:]])),
        "no records": of(cbor.encode([1, samples.DEVICE, samples.EPOCH, 1, [], whole[-64:]])),
        "high s": of(whole[:-64] + high_s(whole[-64:])),
        "signature zeroed": of(whole[:-64] + bytes(64)),
        "a byte of a record changed": of(flipped(whole, len(whole) // 2)),
        "trailing byte": of(whole + b"\x00"),
        "indefinite array": of(b"\x9f" + whole[1:] + b"\xff"),
    }


def sealing_entries(records: list[bytes]) -> Entries:
    first, second = (decode_record(raw) for raw in records[2:4])
    assert isinstance(first, Tap)
    assert isinstance(second, Tap)

    def wrapped(
        data: bytes = WRAPPED, device: str = samples.DEVICE, epoch: int = samples.EPOCH, day: int = samples.DAY
    ) -> dict[str, Any]:
        return of(data, decoder="wrapped", device=device, epoch=str(epoch), day=str(day))

    def sealed(data: bytes, sequence: int, tap: Tap) -> dict[str, Any]:
        return of(data, sequence=str(sequence), nonce=sequence.to_bytes(12, "big").hex(), public=tap.public.hex())

    return {
        "tap 3": sealed(first.sealed, 3, first),
        "tap 4": sealed(second.sealed, 4, second),
        "moved to another tap": sealed(first.sealed, 4, second),
        "another sequence": sealed(first.sealed, 4, first),
        "one bit changed": sealed(flipped(first.sealed, 0), 3, first),
        "tag cut off": sealed(first.sealed[:-16], 3, first),
        "empty": sealed(b"", 3, first),
        "wrapped": wrapped(),
        "wrapped for another device": wrapped(device="bus-0002-d1"),
        "wrapped for another epoch": wrapped(epoch=1),
        "wrapped for another day": wrapped(day=samples.DAY + 1),
        "wrapped, one bit changed": wrapped(flipped(WRAPPED, 112)),
        "wrapped, one byte short": wrapped(WRAPPED[:-1]),
    }


def topic_entries() -> Entries:
    base = "savar/1/isfahan/s0/bus-0001-d1/"
    taken = {
        channel: base + channel
        for channel in ("taps", "health", "state", "reply", "receipt", "command", "grant", "bundle")
    }
    refused = {
        "another version": base.replace("/1/", "/2/") + "taps", "short": "savar/1/isfahan/taps", "long": base + "taps/x",
        "unknown channel": base + "tap", "wildcard": "savar/1/isfahan/s0/+/taps", "capital": "savar/1/Isfahan/s0/bus-1/taps",
        "empty name": "savar/1//s0/bus-1/taps", "name of 33": f"savar/1/isfahan/s0/{'x' * 33}/taps",
    }  # fmt: skip
    return {name: {"text": topic} for name, topic in (taken | refused).items()}


def make() -> dict[str, dict[str, Any]]:
    """File name → its content."""
    records, hashes = samples.history()
    issuers = {"issuer_keys": [samples.ISSUER.public.hex(), samples.OTHER_ISSUER.public.hex()]}
    tap_keys = {"tap_keys": [samples.TAP_KEY.public.hex()]}
    messages = {
        "receipt_keys": [samples.RECEIPT_KEY.public.hex()],
        "envelope_keys": [samples.TAP_KEY.public.hex()],
    } | tap_keys
    sealing = {
        "day_key": DAY_KEY_SECRET.hex(),
        "day": str(samples.DAY),
        "sealing_secret": samples.secret("sealing").hex(),
    }
    contents: dict[str, tuple[str, str | None, dict[str, Any], Entries]] = {
        "cbor": ("The CBOR profile.", "cbor", {}, cbor_entries()),
        "codes": ("Texts in a QR.", "code", {}, code_entries()),
        "passes": ("Long passes and credentials.", "long_pass", issuers, pass_entries()),
        "short_passes": (
            "Short passes; `riders` is the chunk that the reader holds.",
            "short_pass",
            {"riders": ROWS.hex()},
            short_entries(),
        ),
        "badges": ("Drivers' badges.", "badge", issuers, badge_entries()),
        "tickets": ("Bearer tickets.", "ticket", issuers, ticket_entries()),
        "vehicle_codes": (
            "What a bus shows, and its address.",
            "vehicle_code",
            tap_keys,
            vehicle_code_entries() | vehicle_url_entries(),
        ),
        "grants": (
            "What a rider asks for who has scanned a bus, and what the backend makes of it: both signatures are verified.",
            "grant",
            issuers | {"holder_keys": [samples.HOLDER.public.hex()]},
            grant_entries() | request_of_rider_entries(),
        ),
        "riders": ("Chunks of the rider table.", "riders", {}, rider_entries()),
        "messages": ("COSE_Sign1 messages.", None, messages, message_entries()),
        "sister": ("Messages between two doors.", "sister", tap_keys, sister_entries(records, hashes)),
        "staff": ("Staff lists; the PINs are 1234 and 25801.", "staff", {}, staff_entries()),
        "statements": (
            "The recovery key's statements; `held` is the one that the reader holds.",
            "statement",
            {"recovery_keys": [RECOVERY.public.hex()]},
            statement_entries(),
        ),
        "claims": ("Lines of a claim's sheet.", "claim", {}, claim_entries()),
        "requests": ("Devices' requests.", "request", {}, request_entries()),
        "answers": (
            "The office's answers to `request`, by a device that believes the root that begins with `root`.",
            "answer",
            {"request": REQUEST.hex(), "root": ROOT_DIGITS},
            answer_entries() | answer_file_entries(),
        ),
        "renewals": (
            "Renewals of the certificate `leaf`, and what comes back.",
            "renewal",
            {"leaf": GOOD.leaf.hex(), "intermediate": GOOD.intermediate.hex(), "root": GOOD.root.hex()} | tap_keys,
            renewal_entries() | renewed_entries(),
        ),
        "assignments": (
            "Assignments of the device spare-0007-d1 of isfahan, which believes `root`.",
            "assignment",
            {"root": GOOD.root.hex()},
            assignment_entries(),
        ),
        "manifests": (
            "Manifests, chunks, and the contents of both.",
            None,
            {"bundle_keys": [samples.BUNDLE_KEY.public.hex()]},
            manifest_entries() | chunk_entries() | contents_entries(),
        ),
        "records": ("Journal records.", "record", {}, record_entries(records)),
        "batches": ("Batches: chain and signature.", "batch", tap_keys, batch_entries(records, hashes)),
        "sealing": ("The sealed rider part and the wrapped day key.", "sealed", sealing, sealing_entries(records)),
        "prices": ("Prices in rials.", "price", {}, price_entries()),
        "timetable": ("Chunks of the timetable.", "timetable", {}, timetable_entries()),
        "topics": ("MQTT topics.", "topic", {}, topic_entries()),
    }
    return {"keys": keys_file()} | {name: vectors_file(name, *content) for name, content in contents.items()}


def text(content: dict[str, Any]) -> str:
    """As it is committed."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name, content in make().items():
        (HERE / f"{name}.json").write_text(text(content), encoding="utf-8")
