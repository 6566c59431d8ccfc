"""Identity × topic at a real Mosquitto, proven by delivery: a SUBACK or a PUBACK proves nothing (P12, P13)."""

import os
import queue
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.fares.tariff import Tariff
from protocol.wire.topics import Address, Channel, shard_filter
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.mosquitto import Mosquitto, MosquittoFailed
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession

pytestmark = pytest.mark.integration

CITY, SHARD = "testabad", "s0"
A, B = "bus-a-d1", "bus-b-d1"
DELIVERED_S = 10.0  # loopback takes milliseconds; a crowded machine may need more


class Client:
    """One identity with what it received."""

    def __init__(self, folder: Path, port: int, name: str, subscriptions: list[str], *, client_id: str = "") -> None:
        self.got: queue.Queue[tuple[str, bytes]] = queue.Queue()
        config = BrokerConfig(
            host="127.0.0.1", port=port, ca=folder / "ca.crt.pem", cert=folder / "tls.crt.pem",
            key=folder / "tls.key.pem", reconnect_min_s=0.1, reconnect_max_s=0.2,
        )  # fmt: skip
        self.session = MqttSession(
            config, client_id=client_id or name, subscriptions=subscriptions, on_message=self._came
        )
        self.session.start()

    def _came(self, message: Message) -> None:
        self.got.put((message.topic, message.payload))

    def next(self) -> tuple[str, bytes]:
        return self.got.get(timeout=DELIVERED_S)


class Town:
    """A broker and the folders of its identities."""

    def __init__(self, root: Path, broker: Mosquitto) -> None:
        self.root = root
        self.broker = broker
        self._open: list[Client] = []

    def client(self, name: str, subscriptions: list[str], *, client_id: str = "", keys: Path | None = None) -> Client:
        default = self.root / ("backend" if name.startswith("backend") else f"devices/{name}") / "keys"
        made = Client(keys or default, self.broker.port, name, subscriptions, client_id=client_id)
        self._open.append(made)
        return made

    def close(self) -> None:
        for client in self._open:
            client.session.stop()


def make_city(root: Path) -> Path:
    now = datetime.now(UTC)
    create_city(root, name=CITY, shard=SHARD, tariff=Tariff(1, 1000), now=now, randomness=os.urandom)
    for device in (A, B):
        add_device(
            root, device=device, vehicle=device[:-3], door=1, cameras=[("front", "v4l2:0")], now=now,
            randomness=os.urandom,
        )  # fmt: skip
    return root


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    root = make_city(tmp_path / "a city")  # a space in the path: mosquitto.conf has no quotes
    with Mosquitto(root) as broker:
        made = Town(root, broker)
        yield made
        made.close()


def topic(device: str, channel: Channel) -> str:
    return Address(CITY, SHARD, device).topic(channel)


def everything() -> list[str]:
    return ["#", "savar/#", *(topic(device, channel) for device in (A, B) for channel in Channel)]


def test_a_device_says_its_own_and_the_backend_hears_it(town: Town) -> None:
    backend = town.client(
        "backend-s0", [shard_filter(CITY, SHARD, c) for c in (Channel.TAPS, Channel.HEALTH, Channel.STATE)]
    )
    device = town.client(A, [])
    assert backend.session.wait_connected(DELIVERED_S)
    assert device.session.wait_connected(DELIVERED_S)
    for channel in (Channel.TAPS, Channel.HEALTH, Channel.STATE):
        assert device.session.publish(topic(A, channel), channel.value.encode())
        assert backend.next() == (topic(A, channel), channel.value.encode())


def test_the_backend_answers_each_device_and_nobody_elses_hears_it(town: Town) -> None:
    listening = {device: town.client(device, everything()) for device in (A, B)}
    backend = town.client("backend-s0", [])
    for session in (backend.session, *(client.session for client in listening.values())):
        assert session.wait_connected(DELIVERED_S)
    for device in (A, B, A, B):
        backend.session.publish(topic(device, Channel.RECEIPT), device.encode())
    for device, client in listening.items():
        # Both of its own, and the second arrives only after the other device's would have.
        assert [client.next()[1] for _ in range(2)] == [device.encode()] * 2
        assert client.got.empty()


def test_a_device_cannot_speak_for_another_nor_for_the_backend(town: Town) -> None:
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, c) for c in (Channel.TAPS, Channel.STATE)])
    other = town.client(B, everything())
    device = town.client(A, [])
    for client in (backend, other, device):
        assert client.session.wait_connected(DELIVERED_S)
    for forged in (
        topic(B, Channel.TAPS),
        topic(B, Channel.STATE),
        topic(B, Channel.RECEIPT),
        topic(A, Channel.RECEIPT),
    ):
        device.session.publish(forged, b"forged")
    device.session.publish(topic(A, Channel.TAPS), b"its own, last")
    assert backend.next() == (topic(A, Channel.TAPS), b"its own, last")
    backend.session.publish(topic(B, Channel.RECEIPT), b"genuine")
    assert other.next() == (topic(B, Channel.RECEIPT), b"genuine")
    assert backend.got.empty()
    assert other.got.empty()


def test_a_device_hears_nobodys_taps(town: Town) -> None:
    listening = town.client(A, everything())
    speaking = town.client(B, [])
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    for client in (listening, speaking, backend):
        assert client.session.wait_connected(DELIVERED_S)
    speaking.session.publish(topic(B, Channel.TAPS), b"taps of b")
    assert backend.next()[1] == b"taps of b"
    backend.session.publish(topic(A, Channel.RECEIPT), b"after it")
    assert listening.next() == (topic(A, Channel.RECEIPT), b"after it")


def test_the_broker_says_no_secret(town: Town) -> None:
    """What it logs is of people's interest: names that came and went, no key, no payload."""
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    device = town.client(A, [])
    for client in (backend, device):
        assert client.session.wait_connected(DELIVERED_S)
    device.session.publish(topic(A, Channel.TAPS), b"what a rider did")
    assert backend.next()[1] == b"what a rider did"
    said = town.broker.log_text()
    assert A in said
    assert "what a rider did" not in said
    for key in town.root.rglob("*.key.pem"):
        assert key.read_text().splitlines()[1] not in said


def test_killed_and_started_again_on_its_port_it_serves_the_same_clients(town: Town) -> None:
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    device = town.client(A, [])
    for client in (backend, device):
        assert client.session.wait_connected(DELIVERED_S)
    port = town.broker.port
    town.broker.kill()
    town.broker.restart()
    assert town.broker.port == port
    again = town.client(B, [])
    assert again.session.wait_connected(DELIVERED_S)
    # The sessions from before come back by themselves; until both have, a tap goes nowhere and is sent again.
    for _ in range(100):
        device.session.publish(topic(A, Channel.TAPS), b"again")
        try:
            assert backend.got.get(timeout=DELIVERED_S / 100) == (topic(A, Channel.TAPS), b"again")
        except queue.Empty:
            continue
        return
    raise AssertionError("the backend never heard the device again")


def test_without_mosquitto_the_test_fails_and_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never skipped: a skipped proof proves nothing."""
    monkeypatch.setattr("simulators.mosquitto.shutil.which", lambda *_a, **_n: None)
    with pytest.raises(MosquittoFailed, match="make system"), Mosquitto(make_city(tmp_path / "city")):
        pass


def test_a_certificate_of_another_authority_is_refused(town: Town, tmp_path: Path) -> None:
    stranger = make_city(tmp_path / "other") / "devices" / A / "keys"
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("tls.crt.pem", "tls.key.pem"):
        (mixed / name).write_bytes((stranger / name).read_bytes())
    (mixed / "ca.crt.pem").write_bytes((town.root / "devices" / A / "keys" / "ca.crt.pem").read_bytes())
    honest = town.client(B, [])
    client = town.client(A, [], keys=mixed)
    assert honest.session.wait_connected(DELIVERED_S)
    assert not client.session.wait_connected(3)
    assert client.session.problem is not None


def test_a_client_without_a_certificate_gets_nowhere(town: Town) -> None:
    keys = town.root / "devices" / A / "keys"
    context = ssl.create_default_context(cafile=str(keys / "ca.crt.pem"))
    assert answer_to_hello(context, town.broker.port) == b""
    context.load_cert_chain(keys / "tls.crt.pem", keys / "tls.key.pem")  # the same hello, so only this was missing
    assert answer_to_hello(context, town.broker.port) == b"\x20\x02\x00\x00"


def answer_to_hello(context: ssl.SSLContext, port: int) -> bytes:
    """What the broker says to a CONNECT. With TLS 1.3 a missing certificate shows only at the first read."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=DELIVERED_S) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as tls,
        ):
            tls.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00")
            return tls.recv(4)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_a_valid_certificate_cannot_evict_another_device_by_its_client_id(town: Town) -> None:
    """The client id is forced to the certificate's name."""
    victim = town.client(A, [topic(A, Channel.RECEIPT)])
    backend = town.client("backend-s0", [])
    assert victim.session.wait_connected(DELIVERED_S)
    assert backend.session.wait_connected(DELIVERED_S)
    attacker = town.client(B, [], client_id=A)
    assert attacker.session.wait_connected(DELIVERED_S)
    backend.session.publish(topic(A, Channel.RECEIPT), b"still here")
    assert victim.next() == (topic(A, Channel.RECEIPT), b"still here")
    assert victim.session.connected
