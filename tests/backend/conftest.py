"""One PostgreSQL for all tests of a run, begun when the first one asks for it; each ledger is a database of its own."""

import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from backend.adapters.ledger.tables import ALARM, LEDGER, METADATA, QUARANTINE, RECORD, TRANSFER
from backend.adapters.postgresql.store import PostgresStore
from backend.core.ledger import LEDGER_GENESIS
from simulators.postgres import LocalPostgres
from tests.backend import databases, reading_all
from tests.backend.desk import CITY
from tests.backend.places import Place


class Databases:
    """Empty ledgers of CITY. One that was used is emptied and used again: a third of what a new one takes."""

    def __init__(self, server: LocalPostgres) -> None:
        self._server = server
        self._numbers = count()
        self._free: list[str] = []
        PostgresStore(server.make("blank"), CITY, durable=False).close()

    def take(self) -> str:
        """How one is reached."""
        return self._free.pop() if self._free else self._server.make(f"ledger_{next(self._numbers)}", like="blank")

    def give_back(self, conninfo: str) -> None:
        """Whoever is in it is put out."""
        with psycopg.connect(conninfo, autocommit=True) as session:
            session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            session.execute(_EMPTY)
        self._free.append(conninfo)


_EMPTY = "; ".join(
    [f"DELETE FROM {table.name}" for table in METADATA.sorted_tables if table is not LEDGER]
    + [f"ALTER SEQUENCE {table.name}_id_seq RESTART" for table in (RECORD, TRANSFER, ALARM, QUARANTINE)]
    + [f"UPDATE ledger SET incarnation = 1, head = decode('{LEDGER_GENESIS.hex()}', 'hex')"]
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """Not durable: a contract is no drill."""
    server = LocalPostgres(durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def syncing_postgres() -> Iterator[LocalPostgres]:
    """One of its own, whose disk is asked to sync: what the product demands."""
    server = LocalPostgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def emptied(postgres: LocalPostgres) -> Databases:
    """Its databases, for all tests."""
    return Databases(postgres)


@pytest.fixture
def database(emptied: Databases) -> Iterator[str]:
    """How an empty ledger of CITY is reached."""
    taken = emptied.take()
    yield taken
    emptied.give_back(taken)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `databases` runs on each; what is marked `sqlite_only` is about its file."""
    if metafunc.definition.get_closest_marker("databases"):
        kinds = databases.KINDS[:1] if metafunc.definition.get_closest_marker("sqlite_only") else databases.KINDS
        metafunc.parametrize("ledgers", kinds, indirect=True)


@pytest.fixture(autouse=True)
def ledgers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database of this test's ledgers; before whatever opens one."""
    if getattr(request, "param", "") != "postgresql":
        yield
        return
    emptied = request.getfixturevalue("emptied")
    server = databases.Server(emptied.take, emptied.give_back)
    monkeypatch.setattr(databases, "now", server)
    yield
    server.close()


@pytest.fixture(autouse=True)
def no_table_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of those that grow as long as there are buses: by no statement of the backend's that is not meant to."""
    monkeypatch.setattr(sqlite3, "connect", reading_all.connect)
    yield
    told, reading_all.found[:] = [*reading_all.found], []
    assert not told, told


@pytest.fixture(params=databases.KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Where ledgers are backed up and restored: `databases.now` is that place, too."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    made = Place(request.param, tmp_path, server)
    monkeypatch.setattr(databases, "now", made)
    yield made
    made.close()
