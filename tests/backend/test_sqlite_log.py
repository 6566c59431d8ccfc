"""SQLite's log beside a ledger: what it grew to while somebody looked for long is given back to the disk."""

from pathlib import Path

import pytest

from backend.adapters.sqlite import connection
from backend.adapters.sqlite.connection import GuardedFile
from backend.core.limits import SQLITE_PAGE_BYTES

PAGES = 64


def test_a_log_that_grew_beside_a_long_look_is_cut_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SQLITE_LOG_PAGES", PAGES)
    path, log = tmp_path / "ledger.db", tmp_path / "ledger.db-wal"
    writer, reader = GuardedFile(path, writes=True), GuardedFile(path)

    def write(times: int) -> None:
        for _ in range(times):
            with writer.transaction() as core:
                core.exec_driver_sql("INSERT INTO it VALUES (randomblob(40000))")

    with writer.transaction() as core:
        core.exec_driver_sql("CREATE TABLE it (of BLOB)")
    with reader.snapshot() as core:
        assert core.exec_driver_sql("SELECT count(*) FROM it").scalar_one() == 0
        write(100)
        assert log.stat().st_size > 10 * PAGES * SQLITE_PAGE_BYTES
    write(2)  # the first one copies it, the next begins it anew
    assert log.stat().st_size <= 2 * PAGES * SQLITE_PAGE_BYTES
    writer.close()
    reader.close()
