"""What a certificate says and for how long: who signs what, who may be taken for whom, and that seeds repeat."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.wire.keys import SigningKey
from provisioning.core import certificates
from provisioning.core.certificates import Issuer
from provisioning.core.errors import AuthorityEnding, BadSetting, NotItsAuthority
from provisioning.core.purposes import Purpose

NOW = datetime(2026, 11, 24, 9, 30, 15, 123_456, tzinfo=UTC)
START = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC)  # a day before: a board's clock may be hours behind
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
ROOT_KEY, LEAF_KEY, BETWEEN_KEY = (SigningKey.from_secret(bytes([number]) * 32) for number in (1, 2, 3))
ROOT = Issuer(certificates.make_root(ROOT_KEY, city="isfahan", serial=7, now=NOW), ROOT_KEY)
USES = {
    Purpose.DEVICE: [CLIENT, SERVER], Purpose.BROKER: [SERVER], Purpose.BACKEND: [CLIENT], Purpose.PEOPLE: [CLIENT],
}  # fmt: skip
BETWEEN = {
    purpose: Issuer(certificates.make_intermediate(BETWEEN_KEY, purpose, serial=9, now=NOW, root=ROOT), BETWEEN_KEY)
    for purpose in Purpose
}


def leaf(purpose: Purpose, now: datetime = NOW, **more: object) -> x509.Certificate:
    return certificates.make_leaf(LEAF_KEY, "bus-1-d1", serial=8, now=now, issuer=BETWEEN[purpose], **more)  # type: ignore[arg-type]


def extension(certificate: x509.Certificate, kind: type) -> object:
    return certificate.extensions.get_extension_for_class(kind).value


def usage(certificate: x509.Certificate) -> set[str]:
    """The uses that are allowed."""
    key_usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert key_usage.critical
    plain = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign")  # fmt: skip
    return {name for name in plain if getattr(key_usage.value, name)}


def basic(certificate: x509.Certificate) -> tuple[bool, bool, int | None]:
    found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    return found.critical, found.value.ca, found.value.path_length


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


CITY = (NameOID.ORGANIZATION_NAME, "isfahan")


def test_the_root_signs_authorities_and_nothing_else() -> None:
    made = ROOT.certificate
    assert usage(made) == {"key_cert_sign", "crl_sign"}
    assert basic(made) == (True, True, 1)
    assert made.serial_number == 7
    assert made.subject == made.issuer == name(CITY, (NameOID.COMMON_NAME, "Savar root"))
    made.verify_directly_issued_by(made)
    assert made.not_valid_before_utc == START
    assert made.not_valid_after_utc == START + timedelta(days=7_301)
    certificates.require_root(made)


@pytest.mark.parametrize("purpose", Purpose)
def test_an_intermediate_signs_its_own_purposes_names_alone(purpose: Purpose) -> None:
    made = BETWEEN[purpose].certificate
    assert usage(made) == {"key_cert_sign", "crl_sign"}
    assert basic(made) == (True, True, 0)
    assert list(extension(made, x509.ExtendedKeyUsage)) == USES[purpose]  # type: ignore[call-overload]
    unit = (NameOID.ORGANIZATIONAL_UNIT_NAME, purpose.value)
    assert made.subject == name(CITY, unit, (NameOID.COMMON_NAME, f"Savar {purpose.value}"))
    limits = made.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees == [x509.DirectoryName(name(CITY, unit))]
    no_host = [x509.DNSName(""), *(x509.IPAddress(ip_network(all_of_it)) for all_of_it in ("0.0.0.0/0", "::/0"))]
    assert limits.value.excluded_subtrees == (None if purpose is Purpose.BROKER else no_host)
    made.verify_directly_issued_by(ROOT.certificate)
    assert made.not_valid_after_utc == START + timedelta(days=3_651)
    certificates.require_intermediate(BETWEEN[purpose], purpose, ROOT.certificate)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_leaf_signs_nothing_and_says_what_it_is_for(purpose: Purpose) -> None:
    above = BETWEEN[purpose].certificate
    made = leaf(purpose)
    assert usage(made) == {"digital_signature"}
    assert basic(made) == (True, False, None)
    assert list(extension(made, x509.ExtendedKeyUsage)) == USES[purpose]  # type: ignore[call-overload]
    assert made.serial_number == 8
    unit = (NameOID.ORGANIZATIONAL_UNIT_NAME, purpose.value)
    assert made.subject == name(CITY, unit, (NameOID.COMMON_NAME, "bus-1-d1"))
    assert made.issuer == above.subject
    made.verify_directly_issued_by(above)
    assert made.public_key() == LEAF_KEY.private.public_key()
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (START, START + timedelta(days=731))
    identifier = extension(above, x509.SubjectKeyIdentifier).digest  # type: ignore[attr-defined]
    assert extension(made, x509.AuthorityKeyIdentifier).key_identifier == identifier  # type: ignore[attr-defined]
    own = x509.SubjectKeyIdentifier.from_public_key(LEAF_KEY.private.public_key())
    assert extension(made, x509.SubjectKeyIdentifier) == own
    with pytest.raises(x509.ExtensionNotFound):
        extension(made, x509.SubjectAlternativeName)


def test_a_server_answers_to_its_hosts_each_once() -> None:
    made = leaf(Purpose.BROKER, hosts=["localhost", "10.1.2.3", "localhost", "fd00::1"])
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in found.get_values_for_type(x509.IPAddress)] == ["10.1.2.3", "fd00::1"]
    assert len(list(found)) == 3


@pytest.mark.parametrize("purpose", Purpose)
def test_one_seed_makes_one_certificate(purpose: Purpose) -> None:
    assert leaf(purpose) == leaf(purpose)
    again = certificates.make_intermediate(BETWEEN_KEY, purpose, serial=9, now=NOW, root=ROOT)
    assert again == BETWEEN[purpose].certificate
    assert certificates.make_root(ROOT_KEY, city="isfahan", serial=7, now=NOW) == ROOT.certificate


def test_nothing_outlives_who_signed_it() -> None:
    above = BETWEEN[Purpose.DEVICE].certificate
    last = above.not_valid_after_utc - timedelta(days=730)
    assert leaf(Purpose.DEVICE, last).not_valid_after_utc == above.not_valid_after_utc
    with pytest.raises(AuthorityEnding) as refused:
        leaf(Purpose.DEVICE, last + timedelta(seconds=1))
    assert refused.value.data == {"authority_ends": above.not_valid_after_utc.isoformat()}
    late = ROOT.certificate.not_valid_after_utc - timedelta(days=3_650) + timedelta(seconds=1)
    with pytest.raises(AuthorityEnding):
        certificates.make_intermediate(BETWEEN_KEY, Purpose.DEVICE, serial=9, now=late, root=ROOT)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("other", Purpose)
def test_an_intermediate_of_one_purpose_is_taken_for_no_other(purpose: Purpose, other: Purpose) -> None:
    """Attack: whoever may make people's certificates puts his intermediate in the place of the devices'."""
    if purpose is other:
        certificates.require_intermediate(BETWEEN[purpose], purpose, ROOT.certificate)
        return
    with pytest.raises(NotItsAuthority, match=f"no intermediate for {other.value}"):
        certificates.require_intermediate(BETWEEN[purpose], other, ROOT.certificate)


def test_an_intermediate_of_another_root_city_or_key_is_refused() -> None:
    device = BETWEEN[Purpose.DEVICE]
    other_key = SigningKey.from_secret(b"x" * 32)
    other = Issuer(certificates.make_root(other_key, city="isfahan", serial=7, now=NOW), other_key)
    shiraz = Issuer(certificates.make_root(ROOT_KEY, city="shiraz", serial=7, now=NOW), ROOT_KEY)
    with pytest.raises(NotItsAuthority, match="not signed by"):
        certificates.require_intermediate(device, Purpose.DEVICE, other.certificate)
    with pytest.raises(NotItsAuthority, match="not signed by"):
        certificates.require_intermediate(device, Purpose.DEVICE, shiraz.certificate)
    with pytest.raises(NotItsAuthority, match="key of device"):
        certificates.require_intermediate(Issuer(device.certificate, LEAF_KEY), Purpose.DEVICE, ROOT.certificate)
    with pytest.raises(NotItsAuthority, match="is no authority"):
        certificates.require_root(device_signed_by_itself())


def device_signed_by_itself() -> x509.Certificate:
    """The intermediate's own key, which signs itself as if it were a root."""
    between = BETWEEN[Purpose.DEVICE]
    return certificates.make_intermediate(
        BETWEEN_KEY, Purpose.DEVICE, serial=9, now=NOW - timedelta(days=1), root=between
    )  # fmt: skip


def test_a_root_signs_no_leaf_and_an_unknown_purpose_none() -> None:
    with pytest.raises(NotItsAuthority):
        certificates.make_leaf(LEAF_KEY, "bus-1-d1", serial=8, now=NOW, issuer=ROOT)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadSetting, match="zone"):
        certificates.make_root(ROOT_KEY, city="x", serial=1, now=NOW.replace(tzinfo=None))


def test_pem_there_and_back() -> None:
    pem = certificates.to_pem(ROOT.certificate)
    assert pem == ROOT.certificate.public_bytes(serialization.Encoding.PEM)
    assert certificates.from_pem(pem) == ROOT.certificate
    both = certificates.to_pem(leaf(Purpose.DEVICE), ROOT.certificate)
    assert x509.load_pem_x509_certificates(both) == [leaf(Purpose.DEVICE), ROOT.certificate]
    assert certificates.from_pem(both) == leaf(Purpose.DEVICE)
    with pytest.raises(BadSetting, match="PEM"):
        certificates.from_pem(b"x")


def test_a_fingerprint_is_sha_256_in_groups_of_four() -> None:
    found = certificates.fingerprint(ROOT.certificate)
    assert len(found.split()) == 16
    assert {len(group) for group in found.split()} == {4}


@pytest.mark.parametrize(
    ("random_bytes", "serial"), [(bytes(16), 1), (b"\xff" * 16, (1 << 127) - 1), (b"\x00" * 15 + b"\x04", 3)]
)
def test_a_serial_is_positive_and_fits(random_bytes: bytes, serial: int) -> None:
    """RFC 5280: positive, at most 20 octets."""
    assert certificates.serial_from(random_bytes) == serial
