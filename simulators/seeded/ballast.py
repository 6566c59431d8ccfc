"""The ballast of a simulated card: a file that only takes room, under the same contract as edge's (P4)."""

from edge.core.limits import BALLAST_BYTES, BALLAST_LEAVES_BYTES
from simulators.seeded.disk import SimDisk, SimFile

_NAME = "ballast"


class SimBallast:
    """`size` bytes of room on `disk`; `leaves` are the logs'. Fulfils edge's Reserve port."""

    def __init__(self, disk: SimDisk, *, size: int = BALLAST_BYTES, leaves: int = BALLAST_LEAVES_BYTES) -> None:
        self._disk = disk
        self._size = size
        self._leaves = leaves

    def make(self) -> bool:
        """Have it whole, if the card has room for that and for the logs besides; of an empty one, what it has.

        False: a part of it is owed.
        """
        held = self._held
        room = self._room()
        if held is None:
            if self._size <= room:
                self._hold(self._size)
            return True
        if held < self._size <= held + room:
            self._hold(self._size)
        elif not held:
            self._hold(min(self._size, max(0, room)))
        return self._held == self._size

    def give_up(self) -> bool:
        """Let the room go at once. False: there is none to give."""
        given = bool(self._held)
        if given:
            self._hold(0)
        return given

    @property
    def _held(self) -> int | None:
        file = self._disk.files.get(_NAME)
        return None if file is None else len(file.content)

    def _room(self) -> int:
        """What the card has for it."""
        free = 1 << 62 if self._disk.full_at is None else self._disk.full_at - self._disk.used()
        return free - self._leaves

    def _hold(self, size: int) -> None:
        if not self._disk.dark:  # without power nothing changes; whoever asked is dead already
            self._disk.ask("ballast")
            self._disk.files[_NAME] = SimFile(bytearray(size), synced_once=True)
