"""A certificate serves the purpose that its authority was made for, and no other: at a real Mosquitto, by delivery (P13).

Each attack holds a real intermediate of the city, as whoever broke into the office that keeps it would.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import Authority
from provisioning.core import certificates
from provisioning.core.certificates import Issuer
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose
from simulators.mosquitto import Mosquitto, free_port
from tests.integration.test_broker_roles import DELIVERED_S, Client
from transport.mqtt import MqttSession

pytestmark = pytest.mark.integration

DEVICE, OTHER = "bus-0001-d1", "bus-0002-d1"
TAPS = f"savar/1/isfahan/s0/{DEVICE}/taps"
RECEIPT = f"savar/1/isfahan/s0/{DEVICE}/receipt"
NOW = datetime.now(UTC)
THIEF = SigningKey.from_secret(b"t" * 32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("purposes") / "city"
    create_city(made, name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    for device in (DEVICE, OTHER):
        add_device(made, device=device, vehicle=device[:8], door=1, cameras=[("f", "v4l2:0")], now=NOW,
                   randomness=os.urandom)  # fmt: skip
    return made


@pytest.fixture(scope="module")
def broker(root: Path) -> Iterator[Mosquitto]:
    with Mosquitto(root) as running:
        yield running


def issuer(root: Path, purpose: Purpose) -> Issuer:
    return Authority.load(AuthorityFolder(root / "authority"), NOW, os.urandom).issuer(purpose)


def keys(folder: Path, root: Path, *chain: x509.Certificate, key: SigningKey = THIEF) -> Path:
    """A folder as a device has it, with this chain."""
    folder.mkdir()
    (folder / "tls.crt.pem").write_bytes(certificates.to_pem(*chain))
    (folder / "tls.key.pem").write_bytes(key.to_pem())
    (folder / "ca.crt.pem").write_bytes((root / "authority" / "root.crt.pem").read_bytes())
    return folder


def named(above: Issuer, name: x509.Name, key: SigningKey = THIEF, *, authority: bool = False) -> x509.Certificate:
    """What an intermediate's key can sign if no code of ours is asked: any name, for any use."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(above.certificate.subject)
        .public_key(key.private.public_key())
        .serial_number(4)
        .not_valid_before(above.certificate.not_valid_before_utc)
        .not_valid_after(above.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(above.key.private, hashes.SHA256())
    )


def full_name(unit: str, name: str) -> x509.Name:
    parts = (
        (NameOID.ORGANIZATION_NAME, "isfahan"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, name),
    )
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


@contextmanager
def connected(broker: Mosquitto, folder: Path, name: str, topics: list[str]) -> Iterator[Client]:
    client = Client(folder, broker.port, name, topics)
    try:
        yield client
    finally:
        client.session.stop()


@contextmanager
def city_at_work(root: Path, broker: Mosquitto) -> Iterator[tuple[Client, Client]]:
    """The true backend and the true device, both listening."""
    with (
        connected(broker, root / "backend" / "keys", "backend-s0", ["savar/1/isfahan/s0/+/taps"]) as backend,
        connected(broker, root / "devices" / DEVICE / "keys", DEVICE, [RECEIPT]) as device,
    ):
        assert backend.session.wait_connected(DELIVERED_S), backend.session.problem
        assert device.session.wait_connected(DELIVERED_S), device.session.problem
        yield backend, device


def test_the_citys_own_certificates_serve_their_purpose(root: Path, broker: Mosquitto) -> None:
    """The control of all below: by the same path, what is not an attack is delivered."""
    with city_at_work(root, broker) as (backend, device):
        assert device.session.publish(TAPS, b"tap")
        assert backend.next() == (TAPS, b"tap")
        assert backend.session.publish(RECEIPT, b"receipt")
        assert device.next() == (RECEIPT, b"receipt")


@pytest.mark.parametrize("purpose", [Purpose.PEOPLE, Purpose.BACKEND])
def test_a_certificate_of_the_people_or_backend_intermediate_is_no_device(
    root: Path, broker: Mosquitto, tmp_path: Path, purpose: Purpose
) -> None:
    """Named exactly like the bus: it may come in, and its taps reach nobody."""
    above = issuer(root, purpose)
    fake = certificates.make_leaf(THIEF, DEVICE, serial=5, now=NOW, issuer=above)
    folder = keys(tmp_path / "fake", root, fake, above.certificate)
    with city_at_work(root, broker) as (backend, device), connected(broker, folder, DEVICE, [RECEIPT]) as thief:
        assert thief.session.wait_connected(DELIVERED_S), thief.session.problem
        assert thief.session.publish(TAPS, b"forged")
        assert backend.session.publish(RECEIPT, b"receipt")
        assert device.next() == (RECEIPT, b"receipt")
        assert device.session.publish(TAPS, b"true")
        assert backend.next() == (TAPS, b"true")  # and nothing before it
        assert thief.got.empty()
        assert device.session.connected  # nobody took its place


def test_a_devices_certificate_is_no_backend(root: Path, broker: Mosquitto, tmp_path: Path) -> None:
    above = issuer(root, Purpose.DEVICE)
    fake = certificates.make_leaf(THIEF, "backend-s0", serial=5, now=NOW, issuer=above)
    folder = keys(tmp_path / "fake", root, fake, above.certificate)
    everything = ["savar/1/isfahan/s0/+/taps", "#"]
    with city_at_work(root, broker) as (backend, device), connected(broker, folder, "backend-s0", everything) as thief:
        assert thief.session.wait_connected(DELIVERED_S), thief.session.problem
        assert thief.session.publish(RECEIPT, b"forged")
        assert device.session.publish(TAPS, b"tap")
        assert backend.next() == (TAPS, b"tap")
        assert backend.session.publish(RECEIPT, b"true")
        assert device.next() == (RECEIPT, b"true")  # and nothing before it
        assert thief.got.empty()


def refused(broker: Mosquitto, folder: Path) -> bool:
    """Whether the broker lets nobody in with these keys, while it lets others in."""
    with connected(broker, folder, "x", []) as thief:
        seen = len(broker.log_text())
        assert not thief.session.wait_connected(2)
        return "error:" in broker.log_text()[max(0, seen - 2_000) :]


def test_a_people_intermediate_that_signs_a_devices_whole_name_is_refused(
    root: Path, broker: Mosquitto, tmp_path: Path
) -> None:
    """Attack: the intermediate's key without our code. Its own certificate says what names it may sign."""
    people, device = issuer(root, Purpose.PEOPLE), issuer(root, Purpose.DEVICE)
    honest = keys(tmp_path / "honest", root, named(device, full_name("device", DEVICE)), device.certificate)
    with connected(broker, honest, DEVICE, []) as control:
        assert control.session.wait_connected(DELIVERED_S), control.session.problem
    forged = named(people, full_name("device", DEVICE))
    assert refused(broker, keys(tmp_path / "forged", root, forged, people.certificate))


def test_a_leaf_that_signs_a_leaf_is_refused(root: Path, broker: Mosquitto, tmp_path: Path) -> None:
    """Attack: one bus's key makes another bus."""
    between = issuer(root, Purpose.DEVICE)
    folder = root / "devices" / OTHER / "keys"
    leaf = certificates.from_pem((folder / "tls.crt.pem").read_bytes())
    own = Issuer(leaf, SigningKey.from_pem((folder / "tls.key.pem").read_bytes()))
    forged = certificates.make_leaf(THIEF, DEVICE, serial=5, now=NOW.replace(year=NOW.year - 1), issuer=own)
    assert refused(broker, keys(tmp_path / "forged", root, forged, leaf, between.certificate))


def test_an_intermediate_that_signs_an_intermediate_is_refused(root: Path, broker: Mosquitto, tmp_path: Path) -> None:
    """Attack: an authority of one's own, below the city's. (One of the same name is the same authority, RFC 5280 §4.2.1.9.)"""
    between = issuer(root, Purpose.DEVICE)
    below = Issuer(named(between, full_name("device", "Savar bench"), authority=True), THIEF)
    forged = named(below, full_name("device", DEVICE))
    chain = (forged, below.certificate, between.certificate)
    assert refused(broker, keys(tmp_path / "forged", root, *chain))


def test_a_device_intermediate_that_names_the_brokers_host_is_not_taken_for_the_broker(
    root: Path, tmp_path: Path
) -> None:
    """Attack: the bench's intermediate signs a server of its own, and the buses' network is led there."""
    between = issuer(root, Purpose.DEVICE)
    forged = certificates.make_leaf(
        THIEF, "broker", serial=5, now=NOW, issuer=between, hosts=["localhost", "127.0.0.1"]
    )
    true = root / "broker" / "broker.crt.pem"
    kept = true.read_bytes(), (root / "broker" / "broker.key.pem").read_bytes()
    fake_city = tmp_path / "fake"
    create_city(fake_city, name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=Random(5).randbytes)
    for public in ("ca.crt.pem", "crl.pem"):  # without the city's lists it would admit none of the city's devices
        (fake_city / "broker" / public).write_bytes((root / "broker" / public).read_bytes())
    for chain, key, comes_in in (((forged, between.certificate), THIEF.to_pem(), False), (None, kept[1], True)):
        pem = kept[0] if chain is None else certificates.to_pem(*chain)
        (fake_city / "broker" / "broker.crt.pem").write_bytes(pem)
        (fake_city / "broker" / "broker.key.pem").write_bytes(key)
        with (
            Mosquitto(fake_city, port=free_port()) as fake,
            connected(fake, root / "devices" / DEVICE / "keys", DEVICE, []) as device,
        ):
            assert device.session.wait_connected(DELIVERED_S if comes_in else 2) is comes_in
            if not comes_in:
                assert _said(device.session)


def _said(session: MqttSession) -> bool:
    return "permitted subtree violation" in str(session.problem) or "excluded subtree violation" in str(session.problem)
