"""A SQLite ledger copied by SQLite's online backup while the backend writes, and put back."""

import dataclasses
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from backend.adapters.backup_file import BLOCK, sync_folder
from backend.adapters.ledger.connection import core_over
from backend.adapters.ledger.contents import contents, renew
from backend.adapters.sqlite.connection import RESTORING, GuardedFile, files_aside, require_ours, require_unused
from backend.core.backups import Contents, Label, Restored, Sink, Source, Tick, require_as_labelled
from backend.core.errors import BackendError, BackupDamaged, StoreFailed, StoreForeign, TargetOccupied

_STEP_PAGES: Final = 4_096  # 16 MiB at once: often enough to say how far it is
_FIX: Final = "look at the disk"
_BESIDE: Final = ("", "-wal", "-shm")  # what belongs to a ledger's file


class SqliteCopier:
    """Implements `backend.core.backups.Copier`. `scratch`: a folder with room for a whole ledger."""

    kind = "sqlite"

    def __init__(self, path: Path, city: str, scratch: Path) -> None:
        self._path, self._city, self._scratch = path, city, scratch

    def copy(self, to: Sink, tick: Tick) -> Contents:
        """By way of a file in `scratch`, which is checked and goes. What is written meanwhile is not in it."""
        if not self._path.exists():
            raise StoreFailed(f"there is no ledger at {self._path}", fix="give the backend.toml of a backend that ran")
        with TemporaryDirectory(prefix=".ledger-copy-", dir=self._scratch) as folder, _told(self._path):
            copied = Path(folder) / "ledger.db"
            require_ours(self._path, self._city)
            _copy_pages(self._path, copied, tick)
            tick("checking the copy", 0, 1)
            found = _checked(copied)
            _hand_on(copied, to, tick)
        return found

    def require_room(self, *, replace: bool) -> None:
        """B4 and B5."""
        if not any(it.exists() for it in self._files()):
            return
        if not replace:
            raise TargetOccupied(
                f"there is a ledger already: {self._path}",
                fix="if it may go, say --replace: it is set aside, not deleted",
            )
        _require_unused(self._path)

    def put_back(self, it: Source, label: Label, *, replace: bool, at_ms: int, tick: Tick) -> Restored:
        """Under another name first, beside which no backend opens anything; then one rename takes the ledger's name.

        What is killed leaves what was there under its name, and that other file: it is to be said again.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        making = self._path.with_name(RESTORING)
        with _told(self._path):
            try:
                _take(it, making, label, tick)
                sync_folder(making.parent)
                tick("checking the ledger", 0, 1)
                try:
                    require_as_labelled(_checked(making), label)
                except (StoreFailed, StoreForeign) as error:
                    raise BackupDamaged(
                        str(error), fix="take the backup before; nothing was put in its place"
                    ) from error
                self.require_room(replace=replace)
                known = max(_incarnation_of(there) for there in (self._path, *files_aside(self._path)))
                incarnation = _renewed(making, above=known, at_ms=at_ms)
                aside = self._set_aside()
                making.rename(self._path)
            except (BackendError, OSError, sqlite3.Error):
                for file in _with_log(making):
                    file.unlink(missing_ok=True)
                raise
            sync_folder(self._path.parent)
        return Restored(dataclasses.replace(label.ledger, incarnation=incarnation), aside)

    def _files(self) -> list[Path]:
        return _with_log(self._path)

    def _set_aside(self) -> str:
        """What is there gets the next free name, too; its log only that: it would be taken for the new one's."""
        if not any(it.exists() for it in self._files()):
            return ""
        number = 1
        while _is_taken(aside := self._path.with_name(f"ledger-aside-{number}.db"), self._path):
            number += 1
        file, *logs = self._files()
        if file.exists() and not aside.exists():
            os.link(file, aside)
        for log, kept in zip(logs, _with_log(aside)[1:], strict=True):
            if log.exists():
                log.rename(kept)
        sync_folder(aside.parent)
        return str(aside)


def _with_log(path: Path) -> list[Path]:
    return [path.with_name(path.name + more) for more in _BESIDE]


def _is_taken(aside: Path, path: Path) -> bool:
    """By another ledger than this one: a restoration that was killed has named it already."""
    return aside.exists() and not (path.exists() and aside.samefile(path))


def _copy_pages(source: Path, copied: Path, tick: Tick) -> None:
    """All pages of one moment. A writer goes on meanwhile: what it adds stays in the log until this is done."""

    def said(_status: int, remaining: int, total: int) -> None:
        tick("copying the ledger (pages)", total - remaining, total)

    with closing(sqlite3.connect(source, isolation_level=None, timeout=10)) as reading:
        reading.execute("BEGIN")  # held to the end: without it every commit of the backend would begin the copy anew
        reading.execute("SELECT city FROM ledger").fetchone()
        with closing(sqlite3.connect(copied)) as writing:
            reading.backup(writing, pages=_STEP_PAGES, progress=said)


def _checked(path: Path) -> Contents:
    """What a file holds that nobody else has open. Raises StoreFailed for a damaged one."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise StoreFailed(f"the copy of the ledger is damaged: {found[0]}", fix=_FIX)
        with closing(core_over(GuardedFile.url, connection)) as core:
            return contents(core)


def _hand_on(copied: Path, to: Sink, tick: Tick) -> None:
    done, whole = 0, copied.stat().st_size
    with copied.open("rb") as file:
        while block := file.read(BLOCK):
            to.write(block)
            done += len(block)
            tick("writing the backup", done, whole)


def _take(it: Source, making: Path, label: Label, tick: Tick) -> None:
    """Into a file that only its owner reads."""
    for left in _with_log(making):  # of one that was killed
        left.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        done = 0
        while block := it.read(BLOCK):
            file.write(block)
            done += len(block)
            tick("putting the ledger back", done, label.size)
        file.flush()
        os.fsync(file.fileno())


def _renewed(making: Path, *, above: int, at_ms: int) -> int:
    """One file again, without a log, and durable."""
    guarded = GuardedFile(making)
    try:
        with guarded.transaction() as core:
            return renew(core, above=above, at_ms=at_ms)
    finally:
        guarded.close()


def _incarnation_of(path: Path) -> int:
    """Of the ledger that is there, for the new one must be higher; 0 where there is none that can be read."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("SELECT incarnation FROM ledger").fetchone()
    except sqlite3.DatabaseError:
        return 0  # it is damaged: that is why it is replaced
    return int(found)


def _require_unused(path: Path) -> None:
    """B5: nobody has the ledger open. Raises TargetOccupied."""
    opened = closing(sqlite3.connect(path, isolation_level=None, timeout=0))
    with opened as connection, suppress(sqlite3.DatabaseError):  # no ledger any more: it is set aside as it is
        require_unused(connection, path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """The disk's and SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFailed(f"{path.name}: {error}", fix=_FIX) from error
    except FileExistsError as error:
        raise TargetOccupied(f"{path} has come meanwhile", fix="stop the backend first") from error
    except OSError as error:
        raise StoreFailed(f"{path.parent}: {error.strerror}", fix=_FIX) from error
