"""What failed of late, by who tried: beyond so many, he waits. Bounded in memory, and forgotten with the process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from backend.core.limits import SIGN_IN_TRIES, SIGN_IN_TRIES_MS, SIGN_IN_WATCHED_MAX
from backend.core.staff.errors import TooManyTries


class Tries:
    """Of each name, what failed since the first of its SIGN_IN_TRIES_MS. `clock` gives Unix milliseconds.

    `tries`: how many may fail.
    """

    def __init__(self, clock: Callable[[], int], tries: int = SIGN_IN_TRIES) -> None:
        self._clock, self._tries = clock, tries
        self._failed: OrderedDict[str, tuple[int, int]] = OrderedDict()  # name → when it began, how many
        self._one_at_a_time = threading.Lock()

    def failed(self, name: str) -> None:
        """Once more."""
        now_ms = self._clock()
        with self._one_at_a_time:
            began_ms, count = self._failed.pop(name, (now_ms, 0))
            if not 0 <= now_ms - began_ms < SIGN_IN_TRIES_MS:
                began_ms, count = now_ms, 0
            self._failed[name] = began_ms, count + 1
            if len(self._failed) > SIGN_IN_WATCHED_MAX:
                self._failed.popitem(last=False)

    def require(self, name: str) -> None:
        """Return where it may try. Raises TooManyTries."""
        with self._one_at_a_time:
            began_ms, count = self._failed.get(name, (0, 0))
        wait_ms = began_ms + SIGN_IN_TRIES_MS - self._clock()
        if count >= self._tries and 0 < wait_ms <= SIGN_IN_TRIES_MS:  # a clock that was put back keeps nobody out
            raise TooManyTries(wait_ms)
