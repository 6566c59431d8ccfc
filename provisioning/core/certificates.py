"""The city's TLS certificates: a root that may be off line, an intermediate for each purpose, their leaves.

Rules:
- the root signs intermediates, an intermediate leaves of its purpose, a leaf nothing (path lengths 1, 0, none);
- what a leaf may be used as, and under what name, its intermediate's own certificate says (`purposes`);
- a client certificate says who connects: its common name is the identity, its unit (OU) the purpose;
- nothing outlives who signed it;
- signatures are deterministic and serials are handed in, so seeded runs replay byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol.wire.keys import Signer, SigningKey, VerifyingKey
from provisioning.core import limits
from provisioning.core.errors import AuthorityEnding, BadSetting, NotItsAuthority
from provisioning.core.names import ip_or_none
from provisioning.core.purposes import TERMS, Purpose, constraints, subject

Certificate = x509.Certificate
_FIX = "restore it from the city's backup"


class AuthorityKey(Signer, Protocol):
    """A key of the office, in memory or in a token."""

    @property
    def verifying(self) -> VerifyingKey:
        """Its public half."""
        ...

    @property
    def id(self) -> bytes:
        """8-byte key id."""
        ...

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """What certificates are signed by; of a key in a token it asks the token, and has nothing to give out."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs: a certificate and its key."""

    certificate: Certificate
    key: AuthorityKey


def serial_from(random_bytes: bytes) -> int:
    """Random bytes → a positive serial number that fits RFC 5280."""
    return int.from_bytes(random_bytes, "big") >> 1 | 1


def make_root(key: AuthorityKey, *, city: str, serial: int, now: datetime) -> Certificate:
    """Self-signed root of a city: it signs intermediates only."""
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, city), x509.NameAttribute(NameOID.COMMON_NAME, "Savar root")]
    )
    builder = _builder(key, subject=name, issuer=name, serial=serial, now=now, days=limits.TLS_ROOT_VALID_DAYS)
    return _signing(builder, path_length=1).sign(key.private, hashes.SHA256(), ecdsa_deterministic=True)


def make_intermediate(key: AuthorityKey, purpose: Purpose, *, serial: int, now: datetime, root: Issuer) -> Certificate:
    """The city's intermediate authority of one purpose. Raises AuthorityEnding."""
    city = city_of(root.certificate)
    name = subject(city, purpose, f"Savar {purpose.value}")
    builder = _under(root, key, name, serial=serial, now=now, days=limits.INTERMEDIATE_VALID_DAYS)
    return (
        _signing(builder, path_length=0)
        .add_extension(x509.ExtendedKeyUsage(TERMS[purpose].uses), critical=False)
        .add_extension(constraints(city, purpose), critical=True)
        .sign(root.key.private, hashes.SHA256(), ecdsa_deterministic=True)
    )


def make_leaf(
    key: SigningKey | VerifyingKey,
    name: str,
    *,
    serial: int,
    now: datetime,
    issuer: Issuer,
    hosts: Sequence[str] = (),
) -> Certificate:
    """Certificate of one identity, of its issuer's purpose; `hosts` (addresses or DNS names) are a server's.

    Of `key` only the public half is used: a device keeps its own.

    Raises AuthorityEnding, NotItsAuthority where the issuer is no intermediate.
    """
    builder = _leaf(key, name, serial=serial, now=now, issuer=issuer)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_hosts(hosts)), critical=False)
    return builder.sign(issuer.key.private, hashes.SHA256(), ecdsa_deterministic=True)


def city_of(certificate: Certificate) -> str:
    """The city that a certificate names. Raises NotItsAuthority."""
    return _attribute(certificate, NameOID.ORGANIZATION_NAME)


def purpose_of(certificate: Certificate) -> Purpose:
    """The purpose that a certificate names. Raises NotItsAuthority."""
    try:
        return Purpose(_attribute(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME))
    except ValueError as error:
        raise NotItsAuthority("the certificate names no purpose that is known", fix=_FIX) from error


def require_root(certificate: Certificate) -> None:
    """A certificate that may be a city's root: signed by itself, for one step below it. Raises NotItsAuthority."""
    if not certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        raise NotItsAuthority(
            f"{certificate.subject.rfc4514_string()} is an authority of before there were intermediates",
            fix="make the city and its devices anew, or go on with the software that made them",
        )
    _require_signs(certificate, certificate, path_length=1)


def require_intermediate(issuer: Issuer, purpose: Purpose, root: Certificate) -> None:
    """An intermediate of this root, for this purpose and no other, with its own key. Raises NotItsAuthority."""
    require_of_purpose(issuer.certificate, purpose, root)
    if issuer.certificate.public_key() != issuer.key.private.public_key():
        raise NotItsAuthority(f"the key of {purpose.value} is not that of its certificate", fix=_FIX)


def require_of_purpose(certificate: Certificate, purpose: Purpose, root: Certificate) -> None:
    """The same of its certificate alone: its key may be kept elsewhere. Raises NotItsAuthority."""
    _require_signs(certificate, root, path_length=0)
    city = city_of(root)
    found = (city_of(certificate), purpose_of(certificate), *_limits_of(certificate))
    if found != (city, purpose, constraints(city, purpose), list(TERMS[purpose].uses)):
        raise NotItsAuthority(
            f"this is no intermediate for {purpose.value} in {city}", fix="take the one that the ceremony made for it",
            found=certificate.subject.rfc4514_string(),
        )  # fmt: skip


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 in groups of four hex digits: what two people read to each other."""
    return grouped(certificate.fingerprint(hashes.SHA256()).hex())


def grouped(digits: str) -> str:
    """Digits in groups of four."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def to_pem(*chain: Certificate) -> bytes:
    """Certificates → PEM, who is named first."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def public_point(certificate: Certificate) -> bytes:
    """The 33-byte key that a certificate is for. Raises NotItsAuthority for one on another curve."""
    public = certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise NotItsAuthority("a certificate is for a key of another kind", fix=_FIX)
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def to_der(certificate: Certificate) -> bytes:
    """Certificate → DER, as it travels in an answer."""
    return certificate.public_bytes(serialization.Encoding.DER)


def all_from_pem(pem: bytes) -> list[Certificate]:
    """PEM → every certificate in it, in order. Raises BadSetting."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadSetting("not PEM certificates", fix=_FIX) from error


def from_pem(pem: bytes) -> Certificate:
    """PEM → the first certificate in it. Raises BadSetting."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadSetting("not a PEM certificate", fix=_FIX) from error


def _require_signs(certificate: Certificate, above: Certificate, *, path_length: int) -> None:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(above)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError) as error:
        raise NotItsAuthority(
            f"{certificate.subject.rfc4514_string()} is not signed by {above.subject.rfc4514_string()}", fix=_FIX
        ) from error
    if (basic.ca, basic.path_length) != (True, path_length):
        raise NotItsAuthority(
            f"{certificate.subject.rfc4514_string()} is no authority with {path_length} steps below it", fix=_FIX
        )


def _limits_of(certificate: Certificate) -> tuple[x509.NameConstraints | None, list[x509.ObjectIdentifier]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None, []
    return names, list(uses)


def _attribute(certificate: Certificate, kind: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(kind)
    if len(found) != 1:
        raise NotItsAuthority(
            f"{certificate.subject.rfc4514_string()} is no certificate of a city", fix="take one that Savar made"
        )
    return str(found[0].value)


def _hosts(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Each once."""
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        address = ip_or_none(host)
        names.append(x509.DNSName(host) if address is None else x509.IPAddress(address))
    return names


def _leaf(
    key: SigningKey | VerifyingKey, name: str, *, serial: int, now: datetime, issuer: Issuer
) -> x509.CertificateBuilder:
    """Signs nothing, and is used as its issuer's purpose says."""
    purpose = purpose_of(issuer.certificate)
    full_name = subject(city_of(issuer.certificate), purpose, name)
    return (
        _under(issuer, key, full_name, serial=serial, now=now, days=limits.LEAF_VALID_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(TERMS[purpose].uses), critical=False)
    )


def _under(
    issuer: Issuer, key: AuthorityKey | VerifyingKey, name: x509.Name, *, serial: int, now: datetime, days: int
) -> x509.CertificateBuilder:
    above = issuer.certificate
    if now + timedelta(days=days) > above.not_valid_after_utc:
        raise AuthorityEnding(
            "the authority ends before this certificate would",
            fix="make a new one: `savar authority intermediates`, and above it `savar authority root`",
            authority_ends=above.not_valid_after_utc.isoformat(),
        )
    issuer_key = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return _builder(key, subject=name, issuer=above.subject, serial=serial, now=now, days=days).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False
    )


def _builder(
    key: AuthorityKey | VerifyingKey, *, subject: x509.Name, issuer: x509.Name, serial: int, now: datetime, days: int
) -> x509.CertificateBuilder:
    if now.tzinfo is None:
        raise BadSetting("the time has no zone", fix="pass an aware datetime, UTC")
    start = now.replace(microsecond=0)  # X.509 knows whole seconds
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(start - timedelta(seconds=limits.CERTIFICATE_BACKDATE_S))
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _signing(builder: x509.CertificateBuilder, *, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True).add_extension(
        _usage(signs_certificates=True), critical=True
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
