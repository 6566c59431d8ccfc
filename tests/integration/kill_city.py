"""A small city of real processes for the kill test: Mosquitto, backend, validators, and cameras full of riders."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from backend.adapters.sqlite.store import SqliteStore
from backend.core.ports import Rider
from edge.core.ports import GreyImage
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.mosquitto import Mosquitto, free_port
from simulators.network_camera import NetworkCamera, draw_code

FARE = 50_000
REPEAT_WINDOW_S = 5  # signed into the city's tariff: few riders then make a high load
RIDERS = 1_000  # a vehicle sees each of them every 12 s at 80 frames a second
FPS = 80


class Crowd:
    """Registered riders, shown one after another to one camera, each with a fresh render."""

    def __init__(self, credentials: list[tuple[SigningKey, bytes]]) -> None:
        self._riders = itertools.cycle(enumerate(credentials))
        self._lock = threading.Lock()
        self._counter = 0

    def next_frame(self) -> GreyImage:
        """The next rider's code, rendered now."""
        with self._lock:
            _, (key, credential) = next(self._riders)
            self._counter = (self._counter + 1) % 65_536
            counter = self._counter
        raw = render_long_pass(credential, key, time_s=int(time.time()), counter=counter, party=0)
        return draw_code(write_code(raw))


class Process:
    """One `savar …` process that can be killed and started again."""

    def __init__(self, name: str, arguments: list[str], logs: Path) -> None:
        self.name = name
        self.kills = 0
        self._arguments = [sys.executable, "-m", "cli.main", *arguments]
        self._log = (logs / f"{name}.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._arguments, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up. It must have been alive, or the kill proves nothing."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} had ended by itself: {self._process.returncode}"
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def end(self) -> int:
        """SIGTERM, and its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=30)
        self._process = None
        return status

    def close(self) -> None:
        """Whatever the test did, nothing stays behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()


class KillCity:
    """Everything wired; `close` leaves nothing running."""

    def __init__(self, root: Path, validators: int) -> None:
        self.root = root / "city"
        logs = root / "logs"
        logs.mkdir()
        now = datetime.now(UTC)
        create_city(
            self.root, name="testabad", tariff=Tariff(1, FARE, {}, REPEAT_WINDOW_S), http_port=free_port(), now=now,
            randomness=os.urandom,
        )  # fmt: skip
        crowd = self._register()
        self.cameras = [NetworkCamera(Crowd(crowd).next_frame, fps=FPS) for _ in range(validators)]
        self.validators = []
        for number, camera in enumerate(self.cameras, start=1):
            device = f"bus-{number}-d1"
            folder = add_device(
                self.root, device=device, vehicle=f"bus-{number}", door=1, cameras=[("front", camera.url)],
                clock_trust="operator", now=now, randomness=os.urandom,
            )  # fmt: skip
            self.validators.append(
                Process(device, ["validator", "--quiet", "--config", str(folder / "validator.toml")], logs)
            )
        self.broker = Mosquitto(self.root)
        self.backend = Process("backend", ["backend", "run", "--config", str(self.root / "backend/backend.toml")], logs)

    def _register(self) -> list[tuple[SigningKey, bytes]]:
        """Riders straight into the ledger, as the API would put them there one by one."""
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

    def start(self) -> None:
        """Broker, backend, cameras, validators."""
        self.broker.start()  # moves every [broker] section to its port; only then are they made quick
        for config in (*self.root.glob("devices/*/validator.toml"), self.root / "backend" / "backend.toml"):
            quick = "[broker]\nreconnect_max_s = 1.0\nkeepalive_s = 5\n"
            config.write_text(config.read_text().replace("[broker]\n", quick))
        self.backend.start()
        for camera in self.cameras:
            camera.start()
        for validator in self.validators:
            validator.start()

    def posted(self) -> int:
        """Taps posted so far, read beside the backend."""
        ledger = (self.root / "backend" / "data" / "ledger.db").as_uri()
        with closing(sqlite3.connect(f"{ledger}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM claim").fetchone()
        return int(count)

    def close(self) -> None:
        """Stop everything that still runs."""
        for process in (*self.validators, self.backend):
            process.close()
        for camera in self.cameras:
            camera.stop()
        self.broker.stop()
