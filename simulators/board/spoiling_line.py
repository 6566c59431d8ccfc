"""A serial line between a board's pty and one of our own, which spoils what it carries both ways, in real time."""

import os
import random
import select
import threading
import time
import tty

from simulators.board.noise import Noise
from simulators.errors import LineLost

_READ_BYTES = 4_096
_LOOK_S = 0.05  # for a plug that was pulled or put back


class SpoilingLine:
    """`path` is the end for the host, another one after each `plug`. Raises LineLost.

    `rate`: of each byte, see `Noise`; it may be set while the line runs.
    """

    def __init__(self, board: str, *, seed: int, rate: float) -> None:
        rng = random.Random(seed)  # noqa: S311 - not a secret
        self._down, self._up = Noise(rng, rate), Noise(rng, rate)
        try:
            self._board = os.open(board, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise LineLost(f"the board's line does not open: {error}") from error
        tty.setraw(self._board)
        self._host: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spoiling-line", daemon=True)
        self.path = ""

    @property
    def rate(self) -> float:
        """Of each byte."""
        return self._down.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._down.rate = self._up.rate = rate

    def start(self) -> None:
        """Plugged in, and carrying."""
        self.plug()
        self._thread.start()

    def plug(self) -> None:
        """The host's end is there, under a new path."""
        with self._lock:
            self._host = os.openpty()
            tty.setraw(self._host[1])
            os.set_blocking(self._host[0], False)
            self.path = os.ttyname(self._host[1])

    def unplug(self) -> None:
        """The host's end is gone; the board does not notice. Harmless twice."""
        with self._lock:
            if self._host is not None:
                for end in self._host:
                    os.close(end)
            self._host = None

    def stop(self) -> None:
        """All of it is gone. Harmless twice."""
        if not self._cut.is_set():
            self._cut.set()
            self._thread.join()
            self.unplug()
            os.close(self._board)

    def _run(self) -> None:
        while not self._cut.is_set():
            with self._lock:
                host = None if self._host is None else self._host[0]
            if host is None:
                self._cut.wait(_LOOK_S / 10)
                continue
            ready = self._ready(host)
            with self._lock:
                if self._host is not None and self._host[0] == host:
                    self._carry(host, self._board, self._down, ready)
                    self._carry(self._board, host, self._up, ready)

    def _ready(self, host: int) -> list[int]:
        due = [at for noise in (self._down, self._up) if (at := noise.next_ms()) is not None]
        wait_s = min([_LOOK_S, *(max(0, at - _now_ms()) / 1000 for at in due)])
        try:
            return select.select([host, self._board], [], [], wait_s)[0]
        except (OSError, ValueError):
            return []  # unplugged just now

    def _carry(self, here: int, there: int, noise: Noise, ready: list[int]) -> None:
        now = _now_ms()
        try:
            if here in ready:
                noise.put(os.read(here, _READ_BYTES), now)
            if data := noise.take(now):
                os.write(there, data)
        except OSError:  # nobody at that end, or it takes no more: what goes there is gone, as on any line
            self._cut.wait(_LOOK_S / 10)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
