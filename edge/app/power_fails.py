"""What a failing supply does: no more taps, at once; then a clean end, as for a signal.

The panel board tells of it within milliseconds, from its own thread; whatever is being committed then is finished, and
durable. The board itself shows no green any more, whatever it is still told.
"""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class PowerFails:
    """`stop`: what ends the process when it is set. `fails` from any thread."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._shut: Callable[[], None] | None = None
        self._failed = False

    def guards(self, shut: Callable[[], None]) -> None:
        """What takes no more taps when it is called; at once if the supply failed before."""
        with self._lock:
            self._shut = shut
            failed = self._failed
        if failed:
            shut()

    def fails(self) -> None:
        """The supply begins to fail."""
        with self._lock:
            self._failed = True
            shut = self._shut
        if shut is not None:
            shut()
        log.error("the supply fails: this process ends cleanly")
        self._stop.set()
