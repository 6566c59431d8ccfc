"""What the machine itself can do, measured in the same run as what is compared with it."""

import os
import time
from pathlib import Path

BLOCK_BYTES = 4096


class OverwriteSync:
    """fdatasync of an overwritten, preallocated 4 KiB block: the least that a durable commit can cost here."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "block"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._file, bytes(BLOCK_BYTES), 0)
        os.fsync(self._file)
        self._block = os.urandom(BLOCK_BYTES)

    def once_ns(self) -> int:
        """Overwrite the block and sync it; nanoseconds taken."""
        started = time.perf_counter_ns()
        os.pwrite(self._file, self._block, 0)
        os.fdatasync(self._file)
        return time.perf_counter_ns() - started

    def close(self) -> None:
        """Remove the block."""
        os.close(self._file)
        self._path.unlink()
