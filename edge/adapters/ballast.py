"""A file beside the journal that only takes room, so that there is some to lend when the card is full (P4).

Rules:
- its room is really taken on the card (`fallocate`), not only promised by a size;
- it is begun, or made whole again, only where that leaves the logs their room; an empty one takes what the card has but
  for that room;
- given up, it is emptied, not removed: an empty one is owed, also to the next start if the power went while it was
  lent, and a card that never had room for one owes nothing;
- losing it costs nothing but its use: it holds no data, and no failure of it is a failure of the journal.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.core.limits import BALLAST_LEAVES_BYTES

log = logging.getLogger(__name__)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_GRAIN_BYTES = 64 << 10  # taken back in pieces of this: what a card says is free is not always for us


class Ballast:
    """`size` bytes of room at `path`. Fulfils the Reserve port; used under the journal's lock."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._held = 0
        self._owed = False
        self._told = False

    def make(self) -> bool:
        """Have it whole, if the card has room for that and for the logs besides; of an empty one, what it has.

        False: a part of it is owed. It costs nothing while it is whole.
        """
        if self._held == self._size:
            return True
        with _told():
            if self._path.exists():
                self._renew()
            elif self._size + BALLAST_LEAVES_BYTES <= _free(self._path.parent):
                self._begin()
        if self._held < self._size and not self._told:
            log.warning("the card has no room for the whole ballast: %d of %d bytes", self._held, self._size)
        self._told = self._held < self._size
        return not self._owed

    def _begin(self) -> None:
        with self._opened() as file:
            if not self._grow(file, self._size):
                self._path.unlink()

    def _renew(self) -> None:
        with self._opened() as file:
            found = os.fstat(file)  # a file system may count a block of its own, or none where a copy left a hole
            self._held = min(found.st_size, found.st_blocks * 512, self._size)
            fits = 0 < self._size - self._held <= _free(file) - BALLAST_LEAVES_BYTES
            if not (fits and self._grow(file, self._size)) and not self._held:
                self._fill(file)
            self._owed = self._held < self._size

    def give_up(self) -> bool:
        """Let the room go at once. False: there is none to give."""
        given, self._held = self._held > 0, 0
        if given:
            with _told(), self._opened() as file:
                os.ftruncate(file, 0)
                os.fsync(file)  # a file system may keep freed blocks until its own journal has moved on
        return given

    def _fill(self, file: int) -> None:
        while self._held < self._size and self._grow(file, min(self._held + _GRAIN_BYTES, self._size)):
            pass
        self._held = max(0, self._held - max(0, BALLAST_LEAVES_BYTES - _free(file)))
        os.ftruncate(file, self._held)
        os.fsync(file)

    def _grow(self, file: int, size: int) -> bool:
        try:
            os.posix_fallocate(file, self._held, size - self._held)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            os.ftruncate(file, self._held)
            return False
        self._held = size
        return True

    @contextmanager
    def _opened(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield file
        finally:
            os.close(file)


@contextmanager
def _told() -> Iterator[None]:
    """What fails is said, and the journal goes without."""
    try:
        yield
    except OSError as error:
        log.warning("the ballast cannot be used: %s", error)


def _free(place: int | Path) -> int:
    """Bytes that the card has for anybody: not what it keeps for an administrator or for itself."""
    card = os.statvfs(place)
    return card.f_bavail * card.f_frsize
