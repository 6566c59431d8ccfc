"""`run.json` on the card: in which run of the machine the process began, and whether it ended by itself.

It is no record of anything: one that cannot be read or written is said in the log, and the next cause is UNKNOWN.
"""

import json
import logging
import os
from pathlib import Path

from edge.core.condition import Run, why_begun
from protocol.wire.health import RunCause

_log = logging.getLogger(__name__)
_UNKNOWN = Run("", ended=False)


class RunFile:
    """`begin` when the process begins, `end` as it stops."""

    def __init__(self, path: Path, *, boot_id: Path = Path("/proc/sys/kernel/random/boot_id")) -> None:
        self._path, self._boot_id = path, boot_id
        self._boot = ""

    def begin(self) -> RunCause:
        """Why this run began; from now on it counts as not ended."""
        try:
            self._boot = self._boot_id.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            _log.warning("this machine does not tell its runs apart: %s", error)
        cause = why_begun(self._before(), self._boot)
        self._keep(Run(self._boot, ended=False))
        return cause

    def end(self) -> None:
        """It ends by itself."""
        self._keep(Run(self._boot, ended=True))

    def _before(self) -> Run | None:
        try:
            found = json.loads(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read, why this run began is not known: %s", self._path, error)
            return _UNKNOWN
        match found:
            case {"boot": str(boot), "ended": bool(ended)}:
                return Run(boot, ended)
        _log.warning("%s tells of no run, why this one began is not known", self._path)
        return _UNKNOWN

    def _keep(self, run: Run) -> None:
        """Whole or as before, whenever the power goes."""
        written = self._path.with_suffix(".new")
        try:
            with written.open("w", encoding="ascii") as file:
                json.dump({"boot": run.boot, "ended": run.ended}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(written, self._path)  # noqa: PTH105 - the name says that it replaces in one step
        except OSError as error:
            _log.warning("%s is not kept: %s", self._path, error)
