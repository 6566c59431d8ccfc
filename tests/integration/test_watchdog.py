"""The watchdog of a real validator: whichever of its threads dies, nothing feeds it any more."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.adapters.console_panel import SilentPanel
from edge.app.config import LineConfig, TerminalConfig, load_config
from edge.app.served_terminal import beside
from edge.app.supervise import supervise
from edge.app.validator import Validator
from edge.core.errors import ThreadDied
from edge.core.ports import GreyImage
from tests.edge.notified import Listening
from tests.integration.two_doors import BACK, FRONT, WAIT_S, TwoDoors, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
THREADS = (
    f"sync-{FRONT}", f"bundles-{FRONT}", "tap-signer", f"mqtt-{FRONT}", f"peer-{FRONT}", "capture-front",
    "decode-front", "decode-heavy",
)  # fmt: skip


class StillDoorway:
    """A camera that gives the same dark frame for as long as it is open."""

    live = True
    control = None

    def open(self) -> None:
        """Nothing."""

    def read(self) -> GreyImage | None:
        time.sleep(0.05)
        return np.zeros((240, 320), dtype=np.uint8)

    def close(self) -> None:
        """Nothing."""


class Fed:
    """A service manager that counts."""

    def __init__(self) -> None:
        self.times = 0

    def ready(self) -> None:
        """Nothing."""

    def alive(self, status: str) -> None:
        self.times += 1

    def say(self, status: str) -> None:
        """Nothing."""


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[TwoDoors]:
    made = TwoDoors(tmp_path)
    try:
        yield made
    finally:
        made.close()


def kill(thread: threading.Thread, bus: TwoDoors, door: Validator) -> None:
    """End it by what no thread body keeps, as a defect in a library may."""
    peer = door._peer
    if thread.name.startswith("peer") and peer is not None and peer._loop is not None and peer._keeping is not None:
        peer._loop.call_soon_threadsafe(peer._keeping.cancel)
    else:
        assert thread.ident is not None
        found = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        assert found == 1
    door._bundles_wake.set()
    if thread.name == "tap-signer":
        door._signer._jobs.put(None)
    until(lambda: not thread.is_alive(), lambda: thread.name)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # that is what is done here
@pytest.mark.parametrize("name", THREADS)
def test_a_door_whose_thread_is_gone_feeds_no_watchdog_and_ends(bus: TwoDoors, name: str) -> None:
    before = set(threading.enumerate())
    door = bus.start_door(FRONT, StillDoorway())
    own = {thread.name: thread for thread in threading.enumerate() if thread not in before}
    assert set(THREADS) <= set(own), "a thread of this door that the list does not know"
    fed, stop = Fed(), threading.Event()
    raised: list[Exception] = []

    def run() -> None:
        try:
            supervise(door, fed, stop, lambda: time.monotonic_ns() // 1_000_000, every_ms=10)
        except ThreadDied as died:
            raised.append(died)

    supervisor = threading.Thread(target=run, daemon=True)
    supervisor.start()
    until(lambda: fed.times > 3)
    kill(own[name], bus, door)
    supervisor.join(60)
    assert not supervisor.is_alive()
    assert len(raised) == 1
    times = fed.times
    with pytest.raises(ThreadDied):
        supervise(door, fed, stop, lambda: time.monotonic_ns() // 1_000_000, every_ms=10)
    assert fed.times == times


def test_every_thread_of_a_door_is_watched(bus: TwoDoors) -> None:
    """A thread that somebody adds and nobody watches would be the one that dies unseen."""
    before = set(threading.enumerate())
    doors = [bus.start_door(FRONT, StillDoorway()), bus.start_door(BACK, StillDoorway())]
    until(lambda: all(door._peer is not None and door._peer.connected for door in doors))
    started = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    passing = ("asyncio_",)  # a pool's helper, which looks up a name and may be gone at any time
    started = [thread for thread in started if not thread.name.startswith(passing)]
    assert len(started) == sum(len(door.pulses()) for door in doors), [thread.name for thread in started]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", ["driver", "terminal"])
def test_a_terminal_whose_thread_is_gone_ends_the_process(bus: TwoDoors, tmp_path: Path, name: str) -> None:
    """A driver before a dead screen, and a watchdog that is fed: beside the validator, and watched all the same."""
    (tmp_path / "index.html").touch()
    line = LineConfig(route="r9", towards_fa=("الف", "ب"), towards_en=("A", "B"))
    served = TerminalConfig(port=0, pages=tmp_path, complaint_number="137", line=(line,))
    config = load_config(bus.folder(FRONT) / "validator.toml")
    before = set(threading.enumerate())
    door, terminal = beside(config, served, SilentPanel(), sources={"front": StillDoorway()})
    door.start()
    bus.doors[FRONT] = door
    terminal.start()
    try:
        assert terminal.failure is None
        thread = next(it for it in threading.enumerate() if it not in before and it.name == name)
        if name == "driver":
            kill(thread, bus, door)
        else:  # its server ends by itself, without a word
            terminal.server._server.should_exit = True
            until(lambda: not thread.is_alive())
        fed = Fed()
        with pytest.raises(ThreadDied):
            supervise(door, fed, threading.Event(), lambda: 0, also=lambda: terminal.failure, every_ms=10)
        assert fed.times == 0
    finally:
        terminal.stop()


def test_the_command_tells_its_manager_when_it_is_ready_and_when_it_ends(bus: TwoDoors, tmp_path: Path) -> None:
    manager = Listening(str(tmp_path / "notify"))
    command = (sys.executable, "-m", "cli.main", "validator", "--quiet", "--config")
    process = subprocess.Popen(
        [*command, bus.folder(FRONT) / "validator.toml"], env={**os.environ, "NOTIFY_SOCKET": manager.address},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert manager.next() == "READY=1"
        assert manager.next() == "WATCHDOG=1"
        assert manager.next().startswith("STATUS=")
        process.terminate()
        manager.until("STOPPING=1")
        assert process.wait(WAIT_S) == 0
        assert manager.rest() == []
    finally:
        process.kill()
        process.wait()
        manager.close()
