"""X.509 of a device as both ends see it: its name, its own request (PKCS#10), its chain. Who issues is provisioning.

    root ─▶ intermediate of the city's devices ─▶ the device's certificate: O=city, OU=device, CN=the device's name

Rules:
- a chain is believed under one root that is known before: by what a claim's sheet says of it, or from the enrolment;
- a certificate is a device's only with its own name, whole, and its own key: another's is refused before it is kept;
- times are not looked at here: a device that is being enrolled has no clock to believe.
"""

import warnings
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol.errors import BadKey, BadSignature, OutOfRange, UnknownKey, WrongType
from protocol.wire.keys import SigningKey, VerifyingKey

DEVICE_UNIT = "device"
# Whatever the reader of DER raises for bytes that it cannot read, now or when a part is asked for; what it would only
# warn of (a negative serial number) is no certificate of ours either.
_UNREADABLE = (
    ValueError, TypeError, Warning, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """A device's certificate, proven under its root. `issuer`: the intermediate's key; the end in Unix ms."""

    leaf: bytes
    intermediate: bytes
    issuer: VerifyingKey = field(repr=False)
    tls_key: bytes
    serial: int
    ends_ms: int


def subject(city: str, unit: str, name: str) -> x509.Name:
    """The whole name in a certificate: O, OU, CN."""
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, city), x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])  # fmt: skip


def make_csr(key: SigningKey, *, city: str, device: str) -> bytes:
    """A device's certificate signing request, DER. The same key and names give the same bytes."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(city, DEVICE_UNIT, device))
    made = builder.sign(key.private, hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(serialization.Encoding.DER)


def open_csr(der: bytes, *, city: str, device: str) -> bytes:
    """DER → the 33-byte key that asks for a certificate of this name, and was there when it was asked.

    Raises WrongType, OutOfRange for another name, BadKey, BadSignature.
    """
    try:
        with warnings.catch_warnings(action="error"):
            asked = x509.load_der_x509_csr(der)
            named, public, holds = asked.subject, asked.public_key(), asked.is_signature_valid
    except _UNREADABLE as error:
        raise WrongType("not a certificate signing request", field="csr") from error
    if named != subject(city, DEVICE_UNIT, device):
        raise OutOfRange("the certificate is asked for under another name", field="csr", found=_said(named))
    point = _point(public)
    if not holds:
        raise BadSignature("whoever asks for the certificate has not its key", field="csr")
    return point


def root_digest(der: bytes) -> str:
    """A root certificate → the SHA-256 of it as hex digits; a claim's sheet says the first of them."""
    return sha256(der).hexdigest()


def require_root(der: bytes, digits: str) -> None:
    """Return if it is the root that these first digits name. Raises UnknownKey."""
    if not digits or not root_digest(der).startswith(digits):
        raise UnknownKey("another root than the claim's sheet names", found=root_digest(der)[: len(digits)])


def open_chain(leaf: bytes, intermediate: bytes, root: bytes, *, city: str, device: str) -> Chain:
    """DER of a device's certificate and of its intermediate, proven under `root`, which the caller believes.

    Raises WrongType for what is no certificate, BadSignature for one that is not signed by the next, OutOfRange for
    another city's, unit's or device's, or an authority that is none, BadKey.
    """
    above, issuing, own = (_read(it) for it in (root, intermediate, leaf))
    _require_issued(above, above)
    _require_issued(issuing, above)
    _require_issued(own, issuing)
    for certificate, steps in ((above, 1), (issuing, 0), (own, None)):
        _require_steps(certificate, steps)
    _require_attribute(issuing, NameOID.ORGANIZATIONAL_UNIT_NAME, DEVICE_UNIT)
    require_name(own, city, device)
    ends_ms = int(own.not_valid_after_utc.timestamp()) * 1000
    issuer = VerifyingKey.load(_point(issuing.public_key()))
    return Chain(leaf, intermediate, issuer, _point(own.public_key()), own.serial_number, ends_ms)


def open_issuer(intermediate: bytes, root: bytes, *, city: str) -> VerifyingKey:
    """DER of the city's intermediate of devices, proven under `root`, which the caller believes → its key.

    Raises as `open_chain`.
    """
    above, issuing = _read(root), _read(intermediate)
    _require_issued(above, above)
    _require_issued(issuing, above)
    for certificate, steps in ((above, 1), (issuing, 0)):
        _require_steps(certificate, steps)
    _require_attribute(issuing, NameOID.ORGANIZATION_NAME, city)
    _require_attribute(issuing, NameOID.ORGANIZATIONAL_UNIT_NAME, DEVICE_UNIT)
    return VerifyingKey.load(_point(issuing.public_key()))


def require_name(certificate: x509.Certificate, city: str, device: str) -> None:
    """Return if it is this device's by its whole name. Raises OutOfRange."""
    if certificate.subject != subject(city, DEVICE_UNIT, device):
        raise OutOfRange("the certificate names another", field="chain", found=_said(certificate.subject))


def from_pem(pem: bytes) -> list[bytes]:
    """PEM → DER of each certificate in it, in order. Raises WrongType."""
    try:
        with warnings.catch_warnings(action="error"):
            return [it.public_bytes(serialization.Encoding.DER) for it in x509.load_pem_x509_certificates(pem)]
    except _UNREADABLE as error:
        raise WrongType("no certificates in PEM", field="chain") from error


def to_pem(*chain: bytes) -> bytes:
    """DER of certificates → PEM, in order. Raises WrongType."""
    return b"".join(_read(der).public_bytes(serialization.Encoding.PEM) for der in chain)


def _read(der: bytes) -> x509.Certificate:
    """A certificate all of whose parts that are looked at can be read. Raises WrongType."""
    try:
        with warnings.catch_warnings(action="error"):
            found = x509.load_der_x509_certificate(der)
            _ = found.subject, found.issuer, found.extensions, found.public_key(), found.not_valid_after_utc
            _ = found.signature_hash_algorithm
    except _UNREADABLE as error:
        raise WrongType("not a certificate", field="chain") from error
    return found


def _require_issued(certificate: x509.Certificate, above: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(above)
    except (InvalidSignature, *_UNREADABLE) as error:
        raise BadSignature(
            "a certificate is not signed by the next of its chain", certificate=_said(certificate.subject)
        ) from error


def _require_attribute(issuing: x509.Certificate, which: x509.ObjectIdentifier, value: str) -> None:
    if issuing.subject.get_attributes_for_oid(which) != [x509.NameAttribute(which, value)]:
        raise OutOfRange("the intermediate is not that of devices", field="chain", found=_said(issuing.subject))


def _require_steps(certificate: x509.Certificate, steps: int | None) -> None:
    """An authority with so many steps below it; None: no authority."""
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as error:
        raise OutOfRange("a certificate does not say what it may sign", field="chain") from error
    if (basic.ca, basic.path_length) != (steps is not None, steps):
        raise OutOfRange("a certificate may not sign what it signs", field="chain", found=_said(certificate.subject))


def _point(public: object) -> bytes:
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise BadKey("a certificate's key is not on P-256")
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def _said(name: x509.Name) -> str:
    return name.rfc4514_string()[:120]
