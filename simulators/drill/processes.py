"""The backend of a drill as a process of its own that can be killed, and the two commands on its ledger.

By command: `savar backend run`, `savar ledger backup`, `savar ledger restore`, as an operator starts them. Quick: the
same classes in a process that was imported before (each start of Python takes a second), and the same functions.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from backend.app.backend import Backend, wall_ms
from backend.app.backups import back_up, restore
from backend.app.config import load_config
from simulators.errors import SimulatorError

_END_S: Final = 30.0
_LOOK_S: Final = 0.2


class DrillFailed(SimulatorError):
    """A part of the drill did not do its work, so it shows nothing."""


class Asked(Protocol):
    """`backup` or `restore`, begun."""

    @property
    def ended(self) -> bool:
        """Whether it is done."""
        ...

    def result(self) -> tuple[dict[str, Any], float]:
        """What it says, and seconds. Raises DrillFailed, SavarError."""
        ...


class Processes(Protocol):
    """How a drill starts what it kills, and asks for what it needs. `config`: backend.toml."""

    def start(self, config: Path) -> None:
        """The backend."""
        ...

    def kill(self) -> None:
        """SIGKILL. It must have been alive, or the kill proves nothing. Raises DrillFailed."""
        ...

    def backup(self, config: Path, file: Path) -> Asked:
        """Of its ledger."""
        ...

    def restore(self, config: Path, file: Path) -> Asked:
        """Into the place that it names."""
        ...

    def log(self) -> str:
        """What the backend said last."""
        ...

    def close(self) -> None:
        """Nothing stays behind."""
        ...


class ByCommand:
    """As an operator does. `log`: a file."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, config: Path) -> None:
        """`savar backend run`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", "cli.main", "backend", "run", "--config", str(config)], stdout=log, stderr=log
            )

    def kill(self) -> None:
        """See `Processes`."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            raise DrillFailed(f"the backend had ended by itself: {self.log()}", fix="look at its log")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def backup(self, config: Path, file: Path) -> Asked:
        """`savar ledger backup`."""
        return _Command("backup", config, file)

    def restore(self, config: Path, file: Path) -> Asked:
        """`savar ledger restore`."""
        return _Command("restore", config, file)

    def log(self) -> str:
        """Its end."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-1_000:] if self._log.exists() else ""

    def close(self) -> None:
        """Ends it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_END_S)
            self._process.kill()
            self._process.wait()


class _Command:
    def __init__(self, command: str, config: Path, file: Path) -> None:
        self._command, self._began = command, time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-m", "cli.main", "ledger", command, "--config", str(config), str(file), "--json", "-"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def result(self) -> tuple[dict[str, Any], float]:
        out, said = self._process.communicate()
        if self._process.returncode:
            raise DrillFailed(f"savar ledger {self._command} fails: {said.decode()[-500:]}", fix="look at what it says")
        return json.loads(out), time.monotonic() - self._began


class Quick:
    """Forked from one process that has imported all. `before`: done in the backend's process before it begins."""

    def __init__(self, before: Callable[[], None] | None = None) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["simulators.drill.processes"])
        self._before = before
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pool = ThreadPoolExecutor(1, "drill-ledger")

    def start(self, config: Path) -> None:
        """The product's Backend, until it is killed or told to end."""
        self._process = self._context.Process(target=_serve, args=(config, self._before))
        self._process.start()

    def kill(self) -> None:
        """See `Processes`."""
        process, self._process = self._process, None
        if process is None or not process.is_alive():
            raise DrillFailed("the backend had ended by itself", fix="look at what it said")
        process.kill()
        process.join()
        process.close()

    def backup(self, config: Path, file: Path) -> Asked:
        """On a thread."""
        return _Called(self._pool.submit(lambda: asdict(back_up(
            load_config(config), file, at_ms=wall_ms(), tick=_silent
        ))))  # fmt: skip

    def restore(self, config: Path, file: Path) -> Asked:
        """On a thread."""
        return _Called(self._pool.submit(lambda: asdict(restore(
            load_config(config), file, replace=False, at_ms=wall_ms(), tick=_silent
        ))))  # fmt: skip

    def log(self) -> str:
        """It says it where the drill does."""
        return ""

    def close(self) -> None:
        """Ends it."""
        self._pool.shutdown()
        if self._process is not None:
            self._process.terminate()
            self._process.join(_END_S)
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None


class _Called:
    def __init__(self, future: "Future[dict[str, Any]]") -> None:
        self._future, self._began = future, time.monotonic()

    @property
    def ended(self) -> bool:
        return self._future.done()

    def result(self) -> tuple[dict[str, Any], float]:
        return self._future.result(), time.monotonic() - self._began


def _serve(config: Path, before: Callable[[], None] | None) -> None:
    """What `savar backend run` does."""
    if before is not None:
        before()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # before any thread begins: it is waited for below
    backend = Backend(load_config(config))
    backend.start()
    try:
        while signal.sigtimedwait([signal.SIGTERM], _LOOK_S) is None and backend.failure is None:
            pass
    finally:
        backend.stop()


def _silent(_stage: str, _done: int, _of: int) -> None:
    """Nobody looks."""
