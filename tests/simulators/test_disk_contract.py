"""What lies under SQLite: one suite over real files, through apsw's own VFS, and over the seeded city's card."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import apsw
import pytest

from simulators.seeded.disk import SimDisk

KIB = 1 << 10
ROOM = 256 * KIB
FLAGS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE
CREATE = FLAGS | apsw.SQLITE_OPEN_CREATE


class Files:
    """A folder and the VFS through which its files are used."""

    def __init__(self, vfs: apsw.VFS, name: str, folder: Path) -> None:
        self.vfs = vfs
        self.name = name
        self._folder = folder

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def connect(self, mode: str = "WAL") -> apsw.Connection:
        connection = apsw.Connection(self.path("a.db"), vfs=self.name)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def open(self, name: str, flags: int = CREATE) -> apsw.VFSFile:
        return self.vfs.xOpen(self.path(name), [flags, 0])


@pytest.fixture(params=["file", "card"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    name = f"{request.param}-{tmp_path.name}"
    vfs = apsw.VFS(name, "") if request.param == "file" else SimDisk(name, Random(1))
    yield Files(vfs, name, tmp_path)
    vfs.unregister()


@pytest.fixture(params=["file", "card"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    """With room for 256 KiB."""
    name = f"{request.param}-{tmp_path.name}"
    if request.param == "card":
        card = SimDisk(name, Random(1))
        card.full_at = ROOM
        yield Files(card, name, tmp_path)
        card.unregister()
        return
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(tmp_path)], check=True)
    vfs = apsw.VFS(name, "")
    yield Files(vfs, name, tmp_path)
    vfs.unregister()
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def read(file: apsw.VFSFile, size: int, offset: int) -> bytes:
    """What is there of a range. (Of a short read apsw cuts off trailing zeros.)"""
    there = min(size, max(0, file.xFileSize() - offset))
    found = file.xRead(size, offset)
    assert len(found) <= there
    return found.ljust(there, b"\0")


@pytest.mark.parametrize("seed", range(20))
def test_bytes_are_read_as_they_were_written_cut_and_extended(files: Files, seed: int) -> None:
    """Against a plain bytearray, so that both worlds give one answer."""
    rng, model = Random(seed), bytearray()
    file = files.open("bytes")
    for _ in range(60):
        offset, size = rng.randrange(6_000), rng.randrange(1, 3_000)
        kind = rng.choice("wwrts")
        if kind == "w":
            data = rng.randbytes(size)
            file.xWrite(data, offset)
            model.extend(bytes(max(0, offset - len(model))))
            model[offset : offset + size] = data
        elif kind == "t":
            file.xTruncate(offset)
            del model[offset:]
            model.extend(bytes(offset - len(model)))
        elif kind == "s":
            file.xSync(apsw.SQLITE_SYNC_FULL)
        assert file.xFileSize() == len(model)
        assert read(file, size, offset) == model[offset : offset + size]
    file.xClose()
    file = files.open("bytes", FLAGS)
    assert read(file, 10_000, 0) == model
    file.xClose()


def test_a_file_is_there_from_its_creation_to_its_deletion(files: Files) -> None:
    there = lambda: files.vfs.xAccess(files.path("a"), apsw.SQLITE_ACCESS_EXISTS)  # noqa: E731
    assert not there()
    with pytest.raises(apsw.CantOpenError):
        files.open("a", FLAGS)
    file = files.open("a")
    assert not there(), "an empty one is not"
    file.xWrite(b"x", 0)
    file.xClose()
    assert there()
    files.vfs.xDelete(files.path("a"), True)
    assert not there()
    with pytest.raises(apsw.IOError):
        files.vfs.xDelete(files.path("a"), True)


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE"])
def test_the_same_statements_give_the_same_answers_over_reopening(files: Files, mode: str) -> None:
    rng, model = Random(mode), {}
    for _ in range(4):
        connection = files.connect(mode)
        connection.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, b BLOB)")
        for _ in range(60):
            n, data = rng.randrange(40), rng.randbytes(rng.randrange(9_000))
            if rng.random() < 0.3:
                connection.execute("DELETE FROM t WHERE n = ?", (n,))
                model.pop(n, None)
            elif rng.random() < 0.3:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE t SET b = ?", (data,))
                connection.execute("ROLLBACK")
            else:
                connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", (n, data))
                model[n] = data
        if mode == "WAL":
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        assert dict(connection.execute("SELECT n, b FROM t")) == model
        connection.close()
    connection = files.connect(mode)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    assert dict(connection.execute("SELECT n, b FROM t")) == model
    connection.close()
    assert not files.vfs.xAccess(files.path("a.db-wal"), apsw.SQLITE_ACCESS_EXISTS)


def test_a_file_owned_exclusively_is_nobody_elses_until_it_is_closed(files: Files) -> None:
    """Two writers would fork a chain."""
    owner = files.connect()
    owner.execute("CREATE TABLE t (n)")
    with pytest.raises(apsw.BusyError):
        files.connect()
    owner.execute("INSERT INTO t VALUES (1)")
    owner.close()
    other = files.connect()
    assert other.execute("SELECT n FROM t").get == 1
    other.close()


def test_one_writes_at_a_time_and_a_reader_keeps_the_writer_from_committing(files: Files) -> None:
    one, two = (apsw.Connection(files.path("b.db"), vfs=files.name) for _ in range(2))
    one.execute("CREATE TABLE t (n)")
    one.execute("BEGIN IMMEDIATE")
    with pytest.raises(apsw.BusyError):
        two.execute("BEGIN IMMEDIATE")
    one.execute("INSERT INTO t VALUES (1)")
    two.execute("BEGIN")
    assert two.execute("SELECT count(*) FROM t").get == 0
    with pytest.raises(apsw.BusyError):
        one.execute("COMMIT")
    two.execute("COMMIT")
    one.execute("COMMIT")
    assert two.execute("SELECT count(*) FROM t").get == 1
    one.close()
    two.close()


def taken_until_full(connection: apsw.Connection) -> int:
    for n in range(ROOM // KIB):
        try:
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, bytes([n]) * KIB))
        except apsw.FullError:
            return n
    return ROOM // KIB


def test_a_full_disk_refuses_what_does_not_fit_and_keeps_what_it_took(small: Files) -> None:
    """P4; room that is made is used."""
    filler = small.open("filler")
    filler.xWrite(bytes(64 * KIB), 0)
    filler.xClose()
    connection = small.connect()
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
    taken = taken_until_full(connection)
    assert 20 < taken < ROOM // KIB
    assert connection.execute("SELECT count(*), max(n) FROM t").get == (taken, taken - 1)
    with pytest.raises(apsw.FullError):  # it cannot fold its log in
        connection.close()
    small.vfs.xDelete(small.path("filler"), False)
    connection = small.connect()
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    assert connection.execute("SELECT count(*) FROM t").get == taken
    connection.execute("INSERT INTO t VALUES (?, ?)", (taken, b"after"))
    connection.close()
