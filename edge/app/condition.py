"""What health tells of the machine, the run and the certificate, gathered once a report. The sync thread's."""

import logging
import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from edge.adapters.keys import certificate_until_ms
from edge.adapters.machine import MachineReader
from edge.adapters.release_process import running
from edge.adapters.run_file import RunFile
from edge.core.condition import Condition
from edge.core.errors import KeyMissing
from edge.core.releases import FIRST
from protocol.wire.health import RunCause

_log = logging.getLogger(__name__)


class ConditionReader:
    """`begin` it with the process, `read` it for each report, `end` it as the process stops."""

    def __init__(
        self, data_dir: Path, certificate: Callable[[], Path | None], *, mono_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._certificate, self._mono_ns = certificate, mono_ns
        self._machine = MachineReader(data_dir)
        self._run = RunFile(data_dir / "run.json")
        self._began_ns = mono_ns()

    def begin(self) -> RunCause:
        """Why this run began."""
        self._began_ns = self._mono_ns()
        return self._run.begin()

    def end(self) -> None:
        """The run ends by itself."""
        self._run.end()

    def read(self) -> Condition:
        """How things are now. A certificate may be renewed while the process runs, so it is looked at anew."""
        machine, unread = self._machine.read()
        until_ms = None
        certificate = self._certificate()
        if certificate is not None:
            try:
                until_ms = certificate_until_ms(certificate)
            except KeyMissing as error:
                _log.warning("%s", error)
                unread = (*unread, "certificate")
        uptime_s = (self._mono_ns() - self._began_ns) // 1_000_000_000
        return Condition(uptime_s=uptime_s, certificate_until_ms=until_ms, machine=machine, unread=unread)


def software() -> str:
    """What runs here, as health and records name it."""
    number = running(os.environ)
    return f"savar {version('savar')}" + ("" if number == FIRST else f" release {number}")
