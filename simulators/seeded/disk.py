"""A card at the level of bytes, behind an apsw VFS: what was not synced may be lost, torn or kept when the power goes.

Rules:
- a write, truncation or deletion is on its way until its file is synced; a cut keeps, drops or tears each of them by
  itself, in any combination: harsher than ext4, which keeps their order;
- a torn write keeps some of its 512-byte sectors; bytes beside a write never change (SQLite's power-safe overwrite);
- a file that was never synced may be gone after a cut, and one whose deletion was not may be back; the first sync of a
  new journal or log syncs the folder too, as SQLite's own VFS does, and that settles both;
- a card that lies answers a sync with success and does nothing; one that fails says so, its bytes on their way;
- locks are SQLite's own, between handles; a process that died reads nothing, changes nothing and holds none.

Every operation asks `on_operation` first, which may raise PowerCut: so a crash can happen at any of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import apsw

SECTOR_BYTES = 512
_PAGE_BYTES = 4_096  # what Linux tells SQLite of a block device's sector

# The highest level that another handle may hold beside one that asks for this.
_BESIDE = {
    apsw.SQLITE_LOCK_SHARED: apsw.SQLITE_LOCK_RESERVED,
    apsw.SQLITE_LOCK_RESERVED: apsw.SQLITE_LOCK_SHARED,
    apsw.SQLITE_LOCK_PENDING: apsw.SQLITE_LOCK_SHARED,
    apsw.SQLITE_LOCK_EXCLUSIVE: apsw.SQLITE_LOCK_NONE,
}


class PowerCut(BaseException):
    """The power is gone in the middle of an operation. No error that code may handle; only the world catches it."""


class _Change(NamedTuple):
    """One change on its way: bytes at an offset, and what stood there; or (data None) a new size."""

    offset: int
    data: bytes | None
    before: bytes
    size_before: int


@dataclass(slots=True)
class SimFile:
    """A file's bytes as a process sees them, and the changes that a cut may still take away."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[_Change] = field(default_factory=list)
    synced_once: bool = False
    settles_folder: bool = False  # its next sync is the folder's too
    locks: dict[int, int] = field(default_factory=dict)  # open handle → the level that it holds

    def write(self, data: bytes, offset: int) -> None:
        """Write; a gap before it reads as zeros."""
        content, end = self.content, offset + len(data)
        size = len(content)
        self.pending.append(_Change(offset, data, bytes(content[offset:end]), size))
        if size < offset:
            _resize(content, offset)
        content[offset:end] = data

    def truncate(self, size: int) -> None:
        """Cut off, or extend with zeros."""
        self.pending.append(_Change(size, None, bytes(self.content[size:]), len(self.content)))
        _resize(self.content, size)

    def sync(self) -> None:
        """All of it survives a cut."""
        self.pending.clear()
        self.synced_once = True

    def cut(self, rng: Random) -> None:
        """The power went: each pending change is kept, dropped or torn."""
        for change in reversed(self.pending):
            if change.data is None:
                _resize(self.content, change.offset)
                self.content += change.before
            else:
                self.content[change.offset : change.offset + len(change.data)] = change.before
            _resize(self.content, change.size_before)
        for change in self.pending:
            fate = rng.randrange(3)
            if change.data is None:
                if fate:
                    _resize(self.content, change.offset)
            elif fate == 1:
                _put(self.content, change.data, change.offset)
            elif fate == 2:
                _tear(self.content, change.data, change.offset, rng)
        self.pending.clear()
        self.synced_once = True


def _put(content: bytearray, data: bytes, offset: int) -> None:
    if len(content) < offset:
        _resize(content, offset)
    content[offset : offset + len(data)] = data


def _resize(content: bytearray, size: int) -> None:
    if len(content) > size:
        del content[size:]
    else:
        content += bytes(size - len(content))


def _tear(content: bytearray, data: bytes, offset: int, rng: Random) -> None:
    """Some of the sectors that a write covers."""
    at = 0
    while at < len(data):
        until = min(len(data), at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES)
        if rng.random() < 0.5:
            _put(content, data[at:until], offset + at)
        at = until


class SimDisk(apsw.VFS):
    """One card, registered as the VFS `name`. Not thread-safe: the seeded world has one thread.

    `full_at`: bytes that fit (None: plenty). `lying`, `failing_sync`, `read_only`: faults that are on while set.
    """

    def __init__(self, name: str, rng: Random, on_operation: Callable[[str], None] = lambda _: None) -> None:
        self.name = name
        self.files: dict[str, SimFile] = {}
        self.full_at: int | None = None
        self.lying = False
        self.failing_sync = False
        self.read_only = False
        self.dark = False
        self.operations = 0
        self._deleted: dict[str, SimFile] = {}
        self._rng = rng
        self._on_operation = on_operation
        self._life = 0  # of the machine: handles of an earlier one are dead
        super().__init__(name, "", exclude=set())

    # --- what happens to a card --------------------------------------------------------------------------------------

    def go_dark(self) -> None:
        """The process is gone: nothing more reaches the card. Close its connections now, then `cut` or `reopen`."""
        self.dark = True

    def reopen(self) -> None:
        """After a kill: the system lived on, so nothing that the dead process wrote is lost."""
        self._life += 1
        self.dark = False
        for file in self.files.values():
            file.locks.clear()

    def cut(self) -> None:
        """After a power cut: what a new process finds is what survived."""
        self.reopen()
        for name, file in self._deleted.items():
            if name not in self.files and self._rng.random() < 0.5:
                self.files[name] = file
        self._deleted.clear()
        for name, file in list(self.files.items()):
            if not file.synced_once and self._rng.random() < 0.5:
                del self.files[name]
            else:
                file.cut(self._rng)

    def copy(self) -> dict[str, bytes]:
        """An image of the card as it is read now: a clone, or a backup."""
        return {name: bytes(file.content) for name, file in self.files.items()}

    def restore(self, image: dict[str, bytes]) -> None:
        """Put an image on the card; whatever was there is gone."""
        self._life += 1
        self._deleted.clear()
        self.files = {name: SimFile(bytearray(content), synced_once=True) for name, content in image.items()}

    def flip_bit(self, name: str, offset: int, bit: int) -> None:
        """One bit rots."""
        self.files[name].content[offset] ^= 1 << bit

    def used(self) -> int:
        """Bytes in all files."""
        return sum(len(file.content) for file in self.files.values())

    # --- the VFS -----------------------------------------------------------------------------------------------------

    def ask(self, operation: str) -> None:
        """Before each operation: a crash may happen here; a dark card does nothing more."""
        if self.dark:
            raise apsw.IOError("no power")
        self.operations += 1
        try:
            self._on_operation(operation)
        except PowerCut:
            self.dark = True
            raise

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_Handle":  # noqa: N802 - apsw's names
        """Open or create."""
        assert name is not None, "the journal opens named files only"
        key = _key(name if isinstance(name, str) else name.filename())
        if key not in self.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE or self.read_only:
                raise apsw.CantOpenError(key)
            self.ask("create")
            settles = bool(flags[0] & (apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL))
            self.files[key] = SimFile(settles_folder=settles)
        flags[1] = flags[0]
        return _Handle(self, self._life, self.files[key])

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        """Whether it is there; to SQLite's own VFS an empty file is not."""
        file = self.files.get(_key(pathname))
        return file is not None and (flags != apsw.SQLITE_ACCESS_EXISTS or len(file.content) > 0)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        """Delete; without the directory's sync it may be back after a cut."""
        if self.dark:
            raise apsw.IOError("no power")
        self.ask("delete")
        file = self.files.pop(_key(filename), None)
        if file is None:
            raise apsw.IOError(f"no {_key(filename)}")
        if not syncdir:
            self._deleted[_key(filename)] = file

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Names are as given."""
        return name

    def settle_folder(self) -> None:
        """Which files there are survives a cut."""
        self._deleted.clear()
        for file in self.files.values():
            file.synced_once = True

    def alive(self, life: int) -> bool:
        """Whether a handle of this life may still do anything."""
        return life == self._life

    def room_for(self, file: SimFile, end: int) -> bool:
        """Whether a file may grow to `end` bytes."""
        if self.full_at is None:
            return True
        growth = max(0, end - len(file.content))
        return not growth or self.used() + growth <= self.full_at


class _Handle(apsw.VFSFile):
    """An open file of one life of the machine. Implements apsw's VFSFile."""

    def __init__(self, disk: SimDisk, life: int, file: SimFile) -> None:  # no super(): there is no file underneath
        self._disk = disk
        self._life = life
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        disk, file = self._disk, self._file
        if not disk.alive(self._life):
            return
        disk.ask("write")
        if disk.read_only:
            raise apsw.ReadOnlyError("read-only card")
        if not disk.room_for(file, offset + len(data)):
            raise apsw.FullError("no room")
        file.write(bytes(data), offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        if self._disk.alive(self._life):
            self._disk.ask("truncate")
            self._file.truncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        if not self._disk.alive(self._life):
            return
        self._disk.ask("sync")
        if self._disk.failing_sync:
            raise apsw.IOError("sync failed")
        if not self._disk.lying:
            self._file.sync()
            if self._file.settles_folder:
                self._disk.settle_folder()
                self._file.settles_folder = False
            self._disk.ask("synced")

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.content)

    def xLock(self, level: int) -> None:  # noqa: N802
        """Raise to a level unless another handle's forbids it: one writer, and nobody beside who has it exclusively."""
        if not self._disk.alive(self._life):
            return
        if any(held > _BESIDE[level] for held in self._others()):
            raise apsw.BusyError("the file is locked")
        self._file.locks[id(self)] = max(level, self._file.locks.get(id(self), 0))

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Lower to a level."""
        if self._disk.alive(self._life):
            self._file.locks[id(self)] = level

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return any(held >= apsw.SQLITE_LOCK_RESERVED for held in self._file.locks.values())

    def _others(self) -> list[int]:
        return [held for holder, held in self._file.locks.items() if holder != id(self)]

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002, N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return _PAGE_BYTES

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        """Let its lock go; what was not synced stays on its way."""
        if self._disk.alive(self._life):
            self._file.locks.pop(id(self), None)


def _key(path: str) -> str:
    """Files are known by their last name: one card holds one device's data."""
    return path.rpartition("/")[2]
