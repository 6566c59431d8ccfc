"""Files of one folder on the card, each step of which can be cut: what `ReleaseFolder` is written with."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeVar

from edge.core.errors import ReleaseFailed

_Result = TypeVar("_Result")
_MODE = 0o644


class RealCardFiles:
    """Implements `CardFiles` below `root`, which is made if it is not there.

    Each part of a file is synced by itself: the card is never busy for long with what a tap would have to wait for.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: str) -> list[str]:
        """See `CardFiles`."""
        path = self._root / folder
        return self._try(path, lambda: sorted(os.listdir(path)) if path.is_dir() else [])  # noqa: PTH208

    def read(self, path: str, most: int) -> bytes | None:
        """See `CardFiles`."""
        full = self._root / path

        def read() -> bytes | None:
            try:
                with full.open("rb") as file:
                    return file.read(most + 1)
            except FileNotFoundError:
                return None

        return self._try(full, read)

    def open(self, path: str) -> BinaryIO:
        """See `CardFiles`."""
        full = self._root / path
        return self._try(full, lambda: full.open("rb"))

    def make_folder(self, path: str) -> None:
        """See `CardFiles`."""
        full = self._root / path
        self._try(full, lambda: full.mkdir(parents=not path, exist_ok=True))

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """See `CardFiles`."""
        full = self._root / path

        def write() -> None:
            descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for part in parts:
                    file.write(part)
                    os.fdatasync(descriptor)
                os.fsync(descriptor)

        self._try(full, write)

    def rename(self, path: str, name: str) -> None:
        """See `CardFiles`."""
        full = self._root / path
        self._try(full, lambda: full.rename(full.with_name(name)))

    def sync(self, folder: str) -> None:
        """See `CardFiles`."""
        full = self._root / folder

        def sync() -> None:
            descriptor = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

        self._try(full, sync)

    def remove(self, path: str) -> None:
        """See `CardFiles`."""
        full = self._root / path
        self._try(full, lambda: shutil.rmtree(full) if full.is_dir() and not full.is_symlink() else full.unlink())

    def room(self) -> int:
        """See `CardFiles`."""
        found = self._try(self._root, lambda: os.statvfs(self._root))
        return found.f_bavail * found.f_frsize

    @staticmethod
    def _try(path: Path, work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except OSError as error:
            raise ReleaseFailed(
                f"the folder of releases cannot be used: {error.strerror}: {path}", fix="look at the card",
                path=str(path),
            ) from error  # fmt: skip
