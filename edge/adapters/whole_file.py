"""A file that is whole or as it was before, whenever the power goes: written beside, synced, and put into its place."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Durable when it returns. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # of a call whose power went
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder_of(path)


def sync_folder_of(path: Path) -> None:
    """What was put into it, or taken out, is durable when this returns. Raises OSError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
