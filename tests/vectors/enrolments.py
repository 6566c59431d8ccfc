"""Vectors of enrolment: the line of a claim's sheet, a device's request, the office's answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.wire import cbor
from protocol.wire.certificates import make_csr, root_digest
from protocol.wire.claims import Claim, claim_check, claim_text
from protocol.wire.enrolments import Answer, encode_answer, encode_answer_file, make_request, open_request
from protocol.wire.keys import Purpose, Signer, SigningKey
from protocol.wire.manifests import name_chunk
from protocol.wire.signed import seal_message
from provisioning.core import certificates
from provisioning.core.purposes import Purpose as Unit
from tests.protocol.samples import BUNDLE_KEY, TAP_KEY
from tests.vectors.entries import Entries, flipped, of

AT = datetime(2026, 11, 30, tzinfo=UTC)
TLS_KEY, OTHER, ROOT_KEY, DEVICES_KEY = (
    SigningKey.from_secret(name.ljust(32, b"-")) for name in (b"tls", b"another device", b"root", b"devices")
)
ROOT = certificates.make_root(ROOT_KEY, city="isfahan", serial=1, now=AT)
DEVICES = certificates.Issuer(
    certificates.make_intermediate(
        DEVICES_KEY, Unit.DEVICE, serial=2, now=AT, root=certificates.Issuer(ROOT, ROOT_KEY)
    ),
    DEVICES_KEY,
)
PEOPLE = certificates.Issuer(
    certificates.make_intermediate(OTHER, Unit.PEOPLE, serial=4, now=AT, root=certificates.Issuer(ROOT, ROOT_KEY)),
    OTHER,
)
ROOT_DIGITS = root_digest(certificates.to_der(ROOT))[:32]
SPARE = Claim("isfahan", "spare-0007-d1", None, "7QK2MZ0T9B4XWV31", ROOT_DIGITS)
CLAIM = Claim("isfahan", "bus-0001-d1", "bus-0001", "7QK2MZ0T9B4XWV31", ROOT_DIGITS)
REQUEST = make_request(CLAIM, hardware="10000000c0ffee", tap=TAP_KEY, tls=TLS_KEY)


def leaf(key: SigningKey = TLS_KEY, name: str = "bus-0001-d1", by: certificates.Issuer = DEVICES) -> bytes:
    return certificates.to_der(certificates.make_leaf(key, name, serial=3, now=AT, issuer=by))


GOOD = Answer(
    "isfahan", "bus-0001-d1", open_request(REQUEST).digest, leaf(), certificates.to_der(DEVICES.certificate),
    certificates.to_der(ROOT), b'city = "isfahan"\n', BUNDLE_KEY.public, None, None, b"a manifest",
)  # fmt: skip


def claim_entries() -> Entries:
    line = claim_text(CLAIM)
    return {
        name: {"text": text}
        for name, text in {
            "as printed": line, "as typed": f" {line.lower()[:40]}\n{line[40:]} ",
            "a fare code": "SV1:ABC", "empty": "", "Persian": "سوار", "a spare's": claim_text(SPARE), "version 3": line.replace(":1:", ":3:", 1),
            "a spare's with a vehicle": _checked(line, ":1:", ":2:"), "a device's without a vehicle": _checked(line, ":BUS-0001:", ":"),
            "a letter wrong": line.replace("7QK2", "7QK3"), "cut short": line[:-1], "the check alone is gone": line[:-5],
            "a part more": f"{line}:{line[-4:]}", "too long": line + " " * 600, "a code of fifteen": _checked(line, "7QK2M", "7QK2"),
            "an O in the code": _checked(line, "7QK2", "OQK2"), "no hex digits": _checked(line, ROOT_DIGITS.upper(), "G" * 32),
            "a name of no letters": _checked(line, "BUS-0001-D1", ""),
        }.items()
    }  # fmt: skip


def _checked(line: str, old: str, new: str) -> str:
    """Another line with a check that fits."""
    text = line[:-5].replace(old, new, 1)
    return f"{text}:{claim_check(text)}"


def request_entries() -> Entries:
    csr = make_csr(TLS_KEY, city="isfahan", device="bus-0001-d1")

    def asked(
        *changed: tuple[int, object], tap: Signer = TAP_KEY, claim: Signer | None = None, purpose: Purpose = Purpose.ENROLMENT
    ) -> dict[str, Any]:  # fmt: skip
        values: list[object] = [1, "isfahan", "bus-0001-d1", "bus-0001", "", TAP_KEY.public, csr]
        for at, value in changed:
            values[at] = value
        inner = seal_message(Purpose.CLAIM, cbor.encode(values), claim or CLAIM.key())
        return of(seal_message(purpose, inner, tap))

    return {
        "a Pi's": of(REQUEST), "of a board without a number": asked(),
        "by another claim": asked(claim=OTHER),  # the office looks whose
        "another's tap key, signed by one's own": asked((5, OTHER.public)),
        "signed by another": asked(tap=OTHER), "signed as health": asked(purpose=Purpose.HEALTH),
        "a bit of it changed": of(flipped(REQUEST, len(REQUEST) - 1)),
        "another's tap key, signed by one's own in its name": of(_named_after(OTHER, asked((5, OTHER.public)))),
        "CSR of another's name": asked((6, make_csr(TLS_KEY, city="isfahan", device="bus-0002-d1"))),
        "CSR of another city": asked((6, make_csr(TLS_KEY, city="shiraz", device="bus-0001-d1"))),
        "CSR with another's key": asked((6, _without_its_key(csr))),
        "CSR over another curve": asked((6, _over_another_curve())),
        "one key for both": asked((6, make_csr(TAP_KEY, city="isfahan", device="bus-0001-d1"))),
        "no CSR": asked((6, b"")), "rubbish for a CSR": asked((6, bytes(99))), "a CSR and a byte more": asked((6, csr + b"\0")),
        "a CSR too large": asked((6, bytes(1_025))), "tap key that is no point": asked((5, bytes(33))),
        "tap key of 32 bytes": asked((5, bytes(32))), "a name in capitals": asked((2, "BUS-0001-D1")),
        "no claim around it": of(seal_message(Purpose.ENROLMENT, cbor.encode([1]), TAP_KEY)), "version 3": asked((0, 3)),
        "a spare's": of(make_request(SPARE, hardware="", tap=TAP_KEY, tls=TLS_KEY)), "a spare's with a vehicle": asked((0, 2)),
        "without a vehicle": asked((3, None)),
        "too large": of(seal_message(Purpose.ENROLMENT, bytes(4_096), TAP_KEY)),
    }  # fmt: skip


def _named_after(other: SigningKey, entry: dict[str, Any]) -> bytes:
    """The same message with the id of another key beside its signature."""
    data = bytes.fromhex(entry["bytes"])
    return data[:9] + other.id + data[17:]


def _signs_nothing() -> bytes:
    """What the root signed with the devices' name and key, and which may sign no certificate."""
    like = DEVICES.certificate
    made = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(ROOT.subject)
        .public_key(DEVICES_KEY.private.public_key())
        .serial_number(7)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
    )
    return certificates.to_der(made.sign(ROOT_KEY.private, hashes.SHA256(), ecdsa_deterministic=True))


def _without_its_key(csr: bytes) -> bytes:
    """Somebody's name and key, and a signature of somebody else."""
    other = x509.load_der_x509_csr(make_csr(OTHER, city="isfahan", device="bus-0001-d1"))
    own = x509.load_der_x509_csr(csr)
    points = [
        it.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        for it in (own, other)
    ]
    assert csr.count(points[0]) == 1
    return csr.replace(points[0], points[1])


def _over_another_curve() -> bytes:
    key = ec.derive_private_key(7, ec.SECP384R1())
    name = x509.load_der_x509_csr(make_csr(OTHER, city="isfahan", device="bus-0001-d1")).subject
    made = (
        x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return made.public_bytes(serialization.Encoding.DER)


def answer_entries() -> Entries:
    names = list(Answer.__dataclass_fields__)

    def given(by: SigningKey = DEVICES_KEY, purpose: Purpose = Purpose.ANSWER, **changed: Any) -> dict[str, Any]:
        values = [changed.get(name, getattr(GOOD, name)) for name in names]
        return of(seal_message(purpose, cbor.encode([1, *values]), by))

    strange = certificates.make_root(OTHER, city="isfahan", serial=1, now=AT)
    return {
        "the answer": of(encode_answer(GOOD, DEVICES_KEY)),
        "with all that may be there": given(recovery_key=OTHER.public, release_root=b"{}"),
        "signed by another": given(by=OTHER), "signed by the bundle key": given(by=BUNDLE_KEY),
        "signed as a manifest": given(purpose=Purpose.MANIFEST),
        "another root": given(root=certificates.to_der(strange)), "no root": given(root=b""),
        "of another device": given(device="bus-0002-d1"), "of another city": given(city="shiraz"),
        "to another request": given(request=bytes(32)),
        "a certificate of another's name": given(leaf=leaf(name="bus-0002-d1")),
        "a certificate over another's key": given(leaf=leaf(OTHER)),
        "a certificate that the office did not sign": given(leaf=leaf(by=certificates.Issuer(DEVICES.certificate, OTHER))),
        "the people's intermediate": given(
            OTHER, leaf=leaf(by=PEOPLE), intermediate=certificates.to_der(PEOPLE.certificate)
        ),
        "the root for an intermediate": given(intermediate=GOOD.root), "an intermediate that may sign nothing": given(intermediate=_signs_nothing()),
        "a device for an intermediate": given(intermediate=GOOD.leaf),
        "rubbish for a certificate": given(leaf=bytes(40)), "bundle key of 32 bytes": given(bundle_key=bytes(32)),
        "settings too large": given(settings=bytes(65_537)), "field missing": of(seal_message(Purpose.ANSWER, cbor.encode([1]), DEVICES_KEY)),
        "version 2": of(seal_message(Purpose.ANSWER, cbor.encode([2]), DEVICES_KEY)),
    }  # fmt: skip


def answer_file_entries() -> Entries:
    good, chunk = encode_answer(GOOD, DEVICES_KEY), b"a chunk"
    return {
        "an answer with its bundle": {"decoder": "answer_file", **of(encode_answer_file(good, {name_chunk(chunk): chunk}))},
        "a chunk that is too large": {
            "decoder": "answer_file", "before": (cbor.encode([1, good])[:1].replace(b"\x82", b"\x83") + cbor.encode([1, good])[1:]
            + b"\x81\x5a\x00\x10\x00\x01").hex(), "fill": "00", "times": str((1 << 20) + 1), "after": "",
        },
        "an answer alone": {"decoder": "answer_file", **of(good)},
        "no chunks": {"decoder": "answer_file", **of(cbor.encode([1, good]))},
        "chunks that are text": {"decoder": "answer_file", **of(cbor.encode([1, good, ["x"]]))},
    }  # fmt: skip


def renewal_entries() -> Entries:
    """By their bytes alone; whose tap key has to have signed, the office looks up by the name."""

    def asked(*changed: tuple[int, object], key: SigningKey = TAP_KEY, purpose: Purpose = Purpose.RENEWAL) -> Any:
        values: list[object] = [1, "isfahan", "bus-0001-d1", GOOD.leaf, GOOD.intermediate]
        for at, value in changed:
            values[at] = value
        return of(seal_message(purpose, cbor.encode(values), key))

    return {
        "a renewal": asked(), "signed by another device": asked(key=OTHER), "signed as health": asked(purpose=Purpose.HEALTH),
        "of another device's certificate": asked((3, leaf(name="bus-0002-d1"))), "in another's name": asked((2, "bus-0002-d1")),
        "of another city": asked((1, "shiraz")), "of the people's": asked((3, leaf(by=PEOPLE)), (4, certificates.to_der(PEOPLE.certificate))),
        "no certificate": asked((3, b"")), "a certificate too large": asked((3, bytes(4_097))), "version 2": asked((0, 2)),
    }  # fmt: skip


def renewed_entries() -> Entries:
    late = AT + timedelta(days=600)

    def given(key: SigningKey = TLS_KEY, name: str = "bus-0001-d1", at: datetime = late, **more: Any) -> Any:
        made = certificates.make_leaf(key, name, serial=9, now=at, issuer=DEVICES)
        values = [1, more.get("leaf", certificates.to_der(made)), more.get("intermediate", GOOD.intermediate)]
        return {"decoder": "renewed", **of(cbor.encode(values + more.get("behind", [])))}

    return {
        "the next certificate": given(), "the one in force": given(leaf=GOOD.leaf),
        "one that ends no later": given(at=AT), "one over another key": given(OTHER), "one of another's name": given(name="bus-0002-d1"),
        "one of the people's": given(leaf=leaf(by=PEOPLE), intermediate=certificates.to_der(PEOPLE.certificate)),
        "one and the root": given(intermediate=GOOD.root), "rubbish": given(leaf=bytes(9)), "a field more": given(behind=[1]),
    }  # fmt: skip
