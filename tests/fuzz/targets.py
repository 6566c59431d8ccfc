"""Every decoder of bytes from outside, by the kind of what it reads: what is fuzzed.

Behind a signature the decoders would hardly be reached, so for each signed structure there is a target that signs the
input first: whoever holds a key must not be able to do more harm than whoever does not.
"""

from binascii import crc_hqx
from collections.abc import Callable
from typing import Final

from cobs import cobs

from backend.core.reconciliation.statements import BANK_WHOLE, WHOLE, StatementUnfit, bank_rows, provider_rows
from firmware_bridge.core.errors import FrameDamaged
from firmware_bridge.core.frames import decode_frame
from firmware_bridge.core.link import Link
from protocol.errors import ProofError, WireError
from protocol.wire import cbor, chain
from protocol.wire.assignments import open_assignment
from protocol.wire.authority import open_statement
from protocol.wire.badges import open_badge
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.bundles import cut_bundle, read_bundle
from protocol.wire.certificates import open_chain, open_csr
from protocol.wire.claims import claim_check, read_claim
from protocol.wire.codes import read_code
from protocol.wire.enrolments import decode_answer_file, open_answer, open_request
from protocol.wire.grants import open_boarding, open_grant, read_boarding
from protocol.wire.health import open_health, open_state
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.manifests import Manifest, Section, name_chunk, open_manifest
from protocol.wire.passes import open_long_pass, open_presentation, read_issued, verify_credential
from protocol.wire.receipts import open_receipt
from protocol.wire.records import decode_record
from protocol.wire.releases import decode_metadata, decode_release, decode_stages
from protocol.wire.renewals import open_renewed, read_renewal
from protocol.wire.riders import RiderRow, decode_row, decode_rows
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import open_short_pass
from protocol.wire.signed import cut, open_message, seal_message
from protocol.wire.sister import open_sister
from protocol.wire.staff import decode_staff
from protocol.wire.tickets import open_ticket
from protocol.wire.timetable import decode_lines
from protocol.wire.topics import split
from protocol.wire.vehicle_codes import open_vehicle_code, read_vehicle_url
from tests.protocol import samples
from tests.vectors.enrolments import GOOD, REQUEST, ROOT_DIGITS

Target = Callable[[bytes], object]
ROOM = 1 << 20
_PIECE = 20  # bytes of a frame: its head, and what a status has, more or less
KEY = SigningKey.from_secret(bytes(31) + b"\x07")
KEYS = [KEY.verifying]
ASKED = open_request(REQUEST)
HELD = open_chain(GOOD.leaf, GOOD.intermediate, GOOD.root, city="isfahan", device="bus-0001-d1")
DAY_KEY = DayKey.load(bytes(32), 1)


def _signed(purpose: Purpose, opener: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda data: opener(seal_message(purpose, data, KEY))


def _assigned(data: bytes) -> object:
    return open_assignment(data, root=GOOD.root, city="isfahan", device="spare-0007-d1")


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


def _rightly_signed_vehicle_code(data: bytes) -> object:
    """A vehicle code of any content and of lengths that fit, its signature right."""
    device, vehicle, line = data[14:20] or b"d", data[20:26], data[26:30]
    names = b"".join(bytes([len(it)]) + it for it in (device, vehicle, line))
    body = (b"\x01" + data[1:14] + bytes(14))[:14] + names
    return open_vehicle_code(body + KEY.sign(Purpose.VEHICLE_CODE, body), KEY.verifying)


def _asked(data: bytes) -> bytes:
    """A request of any content and of a length that fits, the rider's signature right."""
    vehicle = data[23:55] or b"v"
    body = (data + bytes(22))[:22] + bytes([len(vehicle)]) + vehicle
    return body + KEY.sign(Purpose.BOARDING, body)


def _rightly_signed_grant(data: bytes) -> object:
    """A grant of any content, both signatures right."""
    body = bytes([6, KEY.id[0]]) + (data + bytes(6))[:6] + _asked(data[6:])
    found = open_grant(body + KEY.sign(Purpose.GRANT, body), KEYS)
    found.request.prove(KEY.verifying)
    return found


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


def _checked_line(text: str) -> str:
    """The input as a claim's line whose check is right."""
    line = f"SAVAR:CLAIM:1:{''.join(text.split()).upper()}"
    return f"{line}:{claim_check(line)}"


def _framed(data: bytes) -> bytes:
    """The input as frames whose checks are right: kind, session, number, code and a payload each."""
    pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    return b"".join(cobs.encode(it + crc_hqx(it, 0xFFFF).to_bytes(2, "big")) + b"\0" for it in pieces)


def _heard(data: bytes) -> object:
    """What a door's computer makes of bytes from its board's line, and what it says then."""
    link = Link(session=1)
    link.opened(0)
    link.received(data, 1)
    link.step(2)
    return link.outgoing(), link.happened()


def _lines(data: bytes) -> list[str]:
    return data.decode(errors="replace").splitlines()


KINDS: Final[dict[str, dict[str, Target]]] = {
    "codes": {
        "code": read_code,
        "code of it": lambda data: read_code(b"SV1:" + data),
        "long pass": lambda data: open_long_pass(data, KEYS),
        "long pass, kind right": lambda data: open_long_pass(b"\x01" + KEY.id[:1] + data, KEYS),
        "long pass, issued": _rightly_issued,
        "credential": lambda data: verify_credential(data, KEYS),
        "credential from the ledger": read_issued,
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
        "vehicle code": lambda data: open_vehicle_code(data, KEY.verifying),
        "vehicle code, signed": _rightly_signed_vehicle_code,
        "vehicle code's address": lambda data: read_vehicle_url(data.decode(errors="replace")),
        "boarding request": read_boarding,
        "boarding request, signed": lambda data: open_boarding(_asked(data), KEY.verifying),
        "grant": lambda data: open_grant(data, KEYS),
        "grant, signed": _rightly_signed_grant,
    },
    "batches": {
        "cbor": lambda data: cbor.decode(data, max_bytes=ROOM),
        "record": decode_record,
        "record's public part": lambda data: decode_record(cbor.encode([1, data, b""])),
        "record's public part, sealed": lambda data: decode_record(cbor.encode([1, data, b"x"])),
        "batch": lambda data: verify_batch(decode_batch(data), KEY.verifying),
        "batch of it": _batch_of_it,
        "sealed part": lambda data: DAY_KEY.open(1, data, b""),
        "wrapped day key": lambda data: unwrap_day_key(data, KEY, device="bus-1", epoch=1, day=1),
    },
    "receipts": {
        "envelope": lambda data: cut(data, max_bytes=ROOM),
        "message": lambda data: open_message(Purpose.HEALTH, data, KEYS, max_bytes=ROOM),
        "receipt": lambda data: open_receipt(data, KEYS),
        "receipt, signed": _signed(Purpose.RECEIPT, lambda data: open_receipt(data, KEYS)),
        "health, signed": _signed(Purpose.HEALTH, lambda data: open_health(data, KEYS)),
        "state, signed": _signed(Purpose.STATE, lambda data: open_state(data, KEYS)),
        "sister": lambda data: open_sister(data, KEY.verifying),
        "sister, signed": _signed(Purpose.SISTER, lambda data: open_sister(data, KEY.verifying)),
        "topic": lambda data: split(data.decode(errors="replace")),
    },
    "bundles": {
        "public key": VerifyingKey.load,
        "private key": SigningKey.from_pem,
        "riders": decode_rows,
        "row of a rider": decode_row,
        "staff": decode_staff,
        "releases": decode_metadata,
        "release": decode_release,
        "stages": decode_stages,
        "manifest, signed": _signed(Purpose.MANIFEST, lambda data: open_manifest(data, KEYS, city="isfahan")),
        "statement, signed": _signed(
            Purpose.AUTHORITY, lambda data: open_statement(data, KEY.verifying, city="isfahan")
        ),
        "chunk of keys": _chunk_of_it("keys"),
        "chunk of a tariff": _chunk_of_it("tariff"),
        "chunk of policies": _chunk_of_it("policies"),
        "chunk of a deny list": _chunk_of_it("deny"),
        "chunk of a timetable": decode_lines,
    },
    "enrolment": {
        "claim": lambda data: read_claim(data.decode(errors="replace")),
        "claim of it": lambda data: read_claim(_checked_line(data.decode(errors="replace"))),
        "request": open_request,
        "request, signed": _signed(Purpose.ENROLMENT, open_request),
        "CSR of it": lambda data: open_csr(data, city="isfahan", device="bus-0001-d1"),
        "certificate of it": lambda data: open_chain(data, data, data, city="isfahan", device="bus-0001-d1"),
        "answer": lambda data: open_answer(data, ASKED, root=ROOT_DIGITS),
        "answer, signed": _signed(Purpose.ANSWER, lambda data: open_answer(data, ASKED, root=ROOT_DIGITS)),
        "answer file": decode_answer_file,
        "renewal": lambda data: read_renewal(data).chain(GOOD.root),
        "renewal, signed": _signed(Purpose.RENEWAL, lambda data: read_renewal(data).chain(GOOD.root)),
        "assignment": _assigned,
        "assignment, signed": _signed(Purpose.ASSIGNMENT, _assigned),
        "renewed": lambda data: open_renewed(data, HELD, root=GOOD.root, city="isfahan", device="bus-0001-d1"),
    },
    "frames": {"frame": decode_frame, "line": _heard, "line of frames": lambda data: _heard(_framed(data))},
    "statements": {
        "provider's": lambda data: [*provider_rows(_lines(data))],
        "provider's, header right": lambda data: [*provider_rows([",".join(WHOLE), *_lines(data)])],
        "bank's": lambda data: [*bank_rows(_lines(data))],
        "bank's, header right": lambda data: [*bank_rows([",".join(BANK_WHOLE), *_lines(data)])],
    },
}
TARGETS: Final = {f"{kind}: {name}": target for kind, targets in KINDS.items() for name, target in targets.items()}
REFUSALS: Final = (WireError, ProofError, FrameDamaged, StatementUnfit)  # by name, and nothing else
# What a kind's decoders stand in, beside their encoders: whose lines are looked at.
MODULES: Final[dict[str, str]] = {
    "codes": "codes passes short_passes tickets badges vehicle_codes grants",
    "batches": "cbor batches records record_parts driver_records seal chain",
    "receipts": "signed receipts health sister standing topics",
    "bundles": "keys manifests bundles authority riders staff releases tariffs policies timetable",
    "enrolment": "claims enrolments certificates renewals assignments",
    "frames": "frames link flight",
    "statements": "statements",
}
