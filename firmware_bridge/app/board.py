"""The board in use: one thread that opens the port, keeps the link, and opens it again for as long as it runs.

Others ask from their own threads (`ask`), and hear what happens by callbacks on the board's thread, which must return
at once. A board that is not there is a named problem, never a reason to stop: doors work without lamps, and say so.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from firmware_bridge.adapters.serial_port import SerialPort
from firmware_bridge.core.declaration import Command
from firmware_bridge.core.errors import BoardBusy, BoardGone, BoardRefused, BridgeError
from firmware_bridge.core.limits import REOPEN_MS, SILENT_SAID_MS
from firmware_bridge.core.link import Done, Gone, Happened, Inputs, Link, Lost, Ready, Refused
from firmware_bridge.core.statistics import Statistics

log = logging.getLogger(__name__)
SILENT = BoardGone(
    "the board has not answered",
    fix="look whether it has power, whether its two wires are crossed, and whether this is its adapter",
)


class Port(Protocol):
    """An open serial line."""

    def wait(self, also: int, timeout_s: float) -> None:
        """Until bytes are there, `also` can be read, or the time is over."""
        ...

    def read(self) -> bytes:
        """What is there."""
        ...

    def write(self, data: bytes) -> None:
        """Hand over."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Board:
    """`where`: a path or a serial number. `start` it, `stop` it; `ask` from any thread.

    A callback that asks what the board cannot take any more is told so by `ask`; nothing else of what happened is lost.
    """

    def __init__(
        self,
        where: str,
        *,
        session: int,
        on_inputs: Callable[[Inputs], None] = lambda _: None,
        on_ready: Callable[[], None] = lambda: None,
        on_done: Callable[[Done], None] = lambda _: None,
        on_lost: Callable[[Lost], None] = lambda _: None,
        open_port: Callable[[str], Port] = SerialPort,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._where, self._open_port, self._now_ms = where, open_port, now_ms
        self._on_inputs, self._on_ready, self._on_done, self._on_lost = on_inputs, on_ready, on_done, on_lost
        self._link = Link(session=session)
        self._lock = threading.Lock()  # the link is asked from other threads
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._stopping = threading.Event()
        self._ended = False  # the pipe is closed: its numbers may be somebody else's by now
        self._port: Port | None = None
        self._problem: BridgeError | None = SILENT
        self._said: BridgeError | None = None  # the problem that the log has
        self._silent_since_ms: int | None = None  # the port is open, and nobody has answered on it yet
        self._thread = threading.Thread(target=self._guard, name="board", daemon=True)
        self.failure: BaseException | None = None

    # --- any thread ---------------------------------------------------------------------------------------------------

    def ask(self, command: Command, *values: int) -> int:
        """Have it carried out → its ticket. Raises BoardGone, BoardBusy, CommandUnknown."""
        with self._lock:
            ticket = self._link.ask(command, *values)  # closed, if the thread has ended: so the pipe is there
            self._wake()
        return ticket

    @property
    def problem(self) -> BridgeError | None:
        """Why the board cannot be used; None while it can."""
        return self._problem

    @property
    def statistics(self) -> Statistics:
        """Counted since the start."""
        return self._link.statistics

    @property
    def damaged(self) -> int:
        """Frames that were none, since the start."""
        return self._link.damaged

    @property
    def alive(self) -> bool:
        """Whether its thread runs, with a board or without."""
        return self._thread.is_alive()

    def _wake(self) -> None:
        """Holding the lock, under which alone the pipe is closed."""
        with suppress(BlockingIOError):  # it has been woken often enough already
            os.write(self._wake_write, b"\0")

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for the board, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the link; what was not answered is told as lost. The board says "out of service" by itself then.

        Harmless twice.
        """
        self._stopping.set()
        with self._lock:
            if not self._ended:
                self._wake()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            if not self._ended:
                self._ended = True
                for end in (self._wake_read, self._wake_write):
                    os.close(end)

    # --- the board's thread -------------------------------------------------------------------------------------------

    def _guard(self) -> None:
        """Thread body: what it dies of is kept for the supervisor, which ends the process; nothing is swallowed."""
        try:
            while not self._stopping.is_set():
                self._live()
        except Exception as failure:
            log.critical("the board's thread ends", exc_info=failure)
            self.failure = failure

    def _live(self) -> None:
        """One opening of the port, to its end; whatever that is, all that was asked ends with it (L3)."""
        try:
            port = self._open_port(self._where)
        except BoardGone as error:
            self._say(error)
            self._stopping.wait(REOPEN_MS / 1000)
            return
        why = "this side failed"
        try:
            self._silent_since_ms = self._now_ms()
            with self._lock:
                self._link.opened(self._silent_since_ms)
            while not self._stopping.is_set():
                self._turn(port)
            why = "this side was stopped"
        except BoardGone as error:
            why = error.message
            self._say(error)
        finally:
            with self._lock:
                self._link.closed(why)
            self._close(port)
        self._tell()
        self._stopping.wait(REOPEN_MS / 1000)  # a port that opens and fails at once is no reason to spin

    def _close(self, port: Port) -> None:
        """A port that does not close well was not there any more: no reason to end the thread."""
        try:
            port.close()
        except BoardGone as error:
            log.warning("%s", error)

    def _turn(self, port: Port) -> None:
        with self._lock:
            self._link.step(self._now_ms())
            out, due_ms = self._link.outgoing(), self._link.next_ms()
        self._tell()
        if self._silent_since_ms is not None and self._now_ms() - self._silent_since_ms >= SILENT_SAID_MS:
            self._say(SILENT)
        if out:
            port.write(out)
        wait_ms = REOPEN_MS if due_ms is None else max(due_ms - self._now_ms(), 0)
        port.wait(self._wake_read, wait_ms / 1000)
        self._drain()
        if data := port.read():
            with self._lock:
                self._link.received(data, self._now_ms())
            self._tell()

    def _drain(self) -> None:
        with suppress(BlockingIOError):  # it was not a wake
            os.read(self._wake_read, 4_096)

    def _tell(self) -> None:
        with self._lock:
            happened = self._link.happened()
        for it in happened:
            try:
                self._take(it)
            except (BoardGone, BoardBusy) as error:
                # Whoever is told may ask at once; that the board is gone again stands further on in this very list.
                log.warning("what was asked on news of the board is not done: %s", error)

    def _take(self, it: Happened) -> None:
        match it:
            case Inputs():
                self._on_inputs(it)
            case Done():
                self._on_done(it)
            case Ready():
                log.info("the board is there")
                self._problem = self._said = self._silent_since_ms = None
                self._on_ready()
            case Gone() if self._stopping.is_set():
                log.info("the line to the board is closed")
                self._problem = BoardGone("the line to the board is closed", fix="start this side again")
            case Gone(why):
                self._say(BoardGone(f"the board is gone: {why}", fix="look at its cable and its supply"))
            case Refused(differences):
                self._silent_since_ms = None
                why = f"the board's firmware does not fit this software: {'; '.join(differences)}"
                self._say(BoardRefused(why, fix="put this release's firmware on it: docs/FIRMWARE.md"))
            case Lost(_, why):
                level = logging.INFO if self._stopping.is_set() else logging.WARNING
                log.log(level, "a command to the board is lost: %s", why)
                self._on_lost(it)

    def _say(self, problem: BridgeError) -> None:
        if str(problem) != str(self._said):
            log.error("%s", problem)
        self._problem = self._said = problem
