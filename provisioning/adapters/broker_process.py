"""Mosquitto's own process, found by the configuration it was started with, and told to read its files again.

No pid file: it would lie in the broker's folder, and a captured broker could point it at any process.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning.core.errors import FileFailed

_PROC = Path("/proc")


def reload_broker(config: Path) -> bool:
    """Send SIGHUP to the Mosquitto that runs with this mosquitto.conf; False where none does. Raises FileFailed."""
    for entry in _PROC.glob("[0-9]*"):
        with _held(int(entry.name)) as descriptor:
            if descriptor is not None and _runs_with(entry, config):
                try:
                    signal.pidfd_send_signal(descriptor, signal.SIGHUP)
                except PermissionError as error:
                    raise FileFailed(
                        f"no permission to reload the broker, process {entry.name}",
                        fix="call it as root, or as its user",
                    ) from error
                return True
    return False


@contextmanager
def _held(pid: int) -> Iterator[int | None]:
    """A process by a descriptor, so that its number cannot be another's meanwhile; None if it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _runs_with(entry: Path, config: Path) -> bool:
    try:
        words = (entry / "cmdline").read_bytes().split(b"\0")
        if os.path.basename(words[0]) != b"mosquitto" or b"-c" not in words[:-1]:  # noqa: PTH119 - bytes
            return False
        given = Path(os.fsdecode(words[words.index(b"-c") + 1]))
        there = given if given.is_absolute() else (entry / "cwd").readlink() / given
        return there.resolve() == config.resolve()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
