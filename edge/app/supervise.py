"""The supervisor of one validator: it ends the process when a thread died, and feeds the watchdog only while all live.

    a thread left its failure          raised: the process ends, the service manager starts it anew
    a thread is gone without a word    the same, by name (V1)
    a thread no longer comes round     said, and the watchdog gets nothing: it cannot be ended from within (V2)

The watchdog is fed here and nowhere else, and only behind those three looks.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.core.errors import ThreadDied
from edge.core.limits import SUPERVISE_MS
from edge.core.vitals import Pulse, Vitals

log = logging.getLogger(__name__)


class Supervised(Protocol):
    """What is asked of a validator."""

    @property
    def failure(self) -> Exception | None:
        """What a thread died of."""
        ...

    def pulses(self) -> Sequence[Pulse]:
        """Every thread that should be at work."""
        ...

    def problem(self) -> str:
        """The worst fault in words, empty if there is none."""
        ...


class Manager(Protocol):
    """Who starts the process anew: see `adapters/service_manager`."""

    def ready(self) -> None:
        """Taps are taken."""
        ...

    def alive(self, status: str) -> None:
        """Feed the watchdog."""
        ...

    def say(self, status: str) -> None:
        """Words, and no food."""
        ...


def supervise(
    validator: Supervised, manager: Manager, stop: threading.Event, mono_ms: Callable[[], int],
    *, also: Callable[[], BaseException | None] = lambda: None, every_ms: int = SUPERVISE_MS,
) -> None:  # fmt: skip
    """Watch a started validator until `stop`. `also`: what a part beside it died of, the panel's thread.

    Raises what a thread died of, or ThreadDied.
    """
    vitals = Vitals()
    said = False
    manager.ready()
    while not stop.wait(every_ms / 1000):
        wrong = vitals.look(validator.pulses(), mono_ms())
        # Asked for behind the look: a thread keeps its failure first and ends then, and its failure says more.
        failure = validator.failure or also() or (wrong if isinstance(wrong, ThreadDied) else None)
        if failure is not None:
            raise failure
        if wrong is None:
            said = False
            manager.alive(validator.problem() or "takes taps")
        else:
            manager.say(str(wrong))
            if not said:
                log.critical("the watchdog is not fed: %s", wrong)
            said = True
