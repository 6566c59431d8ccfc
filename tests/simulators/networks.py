"""One broker and its clients, real and seeded: Mosquitto behind a proxy a client, and `SimBroker` in virtual time."""

import os
import time
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.wire.topics import Address, Channel
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.mosquitto import Mosquitto
from simulators.network import CuttableProxy
from simulators.seeded.links import SimBroker, SimSession, Wire
from simulators.world import World
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession, Will

CITY, SHARD = "isfahan", "s0"
BUS, OTHER = "bus-0001-d1", "bus-0002-d1"
BACKEND = "backend-s0"
WAIT_S = 60  # far more than any bound here: a crowded machine is slow, not wrong
KEEPALIVE_S = 5  # of the real sessions: the least that the settings allow


def topic(device: str, channel: Channel) -> str:
    return Address(CITY, SHARD, device).topic(channel)


class Session(Protocol):
    """The surface that the real session and its stand-in share."""

    @property
    def connected(self) -> bool: ...
    @property
    def problem(self) -> SavarError | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool: ...


class Client:
    """One session, not started, with what it heard, how its connection changed, and its own way to the broker."""

    def __init__(self, network: "Network", name: str, make: Callable[..., Session]) -> None:
        self.heard: list[Message] = []
        self.changes: list[bool] = []
        self.name = name
        self.session = make(on_message=self.heard.append, on_change=self.changes.append)
        self._network = network

    def cut(self) -> None:
        """Its connection ends, and it finds no other."""
        self._network.cut(self.name)

    def freeze(self) -> None:
        """Nothing passes, and nobody is told."""
        self._network.freeze(self.name)

    def restore(self) -> None:
        """Its way to the broker is as new."""
        self._network.restore(self.name)

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.heard]


class Network(Protocol):
    """What the suite asks of a broker and the ways to it."""

    def client(self, name: str, *subscriptions: str, will: Will | None = None) -> Client: ...
    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until it holds; fail if it never does."""
        ...

    def vanish(self, client: Client) -> None:
        """Its process is killed; the system ends its connection."""
        ...

    def crash(self) -> None: ...
    def restart(self) -> None: ...
    def cut(self, name: str) -> None: ...
    def freeze(self, name: str) -> None: ...
    def restore(self, name: str) -> None: ...


class RealNetwork:
    """Mosquitto as a child process, over the folder of a city."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._cables: dict[str, CuttableProxy] = {}
        self._made: list[Session] = []
        self.crash, self.restart = broker.kill, broker.restart

    def client(self, name: str, *subscriptions: str, will: Will | None = None) -> Client:
        if name not in self._cables:
            self._cables[name] = CuttableProxy("127.0.0.1", self._broker.port)
            self._cables[name].start()
        config = self._config(name)

        def make(**given: Callable[..., None]) -> Session:
            session = MqttSession(config, client_id=name, subscriptions=subscriptions, will=will, **given)
            self._made.append(session)
            return session

        return Client(self, name, make)

    def _config(self, name: str) -> BrokerConfig:
        root = self._broker.root
        file = root / "backend" / "backend.toml" if name == BACKEND else root / "devices" / name / "validator.toml"
        given = BrokerConfig(**tomllib.loads(file.read_text())["broker"]).resolved(file.parent)
        return given.model_copy(
            update={"host": "127.0.0.1", "port": self._cables[name].port, "keepalive_s": KEEPALIVE_S,
                    "reconnect_min_s": 0.05, "reconnect_max_s": 0.5}
        )  # fmt: skip

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, [str(session.problem) for session in self._made]
            time.sleep(0.005)

    def vanish(self, client: Client) -> None:
        self._cables[client.name].cut()
        client.session.stop()
        self._cables[client.name].restore()

    def cut(self, name: str) -> None:
        self._cables[name].cut()

    def freeze(self, name: str) -> None:
        self._cables[name].freeze()

    def restore(self, name: str) -> None:
        self._cables[name].restore()

    def close(self) -> None:
        for session in self._made:
            session.stop()
        for cable in self._cables.values():
            cable.stop()


class SeededNetwork:
    """The seeded city's broker and wires; time passes when somebody waits."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, 1_750_000_000_000)
        self.broker = SimBroker(self.world)
        self._wires: dict[str, Wire] = {}
        self._made: list[tuple[str, SimSession]] = []
        self.crash, self.restart = self.broker.crash, self.broker.restart

    def client(self, name: str, *subscriptions: str, will: Will | None = None) -> Client:
        wire = self._wires.setdefault(name, Wire(self.world))

        def make(**given: Callable[..., None]) -> Session:
            session = SimSession(self.broker, wire, client_id=name, subscriptions=subscriptions, will=will, **given)
            self._made.append((name, session))
            return session

        return Client(self, name, make)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = self.world.now_ms + 10 * WAIT_S * 1_000
        while not condition():
            assert self.world.now_ms < deadline
            self.world.run_until(self.world.now_ms + 5)

    def vanish(self, client: Client) -> None:
        for session in self._sessions(client.name):
            session.vanish()

    def _sessions(self, name: str) -> Sequence[SimSession]:
        return [session for named, session in self._made if named == name]

    def cut(self, name: str) -> None:
        self._wires[name].up = False
        for session in self._sessions(name):
            session.lose(will=True)

    def freeze(self, name: str) -> None:
        self._wires[name].freeze()

    def restore(self, name: str) -> None:
        self._wires[name].up = True
        self._wires[name].thaw()
        for session in self._sessions(name):
            session.connect_soon()

    def close(self) -> None:
        """Nothing runs."""


def make_city(root: Path) -> Path:
    """A provisioned city with two devices."""
    now = datetime.now(UTC)
    create_city(root, name=CITY, tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    for device in (BUS, OTHER):
        add_device(root, device=device, vehicle=device[:-3], door=1, cameras=[("front", "v4l2:0")], now=now,
                   randomness=os.urandom)  # fmt: skip
    return root
