"""`savar validator` on a bus whose supply fails, and comes back: by the board's own firmware at the end of a pty."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_bridge.core.declaration import Input
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from tests.firmware_bridge.cable import Cable, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SERVES, FAILS = "looks for codes", "the supply fails: no more taps"


class Bus:
    """One door's process and its board."""

    def __init__(self, root: Path) -> None:
        now = datetime.now(UTC)
        create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
        folder = add_device(
            root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "folder:none")], now=now,
            randomness=os.urandom,
        )  # fmt: skip
        self._config, self._log = folder / "validator.toml", root / "validator.log"
        self.cable = Cable()
        with self._config.open("a", encoding="utf-8") as config:
            config.write(f'\n[panel]\nkind = "board"\n[panel.board]\nport = "{self.cable.path}"\n')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cli.main", "validator", "--quiet", "--config", str(self._config)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)
        return self.process

    def said(self, words: str) -> bool:
        return words in self._log.read_text(encoding="utf-8")

    def ended(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def close(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
        self.cable.pull()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    made = Bus(tmp_path / "city")
    yield made
    made.close()


def stays(bus: Bus, seconds: float = 2.0) -> bool:
    """Longer than a service manager waits before it begins an ended process anew."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and bus.ended() is None:
        time.sleep(0.05)
    return bus.ended() is None


def test_a_door_whose_supply_fails_waits_until_it_is_good_and_ends_then(bus: Bus) -> None:
    """It is begun anew when it can serve, and not at once, and again, and again, for as long as a wire is broken."""
    bus.start()
    until(lambda: bus.said(SERVES))
    bus.cable.set(Input.POWER_FAIL, on=True)
    until(lambda: bus.said(FAILS))
    assert stays(bus)
    bus.cable.set(Input.POWER_FAIL, on=False)
    until(lambda: bus.ended() is not None)
    assert bus.ended() == 0


def test_a_door_that_begins_while_its_supply_fails_looks_for_no_code(bus: Bus) -> None:
    bus.cable.set(Input.POWER_FAIL, on=True)
    process = bus.start()
    until(lambda: bus.said(FAILS))
    assert stays(bus)
    assert not bus.said(SERVES)
    process.send_signal(signal.SIGTERM)
    until(lambda: bus.ended() is not None)
    assert bus.ended() == 0
