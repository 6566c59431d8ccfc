"""Batch files for a depot: whole or not there."""

import contextlib
import os
from pathlib import Path

from edge.core.errors import JournalFailed
from edge.core.journal_check import CutBatch


def write_batch(folder: Path, device: str, epoch: int, batch: CutBatch) -> Path:
    """DEVICE-EPOCH-FIRST-LAST.batch, synced before it has its name. Raises JournalFailed, naming the file."""
    target = folder / f"{device}-{epoch}-{batch.first}-{batch.last}.batch"
    part = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(batch.data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(folder)
    except OSError as error:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            part.unlink()
        raise JournalFailed(
            f"cannot write {target}: {error.strerror}", fix="free space there, or give another --out; files that have"
            " the name .batch are whole", path=str(target),
        ) from error  # fmt: skip
    return target


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
