"""How a device comes into a city by its own keys, and what can be made of its claim, its request and its answer."""

import json
import os
from dataclasses import replace
from pathlib import Path

from edge.adapters.keys import load_keys
from edge.app.enrolling import finish
from protocol.errors import SavarError
from protocol.wire import cbor
from protocol.wire.certificates import make_csr
from protocol.wire.claims import ALPHABET, make_code
from protocol.wire.enrolments import (
    _ANSWER,
    Answer,
    Request,
    decode_answer_file,
    encode_answer_file,
    make_request,
)
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.signed import cut, seal_message
from provisioning.app import approving
from provisioning.app.city import load_city
from provisioning.app.makers import Authority
from provisioning.core import certificates, claim_sheet
from provisioning.core.claim_record import ClaimRecord
from provisioning.core.limits import APPROVAL_TYPED_DIGITS
from provisioning.core.purposes import Purpose as Unit
from provisioning.core.settings_files import DeviceSettings
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.provisioning.enrolments import NOW, ONE, TWO, approved, box, claim, plain_city

RECORD = "provisioning.core.claim_record"
APPROVING = "provisioning.app.approving"


def _let_in(root: Path, data: bytes, out: Path, **more: object) -> bool:
    """Whether the office gave this request a certificate."""
    try:
        approved(root, data, out, **more)  # type: ignore[arg-type]
    except SavarError:
        return False
    return True


def _taken(folder: object, answer: bytes) -> bool:
    """Whether a device took an answer."""
    try:
        finish(folder, answer)  # type: ignore[arg-type]
    except SavarError:
        return False
    return True


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off(f"{RECORD}:require_not_spent", gives(None)),
    off(f"{APPROVING}:require_free_name", gives(None)),
)  # fmt: skip
def claim_used_twice(ground: Ground) -> Outcome:
    """A sheet that has enrolled its bus is used for a second box, which would take that bus's place."""
    root = plain_city(ground.folder / "city")
    sheet = claim(root)
    assert _let_in(root, box(ground.folder / "bus", sheet)[1].raw, ground.folder / "answer")
    return refused_if(not _let_in(root, box(ground.folder / "second", sheet)[1].raw, ground.folder / "second.answer"))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, off(f"{RECORD}:require_not_over", gives(None)))
def claim_expired(ground: Ground) -> Outcome:
    """A sheet that was printed, not needed and thrown away is found in the waste a month later."""
    root = plain_city(ground.folder / "city")
    _, request = box(ground.folder / "door", claim(root, at=NOW.replace(month=10, day=30)))
    return refused_if(not _let_in(root, request.raw, ground.folder / "answer"))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, off(f"{RECORD}:require_its_code", gives(None)))
def claim_guessed(ground: Ground) -> Outcome:
    """Whoever knows that a bus waits for its claim, and its name, hands in requests under codes that he makes up."""
    root = plain_city(ground.folder / "city")
    known = claim(root)
    for number, code in enumerate((make_code(os.urandom(16)), ALPHABET[:16], "0" * 16)):
        _, request = box(ground.folder / f"guess {number}", replace(known, code=code))
        if _let_in(root, request.raw, ground.folder / "answer"):
            return Outcome.SUCCEEDED
    return Outcome.REFUSED


@attack(Surface.ENROLMENT, Who.CLERK, Outcome.REFUSED, unchecked(Purpose.CLAIM))
def claim_out_of_the_offices_files(ground: Ground) -> Outcome:
    """Whoever copied the office's list of claims asks with what stands there of a bus that waits: all but its code."""
    root = plain_city(ground.folder / "city")
    known = claim(root)
    listed = VerifyingKey.load(bytes.fromhex(json.loads((root / "claims" / f"{ONE}.json").read_text())["key"]))
    own, request = box(ground.folder / "thief", replace(known, code="0" * 16))
    payload = cut(cut(request.raw, max_bytes=9_999).payload, max_bytes=9_999).payload
    inner = _signed_as_before(listed.id, payload, Purpose.CLAIM)
    return refused_if(
        not _let_in(root, seal_message(Purpose.ENROLMENT, inner, own.held()[0]), ground.folder / "answer")
    )


@attack(Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off(f"{RECORD}:require_its_code", gives(None)))
def request_in_anothers_name(ground: Ground) -> Outcome:
    """With the sheet of one bus a technician asks for the name of another, in the request and in its CSR."""
    root = plain_city(ground.folder / "city")
    own, _ = claim(root), claim(root, TWO)
    _, request = box(ground.folder / "door", replace(own, device=TWO, vehicle=TWO[:8]))
    return refused_if(not _let_in(root, request.raw, ground.folder / "answer"))


@attack(Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off(f"{RECORD}:require_its_device", gives(None)))
def claim_taken_to_another_vehicle(ground: Ground) -> Outcome:
    """A technician uses a sheet in another vehicle than the office printed it for, and writes that one's name in it."""
    root = plain_city(ground.folder / "city")
    _, request = box(ground.folder / "door", replace(claim(root), vehicle="bus-0666"))
    return refused_if(not _let_in(root, request.raw, ground.folder / "answer"))


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED,
    off("protocol.wire.enrolments:require_possession", gives(None)),
)  # fmt: skip
def tap_key_of_another(ground: Ground) -> Outcome:
    """A box asks under the public tap key of a bus that waits, so that what that bus signs stands under its name."""
    root = plain_city(ground.folder / "city")
    sheet = claim(root)
    _, victim = box(ground.folder / "victim", claim(root, TWO))
    tap = SigningKey.from_secret(os.urandom(32))
    other = type("Other", (), {"public": victim.tap_key})()
    data = make_request(
        sheet, hardware="", tap=Pretender(tap, other), tls=SigningKey.from_secret(os.urandom(32))  # type: ignore[arg-type]
    )  # fmt: skip
    return refused_if(not _let_in(root, data, ground.folder / "answer"))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.CLAIM), unchecked(Purpose.ENROLMENT))
def csr_exchanged_on_its_way(ground: Ground) -> Outcome:
    """Whoever carries the stick puts a CSR over a key of his own into a request, to get that bus's certificate."""
    root = plain_city(ground.folder / "city")
    _, request = box(ground.folder / "door", claim(root))
    own = SigningKey.from_secret(os.urandom(32))
    outer = cut(request.raw, max_bytes=9_999)
    inner = cut(outer.payload, max_bytes=9_999)
    values = cbor.decode(inner.payload, max_bytes=9_999)
    values[-1] = make_csr(own, city=request.city, device=request.device)
    payload = cbor.encode(values)
    data = _signed_as_before(outer.key_id, _signed_as_before(inner.key_id, payload, Purpose.CLAIM), Purpose.ENROLMENT)
    return refused_if(not _let_in(root, data, ground.folder / "answer"))


def _signed_as_before(key_id: bytes, payload: bytes, purpose: Purpose) -> bytes:
    """By whoever has not the key, in its name."""
    data = seal_message(purpose, payload, SigningKey.from_secret(os.urandom(32)))
    return data[:9] + key_id + data[17:]


@attack(
    Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED,
    off("provisioning.core.claim_sheet:require_compared", gives(None)),
)  # fmt: skip
def request_exchanged_on_its_way(ground: Ground) -> Outcome:
    """Whoever photographed the sheet exchanges the request on the stick for one of his own box, with the right code."""
    root = plain_city(ground.folder / "city")
    sheet = claim(root)
    _, true = box(ground.folder / "door", sheet)
    _, thiefs = box(ground.folder / "thief", sheet)

    def reads_the_devices_screen(request: Request, _record: ClaimRecord) -> None:
        claim_sheet.require_compared(request, true.fingerprint[-APPROVAL_TYPED_DIGITS:])

    return refused_if(not _let_in(root, thiefs.raw, ground.folder / "answer", confirm=reads_the_devices_screen))


@attack(Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off(f"{APPROVING}:require_new_keys", gives(None)))
def copied_card_asks_for_a_second_name(ground: Ground) -> Outcome:
    """A card that was copied in a hurry, keys and all, asks for the name of the next bus: one key would be two buses."""
    root = plain_city(ground.folder / "city")
    own, request = box(ground.folder / "door", claim(root))
    assert _let_in(root, request.raw, ground.folder / "answer")
    tap, tls = own.held()
    data = make_request(claim(root, TWO), hardware="", tap=tap, tls=tls)
    return refused_if(not _let_in(root, data, ground.folder / "second.answer"))


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED,
    off("protocol.wire.enrolments:require_for", gives(None)),
    off("edge.app.enrolling:require_own_settings", gives(None)),
)  # fmt: skip
def answer_for_another_device(ground: Ground) -> Outcome:
    """A technician with two sticks brings one bus the answer of the other: it would ride as that one, with no key."""
    root = plain_city(ground.folder / "city")
    own, _ = box(ground.folder / "door", claim(root))
    _, other = box(ground.folder / "other", claim(root, TWO))
    return refused_if(not _taken(own, approved(root, other.raw, ground.folder / "answer")))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, off("protocol.wire.enrolments:require_root", gives(None)))
def root_swapped_in_the_answer(ground: Ground) -> Outcome:
    """Whoever carries the answer makes one of his own city by the same name: own root, own bundle key, own fares."""
    own, request = box(ground.folder / "door", claim(plain_city(ground.folder / "city")))
    theirs = load_city(plain_city(ground.folder / "theirs"))
    authority = Authority.load(theirs.folder.authority, NOW, os.urandom)
    issuer = authority.issuer(Unit.DEVICE)
    leaf = certificates.make_leaf(VerifyingKey.load(request.tls_key), ONE, serial=7, now=NOW, issuer=issuer)
    settings = DeviceSettings(ONE, ONE[:8], 1, None, [("front", "v4l2:0")], "system")
    record = ClaimRecord(settings, request.tap_key, 0)
    return refused_if(not _taken(own, approving._answer(theirs, request, record, (leaf, issuer), authority.root)))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.ANSWER))
def bundle_key_swapped_in_the_answer(ground: Ground) -> Outcome:
    """Whoever carries the true answer puts a bundle key of his own into it, and a bundle in which nobody pays."""
    root = plain_city(ground.folder / "city")
    own, request = box(ground.folder / "door", claim(root))
    signed, _ = decode_answer_file(approved(root, request.raw, ground.folder / "answer"))
    theirs = load_city(plain_city(ground.folder / "theirs"))
    held = approving.bundle_in_force(theirs, signer := approving.load_key(theirs.folder.bundle_key))
    payload = cut(signed, max_bytes=1 << 20).payload
    true = Answer(*cbor.decode_structure("answer", payload, _ANSWER, version=1, max_bytes=1 << 20))
    forged = replace(true, bundle_key=signer.public, manifest=held.manifest.raw)
    message = approving.encode_answer(forged, SigningKey.from_secret(os.urandom(32)))
    data = encode_answer_file(message[:9] + signed[9:17] + message[17:], held.chunks)
    taken = _taken(own, data)
    assert not taken or load_keys(own.keys).bundle.public == signer.public
    return refused_if(not taken)
