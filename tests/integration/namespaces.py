"""Two network namespaces with one cable between them, a door's process in each. Needs root and iproute2."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.pairs import pair_doors
from simulators.mosquitto import free_port
from tests.integration.two_doors import BACK, FARE, FRONT, WAIT_S

CABLE = "door0"  # the interface's name in either namespace


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


class Cable:
    """Two computers and nothing between them but a cable: no router, no server, no address that anybody gave."""

    def __init__(self) -> None:
        self.namespaces = {device: f"savar-{os.getpid()}-{device}" for device in (FRONT, BACK)}
        with ExitStack() as undo:
            undo.callback(self.remove)
            for name in self.namespaces.values():
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            front, back = self.namespaces.values()
            ip("link", "add", CABLE, "netns", front, "type", "veth", "peer", "name", CABLE, "netns", back)
            self.plug()
            undo.pop_all()

    def plug(self) -> None:
        for name in self.namespaces.values():
            ip("-n", name, "link", "set", CABLE, "up")

    def unplug(self) -> None:
        ip("-n", self.namespaces[FRONT], "link", "set", CABLE, "down")

    def remove(self) -> None:
        for name in self.namespaces.values():
            with suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)

    def inside(self, device: str, *command: str | Path) -> list[str | Path]:
        # Not `ip netns exec`: that makes a mount namespace, too, and keeps every disk that is mounted just then.
        return ["nsenter", f"--net=/run/netns/{self.namespaces[device]}", *command]


class DoorProcess:
    """One door, asked over its standard input."""

    def __init__(self, command: list[str | Path]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        assert self._answer() == {"started": True}

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the door's process ended with {self._process.wait(WAIT_S)}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def show(self, code: bytes) -> dict[str, Any]:
        return self.ask(f"show {code.hex()}")

    def kill(self) -> None:
        """As when the power of this door is cut. `nsenter` becomes the process, so it is hit itself."""
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> None:
        """In order."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._end()

    def _end(self) -> None:
        try:
            self._process.wait(WAIT_S)
        finally:
            self._process.kill()
            self._process.wait(WAIT_S)
            assert self._process.stdout is not None
            self._process.stdout.close()
            with suppress(BrokenPipeError):
                assert self._process.stdin is not None
                self._process.stdin.close()


class ApartBus:
    """A bus whose two doors are two computers. `close` leaves nothing running."""

    def __init__(self, root: Path) -> None:
        self.root = root / "city"
        now = datetime.now(UTC)
        create_city(self.root, name="testabad", tariff=Tariff(1, FARE, {}, 180), http_port=free_port(), now=now,
                    randomness=os.urandom)  # fmt: skip
        for number, device in enumerate((FRONT, BACK), start=1):
            add_device(self.root, device=device, vehicle="bus-1", door=number, cameras=[("front", "folder:none")],
                       clock_trust="operator", now=now, randomness=os.urandom)  # fmt: skip
        pair_doors(self.root, FRONT, BACK, interface=CABLE)
        self._issuer = SigningKey.from_pem((self.root / "backend" / "keys" / "issuer.key.pem").read_bytes())
        self._shown = 0
        self.cable = Cable()
        self.doors: dict[str, DoorProcess] = {}

    def folder(self, device: str) -> Path:
        return self.root / "devices" / device

    def start(self, device: str) -> DoorProcess:
        command = (sys.executable, "-m", "tests.integration.door_process", self.folder(device) / "validator.toml")
        self.doors[device] = DoorProcess(self.cable.inside(device, *command))
        return self.doors[device]

    def wait_linked(self, *, linked: bool = True) -> None:
        began = time.monotonic()
        while any(door.ask("state")["linked"] is not linked for door in self.doors.values()):
            assert time.monotonic() - began < WAIT_S, [door.ask("state") for door in self.doors.values()]
            time.sleep(0.01)

    def code(self) -> bytes:
        """A render made now, of a rider whom nobody has seen."""
        self._shown += 1
        key = SigningKey.from_secret(self._shown.to_bytes(32, "big"))
        credential = issue_credential(
            self._issuer, credential_id=self._shown.to_bytes(8, "big"), version=1, holder=key.public, rider_class=0,
            product=0, expiry_day=service_day(time.time_ns() // 1_000_000) + 200, allowance_units=4,
        )  # fmt: skip
        raw = render_long_pass(credential, key, time_s=int(time.time()), counter=self._shown, party=0)
        return write_code(raw).encode()

    def close(self) -> None:
        with ExitStack() as parts:
            parts.callback(self.cable.remove)
            for door in self.doors.values():
                parts.callback(door.stop)
