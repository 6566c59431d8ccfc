"""The tables of a ledger: made at once, or by one migration after the other, or brought up from an old file: the same."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backend.adapters.ledger.connection import core_over
from backend.adapters.ledger.migrating import migrate, scripts
from backend.adapters.ledger.schema import NEWEST
from backend.adapters.sqlite.connection import open_ledger
from backend.adapters.sqlite.store import SqliteStore
from backend.core.errors import StoreForeign, TargetOccupied
from tests.backend.desk import CITY

OLD = Path(__file__).parent / "ledger_before_migrations.sql"  # as the software before them left it, with a day's rides


BEFORE_TOLD = (  # what takes a new ledger back behind the migration that claims tell their records by; in both databases
    "DROP INDEX claim_time", "DROP INDEX claim_untold",
    *(f"ALTER TABLE claim DROP COLUMN {column}" for column in ("record", "door", "verdict")),
    "CREATE INDEX claim_time ON claim (credential, wall_ms)", "DROP TABLE claim_day",
    "DROP TABLE card", "DROP TABLE card_issue", "DROP TABLE cash_topup",  # and what came behind it
    "DROP TABLE host", "DROP TABLE host_token", "DROP TABLE host_rider", "DROP TABLE host_topup", "DROP TABLE host_event",
)  # fmt: skip


def shape(path: Path) -> dict[str, object]:
    """Every table with its columns, keys and options, every index with its columns and condition."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(path)) as ledger:
        for kind, strict, without_rowid, name in ledger.execute(
            "SELECT type, strict, wr, name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
        ):
            columns = ledger.execute(f'SELECT name, type, "notnull", pk FROM pragma_table_info("{name}")').fetchall()
            found[name] = (kind, strict, without_rowid, [(c, t, bool(n or k), k) for c, t, n, k in columns])
            for index, unique, origin, partial in ledger.execute(
                f'SELECT name, "unique", origin, partial FROM pragma_index_list("{name}")'
            ).fetchall():
                on = [c for _, c in ledger.execute(f'SELECT seqno, name FROM pragma_index_info("{index}")')]
                (sql,) = ledger.execute("SELECT max(sql) FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
                where = sql.partition(" WHERE ")[2] if partial else ""
                found[f"{name}: {index if origin == 'c' else origin} {on}"] = (unique, on, where)
    return found


def old_file(folder: Path) -> Path:
    path = folder / "ledger.db"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.executescript(OLD.read_text(encoding="utf-8"))
    return path


def by_migrations(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as ledger, core_over("sqlite://", ledger) as core:
        migrate(core)


def test_all_migrations_come_to_the_tables_that_a_new_ledger_has(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db", CITY).close()
    by_migrations(tmp_path / "migrated.db")
    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "new.db")


def test_the_newest_number_is_that_of_the_last_migration() -> None:
    assert scripts().get_heads() == [NEWEST]


@pytest.mark.parametrize("lacks", ["", "DROP TABLE announced;"])
def test_a_ledger_of_before_is_brought_up_with_all_that_is_in_it(tmp_path: Path, lacks: str) -> None:
    path = old_file(tmp_path)
    with closing(sqlite3.connect(path)) as ledger:
        ledger.executescript(lacks)
        before = {
            table: ledger.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("record", "transfer", "claim", "account")
        }
    assert all(before.values()), "an old ledger without rides would show nothing"
    store = SqliteStore(path, CITY)
    try:
        assert store.counts()["accepted"] > 0
        assert store.announced() is None
    finally:
        store.close()
    with closing(sqlite3.connect(path)) as ledger:
        for table, rows in before.items():
            held = len(rows[0])  # columns that it had; what is added says nothing of old rows
            found = ledger.execute(f"SELECT * FROM {table}").fetchall()
            assert [row[:held] for row in found] == rows
            assert {it for row in found for it in row[held:]} <= {None, 0}
        assert ledger.execute("SELECT DISTINCT hold FROM claim").fetchall() == [(0,)], "what was paid stays paid"
        assert ledger.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]
    SqliteStore(tmp_path / "new.db", CITY).close()
    assert shape(path) == shape(tmp_path / "new.db")


def test_a_ledger_of_a_newer_software_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SqliteStore(path, CITY).close()
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
        ledger.commit()
    with pytest.raises(StoreForeign, match="newer Savar"):
        SqliteStore(path, CITY)
    with closing(sqlite3.connect(path)) as ledger:
        assert ledger.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize("make", [by_migrations, lambda path: SqliteStore(path, CITY).close()])
def test_its_tables_are_strict(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A number that is no number never gets into a column of rials."""
    make(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, pytest.raises(sqlite3.IntegrityError):
        ledger.execute("INSERT INTO account VALUES ('a', 'many', 0, 0, 0)")


def test_what_a_device_told_and_a_tap_without_a_clock_are_found_in_a_ledger_of_before(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    told = '{"epoch": 7, "last_sequence": 500, "receipted_sequence": 400, "oldest_waiting_s": 60, "wall_ms": 0}'
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("UPDATE device SET health = ?", (told,))
        tap = ledger.execute("SELECT device, epoch, sequence, wall_ms FROM claim").fetchone()
        ledger.execute("UPDATE record SET wall_ms = 5 WHERE (device, epoch, sequence) = (?, ?, ?)", tap[:3])
    by_migrations(path)
    with closing(sqlite3.connect(path)) as ledger:
        (seen_ms,) = ledger.execute("SELECT seen_ms FROM device").fetchone()
        assert ledger.execute("SELECT epoch, told, receipted, since_ms FROM journal_told").fetchall() == [
            (7, 500, 400, seen_ms - 60_000)
        ]
        found = ledger.execute("SELECT device, epoch, sequence, record_ms, wall_ms FROM undated").fetchall()
        assert found == [(*tap[:3], 5, tap[3])]


def before_passkeys(ledger: sqlite3.Connection) -> None:
    behind = ("phone", "phone_recovery", "phone_code")  # what came behind them
    for table in ("staff_token", "staff_invitation", "staff_passkey", "staff_session", *behind):
        ledger.execute(f"DROP TABLE {table}")
    ledger.execute("ALTER TABLE staff ADD COLUMN token_hash BLOB")
    for statement in BEFORE_TOLD:
        ledger.execute(statement)


def test_tokens_of_before_stay_good_and_say_that_they_have_no_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SqliteStore(path, CITY).close()
    with closing(sqlite3.connect(path)) as ledger, ledger:
        before_passkeys(ledger)
        ledger.execute("UPDATE alembic_version SET version_num = '0027'")
        for name, token, ended in (("sara", b"s", None), ("omid", b"o", 9)):
            ledger.execute(
                "INSERT INTO staff (name, role, added_ms, ended_ms, token_hash) VALUES (?, 'finance', 7, ?, ?)",
                (name, ended, token),
            )
    by_migrations(path)
    store = SqliteStore(path, CITY)
    try:
        sara = store.person_with(b"s", 1 << 60)
        assert sara is not None
        assert (sara.name, sara.added_ms) == ("sara", 7)
        assert store.person_with(b"o", 8) is None
    finally:
        store.close()
    SqliteStore(tmp_path / "new.db", CITY).close()
    assert shape(path) == shape(tmp_path / "new.db")


def test_what_the_bank_booked_is_found_in_the_log_of_before(tmp_path: Path) -> None:
    """With the reference that was told; what came back was sent to nobody."""
    path = tmp_path / "ledger.db"
    by_migrations(path)
    with closing(sqlite3.connect(path)) as ledger, ledger:
        for gone in ("TABLE paid_in", "TABLE payout_sent", "TABLE ward_topup"):  # and what came behind them
            ledger.execute(f"DROP {gone}")
        before_passkeys(ledger)
        ledger.execute("ALTER TABLE bank_row DROP COLUMN outgoing")
        ledger.execute("INSERT INTO bank_row VALUES (1, 'd', 2, 'P-1', 5, 9)")
        ledger.execute("UPDATE alembic_version SET version_num = '0024'")
        for number, (on, outcome) in enumerate(
            (("a", "paid: trace-1"), ("b", "returned: trace-2"), ("c", "NotFound")), 1
        ):
            ledger.execute(
                "INSERT INTO staff_log VALUES (?, 7, 'sara', 'finance', 'end-payout', ?, ?, '', x'00')",
                (number, on, outcome),
            )
    by_migrations(path)
    with closing(sqlite3.connect(path)) as ledger:
        assert ledger.execute("SELECT * FROM payout_sent").fetchall() == [("a", "trace-1", 7)]
        assert ledger.execute("SELECT outgoing FROM bank_row").fetchall() == [(0,)]


def test_an_older_ledger_is_not_brought_up_while_somebody_has_it_open(tmp_path: Path) -> None:
    """An older backend would go on, and what it wrote then would lack what the newer one goes by: receipts were lost."""
    path = tmp_path / "ledger.db"
    open_ledger(path, CITY).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("UPDATE alembic_version SET version_num = '0030'")
        with pytest.raises(TargetOccupied, match="stop the backend"):
            open_ledger(path, CITY)
        assert older.execute("SELECT version_num FROM alembic_version").fetchone() == ("0030",)
