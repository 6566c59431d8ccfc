"""What a certificate says and for how long: who signs, who may be taken for whom, and that seeds repeat."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.wire.keys import SigningKey
from provisioning.core import certificates
from provisioning.core.errors import AuthorityEnding, BadSetting

NOW = datetime(2026, 11, 24, 9, 30, 15, 123_456, tzinfo=UTC)
START = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC)  # a day before: a board's clock may be hours behind
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
ROOT_KEY, LEAF_KEY = (SigningKey.from_secret(bytes([number]) * 32) for number in (1, 2))
AUTHORITY = certificates.make_authority(ROOT_KEY, common_name="isfahan root", serial=7, now=NOW)


def leaf(kind: str, now: datetime = NOW, **more: object) -> x509.Certificate:
    return getattr(certificates, f"make_{kind}")(
        LEAF_KEY, common_name="bus-1-d1", serial=8, now=now, authority=AUTHORITY, authority_key=ROOT_KEY, **more
    )


def extension(certificate: x509.Certificate, kind: type) -> object:
    return certificate.extensions.get_extension_for_class(kind).value


def usage(certificate: x509.Certificate) -> set[str]:
    """The uses that are allowed."""
    key_usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert key_usage.critical
    plain = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign")  # fmt: skip
    return {name for name in plain if getattr(key_usage.value, name)}


def test_the_authority_signs_certificates_and_nothing_else() -> None:
    assert usage(AUTHORITY) == {"key_cert_sign", "crl_sign"}
    basic = AUTHORITY.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert AUTHORITY.serial_number == 7
    assert AUTHORITY.subject == AUTHORITY.issuer == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "isfahan root")])
    AUTHORITY.verify_directly_issued_by(AUTHORITY)
    assert AUTHORITY.not_valid_before_utc == START
    assert AUTHORITY.not_valid_after_utc == START + timedelta(days=3_651)


@pytest.mark.parametrize(
    ("kind", "more", "uses"),
    [("client", {}, {CLIENT}), ("device", {}, {CLIENT, SERVER}), ("server", {"hosts": ["localhost"]}, {SERVER})],
)
def test_a_leaf_signs_nothing_and_says_what_it_is_for(
    kind: str, more: dict[str, object], uses: set[x509.ObjectIdentifier]
) -> None:
    made = leaf(kind, **more)
    assert usage(made) == {"digital_signature"}
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, False, None)
    assert set(extension(made, x509.ExtendedKeyUsage)) == uses  # type: ignore[call-overload]
    assert made.serial_number == 8
    assert made.subject == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bus-1-d1")])
    assert made.issuer == AUTHORITY.subject
    made.verify_directly_issued_by(AUTHORITY)
    assert made.public_key() == LEAF_KEY.private.public_key()
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (START, START + timedelta(days=731))
    identifier = extension(AUTHORITY, x509.SubjectKeyIdentifier).digest  # type: ignore[attr-defined]
    assert extension(made, x509.AuthorityKeyIdentifier).key_identifier == identifier  # type: ignore[attr-defined]
    own = x509.SubjectKeyIdentifier.from_public_key(LEAF_KEY.private.public_key())
    assert extension(made, x509.SubjectKeyIdentifier) == own


def test_a_server_answers_to_its_hosts_each_once() -> None:
    made = leaf("server", hosts=["localhost", "10.1.2.3", "localhost", "fd00::1"])
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in found.get_values_for_type(x509.IPAddress)] == ["10.1.2.3", "fd00::1"]
    assert len(list(found)) == 3


@pytest.mark.parametrize(("kind", "more"), [("client", {}), ("device", {}), ("server", {"hosts": ["a"]})])
def test_one_seed_makes_one_certificate(kind: str, more: dict[str, object]) -> None:
    assert certificates.to_pem(leaf(kind, **more)) == certificates.to_pem(leaf(kind, **more))
    again = certificates.make_authority(ROOT_KEY, common_name="isfahan root", serial=7, now=NOW)
    assert again == AUTHORITY


def test_nothing_outlives_the_authority() -> None:
    last = AUTHORITY.not_valid_after_utc - timedelta(days=730)
    assert leaf("client", last).not_valid_after_utc == AUTHORITY.not_valid_after_utc
    with pytest.raises(AuthorityEnding) as refused:
        leaf("client", last + timedelta(seconds=1))
    assert refused.value.data == {"authority_ends": AUTHORITY.not_valid_after_utc.isoformat()}


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadSetting, match="zone"):
        certificates.make_authority(ROOT_KEY, common_name="x", serial=1, now=NOW.replace(tzinfo=None))


def test_pem_there_and_back() -> None:
    pem = certificates.to_pem(AUTHORITY)
    assert pem == AUTHORITY.public_bytes(serialization.Encoding.PEM)
    assert certificates.from_pem(pem) == AUTHORITY
    with pytest.raises(BadSetting, match="PEM"):
        certificates.from_pem(b"x")


@pytest.mark.parametrize(
    ("random_bytes", "serial"), [(bytes(16), 1), (b"\xff" * 16, (1 << 127) - 1), (b"\x00" * 15 + b"\x04", 3)]
)
def test_a_serial_is_positive_and_fits(random_bytes: bytes, serial: int) -> None:
    """RFC 5280: positive, at most 20 octets."""
    assert certificates.serial_from(random_bytes) == serial
