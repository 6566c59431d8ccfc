"""Two doors of one bus on loopback, with certificates of a provisioned city and a cable that can be cut or frozen."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from edge.app.config import load_config
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.pairs import pair_doors
from simulators.mosquitto import free_port
from simulators.network import CuttableProxy
from simulators.seeded.cable import SimLink, SimPeer
from simulators.world import World
from transport.config import PeerConfig
from transport.peer import PeerSession

LISTENING, CALLING = "bus-0001-d1", "bus-0001-d2"
STRANGER = "bus-0002-d1"
SIDES = (LISTENING, CALLING)
WAIT_S = 60  # far more than any bound here: a crowded machine is slow, not wrong


class Session(Protocol):
    """The surface that the real link and any stand-in share."""

    @property
    def connected(self) -> bool: ...
    @property
    def problem(self) -> SavarError | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def send(self, data: bytes) -> bool: ...


class Door:
    """One end, with what it heard and how its connection changed. Nothing is started."""

    def __init__(self, make: Callable[..., Session]) -> None:
        self.heard: list[bytes] = []
        self.changes: list[bool] = []
        self.session = make(on_message=self.heard.append, on_change=self.changes.append)


class Bus(Protocol):
    """What the contract suite asks of a pair of doors. A stand-in fills it in simulated time."""

    def door(self, side: str) -> Door:
        """A new end, in place of an earlier one that was stopped or never started."""
        ...

    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until it holds; fail if it never does."""
        ...

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        ...

    def cut(self) -> None:
        """The cable is out."""
        ...

    def freeze(self) -> None:
        """Nothing passes, and nobody is told."""
        ...

    def restore(self) -> None:
        """The cable is as new."""
        ...


class LoopbackBus:
    """The real link, over a proxy."""

    def __init__(self, configs: dict[str, PeerConfig]) -> None:
        port = free_port()
        self.cable = CuttableProxy("127.0.0.1", port)
        self.cable.start()
        self.configs = {
            LISTENING: configs[LISTENING].model_copy(update={"listen": f"127.0.0.1:{port}"}),
            CALLING: configs[CALLING].model_copy(update={"dial": f"127.0.0.1:{self.cable.port}"}),
        }
        self._made: list[Session] = []
        self.cut, self.freeze, self.restore = self.cable.cut, self.cable.freeze, self.cable.restore

    def door(self, side: str, **changes: object) -> Door:
        config = self.configs[side].model_copy(update=changes)
        door = Door(lambda **given: PeerSession(config, name=side, **given))
        self._made.append(door.session)
        return door

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, [str(session.problem) for session in self._made]
            time.sleep(0.005)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        for session in self._made:
            session.stop()
        self.cable.stop()


class SeededBus:
    """The seeded city's cable, in virtual time."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, 1_750_000_000_000)
        self.cable = SimLink(self.world)
        self.cut, self.freeze, self.restore = self.cable.cut, self.cable.freeze, self.cable.restore

    def door(self, side: str) -> Door:
        return self.door_on(self.cable)

    @staticmethod
    def door_on(cable: SimLink) -> Door:
        return Door(lambda **given: SimPeer(cable, **given))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = self.world.now_ms + WAIT_S * 1_000
        while not condition():
            assert self.world.now_ms < deadline
            self.world.run_until(self.world.now_ms + 5)

    def wait(self, seconds: float) -> None:
        self.world.run_until(self.world.now_ms + int(seconds * 1_000))


def make_city(root: Path, name: str, now: datetime | None = None, port: int = 7_400) -> dict[str, PeerConfig]:
    """A city with two doors on one bus and one on another → [sister] of each; the stranger's as if it were `CALLING`."""
    now = now or datetime.now(UTC)
    create_city(root, name=name, tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    for device in (LISTENING, CALLING, STRANGER):
        add_device(root, device=device, vehicle=device[:-3], door=int(device[-1]), cameras=[("front", "v4l2:0")],
                   now=now, randomness=os.urandom)  # fmt: skip
    pair_doors(root, LISTENING, CALLING, where=("127.0.0.1", port))
    found = {side: load_config(root / "devices" / side / "validator.toml").sister for side in SIDES}
    configs = {side: config for side, config in found.items() if config is not None}
    keys = root / "devices" / STRANGER / "keys"
    configs[STRANGER] = configs[CALLING].model_copy(update={"cert": keys / "tls.crt.pem", "key": keys / "tls.key.pem"})
    return configs
