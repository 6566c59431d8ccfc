"""A backup as one file: a ZIP, not packed, of the ledger's bytes and of `label.json`, which says what they are.

Any tool opens it: `unzip -p FILE label.json`. The label is written last, so a file without one was never finished.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from pydantic import TypeAdapter, ValidationError

from backend.core.backups import FORMAT, Contents, Label, Sink, Tick
from backend.core.errors import BackupDamaged, StoreFailed, TargetOccupied

LEDGER, LABEL = "ledger", "label.json"
_LABEL_BYTES_MAX: Final = 64 << 10  # ours has under 1 KiB
BLOCK: Final = 1 << 20  # read and written at once
_LABELS = TypeAdapter(Label)
_DAMAGED: Final = (zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, RuntimeError)
_OTHER_COPY: Final = "take another copy of it, or the backup before"


def write(file: Path, database: str, made_ms: int, copy: Callable[[Sink], Contents]) -> Label:
    """`copy` writes the ledger's bytes → the label. The file appears whole and synced, or not at all.

    Raises TargetOccupied if it is there already, StoreFailed, and whatever `copy` raises.
    """
    if file.exists():
        raise TargetOccupied(f"{file} is there already", fix="give the backup a name of its own")
    making = file.with_name(f".{file.name}.making")
    try:
        try:
            with _opened_new(making) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
                with archive.open(LEDGER, "w", force_zip64=True) as member:
                    hashing = _Hashing(member)
                    contents = copy(hashing)
                label = Label(FORMAT, database, contents, made_ms, hashing.size, hashing.digest())
                archive.writestr(LABEL, _LABELS.dump_json(label, indent=2))
            _place(making, file)
        finally:
            making.unlink(missing_ok=True)
    except FileExistsError as error:
        raise TargetOccupied(f"{file} has come meanwhile", fix="give the backup a name of its own") from error
    except OSError as error:
        raise StoreFailed(f"{file} cannot be written: {error.strerror}", fix="give it room on another disk") from error
    return label


@contextmanager
def _opened_new(making: Path) -> Iterator[IO[bytes]]:
    """A file that only its owner reads: riders are in it. What an earlier try left goes."""
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as raw:
        yield raw
        raw.flush()
        os.fsync(raw.fileno())


def _place(making: Path, file: Path) -> None:
    """Under its name, where nobody is overwritten, and that name on the disk."""
    os.link(making, file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """The names in it, on the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_label(file: Path) -> Label:
    """What a backup says that it is. Raises BackupDamaged, StoreFailed."""
    with _translated(file), zipfile.ZipFile(file) as archive, archive.open(LABEL) as member:
        raw = member.read(_LABEL_BYTES_MAX)
    try:
        label = _LABELS.validate_json(raw, strict=True)
    except ValidationError as error:
        raise BackupDamaged(f"{file} has no label that can be read", fix=_OTHER_COPY) from error
    if label.format != FORMAT:
        raise BackupDamaged(f"{file} is of format {label.format}", fix="restore it by the Savar that wrote it")
    return label


def measure(file: Path, label: Label, tick: Tick) -> tuple[int, str]:
    """All bytes of the ledger in it, read once → their number and digest. Raises BackupDamaged, StoreFailed."""
    with ledger_of(file) as ledger:
        size, digest = 0, hashlib.sha256()
        while block := ledger.read(BLOCK):
            size += len(block)
            digest.update(block)
            tick("checking the backup", size, label.size)
    return size, digest.hexdigest()


class Reading:
    """The ledger's bytes in a backup, to be read once."""

    def __init__(self, file: Path, member: IO[bytes]) -> None:
        self._file, self._member = file, member

    def read(self, most: int) -> bytes:
        """The next of them. Raises BackupDamaged, StoreFailed."""
        with _translated(self._file):
            return self._member.read(most)


@contextmanager
def ledger_of(file: Path) -> Iterator[Reading]:
    """Opened. Raises BackupDamaged, StoreFailed."""
    with ExitStack() as opened:
        with _translated(file):
            archive = opened.enter_context(zipfile.ZipFile(file))
            member = opened.enter_context(archive.open(LEDGER))
        yield Reading(file, member)


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise BackupDamaged(f"{file} is no backup of a ledger, or is not whole: {error}", fix=_OTHER_COPY) from error
    except OSError as error:
        raise StoreFailed(f"{file} cannot be read: {error.strerror}", fix=_OTHER_COPY) from error


class _Hashing:
    """Hands on what is written, and knows what it was."""

    def __init__(self, to: IO[bytes]) -> None:
        self._to = to
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, block: bytes) -> int:
        """On to the file."""
        self._digest.update(block)
        self.size += len(block)
        return self._to.write(block)

    def digest(self) -> str:
        """Of all so far."""
        return self._digest.hexdigest()
