"""What a failing supply does: no more taps, at once; then a clean end. And how an ended door waits for it.

The panel board tells of it within milliseconds, from its own thread; whatever is being committed then is finished, and
durable. The board itself shows no green any more, whatever it is still told.
"""

import logging
import threading
from collections.abc import Callable

from edge.core.limits import SUPERVISE_MS, SUPPLY_UNTOLD_MS

log = logging.getLogger(__name__)


class PowerFails:
    """`ends`: what ends the validator when it is set. `fails` from any thread."""

    def __init__(self, ends: threading.Event) -> None:
        self._ends = ends
        self._lock = threading.Lock()
        self._shut: Callable[[], None] | None = None
        self.failed = False

    def guards(self, shut: Callable[[], None]) -> None:
        """What takes no more taps when it is called; at once if the supply failed before."""
        with self._lock:
            self._shut = shut
            failed = self.failed
        if failed:
            shut()

    def fails(self) -> None:
        """The supply begins to fail."""
        with self._lock:
            self.failed = True
            shut = self._shut
        if shut is not None:
            shut()
        log.error("the supply fails: no more taps")
        self._ends.set()


def wait_for_supply(
    fails: Callable[[], bool | None],
    told: Callable[[], bool],
    alive: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Until it is good again, or a signal says that we should end: a process that ends is begun anew at once.

    `told`: the board is there to say so. One that has gone for SUPPLY_UNTOLD_MS is waited for no longer.
    """
    untold_ms = 0
    if fails():
        log.warning("this door waits until its supply is good (the board's pin PB3); Ctrl-C or SIGTERM ends it")
    while fails() and untold_ms < SUPPLY_UNTOLD_MS and not stop.wait(SUPERVISE_MS / 1000):
        untold_ms = 0 if told() else untold_ms + SUPERVISE_MS
        alive("the supply fails: this door takes no taps until it is good")
