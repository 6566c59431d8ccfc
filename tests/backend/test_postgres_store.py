"""What is PostgreSQL's own: sessions that are lost, a server that ends, databases that are somebody else's."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend.adapters.ledger.connection import core_over, raw
from backend.adapters.ledger.migrating import migrate
from backend.adapters.postgresql.store import PostgresStore
from backend.core.errors import StoreFailed, StoreForeign
from simulators.postgres import LocalPostgres
from tests.backend.desk import CITY
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
