"""A thread that does one thing now and then, until it is stopped; what it dies of is seen by the supervisor."""

import threading
from collections.abc import Callable

from backend.core.errors import ThreadDied


class Periodic:
    """`does`: what the thread is there for, in words."""

    def __init__(self, name: str, does: str, turn: Callable[[], None]) -> None:
        self._does, self._turn = does, turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._first_s = self._period_s = 0.0

    @property
    def stopping(self) -> bool:
        """Whether it is to end: a long turn asks between its steps."""
        return self._stopping.is_set()

    def start(self, *, first_s: float, period_s: float) -> None:
        """A turn after `first_s`, then one `period_s` after each."""
        self._first_s, self._period_s = first_s, period_s
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait so long for its end, however it comes to it."""
        self._thread.join(timeout_s)

    def stop(self) -> None:
        """The step in hand is finished. Also where it never began."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor: the thread is gone although nobody stopped it."""
        if self._thread.ident is None or self._thread.is_alive() or self._stopping.is_set():
            return None
        return ThreadDied(f"the thread that {self._does} ended", fix="the log says why; the service manager goes on")

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._stopping.wait(wait_s):
            wait_s = self._period_s
            self._turn()
