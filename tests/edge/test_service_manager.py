"""What the service manager is told, over a real unix socket: the watchdog is fed by who lives, and by nobody else."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.service_manager import ServiceManager
from edge.app.supervise import supervise
from edge.core.errors import ThreadDied
from edge.core.limits import STUCK_MS
from edge.core.vitals import Pulse
from tests.edge.notified import Listening

EVERY_MS = 5


@pytest.fixture(params=["a path", "an abstract name"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listening]:
    made = Listening(str(tmp_path / "notify") if request.param == "a path" else f"@savar-test-{os.getpid()}")
    yield made
    made.close()


class Worker:
    """A validator of one thread, which ends when it is told to."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.failure: Exception | None = None
        self.turns = 0
        self.words = ""
        self.thread = threading.Thread(target=self.end.wait, name="worker", daemon=True)
        self.thread.start()

    def pulses(self) -> list[Pulse]:
        self.turns += 1
        return [Pulse("worker", self.thread.is_alive(), self.turns)]

    def problem(self) -> str:
        return self.words


class Running:
    """`supervise` on a thread of its own, so that the test can look on."""

    def __init__(self, worker: Worker, address: str) -> None:
        self.stop = threading.Event()
        self.now_ms = 0
        self.raised: Exception | None = None
        self._manager = ServiceManager(address)
        self._thread = threading.Thread(target=self._run, args=(worker,), daemon=True)
        self._thread.start()

    def _run(self, worker: Worker) -> None:
        try:
            supervise(worker, self._manager, self.stop, lambda: self.now_ms, every_ms=EVERY_MS)
        except (ThreadDied, ZeroDivisionError) as raised:
            self.raised = raised

    def ended(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._manager.close()


def test_ready_is_said_first_and_then_the_watchdog_is_fed(heard: Listening) -> None:
    worker = Worker()
    running = Running(worker, heard.address)
    assert [heard.next() for _ in range(4)] == ["READY=1", "WATCHDOG=1", "STATUS=takes taps", "WATCHDOG=1"]
    worker.words = "the card\nis full"
    heard.until("STATUS=the card is full")
    running.stop.set()
    running.ended()
    assert running.raised is None


def test_a_thread_that_is_gone_without_a_word_ends_the_feeding(heard: Listening) -> None:
    """No failure was left: the process ends by name all the same, and nothing feeds the watchdog behind it."""
    worker = Worker()
    running = Running(worker, heard.address)
    heard.until("WATCHDOG=1")
    worker.end.set()
    worker.thread.join()
    running.ended()
    heard.rest()  # fed before that
    assert isinstance(running.raised, ThreadDied)
    assert heard.rest() == []


def test_what_a_thread_died_of_is_raised_and_feeds_nothing(heard: Listening) -> None:
    worker = Worker()
    worker.failure = ZeroDivisionError()
    running = Running(worker, heard.address)
    running.ended()
    assert isinstance(running.raised, ZeroDivisionError)
    assert heard.rest() == ["READY=1"]


def test_a_thread_that_is_stuck_gets_the_watchdog_no_food_and_is_said(heard: Listening) -> None:
    worker = Worker()
    running = Running(worker, heard.address)
    heard.until("WATCHDOG=1")
    worker.pulses = lambda: [Pulse("worker", True, 1)]  # type: ignore[method-assign]
    heard.until("WATCHDOG=1")
    heard.until("WATCHDOG=1")  # the second: it was looked at once as it stands
    running.now_ms = STUCK_MS
    while not (said := heard.next()).startswith("STATUS=the thread worker"):
        assert said in ("WATCHDOG=1", "STATUS=takes taps")
    assert "has not come round" in said
    for _ in range(20):
        running.stop.wait(EVERY_MS / 1000)
    assert heard.rest() == []
    worker.pulses = lambda: [Pulse("worker", True, 2)]  # type: ignore[method-assign]
    heard.until("WATCHDOG=1")
    running.stop.set()
    running.ended()


def test_no_child_inherits_the_address(heard: Listening) -> None:
    environment = {"NOTIFY_SOCKET": heard.address, "HOME": "/"}
    manager = ServiceManager.of(environment)
    manager.stopping()
    assert heard.next() == "STOPPING=1"
    assert environment == {"HOME": "/"}
    manager.close()


def test_without_a_manager_nothing_is_said_and_one_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    for address in (None, "", str(tmp_path / "nobody")):
        manager = ServiceManager(address)
        manager.ready()
        manager.alive("well")
        manager.close()


def test_what_a_part_beside_the_validator_died_of_ends_it_too(heard: Listening) -> None:
    stop, manager = threading.Event(), ServiceManager(heard.address)
    with pytest.raises(ZeroDivisionError):
        supervise(Worker(), manager, stop, lambda: 0, also=ZeroDivisionError, every_ms=EVERY_MS)
    assert heard.rest() == ["READY=1"]
    manager.close()
