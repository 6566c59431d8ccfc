"""The embedded broker behind the real MQTT session: delivery, who is refused, who may hear what, and a restart."""

import queue
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.wire.topics import Address, Channel, shard_filter
from provisioning.core.city import identities
from simulators.broker import EmbeddedBroker
from simulators.errors import BrokerNotStarted
from transport.config import BrokerConfig
from transport.errors import BrokerRefused
from transport.mqtt import Message, MqttSession, Will

BUS, OTHER, BACKEND = "bus-0001-d1", "bus-0002-d1", "backend-s0"
PASSWORDS = {name: f"secret of {name}" for name in (BUS, OTHER, BACKEND)}
TAPS = Address("isfahan", "s0", BUS).topic(Channel.TAPS)
RECEIPT = Address("isfahan", "s0", BUS).topic(Channel.RECEIPT)
STATE = Address("isfahan", "s0", BUS).topic(Channel.STATE)
WAIT_S = 20


class Client:
    """A session with a queue for what it hears."""

    def __init__(
        self, broker: EmbeddedBroker, tmp_path: Path, user: str, *filters: str,
        password: str | None = None, client_id: str | None = None, will: Will | None = None,
    ) -> None:  # fmt: skip
        secret = tmp_path / f"{user}.password"
        secret.write_text(password or PASSWORDS[user])
        config = BrokerConfig(
            host="127.0.0.1", port=broker.port, username=user, password_file=secret,
            reconnect_min_s=0.05, reconnect_max_s=0.2,
        )  # fmt: skip
        self.heard: queue.Queue[Message] = queue.Queue()
        self.changes: queue.Queue[bool] = queue.Queue()
        self.session = MqttSession(
            config, client_id=client_id or user, subscriptions=filters, on_message=self.heard.put,
            on_change=self.changes.put, will=will,
        )  # fmt: skip
        self.session.start()

    def connected(self) -> bool:
        return self.session.wait_connected(WAIT_S)

    def sends(self, topic: str, payload: bytes) -> None:
        assert self.session.publish(topic, payload)

    def hears(self) -> bytes:
        return self.heard.get(timeout=WAIT_S).payload


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(PASSWORDS, tmp_path, roles=identities("isfahan", "s0", [BUS, OTHER]))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def clients(broker: EmbeddedBroker, tmp_path: Path) -> Iterator["type[Client]"]:
    made: list[Client] = []

    def make(user: str, *filters: str, **options: object) -> Client:
        made.append(Client(broker, tmp_path, user, *filters, **options))
        return made[-1]

    yield make
    for client in made:
        client.session.stop()


def settle(backend: Client, bus: Client) -> None:
    """Wait until a subscription of the backend's is in force: its echo comes back."""
    for _ in range(WAIT_S * 10):
        bus.sends(TAPS, b"are you there")
        try:
            backend.heard.get(timeout=0.1)
        except queue.Empty:
            continue
        break
    while True:
        try:
            backend.heard.get(timeout=0.3)
        except queue.Empty:
            return


def test_messages_go_both_ways_between_two_users(clients: "type[Client]") -> None:
    backend = clients(BACKEND, shard_filter("isfahan", "s0", Channel.TAPS))
    bus = clients(BUS, RECEIPT)
    assert backend.connected()
    assert bus.connected()
    settle(backend, bus)
    bus.sends(TAPS, b"x" * 450_000)
    assert backend.hears() == b"x" * 450_000
    backend.sends(RECEIPT, b"receipt")
    assert bus.hears() == b"receipt"


@pytest.mark.parametrize(
    ("user", "options"),
    [(BUS, {"password": "wrong"}), ("nobody", {"password": "any"}), (BUS, {"client_id": OTHER})],
    ids=["wrong password", "unknown user", "another's client id"],
)
def test_who_is_not_who_they_say_is_refused(clients: "type[Client]", user: str, options: dict[str, str]) -> None:
    client = clients(user, **options)
    for _ in range(WAIT_S * 100):
        if isinstance(client.session.problem, BrokerRefused):
            break
        client.session.wait_connected(0.01)
    assert isinstance(client.session.problem, BrokerRefused)
    assert not client.session.connected


def test_a_device_speaks_and_hears_under_its_own_address_only(clients: "type[Client]") -> None:
    """The role table is the city's own: a captured bus neither reads nor forges another's taps and receipts."""
    backend = clients(BACKEND, shard_filter("isfahan", "s0", Channel.TAPS))
    bus = clients(BUS, RECEIPT)
    thief = clients(OTHER, RECEIPT, "savar/1/isfahan/s0/+/taps", "#")
    assert all(client.connected() for client in (backend, bus, thief))
    settle(backend, bus)
    thief.sends(TAPS, b"forged")
    thief.sends(RECEIPT, b"forged")
    own = Address("isfahan", "s0", OTHER).topic(Channel.TAPS)
    thief.sends(own, b"own")
    backend.sends(RECEIPT, b"real")
    assert backend.hears() == b"own"
    assert bus.hears() == b"real"
    assert thief.heard.empty()


def test_it_restarts_on_the_same_port_and_sessions_come_back(broker: EmbeddedBroker, clients: "type[Client]") -> None:
    backend = clients(BACKEND, shard_filter("isfahan", "s0", Channel.TAPS))
    bus = clients(BUS, RECEIPT)
    both = (backend, bus)
    assert all(client.connected() for client in both)
    port = broker.port
    broker.stop()
    for client in both:
        assert client.changes.get(timeout=WAIT_S) is True
        assert client.changes.get(timeout=WAIT_S) is False
    broker.start()
    assert broker.port == port
    assert all(client.connected() for client in both)
    settle(backend, bus)
    bus.sends(TAPS, b"after")
    assert backend.hears() == b"after"


def test_passwords_lie_hashed_in_a_file_of_mode_0600(broker: EmbeddedBroker, tmp_path: Path) -> None:
    file = tmp_path / "embedded-broker.passwd"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().splitlines()) == 3
    assert "secret of" not in file.read_text()


def test_a_port_in_use_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = EmbeddedBroker({}, tmp_path, roles=[], port=taken.getsockname()[1])
        with pytest.raises(BrokerNotStarted, match="end what uses that port"):
            broker.start()
        broker.stop()


def test_a_client_that_vanishes_midway_disturbs_nobody(broker: EmbeddedBroker, clients: "type[Client]") -> None:
    for start in (b"", b"\x10", b"\x10\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", broker.port), timeout=10) as rude:
            rude.sendall(start)
    assert clients(BUS).connected()
