"""What Ctrl-C and SIGTERM mean to a process that runs until told: the event that its loops wait on."""

import signal
import threading
from queue import SimpleQueue


def stop_on_signals(*others: threading.Event) -> threading.Event:
    """An event that SIGINT or SIGTERM sets, however many come and however fast; and `others`, which more may set.

    To be called by the main thread.

    The handler must not set the event itself: it interrupts the main thread wherever that is, also inside the very
    event's `wait` or `set`, whose lock it would then wait for in the thread that holds it (seen with a terminal and
    `make` that both pass a Ctrl-C on). `SimpleQueue.put` is made to be re-entered; a thread carries it over.
    """
    stop = threading.Event()
    told: SimpleQueue[int] = SimpleQueue()

    def carry() -> None:
        told.get()
        for event in (stop, *others):
            event.set()

    threading.Thread(target=carry, name="signals", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: told.put(number))
    return stop
