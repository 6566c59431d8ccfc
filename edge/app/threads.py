"""Waiting for the door's threads to end."""

import logging
import threading

from edge.core.limits import THREAD_STOP_MS

_log = logging.getLogger(__name__)


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end; one that its driver does not let go is left to the process's end, and said."""
    if thread.ident is None:
        return
    thread.join(THREAD_STOP_MS / 1000)
    if thread.is_alive():
        _log.warning("%s is blocked in its driver and was left behind", thread.name)
