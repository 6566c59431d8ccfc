"""What came from another thread and waits for the one that steps: bounded, and never waited at."""

import logging
from collections import deque
from collections.abc import Iterator

log = logging.getLogger(__name__)


class Inbox:
    """Messages in their order, at most `most`. Asked at every step, mostly for nothing: a queue's locks cost more.

    A deque's own additions and removals are safe between threads, and where several put at once, one each may be over.
    """

    def __init__(self, most: int, what: str) -> None:
        """`what`: as a message is called where one is passed over, e.g. "a manifest"."""
        self._most, self._what = most, what
        self._waiting: deque[bytes] = deque()

    def put(self, payload: bytes) -> None:
        """From any thread. What does not fit is told, and comes again."""
        if len(self._waiting) < self._most:
            self._waiting.append(payload)
        else:
            log.info("%s was passed over: %d wait already", self._what, self._most)

    def take(self) -> Iterator[bytes]:
        """As many as can wait, and not as many as come: who never stops talking does not keep us from our own work."""
        waiting = self._waiting
        for _ in range(self._most):
            if not waiting:
                return
            yield waiting.popleft()

    def waiting_bytes(self) -> int:
        """Bytes of all that wait."""
        return sum(map(len, self._waiting))
