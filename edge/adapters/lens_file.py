"""How sharp each camera was ever seen to be: a small file that outlives restarts, so that dirt is not taken for glass.

It is no record of anything: one that cannot be read or written is said in the log, and measured anew.
"""

import json
import logging
import os
import threading
from pathlib import Path

_log = logging.getLogger(__name__)


class LensFile:
    """`{"front": 512}`: permille of `Sight.sharpest_permille`, by camera name. Any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._best = self._load()

    def best(self, camera: str) -> int:
        """The sharpest it was ever seen; 0: never."""
        with self._lock:
            return self._best.get(camera, 0)

    def keep(self, camera: str, permille: int) -> None:
        """A sharper one was seen."""
        with self._lock:
            self._best[camera] = permille
            written = self._path.with_suffix(".new")
            try:
                written.write_text(json.dumps(self._best, sort_keys=True), encoding="utf-8")
                os.replace(written, self._path)  # noqa: PTH105 - the name says that it replaces in one step
            except OSError as error:
                _log.warning("the sharpness of camera %s is not kept: %s", camera, error)

    def _load(self) -> dict[str, int]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read, the sharpness of the lenses is measured anew: %s", self._path, error)
            return {}
        if not isinstance(found, dict):
            _log.warning("%s holds no sharpness, it is measured anew", self._path)
            return {}
        return {name: value for name, value in found.items() if isinstance(value, int) and 0 < value <= _PERMILLE}


_PERMILLE = 1_000
