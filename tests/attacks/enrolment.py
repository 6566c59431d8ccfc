"""Names, keys and certificates of devices, as they are given out, and what can be made of them."""

import json
import os
import queue
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from protocol.wire.keys import SigningKey
from protocol.wire.topics import Channel
from provisioning.app.devices import add_device
from provisioning.core import certificates
from provisioning.core.errors import DeviceExists, ReservedName
from provisioning.core.purposes import Purpose, subject
from simulators.mosquitto import Mosquitto
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.broker import configured, let_in
from tests.attacks.defence import Defence, gives, off
from tests.integration.test_broker_roles import CITY, DELIVERED_S, A, Town, make_city, topic
from tests.integration.test_purposes import THIEF, issuer, keys, named

BACKEND = "backend-s0"
SILENT_S = 5.0  # what the broker delivers comes within milliseconds; a crowded machine may need more


def _town(ground: Ground) -> Town:
    root = make_city(ground.folder / "city")
    town = Town(root, ground.closing.enter_context(Mosquitto(root)))
    ground.closing.callback(town.close)
    return town


def _enrol(root: Path, device: str) -> Path:
    return add_device(
        root, device=device, vehicle="bus-a", door=1, cameras=[("front", "v4l2:0")], now=datetime.now(UTC),
        randomness=os.urandom,
    )  # fmt: skip


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED,
    off("provisioning.core.names:device_name", lambda _: lambda value: value),
)  # fmt: skip
def device_by_the_backends_name(ground: Ground) -> Outcome:
    """A technician enrols a box under the backend's own name, whose certificate would hear every bus."""
    root = make_city(ground.folder / "city")
    try:
        made = _enrol(root, BACKEND)
    except ReservedName:
        return Outcome.REFUSED
    return refused_if(not (made / "keys" / "tls.crt.pem").exists())


@attack(Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off("provisioning.app.devices:require_new", gives(None)))
def second_key_under_one_name(ground: Ground) -> Outcome:
    """A box that is out on its bus is enrolled once more, so that what it still signs is disowned."""
    root = make_city(ground.folder / "city")
    registered = root / "backend" / "registry" / f"{A}.json"
    before = json.loads(registered.read_text())["tap_key"]
    (root / "devices" / A).rename(ground.folder / "carried to the bus")
    try:
        _enrol(root, A)
    except DeviceExists:
        return Outcome.REFUSED
    return refused_if(json.loads(registered.read_text())["tap_key"] == before)


def _signs_others(leaf: Callable[..., x509.CertificateBuilder]) -> Callable[..., x509.CertificateBuilder]:
    def made(*given: Any, **more: Any) -> x509.CertificateBuilder:
        builder = leaf(*given, **more)
        kept = [it for it in builder._extensions if not isinstance(it.value, x509.BasicConstraints | x509.KeyUsage)]
        builder._extensions = kept
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        authority = x509.BasicConstraints(ca=True, path_length=None)
        return builder.add_extension(authority, critical=True).add_extension(usage, critical=True)

    return made


def _of_any_depth(signing: Callable[..., x509.CertificateBuilder]) -> Callable[..., x509.CertificateBuilder]:
    return lambda builder, *, path_length: signing(builder, path_length=None)


def _no_list(mosquitto_conf: Callable[..., str]) -> Callable[..., str]:
    def text(**settings: object) -> str:
        return "".join(it for it in mosquitto_conf(**settings).splitlines(True) if not it.startswith("crlfile "))

    return text


WITHOUT_LISTS = Defence("provisioning.core.broker_config:mosquitto_conf", _no_list, "crlfile")
"""The broker asks for a list of who signed a client, and a device has none."""


@attack(
    Surface.ENROLMENT, Who.VALIDATOR, Outcome.REFUSED, off("provisioning.core.certificates:_leaf", _signs_others),
    off("provisioning.core.certificates:_signing", _of_any_depth),
    off("provisioning.core.certificates:_require_signs", gives(None)), WITHOUT_LISTS,
)  # fmt: skip
def backend_signed_by_a_device(ground: Ground) -> Outcome:
    """A thief signs himself the backend's certificate with the TLS key of a stolen validator, and calls the broker."""
    town = _town(ground)
    root = town.root
    keys, own = root / "devices" / A / "keys", SigningKey.from_secret(os.urandom(32))
    certificate = (keys / "tls.crt.pem").read_bytes()
    earlier = datetime.now(UTC) - timedelta(hours=1)  # it may not outlast the one that signs it
    signer = certificates.Issuer(
        certificates.from_pem(certificate), SigningKey.from_pem((keys / "tls.key.pem").read_bytes())
    )
    forged = certificates.make_leaf(own, BACKEND, serial=99, now=earlier, issuer=signer)
    mixed = ground.folder / "thief"
    mixed.mkdir()
    (mixed / "ca.crt.pem").write_bytes((keys / "ca.crt.pem").read_bytes())
    (mixed / "tls.crt.pem").write_bytes(certificates.to_pem(forged) + certificate)
    (mixed / "tls.key.pem").write_bytes(own.to_pem())
    honest = town.client(A, [])
    assert honest.session.wait_connected(DELIVERED_S)
    thief = town.client(BACKEND, [], keys=mixed)
    return refused_if(not let_in(town, thief))


def _may_sign_everything(_: object) -> Callable[..., x509.NameConstraints]:
    anybody = [x509.DirectoryName(x509.Name([]))]
    return lambda city, purpose: x509.NameConstraints(permitted_subtrees=anybody, excluded_subtrees=None)


def _gets_in(town: Town, folder: Path, name: str, *chain: x509.Certificate) -> bool:
    """Whether the broker lets somebody in by this chain under a key of his own, and gives him a bus's taps to hear."""
    keys(folder, town.root, *chain)
    thief = town.client(name, [topic(A, Channel.TAPS)], keys=folder)
    bus = town.client(A, [])
    assert bus.session.wait_connected(DELIVERED_S), bus.session.problem
    if not let_in(town, thief):
        return False
    bus.session.publish(topic(A, Channel.TAPS), b"a tap")
    try:
        return thief.got.get(timeout=SILENT_S) == (topic(A, Channel.TAPS), b"a tap")
    except queue.Empty:
        return False


@attack(
    Surface.ENROLMENT, Who.CITY, Outcome.REFUSED, off("provisioning.core.purposes:constraints", _may_sign_everything)
)
def backend_signed_by_the_peoples_office(ground: Ground) -> Outcome:
    """Whoever broke into the office that keeps the people's intermediate signs himself the backend's whole name."""
    town = _town(ground)
    people = issuer(town.root, Purpose.PEOPLE)
    forged = named(people, subject(CITY, Purpose.BACKEND, BACKEND))
    return refused_if(not _gets_in(town, ground.folder / "thief", BACKEND, forged, people.certificate))


@attack(
    Surface.ENROLMENT,
    Who.TECHNICIAN,
    Outcome.REFUSED,
    off("provisioning.core.purposes:user_name", lambda _: lambda city, purpose, name: name),
    configured(use_subject_as_username="false\nuse_identity_as_username true"),
)
def backend_signed_at_the_bench(ground: Ground) -> Outcome:
    """The bench where devices are enrolled signs a certificate of the backend's name with the devices' intermediate."""
    town = _town(ground)
    bench = issuer(town.root, Purpose.DEVICE)
    forged = certificates.make_leaf(THIEF, BACKEND, serial=5, now=datetime.now(UTC), issuer=bench)
    return refused_if(not _gets_in(town, ground.folder / "thief", BACKEND, forged, bench.certificate))
