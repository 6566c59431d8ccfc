"""A process that runs until told ends, wherever its main thread was and however many signals come at once."""

import subprocess
import sys

CHILD = """
import os, signal
from cli.stopping import stop_on_signals
stop = stop_on_signals()
with stop._cond:  # where `wait` and `set` are for a moment: in a burst the next signal meets the thread right here
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
assert stop.wait(30)
"""


def test_a_signal_inside_the_event_s_own_lock_ends_it_too() -> None:
    """A terminal and `make` both pass a Ctrl-C on: a handler that sets the event then waits for its own thread."""
    child = subprocess.run([sys.executable, "-c", CHILD], check=False, capture_output=True, timeout=60)
    assert child.returncode == 0, child.stderr.decode()
