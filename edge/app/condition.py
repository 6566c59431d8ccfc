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
from edge.app.counting import Counting, CountingThread
from edge.core.condition import Condition
from edge.core.errors import KeyMissing
from edge.core.releases import FIRST
from protocol.wire.health import RunCause

_log = logging.getLogger(__name__)


class ConditionReader:
    """`begin` it with the process, `read` it for each report, `end` it as the process stops."""

    def __init__(
        self, data_dir: Path, certificate: Callable[[], Path | None], *, mono_ns: Callable[[], int] = time.monotonic_ns,
        counting: Counting | None = None,
    ) -> None:  # fmt: skip
        self._certificate, self._mono_ns = certificate, mono_ns
        self._counting = None if counting is None else CountingThread(counting, lambda: mono_ns() // 1_000_000)
        self._machine = MachineReader(data_dir)
        self._run = RunFile(data_dir / "run.json")
        self._began_ns = mono_ns()

    def begin(self) -> RunCause:
        """Why this run began; before it writes its first record, the card is held against the machine's counter."""
        self._began_ns = self._mono_ns()
        cause = self._run.begin()
        if self._counting is not None:  # a machine that ran on had the same card all the time
            self._counting.begin(began=cause is not RunCause.CRASHED)
        return cause

    def end(self) -> None:
        """The run ends by itself; its journal is open still."""
        if self._counting is not None:
            self._counting.end()
        self._run.end()

    @property
    def card_doubt(self) -> str:
        """Why the card is not believed to be the newest, and what to do; empty while it is, or nobody knows."""
        return "" if self._counting is None else self._counting.doubt

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
        if self._counting is not None and self._counting.unread:
            unread = (*unread, "counter")
        uptime_s = (self._mono_ns() - self._began_ns) // 1_000_000_000
        return Condition(
            uptime_s=uptime_s, certificate_until_ms=until_ms, machine=machine, unread=unread,
            card_copy=bool(self.card_doubt),
        )  # fmt: skip


def software() -> str:
    """What runs here, as health and records name it."""
    number = running(os.environ)
    return f"savar {version('savar')}" + ("" if number == FIRST else f" release {number}")
