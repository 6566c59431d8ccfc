"""Openers as processes: signatures of riders' phones verified beside the ingest thread.

The library behind verification holds the interpreter, so threads gain nothing. What goes over is pieces of public
bytes, what comes back a byte each. The newest piece goes first: who waits asks for the oldest and opens itself what
nobody has taken, so both work until they meet, however many processors there are. No thread and no unbounded queue:
answers are fetched and pieces handed out whenever the caller comes by.
"""

import logging
import select
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from backend.core.limits import (
    OPENER_AGAIN_S,
    OPENER_MESSAGE_BYTES_MAX,
    OPENER_PIECES_AHEAD,
    OPENER_SILENT_S,
    OPENERS_FROM_PIECES,
    PIECES_WAITING_MAX,
)
from backend.core.shown import Shown
from protocol.wire import cbor

log = logging.getLogger(__name__)
_COMMAND: Final = (sys.executable, "-P", "-m", "backend.adapters.openers.child")


class _Piece:
    """Some of what was shown. `holds`: None until somebody has looked, or nobody will."""

    __slots__ = ("holds", "shown")

    def __init__(self, shown: Sequence[Shown]) -> None:
        self.shown = shown
        self.holds: Sequence[bool] | None = None

    def left(self) -> None:
        """Nobody will look."""
        self.holds = (False,) * len(self.shown)


class _Child:
    """One process, and what it has in hand, in order. A socket of whole messages lies between."""

    def __init__(self) -> None:
        """Raises OSError where none can be started."""
        self.socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - ours
                    _COMMAND, stdin=its.fileno(), stdout=subprocess.DEVNULL
                )
            except OSError:
                self.socket.close()
                raise
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self.in_hand: deque[_Piece] = deque()
        self.ready = False

    def give(self, piece: _Piece) -> None:
        """Raises OSError where it is gone."""
        self.in_hand.append(piece)
        self.socket.send(cbor.encode(piece.shown))

    def hear(self, wait_s: float) -> None:
        """Take all answers that are there; with `wait_s` there has to be one by then. Raises OSError or EOFError."""
        heard = self._poll.poll(wait_s * 1000)
        if wait_s and not heard:
            raise EOFError(f"it has not answered for {wait_s:.0f} s")
        while heard:
            answer = self.socket.recv(OPENER_MESSAGE_BYTES_MAX)
            if not answer:
                raise EOFError("it has ended")
            if self.ready:
                if not self.in_hand or len(answer) != len(self.in_hand[0].shown):
                    raise EOFError("an answer to nothing that it was asked")
                self.in_hand.popleft().holds = [it == 1 for it in answer]
            self.ready = True
            heard = self._poll.poll(0)

    def end(self) -> None:
        """Gone, with nothing in hand that anybody waits for."""
        self.socket.close()
        self.process.kill()
        self.process.wait()
        while self.in_hand:
            self.in_hand.popleft().left()


class OpenerPool:
    """At most so many processes, started when a group first brings enough for them. `monotonic`: seconds."""

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most, self._monotonic = most, monotonic
        self._children: list[_Child] = []
        self._waiting: deque[_Piece] = deque()  # nobody has them yet; the newest is last
        self._again_at = 0.0

    def begin(self, shown: Sequence[Shown]) -> Callable[[], Sequence[bool]]:
        """As `Openers` has it: one piece, which goes to one process."""
        piece = _Piece(shown)
        self._waiting.append(piece)
        if len(self._waiting) > PIECES_WAITING_MAX:
            self._waiting.popleft().left()  # of a group that was given up, or more than is worth waiting for
        self._start()
        self._look()
        return lambda: self._told(piece) if piece.holds is None else piece.holds

    def close(self) -> None:
        """Nobody stays behind. Harmless twice."""
        while self._children:
            self._children.pop().end()
        while self._waiting:
            self._waiting.pop().left()

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [it.process.pid for it in self._children]

    def _start(self) -> None:
        """All that are missing, if there is enough to do: a few taps are done before a process has started."""
        if len(self._waiting) < OPENERS_FROM_PIECES or self._monotonic() < self._again_at:
            return
        while len(self._children) < self._most:
            try:
                self._children.append(_Child())
            except OSError as error:  # no memory, no processes left
                self._put_off(f"none can be started: {error}")
                return

    def _told(self, piece: _Piece) -> Sequence[bool]:
        """What became of it; if nobody has it yet, nobody will."""
        self._look()
        if piece in self._waiting:
            self._waiting.remove(piece)
            piece.left()
        while piece.holds is None:
            self._tend(next(it for it in self._children if piece in it.in_hand), OPENER_SILENT_S)
        return piece.holds

    def _look(self) -> None:
        """Fetch what is answered, and hand out what waits."""
        for child in [*self._children]:
            self._tend(child)

    def _tend(self, child: _Child, wait_s: float = 0.0) -> None:
        """Hear one child, and keep its hands full."""
        try:
            child.hear(wait_s)
            while child.ready and self._waiting and len(child.in_hand) < OPENER_PIECES_AHEAD:
                child.give(self._waiting.pop())
        except (OSError, EOFError) as error:
            self._children.remove(child)
            child.end()
            self._put_off(f"process {child.process.pid} is gone ({child.process.returncode}): {error}")

    def _put_off(self, why: str) -> None:
        self._again_at = self._monotonic() + OPENER_AGAIN_S
        log.error(
            "an opener of riders' proofs: %s; the ingest thread opens what it had, and starts another in %.0f s",
            why, OPENER_AGAIN_S,
        )  # fmt: skip
