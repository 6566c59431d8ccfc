"""Lists of revoked certificates, one for each intermediate whose clients the broker admits (RFC 5280 §5).

Rules:
- Mosquitto asks for a list of every client's own intermediate and admits nobody of one without it; it looks at no list
  of the root's, so an intermediate is withdrawn by a new root or a new cafile, and by no list (2.0.11, measured);
- a list past its end, or not yet begun, locks out everybody: it begins a day before it is made, and half of its life
  outlasts the longest outage that a city is built for. It ends no earlier than one before it: a machine that starts
  with its clock years behind would write one that has ended, and nobody came in until the timer's next week;
- a list is numbered, and takes over every serial of those before it, so nothing that was revoked is ever admitted again
  by a folder that was restored from a backup.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provisioning.core import limits
from provisioning.core.certificates import Certificate, Issuer
from provisioning.core.errors import BadSetting
from provisioning.core.purposes import CLIENT, TERMS, Purpose

CLIENTS = tuple(purpose for purpose in Purpose if CLIENT in TERMS[purpose].uses)
"""Whose certificates the broker is shown."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One signed list: its number, the serial numbers in it, and when it ends."""

    number: int
    serials: frozenset[int]
    until: datetime
    pem: bytes


def make_list(issuer: Issuer, serials: Collection[int], *, held: Iterable[RevocationList], now: datetime) -> bytes:
    """The next list of an intermediate as PEM: these serials and those of every list held, numbered above them."""
    begins = now.replace(microsecond=0) - timedelta(seconds=limits.CERTIFICATE_BACKDATE_S)
    number, every, ends = 1, set(serials), begins + timedelta(days=limits.CRL_VALID_DAYS)
    for before in held:
        number, every, ends = max(number, before.number + 1), every | before.serials, max(ends, before.until)
    above = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begins)
        .next_update(ends)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in sorted(every):
        gone = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(begins).build()
        builder = builder.add_revoked_certificate(gone)
    signed = builder.sign(issuer.key.private, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.PEM)


def read_lists(pem: bytes, issuer: Certificate) -> list[RevocationList]:
    """Those lists in a PEM file that this intermediate signed; what others signed is left. Raises BadSetting."""
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadSetting("an intermediate's key is of another kind", fix="take the one that the ceremony made")
    return [_read(one) for one in _split(pem) if one.issuer == issuer.subject and one.is_signature_valid(key)]


def _split(pem: bytes) -> list[x509.CertificateRevocationList]:
    end = b"-----END X509 CRL-----\n"
    try:
        return [x509.load_pem_x509_crl(part + end) for part in pem.split(end) if part.strip()]
    except ValueError as error:
        raise BadSetting(
            "a list of revoked certificates is damaged", fix="restore it from the backup, or remove it and call again"
        ) from error


def _read(one: x509.CertificateRevocationList) -> RevocationList:
    until = one.next_update_utc
    if until is None:
        raise BadSetting("a list of revoked certificates has no end", fix="remove it and call again")
    number = one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return RevocationList(
        number, frozenset(it.serial_number for it in one), until, one.public_bytes(serialization.Encoding.PEM)
    )
