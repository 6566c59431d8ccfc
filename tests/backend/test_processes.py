"""Processes that share work: in order, with the work's own errors; and nobody is left over when one is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from backend.adapters.processes import Processes
from backend.core.errors import ProcessGone, StoreFailed

PATIENCE_S = 30


def opened(number: int) -> int:
    return number


def added(here: int, asked: int) -> tuple[int, int]:
    """What it has at hand, added; and whose process it was."""
    time.sleep(0.05)  # so that one process does not do it all
    return here + asked, os.getpid()


def refused(_: int, asked: int) -> None:
    raise StoreFailed("the ledger cannot be read", fix="look at the disk", asked=asked)


def killed(_: int, __: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"


def in_time(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_work_is_told_in_its_order_by_more_than_one_and_all_end() -> None:
    with Processes(2, partial(opened, 100), added) as processes:
        told = processes(range(20))
        assert [it for it, _ in told] == [*range(100, 120)]
        pids = {pid for _, pid in told}
        assert len(pids) == 2
        assert os.getpid() not in pids
    assert not any(map(alive, pids))


def test_what_the_work_raises_is_raised_with_all_that_it_says() -> None:
    with Processes(2, partial(opened, 1), refused) as processes, pytest.raises(StoreFailed) as raised:
        processes([7, 8])
    assert (raised.value.fix, raised.value.data) == ("look at the disk", {"asked": 7})


def test_one_that_is_killed_is_told_with_what_to_do() -> None:
    with Processes(2, partial(opened, 1), killed) as processes, pytest.raises(ProcessGone, match="--processes 1"):
        processes([1, 2])


def test_they_end_when_who_began_them_is_killed() -> None:
    script = (
        "from functools import partial; from tests.backend.test_processes import *\n"
        "if __name__ == '__main__':\n"
        "    with Processes(2, partial(opened, 1), added) as it:\n"
        "        print(*{pid for _, pid in it(range(20))}, flush=True)\n"
        "        time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(it) for it in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    parent.kill()
    parent.wait()
    assert in_time(lambda: not any(map(alive, pids)))
    parent.stdout.close()
