"""What is PostgreSQL's own: sessions that are lost, a server that ends, databases that are somebody else's."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from backend.adapters.ledger import ingest
from backend.adapters.ledger.connection import core_over, raw
from backend.adapters.ledger.migrating import migrate
from backend.adapters.ledger.schema import NEWEST
from backend.adapters.postgresql.store import PostgresStore
from backend.core.errors import StoreFailed, StoreForeign, StoreRefused, TargetOccupied
from backend.core.ledger import LEDGER_GENESIS, Transfer, TransferKind, next_head
from simulators.postgres import LocalPostgres
from tests.backend.desk import CITY
from tests.backend.test_ledger_schema import BEFORE_TOLD
from tests.backend.test_store import NOON_MS, commit, mark


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    made = PostgresStore(database, CITY, durable=False)
    yield made
    made.close()


def test_a_receipt_means_durable_whatever_the_server_is_set_to(store: PostgresStore) -> None:
    """P2: this test's server commits without syncing, and our sessions ask for it all the same."""
    for guarded in (store._writer, store._reader, store._aside):
        with guarded.reading() as core:
            assert raw(core).execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_server_that_does_not_sync_is_refused(postgres: LocalPostgres, database: str) -> None:
    with pytest.raises(StoreFailed, match="fsync and full_page_writes is off — set fsync = on"):
        PostgresStore(database, CITY)
    assert postgres.log()


def test_what_was_committed_outlives_the_server(syncing_postgres: LocalPostgres) -> None:
    """P2: its processes end as by kill -9; after that the same store goes on, and nothing of before is missing."""
    store = PostgresStore(syncing_postgres.make("ledger"), CITY)
    store.commit([commit(1, 3)], NOON_MS)
    syncing_postgres.crash()
    with pytest.raises(StoreFailed):
        store.watermark("bus-1-d1", 7)
    with pytest.raises(StoreFailed):
        store.commit([commit(4, 5)], NOON_MS)
    syncing_postgres.start()
    assert store.watermark("bus-1-d1", 7) == mark(3)
    store.commit([commit(4, 5)], NOON_MS)
    syncing_postgres.restart()
    with pytest.raises(StoreFailed):
        store.balance("operator:bus-1")
    assert store.balance("operator:bus-1") > 0
    store.close()


def test_a_session_that_is_ended_in_the_middle_stores_nothing(store: PostgresStore, database: str) -> None:
    """P8: and the next group goes by a new session."""
    before = store.ledger_mark()

    def killed() -> None:
        with store._writer.transaction() as core:
            session = raw(core)
            session.execute("UPDATE ledger SET incarnation = 99")
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
            session.execute("SELECT 1")

    with pytest.raises(StoreFailed, match="PostgreSQL and the way to it"):
        killed()
    assert store.ledger_mark() == before
    store.commit([commit(1, 1)], NOON_MS)


def test_a_rollback_that_fails_hides_nothing(store: PostgresStore, database: str) -> None:
    """What ended the block is told, and the next one goes by a new session."""
    before = store.ledger_mark()

    def killed() -> None:
        with store._writer.transaction() as core:
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (raw(core).info.backend_pid,))
            raise ValueError("the block's own")

    with pytest.raises(ValueError, match="the block's own"):
        killed()
    assert store.ledger_mark() == before


def test_a_failed_statement_that_somebody_swallows_is_no_commit(store: PostgresStore) -> None:
    def swallowing() -> None:
        with store._writer.transaction() as core:
            raw(core).execute("UPDATE ledger SET incarnation = 99")
            with suppress(psycopg.Error):
                raw(core).execute("SELECT 1 / 0")

    with pytest.raises(StoreFailed, match="nothing is stored"):
        swallowing()
    assert store.ledger_mark().incarnation == 1


def test_two_writers_keep_one_chain(store: PostgresStore, database: str) -> None:
    """`savar backend import` beside the backend: the second waits, and goes on from where the first came to."""
    other = PostgresStore(database, CITY, durable=False)
    inside, go = threading.Event(), threading.Event()
    advance = ingest._add_records

    def slowly(*values: object) -> None:
        inside.set()
        go.wait(20)
        advance(*values)

    with patch.object(ingest, "_add_records", slowly):
        first = threading.Thread(target=lambda: store.commit([commit(1, 2)], NOON_MS))
        first.start()
        assert inside.wait(20)
        second = threading.Thread(target=lambda: other.commit([commit(1, 2, device="bus-2-d1")], NOON_MS))
        second.start()
        second.join(0.3)
        assert second.is_alive(), "it has to wait: else it would begin where the first began"
        go.set()
        first.join()
        second.join()
    other.close()
    with psycopg.connect(database) as session:
        rows = session.execute("SELECT key, kind, debit, credit, rials, hash, day FROM transfer ORDER BY id").fetchall()
    head = LEDGER_GENESIS
    for key, kind, debit, credit, rials, told, day in rows:
        head = next_head(head, Transfer(key, TransferKind(kind), debit, credit, rials, day))
        assert told == head
    assert (len(rows), store.ledger_mark().head) == (4, head)


def test_who_waits_too_long_for_another_says_so(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.adapters.postgresql.connection.DATABASE_LOCK_S", 1)
    store = PostgresStore(database, CITY, durable=False)
    with psycopg.connect(database) as other:
        other.execute("UPDATE ledger SET incarnation = incarnation")
        with pytest.raises(StoreFailed, match="lock timeout"):
            store.commit([commit(1, 1)], NOON_MS)
        other.rollback()
    store.commit([commit(1, 1)], NOON_MS)
    store.close()


def test_what_is_refused_is_told_without_the_row(store: PostgresStore) -> None:
    """P18: PostgreSQL's detail has the whole row in it, and errors are kept and logged."""
    (claim,) = commit(1, 1).claims
    with pytest.raises(StoreRefused) as refused:
        store.commit([replace(commit(1, 1), claims=[claim._replace(vehicle=None)])], NOON_MS)  # type: ignore[arg-type]
    assert "null value in column" in str(refused.value)
    assert claim.presentation.credential_id.hex() not in str(refused.value)


def test_a_closed_ledger_stays_closed(store: PostgresStore) -> None:
    store.close()
    with pytest.raises(StoreFailed, match="closed"):
        store.ledger_mark()


def test_a_database_that_has_no_persian_is_refused(postgres: LocalPostgres) -> None:
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as session:
        session.execute("CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(StoreFailed, match="SQL_ASCII, which has no Persian — make it anew"):
        PostgresStore(postgres.conninfo("plain"), CITY, durable=False)
    postgres.drop("plain")


def test_somebody_elses_database_is_left_alone(postgres: LocalPostgres) -> None:
    conninfo = postgres.make("accounts")
    with psycopg.connect(conninfo, autocommit=True) as session:
        session.execute("CREATE TABLE invoices (n int)")
    with pytest.raises(StoreForeign, match="it has invoices"):
        PostgresStore(conninfo, CITY, durable=False)
    with psycopg.connect(conninfo) as session:
        assert session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)
    postgres.drop("accounts")


def test_another_citys_ledger_is_left_alone(database: str) -> None:
    with pytest.raises(StoreForeign, match=f"the ledger of {CITY}, not of shiraz"):
        PostgresStore(database, "shiraz", durable=False)


def test_a_database_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreFailed, match="cannot be opened") as failed:
        PostgresStore("host=/nowhere dbname=none password=secret", CITY)
    assert "secret" not in str(failed.value)


def test_two_backends_begin_one_ledger_once(postgres: LocalPostgres) -> None:
    conninfo = postgres.make("both")
    opened: list[PostgresStore] = []
    threads = [
        threading.Thread(target=lambda: opened.append(PostgresStore(conninfo, CITY, durable=False))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.ledger_mark() for store in opened}) == 1
    assert len(opened) == 4
    for store in opened:
        store.close()
    postgres.drop("both")


def test_a_long_read_is_of_one_moment(store: PostgresStore, database: str) -> None:
    """Facts of a day are counted while records come."""
    with store._aside.snapshot() as core:
        (before,) = raw(core).execute("SELECT count(*) FROM record").fetchone()
        store.commit([commit(1, 3)], NOON_MS)
        assert raw(core).execute("SELECT count(*) FROM record").fetchone() == (before,)
    with psycopg.connect(database) as session:
        assert session.execute("SELECT count(*) FROM record").fetchone() == (before + 3,)


def test_all_migrations_come_to_the_same_tables(postgres: LocalPostgres) -> None:
    new, migrated = postgres.make("new"), postgres.make("migrated")
    PostgresStore(new, CITY, durable=False).close()
    by_migrations(migrated)
    assert shape(migrated) == shape(new)
    for name in ("new", "migrated"):
        postgres.drop(name)


def test_tokens_of_before_stay_good(postgres: LocalPostgres) -> None:
    """As in a file (test_ledger_schema): the tables come to the same, with the rows in them."""
    new, old = postgres.make("new"), postgres.make("old")
    for it in (new, old):
        PostgresStore(it, CITY, durable=False).close()
    with psycopg.connect(old) as session:
        session.execute("DROP TABLE staff_token, staff_invitation, staff_passkey, staff_session")
        session.execute("DROP TABLE phone, phone_recovery, phone_code")  # what came behind them
        session.execute("ALTER TABLE staff ADD token_hash bytea NOT NULL CONSTRAINT one_person_a_token UNIQUE")
        session.execute("INSERT INTO staff (name, role, added_ms, token_hash) VALUES ('sara', 'finance', 7, 's')")
        for statement in BEFORE_TOLD:
            session.execute(statement)
        session.execute("UPDATE alembic_version SET version_num = '0027'")
    by_migrations(old)
    store = PostgresStore(old, CITY, durable=False)
    assert store.person_with(b"s", 1 << 60) is not None
    store.close()
    assert shape(old) == shape(new)
    for name in ("new", "old"):
        postgres.drop(name)


def shape(conninfo: str) -> list[tuple]:
    with psycopg.connect(conninfo) as session:
        columns = session.execute(
            "SELECT table_name, column_name, data_type, is_nullable, collation_name, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()
        indexes = session.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1").fetchall()
        checks = session.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ).fetchall()
    return [*columns, *indexes, *checks]


def by_migrations(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as session, core_over("postgresql+psycopg://", session) as core:
        migrate(core)


def test_paths_of_the_tests_server_are_short(postgres: LocalPostgres) -> None:
    assert len(str(postgres.folder / ".s.PGSQL.5432")) < 107
    assert Path(postgres.folder).exists()


def test_an_older_ledger_is_not_brought_up_while_somebody_is_in_it(store: PostgresStore, database: str) -> None:
    """As in SQLite: an older backend would go on, and write what the newer one cannot go by."""
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("UPDATE alembic_version SET version_num = '0030'")
        try:
            with pytest.raises(TargetOccupied, match="stop the backend"):
                PostgresStore(database, CITY, durable=False)
        finally:  # other tests have this database, too
            session.execute("UPDATE alembic_version SET version_num = %s", (NEWEST,))
    store.close()
