"""Fuzz every decoder: garbage is taken, or refused by a named error of a family; never anything else.

As a program (`make fuzz`, atheris in an environment of its own): python -m tests.fuzz.fuzz_decoders [corpus] [-max_total_time=60]
As a test: test_fuzz.py runs `one_input` over mutated vectors and random bytes.

Behind a signature the decoders would hardly be reached, so for each signed structure there is a target that signs the
input first: whoever holds a key must not be able to do more harm than whoever does not.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from protocol.errors import ProofError, WireError
from protocol.wire import cbor, chain
from protocol.wire.badges import open_badge
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.bundles import cut_bundle, read_bundle
from protocol.wire.codes import read_code
from protocol.wire.health import open_health, open_state
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.manifests import Manifest, Section, name_chunk, open_manifest
from protocol.wire.passes import open_long_pass, open_presentation, verify_credential
from protocol.wire.receipts import open_receipt
from protocol.wire.records import decode_record
from protocol.wire.riders import RiderRow, decode_rows
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import open_short_pass
from protocol.wire.signed import cut, open_message, seal_message
from protocol.wire.sister import open_sister
from protocol.wire.staff import decode_staff
from protocol.wire.tickets import open_ticket
from protocol.wire.timetable import decode_lines
from protocol.wire.topics import split
from tests.protocol import samples

ROOM = 1 << 20
KEY = SigningKey.from_secret(bytes(31) + b"\x07")
KEYS = [KEY.verifying]
DAY_KEY = DayKey.load(bytes(32), 1)


def _signed(purpose: Purpose, opener: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda data: opener(seal_message(purpose, data, KEY))


def _rightly_issued(data: bytes) -> object:
    """A credential and a presentation of any content, both signatures right."""
    body = (data + bytes(48))[:48]
    body = bytes([1, KEY.id[0]]) + body[2:11] + KEY.public + body[44:]
    signed = body + KEY.sign(Purpose.CREDENTIAL, body) + (data[48:] + bytes(7))[:7]
    return open_long_pass(signed + KEY.sign(Purpose.PASS, signed), KEYS)


def _rightly_signed_short(data: bytes) -> object:
    """A short pass of any content, its signature right, its rider known."""
    signed = (b"\x02" + data + bytes(17))[:17]
    row = RiderRow(signed[1:9], KEY.public, signed[9], 0, 0, 0, 0)
    return open_short_pass(signed + KEY.sign(Purpose.SHORT_PASS, signed), lambda _: row)


def _rightly_signed_ticket(data: bytes) -> object:
    """A bearer ticket of any content, its signature right."""
    body = (bytes([3, KEY.id[0]]) + data[2:] + bytes(16))[:16]
    return open_ticket(body + KEY.sign(Purpose.TICKET, body), KEYS)


def _rightly_signed_badge(data: bytes) -> object:
    """A badge of any content and of a length that fits, its signature right."""
    number = data[13:45] or b"0"
    body = (bytes([4, KEY.id[0]]) + data[2:12] + bytes(10))[:12] + bytes([len(number)]) + number
    return open_badge(body + KEY.sign(Purpose.BADGE, body), KEYS)


def _batch_of_it(data: bytes) -> object:
    """The input as the one record of a batch that is signed over it."""
    batch = cbor.encode([1, "bus-1", 1, 1, [data], KEY.sign(Purpose.RECORD, chain.next_hash(chain.GENESIS, data))])
    return verify_batch(decode_batch(batch), KEY.verifying)


def _chunk_of_it(kind: str) -> Callable[[bytes], object]:
    """The input as the one chunk of a section, the others as they should be."""

    def read(data: bytes) -> object:
        sections, contents = cut_bundle(samples.BUNDLE)
        others = [one for one in sections if one.kind != kind]
        manifest = Manifest("isfahan", 1, 1, (*others, Section(kind, 1, (name_chunk(data),))), b"", b"")
        return read_bundle(manifest, (contents | {name_chunk(data): data}).__getitem__)

    return read


TARGETS: dict[str, Callable[[bytes], object]] = {
    "cbor": lambda data: cbor.decode(data, max_bytes=ROOM),
    "code": read_code,
    "code of it": lambda data: read_code(b"SV1:" + data),
    "long pass": lambda data: open_long_pass(data, KEYS),
    "long pass, kind right": lambda data: open_long_pass(b"\x01" + KEY.id[:1] + data, KEYS),
    "long pass, issued": _rightly_issued,
    "credential": lambda data: verify_credential(data, KEYS),
    "presentation": open_presentation,
    "short pass": lambda data: open_short_pass(data, lambda _: None),
    "short pass, any row": lambda data: open_short_pass(
        data, lambda _: RiderRow(bytes(8), data[:33], data[9], 0, 0, 0, 0)
    ),
    "short pass, signed": _rightly_signed_short,
    "ticket": lambda data: open_ticket(data, KEYS),
    "ticket, signed": _rightly_signed_ticket,
    "badge": lambda data: open_badge(data, KEYS),
    "badge, signed": _rightly_signed_badge,
    "riders": decode_rows,
    "public key": VerifyingKey.load,
    "private key": SigningKey.from_pem,
    "envelope": lambda data: cut(data, max_bytes=ROOM),
    "message": lambda data: open_message(Purpose.HEALTH, data, KEYS, max_bytes=ROOM),
    "record": decode_record,
    "record's public part": lambda data: decode_record(cbor.encode([1, data, b""])),
    "record's public part, sealed": lambda data: decode_record(cbor.encode([1, data, b"x"])),
    "batch": lambda data: verify_batch(decode_batch(data), KEY.verifying),
    "batch of it": _batch_of_it,
    "receipt": lambda data: open_receipt(data, KEYS),
    "receipt, signed": _signed(Purpose.RECEIPT, lambda data: open_receipt(data, KEYS)),
    "health, signed": _signed(Purpose.HEALTH, lambda data: open_health(data, KEYS)),
    "state, signed": _signed(Purpose.STATE, lambda data: open_state(data, KEYS)),
    "staff": decode_staff,
    "sister": lambda data: open_sister(data, KEY.verifying),
    "sister, signed": _signed(Purpose.SISTER, lambda data: open_sister(data, KEY.verifying)),
    "manifest, signed": _signed(Purpose.MANIFEST, lambda data: open_manifest(data, KEYS, city="isfahan")),
    "chunk of keys": _chunk_of_it("keys"),
    "chunk of a tariff": _chunk_of_it("tariff"),
    "chunk of a deny list": _chunk_of_it("deny"),
    "chunk of a timetable": decode_lines,
    "sealed part": lambda data: DAY_KEY.open(1, data, b""),
    "wrapped day key": lambda data: unwrap_day_key(data, KEY, device="bus-1", epoch=1, day=1),
    "topic": lambda data: split(data.decode(errors="replace")),
}


def one_input(data: bytes) -> None:
    """Every target over one input. Raises whatever breaks the contract."""
    for target in TARGETS.values():
        try:
            target(data)
        except (WireError, ProofError):
            continue


def seeds() -> list[bytes]:
    """Inputs to begin with: the golden vectors, and what stands inside their envelopes and records."""
    found: list[bytes] = []
    for path in sorted((Path(__file__).parents[1] / "vectors").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found += [bytes.fromhex(entry["public"]) for entry in content.get("keys", [])]
        for entry in (*content.get("pass", []), *content.get("fail", [])):
            if "bytes" in entry:
                found.append(bytes.fromhex(entry["bytes"]))
            elif "text" in entry:
                found.append(entry["text"].encode())
            found += [bytes.fromhex(chunk) for chunk in entry.get("chunks", [])]
    return found + [inner for data in found for inner in _inside(data)]


def _inside(data: bytes) -> list[bytes]:
    try:
        return [cut(data, max_bytes=ROOM).payload]
    except (WireError, ProofError):
        pass
    try:
        value = cbor.decode(data, max_bytes=ROOM)
    except WireError:
        return []
    return [part for part in value if isinstance(part, bytes)] if isinstance(value, list) else []


def main() -> None:
    """Run under atheris until it is stopped or finds something."""
    import atheris  # noqa: PLC0415 - installed on demand by `make fuzz`, not part of Savar's environment

    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders:
        folders[0].mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folders[0] / f"vector-{number:03}").write_bytes(seed)
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
