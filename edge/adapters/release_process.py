"""A release as a process: the interpreter of the first installation over the release's own files.

`-P`: nothing is imported from the folder that it is started in, which the service may write.

What is tried is compiled anew at each start, which takes some seconds. Python keeps compiled modules unsynced: one that
the power cut short would count as a start that failed, and a good release be refused for ever.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from edge.adapters.release_folder import LIBRARY
from edge.core.limits import SELFTEST_MAX_S
from edge.core.releases import FIRST

log = logging.getLogger(__name__)
RUNNING = "SAVAR_RELEASE"  # in the environment: the number that runs
_FIRST_PATH = "SAVAR_FIRST_PYTHONPATH"  # what the first installation was started with (cli/release_boot)
_UNCOMPILED = ("-B", "-X", "pycache_prefix=/dev/null/none")
_PATH, _MANAGER = "PYTHONPATH", ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")


def passes(releases: Path, number: int, config: Path, *, limit_s: float = SELFTEST_MAX_S) -> bool:
    """Whether a release's own `savar selftest` says that this device could take taps with it."""
    environment = {key: value for key, value in _environment(releases, number).items() if key not in _MANAGER}
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            _command(["selftest", "--config", str(config)], _UNCOMPILED), env=environment, check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        log.error("the self-test of release %d does not end within %.0f s", number, limit_s)
        return False
    except OSError as error:
        log.error("the self-test of release %d cannot be begun: %s", number, error)
        return False
    return done.returncode == 0


def become(releases: Path, number: int, words: Sequence[str], boot: Path | None = None) -> NoReturn:
    """This process goes on as `savar WORDS` of a release; by `boot`, which goes back to the first if it has rotted.

    Without `boot`, and for another than the first: as one that is tried.
    """
    environment = _environment(releases, number)
    if boot is None or number == FIRST:
        flags = () if number == FIRST else _UNCOMPILED
        os.execve(sys.executable, _command(words, flags), environment)  # noqa: S606 - ourselves
    environment[_FIRST_PATH] = os.environ.get(_PATH, "")
    os.execve(sys.executable, [sys.executable, "-P", str(boot), *words], environment)  # noqa: S606 - ourselves


def running(environment: Mapping[str, str]) -> int:
    """Which release this process is; the first installation if nobody says."""
    told = environment.get(RUNNING, "")
    return int(told) if told.isascii() and told.isdecimal() else FIRST


def _command(words: Sequence[str], flags: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-P", *flags, "-m", "cli.main", *words]


def _environment(releases: Path, number: int) -> dict[str, str]:
    """What the first installation was started with, and where the release's own modules lie, before all others."""
    environment = {key: value for key, value in os.environ.items() if key != RUNNING}
    if number != FIRST:
        environment |= {_PATH: str(releases / str(number) / LIBRARY), RUNNING: str(number)}
    return environment
