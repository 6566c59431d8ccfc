"""A bus with two doors of real parts: Mosquitto with mutual TLS, backend, two validators, a cable that can be cut."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from backend.adapters.sqlite.store import SqliteStore
from backend.app.backend import Backend
from backend.app.config import load_config as load_backend
from backend.core.ports import Rider
from edge.adapters.clock import SystemClock
from edge.adapters.console_panel import SilentPanel
from edge.app.boarding import Outcome
from edge.app.config import load_config as load_validator
from edge.app.validator import Validator
from edge.core.ports import FrameSource, GreyImage
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from provisioning.app.broker import write_broker
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.pairs import pair_doors
from simulators.mosquitto import Mosquitto, free_port
from simulators.network import CuttableProxy

FARE = 50_000
PLAIN = Tariff(1, FARE, {}, 180)
RIDERS = 60
FRONT, BACK = "bus-1-d1", "bus-1-d2"
WAIT_S = 60  # far more than any bound here: a crowded machine is slow, not wrong
COURIER_AFTER_MS = 1_000


class EmptyDoorway:
    """A camera before which nobody stands: the tests present codes behind it."""

    live = True

    def __init__(self) -> None:
        self._closed = threading.Event()

    def open(self) -> None:
        """Nothing."""

    def read(self) -> GreyImage | None:
        self._closed.wait(0.1)
        return None

    def close(self) -> None:
        """Nothing."""


def until(true: Callable[[], object], what: Callable[[], object] = lambda: "") -> float:
    """Wait for it → seconds that it took; fail after WAIT_S."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < WAIT_S, what()
        time.sleep(0.001)
    return time.monotonic() - began


class TwoDoors:
    """Built with everything off; `close` leaves nothing running."""

    def __init__(self, root: Path, tariff: Tariff = PLAIN) -> None:
        self.root = root / "city"
        now = datetime.now(UTC)
        create_city(
            self.root, name="testabad", tariff=tariff, http_port=free_port(), now=now,
            randomness=os.urandom,
        )  # fmt: skip
        for number, device in enumerate((FRONT, BACK), start=1):
            add_device(
                self.root, device=device, vehicle="bus-1", door=number, cameras=[("front", "folder:none")],
                clock_trust="operator", now=now, randomness=os.urandom,
            )  # fmt: skip
        port = free_port()
        self.cable = CuttableProxy("127.0.0.1", port)
        self.cable.start()
        pair_doors(self.root, FRONT, BACK, where=("127.0.0.1", port))
        calling = self.folder(BACK) / "validator.toml"
        calling.write_text(calling.read_text().replace(f'"127.0.0.1:{port}"', f'"127.0.0.1:{self.cable.port}"'))
        self._clock = SystemClock(trust="operator", floor_ms=0)
        self._riders = self._register()
        self._shown = 0
        self.broker = Mosquitto(self.root)
        write_broker(self.root, port=self.broker.port)
        self._quicken()
        self.backend: Backend | None = None
        self.doors: dict[str, Validator] = {}

    def folder(self, device: str) -> Path:
        return self.root / "devices" / device

    def _register(self) -> list[tuple[SigningKey, bytes]]:
        keys = self.root / "backend" / "keys"
        issuer = SigningKey.from_pem((keys / "issuer.key.pem").read_bytes())
        store = SqliteStore(self.root / "backend" / "data" / "ledger.db", "testabad")
        made = []
        for number in range(RIDERS):
            key = SigningKey.from_secret(number.to_bytes(32, "big"))
            credential_id = number.to_bytes(8, "big")
            credential = issue_credential(
                issuer, credential_id=credential_id, version=1, holder=key.public, rider_class=0, product=0,
                expiry_day=service_day(time.time_ns() // 1_000_000) + 200, allowance_units=4,
            )  # fmt: skip
            store.add_rider(Rider(credential_id, credential, 0, bytes(32), 0))
            made.append((key, credential))
        store.close()
        return made

    def _quicken(self) -> None:
        """Short waits for the broker, in every [broker] section."""
        for config in (*self.root.glob("devices/*/validator.toml"), self.root / "backend" / "backend.toml"):
            quick = "[broker]\nreconnect_max_s = 1.0\nkeepalive_s = 5\n"
            config.write_text(config.read_text().replace(quick, "[broker]\n").replace("[broker]\n", quick))

    # --- parts on and off ---------------------------------------------------------------------------------------------

    def start_office(self) -> None:
        """Broker and backend."""
        self.broker.start()
        if self.backend is None:
            self.backend = Backend(load_backend(self.root / "backend" / "backend.toml"))
            self.backend.start()

    def start_door(self, device: str, source: FrameSource | None = None) -> Validator:
        door = Validator(
            load_validator(self.folder(device) / "validator.toml"), panel=SilentPanel(),
            sources={"front": source or EmptyDoorway()}, courier_after_ms=COURIER_AFTER_MS,
        )  # fmt: skip
        door.start()
        self.doors[device] = door
        return door

    def start_doors(self) -> tuple[Validator, Validator]:
        """Both, and wait until they hear each other."""
        front, back = self.start_door(FRONT), self.start_door(BACK)
        self.wait_linked()
        return front, back

    def wait_linked(self) -> None:
        """Both hear each other, and each knows that the other holds its journal."""
        peers = [door._peer for door in self.doors.values()]
        until(
            lambda: all(peer is not None and peer.connected for peer in peers), lambda: [p and p.problem for p in peers]
        )
        self.wait_witnessed()

    def wait_witnessed(self) -> float:
        return until(lambda: not any(door.sister_backlog for door in self.doors.values()))

    def stop_door(self, device: str) -> None:
        self.doors.pop(device).stop()

    def lose_card(self, device: str) -> None:
        """The door is off, and all that its card held is gone."""
        self.stop_door(device)
        shutil.rmtree(self.folder(device) / "data")

    def replace(self, gone: str, new: str) -> None:
        """Another device serves the door of one that is gone, and both of the bus are told."""
        add_device(
            self.root, device=new, vehicle="bus-1", door=(FRONT, BACK).index(gone) + 1,
            cameras=[("front", "folder:none")], clock_trust="operator", now=datetime.now(UTC), randomness=os.urandom,
        )  # fmt: skip
        stays = BACK if gone == FRONT else FRONT
        pair_doors(self.root, stays, new, where=("127.0.0.1", free_port()))
        write_broker(self.root, port=self.broker.port)
        self._quicken()

    def close(self) -> None:
        with ExitStack() as parts:
            parts.callback(self.cable.stop)
            parts.callback(self.broker.stop)
            if self.backend is not None:
                parts.callback(self.backend.stop)
            for door in self.doors.values():
                parts.callback(door.stop)

    # --- riders -------------------------------------------------------------------------------------------------------

    def code(self, rider: int | None = None) -> bytes:
        """A render made now; of the next rider, if none is named."""
        self._shown += 1
        key, credential = self._riders[self._shown % RIDERS if rider is None else rider]
        raw = render_long_pass(credential, key, time_s=int(time.time()), counter=self._shown, party=0)
        return write_code(raw).encode()

    def show(self, door: Validator, text: bytes) -> Outcome:
        """Hold it before a door's camera."""
        outcome = door.boarding.present(text, self._clock.read(), settled=True)
        assert outcome is not None
        return outcome

    def board(self, door: Validator) -> None:
        """A rider whom nobody has seen boards."""
        assert self.show(door, self.code()).showing.row.boards
