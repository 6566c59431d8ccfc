"""The city's TLS certificates: one development authority, one server, and a client for each identity.

Rules:
- a client certificate says who connects: its common name is the broker's user name and client id;
- a server certificate cannot serve as a client's and the reverse (extended key usage), but for a device's, which is
  also one end of the link to its sister door: it names no host, so nobody takes it for the broker's;
- signatures are deterministic and serials are handed in, so seeded runs replay byte for byte.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.wire.keys import SigningKey
from provisioning.core import limits
from provisioning.core.errors import AuthorityEnding, BadSetting
from provisioning.core.names import ip_or_none

Certificate = x509.Certificate


def serial_from(random_bytes: bytes) -> int:
    """Random bytes → a positive serial number that fits RFC 5280."""
    return int.from_bytes(random_bytes, "big") >> 1 | 1


def make_authority(key: SigningKey, *, common_name: str, serial: int, now: datetime) -> Certificate:
    """Self-signed authority that signs leaves only."""
    name = _name(common_name)
    usage = _usage(signs_certificates=True)
    return (
        _builder(key, subject=name, issuer=name, serial=serial, now=now, days=limits.AUTHORITY_VALID_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key.private, hashes.SHA256(), ecdsa_deterministic=True)
    )


def make_client(
    key: SigningKey, *, common_name: str, serial: int, now: datetime, authority: Certificate, authority_key: SigningKey
) -> Certificate:
    """Client certificate of one identity. Raises AuthorityEnding."""
    builder = _leaf(key, common_name, serial, now, authority=authority, uses=[ExtendedKeyUsageOID.CLIENT_AUTH])
    return builder.sign(authority_key.private, hashes.SHA256(), ecdsa_deterministic=True)


def make_device(
    key: SigningKey, *, common_name: str, serial: int, now: datetime, authority: Certificate, authority_key: SigningKey
) -> Certificate:
    """Certificate of a device: client of the broker, either end of the link between doors. Raises AuthorityEnding."""
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = _leaf(key, common_name, serial, now, authority=authority, uses=uses)
    return builder.sign(authority_key.private, hashes.SHA256(), ecdsa_deterministic=True)


def make_server(
    key: SigningKey, *, common_name: str, hosts: Sequence[str], serial: int, now: datetime,
    authority: Certificate, authority_key: SigningKey,
) -> Certificate:  # fmt: skip
    """Server certificate for the hosts (addresses or DNS names, each once). Raises AuthorityEnding."""
    alternatives: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        address = ip_or_none(host)
        alternatives.append(x509.DNSName(host) if address is None else x509.IPAddress(address))
    return (
        _leaf(key, common_name, serial, now, authority=authority, uses=[ExtendedKeyUsageOID.SERVER_AUTH])
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority_key.private, hashes.SHA256(), ecdsa_deterministic=True)
    )


def to_pem(certificate: Certificate) -> bytes:
    """Certificate → PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def from_pem(pem: bytes) -> Certificate:
    """PEM → certificate. Raises BadSetting."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadSetting("not a PEM certificate", fix="restore it from the city's backup") from error


def _leaf(
    key: SigningKey,
    common_name: str,
    serial: int,
    now: datetime,
    *,
    authority: Certificate,
    uses: Sequence[x509.ObjectIdentifier],
) -> x509.CertificateBuilder:
    if now + timedelta(days=limits.LEAF_VALID_DAYS) > authority.not_valid_after_utc:
        raise AuthorityEnding(
            "the authority ends before this certificate would",
            fix="make a new city authority and enrol the devices under it",
            authority_ends=authority.not_valid_after_utc.isoformat(),
        )
    issuer_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(key, subject=_name(common_name), issuer=authority.subject, serial=serial, now=now,
                 days=limits.LEAF_VALID_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
    )  # fmt: skip


def _builder(
    key: SigningKey, *, subject: x509.Name, issuer: x509.Name, serial: int, now: datetime, days: int
) -> x509.CertificateBuilder:
    if now.tzinfo is None:
        raise BadSetting("the time has no zone", fix="pass an aware datetime, UTC")
    start = now.replace(microsecond=0)  # X.509 knows whole seconds
    public: ec.EllipticCurvePublicKey = key.private.public_key()
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


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
