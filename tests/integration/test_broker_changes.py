"""What a change of roles, an unenrolled device and an oversized packet meet at a real Mosquitto (P3, P13)."""

import json
import os
import queue
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.fares.tariff import Tariff
from protocol.limits import BATCH_MAX_BYTES
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.mosquitto import Mosquitto
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession

pytestmark = pytest.mark.integration

WAIT_S = 20
A, B, STRANGER = "bus-0001-d1", "bus-0002-d1", "bus-0003-d1"
BASE = "savar/1/isfahan/s0"
CONTROL = "$CONTROL/dynamic-security/v1"


class Client:
    """One identity's session, with what it heard and whether it was lost."""

    def __init__(self, config: BrokerConfig, identity: str, subscriptions: list[str]) -> None:
        self.heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.lost = threading.Event()
        self.session = MqttSession(
            config, client_id=identity, subscriptions=subscriptions, on_message=self.heard.put,
            on_change=self._changed,
        )  # fmt: skip
        self.session.start()
        assert self.session.wait_connected(WAIT_S), self.session.problem

    def _changed(self, connected: bool) -> None:  # noqa: FBT001 - as the session calls it
        if not connected:
            self.lost.set()

    def say(self, topic: str, payload: bytes = b"x") -> None:
        """Publish and wait for the acknowledgement: then the broker has routed or refused it.

        What the broker sent to this client before is then read too, since both come over one connection in order.
        """
        sent = self.session._client.publish(topic, payload, qos=1)
        sent.wait_for_publish(WAIT_S)
        assert sent.is_published()

    def took(self) -> set[str]:
        """Topics heard until now, once everything under way has come in."""
        self.say(f"{BASE}/nobody/nothing")
        topics = set()
        while not self.heard.empty():
            topics.add(self.heard.get().topic)
        return topics


def _credentials(root: Path, identity: str) -> BrokerConfig:
    """[broker] of an identity; the admin has a certificate but no configuration file."""
    config = root / "backend" / "backend.toml"
    if identity not in ("backend-s0", "admin"):
        config = root / "devices" / identity / "validator.toml"
    broker = BrokerConfig(**tomllib.loads(config.read_text())["broker"])
    if identity == "admin":
        folder = root / "broker"
        own = {name: folder / f"admin.{ending}.pem" for name, ending in (("cert", "crt"), ("key", "key"))}
        return broker.model_copy(update={"ca": folder / "ca.crt.pem", **own})
    return broker.resolved(config.parent)


def _city(root: Path, *devices: str) -> Path:
    now = datetime.now(UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 40_000), now=now, randomness=os.urandom)
    for device in devices:
        _enrol(root, device)
    return root


def _enrol(root: Path, device: str) -> None:
    add_device(
        root,
        device=device,
        vehicle=device[:8],
        door=1,
        cameras=[("front", "v4l2:0")],
        now=datetime.now(UTC),
        randomness=os.urandom,
    )


Connect = Callable[..., Client]


@contextmanager
def _connecting(running: Mosquitto) -> Iterator[Connect]:
    clients: list[Client] = []

    def inner(identity: str, subscriptions: list[str] | None = None) -> Client:
        client = Client(_credentials(running.root, identity), identity, subscriptions or [])
        clients.append(client)
        return client

    try:
        yield inner
    finally:
        for client in clients:
            client.session.stop()


def test_a_certificate_without_a_role_says_nothing_until_the_broker_knows_it(tmp_path: Path) -> None:
    """P12: a valid certificate alone opens no topic."""
    with Mosquitto(_city(tmp_path / "city", A)) as broker:
        _enrol(broker.root, B)
        for delivered in (set(), {f"{BASE}/{B}/taps"}):
            with _connecting(broker) as connect:
                backend = connect("backend-s0", [f"{BASE}/+/taps"])
                connect(B).say(f"{BASE}/{B}/taps")
                assert backend.took() == delivered
            broker.restart()


def test_a_full_batch_passes_and_a_larger_packet_ends_its_connection(tmp_path: Path) -> None:
    """P3: what is too large is not acknowledged and dropped in silence."""
    with Mosquitto(_city(tmp_path / "city", A)) as broker, _connecting(broker) as connect:
        backend, device = connect("backend-s0", [f"{BASE}/+/taps"]), connect(A)
        device.say(f"{BASE}/{A}/taps", bytes(BATCH_MAX_BYTES))
        assert backend.took() == {f"{BASE}/{A}/taps"}
        sent = device.session._client.publish(f"{BASE}/{A}/taps", bytes(BATCH_MAX_BYTES + 1_000), qos=1)
        assert device.lost.wait(WAIT_S)
        assert not sent.is_published()
        assert backend.took() == set()


def test_a_role_taken_away_stays_away_when_another_device_is_enrolled(tmp_path: Path) -> None:
    """P13; and a device enrolled while the broker runs is heard after its restart."""
    with Mosquitto(_city(tmp_path / "city", A, B)) as broker:
        with _connecting(broker) as connect:
            admin = connect("admin", [f"{CONTROL}/response"])
            command = {"command": "removeClientRole", "username": f"CN={B},OU=device,O=isfahan", "rolename": B}
            admin.say(CONTROL, json.dumps({"commands": [command]}).encode())
            answer = json.loads(admin.heard.get(timeout=WAIT_S).payload)
            assert answer["responses"] == [{"command": "removeClientRole"}]
        _enrol(broker.root, STRANGER)
        broker.restart()
        with _connecting(broker) as connect:
            backend = connect("backend-s0", [f"{BASE}/+/taps"])
            for device in (A, B, STRANGER):
                connect(device).say(f"{BASE}/{device}/taps")
            assert backend.took() == {f"{BASE}/{A}/taps", f"{BASE}/{STRANGER}/taps"}
