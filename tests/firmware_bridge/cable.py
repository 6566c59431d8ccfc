"""A board on a cable, in real time: the firmware built for this machine at one end of a pty."""

import os
import select
import threading
import time
import tty
from collections.abc import Callable

from firmware_bridge.core.declaration import Input
from tests.firmware_bridge.host_board import HostBoard

WAIT_S = 60.0  # far more than anything takes: a busy machine is no fault


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


class Cable:
    """A pty whose other end runs a board in real time, until it is pulled. `deaf`: what the host writes is lost."""

    def __init__(self) -> None:
        self._board = HostBoard()
        self.deaf = False
        self._told: list[tuple[Input, bool]] = []  # inputs to set, by the board's own thread
        self._seen: list[tuple[int, int, int]] = []
        self._master, slave = os.openpty()
        tty.setraw(slave)
        tty.setraw(self._master)
        self.path = os.ttyname(slave)
        self._slave = slave
        self._pulled = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began = time.monotonic() - self._board.now / 1000
        while not self._pulled.is_set():
            ready, _, _ = select.select([self._master], [], [], 0.001)
            self._board.run(int((time.monotonic() - began) * 1000))
            while self._told:
                which, on = self._told.pop(0)
                self._board.set(which, on=on)
            self._seen += self._board.levels()
            data = os.read(self._master, 4_096) if ready else b""
            if answer := self._board.feed(b"" if self.deaf else data):
                os.write(self._master, answer)

    def set(self, which: Input, *, on: bool) -> None:
        self._told.append((which, on))

    def levels(self) -> list[tuple[int, int, int]]:
        """(ms, lamp bits, Hz) at each change since the last call."""
        seen, self._seen = self._seen, []
        return seen

    def pull(self) -> None:
        """Harmless twice."""
        if self._pulled.is_set():
            return
        self._pulled.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)
