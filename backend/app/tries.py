"""What failed of late, by who tried: beyond so many, he waits. Bounded in memory, and forgotten with the process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from backend.core.limits import SIGN_IN_TRIES, SIGN_IN_TRIES_MS, SIGN_IN_WATCHED_MAX
from backend.core.staff.errors import TooManyTries


class Counts:
    """Of each name, how often since the first of its window; who was not heard of for longest is forgotten first.

    `clock` gives Unix milliseconds; `most`: names that are watched. A clock that was put back keeps nobody out.
    """

    def __init__(self, clock: Callable[[], int], window_ms: int, most: int) -> None:
        self._clock, self._window_ms, self._most = clock, window_ms, most
        self._counted: OrderedDict[str, tuple[int, int]] = OrderedDict()  # name → when it began, how many
        self._one_at_a_time = threading.Lock()

    def __len__(self) -> int:
        """How many names are watched."""
        return len(self._counted)

    def add(self, name: str) -> None:
        """Once more."""
        now_ms = self._clock()
        with self._one_at_a_time:
            began_ms, count = self._counted.pop(name, (now_ms, 0))
            if not 0 <= now_ms - began_ms < self._window_ms:
                began_ms, count = now_ms, 0
            self._counted[name] = began_ms, count + 1
            if len(self._counted) > self._most:
                self._counted.popitem(last=False)

    def wait_ms(self, name: str, at_most: int) -> int:
        """How long until it may be once more, where that is to be so often in a window; 0: now."""
        with self._one_at_a_time:
            began_ms, count = self._counted.get(name, (0, 0))
            wait_ms = began_ms + self._window_ms - self._clock()
            if count < at_most or not 0 < wait_ms <= self._window_ms:
                return 0
            self._counted.move_to_end(name)  # who is kept waiting is not pushed out by others
            return wait_ms


class Tries:
    """Of each name, what failed within SIGN_IN_TRIES_MS. `clock`: Unix milliseconds; `tries`: how many may fail."""

    def __init__(self, clock: Callable[[], int], tries: int = SIGN_IN_TRIES) -> None:
        self._failed, self._tries = Counts(clock, SIGN_IN_TRIES_MS, SIGN_IN_WATCHED_MAX), tries

    def failed(self, name: str) -> None:
        """Once more."""
        self._failed.add(name)

    def require(self, name: str) -> None:
        """Return where it may try. Raises TooManyTries."""
        if wait_ms := self._failed.wait_ms(name, self._tries):
            raise TooManyTries(wait_ms)
