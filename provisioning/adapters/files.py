"""Writing and reading the city's files.

Rules:
- a private file is 0600 from its first moment (mode given at creation, never changed afterwards) and never overwritten;
- every other file is replaced whole: written beside, synced, renamed;
- a folder that holds secrets is made in a hidden sibling and renamed when complete, so a city or device is either
  whole or not there;
- one call at a time changes a city, so none writes over what another just wrote;
- nothing is given to an account through a link: the broker's folder is the broker's, and it may have put one there.
"""

import fcntl
import os
import pwd
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning.core.errors import CityExists, FileFailed, KeyExists, Unfinished, UnknownAccount

_PRIVATE = 0o600
_PUBLIC = 0o644
_FOLDER_PRIVATE = 0o700


def write_private(path: Path, data: bytes) -> None:
    """Create a file that only its owner can read. Raises KeyExists, FileFailed."""
    try:
        _create(path, data, _PRIVATE)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise KeyExists(
            f"{path} exists and is not overwritten", fix="move it away if it is really not needed", path=str(path)
        ) from error
    except OSError as error:
        raise _failed(path, error) from error


def replace(path: Path, data: bytes, *, mode: int = _PUBLIC, owner: str | None = None) -> None:
    """Write a file whole, in place of an older one; a reader sees the old or the new. Raises FileFailed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _create(beside, data, mode, owner)
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _failed(path, error) from error


def remove(paths: Iterable[Path]) -> None:
    """Remove files that nothing names any more. Raises FileFailed."""
    for path in paths:
        try:
            path.unlink()
        except OSError as error:
            raise _failed(path, error) from error


def read(path: Path, *, fix: str) -> bytes:
    """All bytes of a file. Raises FileFailed with the fix."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileFailed(f"cannot read {path}: {error.strerror}", fix=fix, path=str(path)) from error


def make_folder(path: Path, *, private: bool = False) -> None:
    """Make a folder and its parents; a private one is 0700 from its first moment. Raises FileFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=_FOLDER_PRIVATE if private else 0o755, exist_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise _failed(path, error) from error


@contextmanager
def whole_folder(target: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a hidden sibling to fill; rename it to `target` at the end. A failure inside removes it again.

    A private one is 0700 from its first moment.

    Raises CityExists if there is something at `target`, Unfinished if an interrupted call left its sibling behind.
    """
    making = target.with_name(f".{target.name}.making")
    try:
        if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
            raise CityExists(f"{target} exists and is not empty", fix="choose a new folder", path=str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        making.mkdir(mode=_FOLDER_PRIVATE if private else 0o755)
    except FileExistsError as error:
        raise Unfinished(
            f"an interrupted call left {making} behind", fix="remove that folder; nothing in it is in use",
            path=str(making),
        ) from error  # fmt: skip
    except OSError as error:
        raise _failed(target, error) from error
    try:
        yield making
        _rename(making, target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)  # keys that nobody has seen yet
        raise


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Wait for any other call that changes the city in this folder, and keep others waiting. Raises FileFailed."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _failed(root, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # ends with the descriptor, so also with a killed process
        yield
    finally:
        os.close(descriptor)


def account_now() -> str:
    """Name of the account this process runs as."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise UnknownAccount(
            f"the user id {os.geteuid()} has no name here", fix="call it as a user of this machine", uid=os.geteuid()
        ) from error


def give(path: Path, owner: str) -> None:
    """Hand a file or folder, never a link, to an account, its mode unchanged. Raises UnknownAccount, FileFailed."""
    account = _account(owner)
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise FileFailed(
                f"{path} is a link and is not given to {owner}", fix="put the file itself there", path=str(path)
            )
        if found.st_uid != account.pw_uid:
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    except OSError as error:
        raise FileFailed(
            f"cannot give {path} to {owner}: {error.strerror}", fix="call it as root", path=str(path)
        ) from error


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise UnknownAccount(
            f"there is no account {name} here", fix="apt-get install mosquitto makes `mosquitto`", account=name
        ) from error


def _create(path: Path, data: bytes, mode: int, owner: str | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None and os.fstat(descriptor).st_uid != (account := _account(owner)).pw_uid:
                os.fchown(descriptor, account.pw_uid, account.pw_gid)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()  # made by this call and not whole
        raise


def _rename(made: Path, target: Path) -> None:
    try:
        made.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _failed(target, error) from error


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: Path, error: OSError) -> FileFailed:
    return FileFailed(
        f"cannot write {path}: {error.strerror}", fix="check the disk and who owns the folder", path=str(path)
    )
