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
_WAIT_S = 0.5


class SpoilingLine:
    """`path` is the end for the host. `rate`: see `Noise`; it may be set while the line runs. Raises LineLost."""

    def __init__(self, board: str, *, seed: int, rate: float) -> None:
        rng = random.Random(seed)  # noqa: S311 - not a secret
        self._down, self._up = Noise(rng, rate), Noise(rng, rate)
        try:
            self._board = os.open(board, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise LineLost(f"the board's line does not open: {error}") from error
        tty.setraw(self._board)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spoiling-line", daemon=True)

    @property
    def rate(self) -> float:
        """Of each byte."""
        return self._down.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._down.rate = self._up.rate = rate

    def start(self) -> None:
        """Carry."""
        self._thread.start()

    def stop(self) -> None:
        """Pull both plugs. Harmless twice."""
        if not self._cut.is_set():
            self._cut.set()
            self._thread.join()
            for end in (self._board, self._master, self._slave):
                os.close(end)

    def _run(self) -> None:
        ways = ((self._master, self._board, self._down), (self._board, self._master, self._up))
        while not self._cut.is_set():
            now = time.monotonic_ns() // 1_000_000
            due = min((at for _, _, noise in ways if (at := noise.next_ms()) is not None), default=None)
            wait_s = _WAIT_S if due is None else max(0, due - now) / 1000
            ready, _, _ = select.select([self._master, self._board], [], [], min(wait_s, _WAIT_S))
            now = time.monotonic_ns() // 1_000_000
            for here, there, noise in ways:
                try:
                    if here in ready:
                        noise.put(os.read(here, _READ_BYTES), now)
                    if data := noise.take(now):
                        os.write(there, data)
                except OSError:
                    if not self._cut.wait(_WAIT_S / 10):  # the board is off: what goes there is gone
                        continue
