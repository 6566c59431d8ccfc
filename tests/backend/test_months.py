"""PostgreSQL keeps records and transfers a partition a service month; nobody waits for one, and nothing is twice."""

import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.ledger.connection import core_over
from backend.adapters.ledger.migrating import scripts
from backend.adapters.postgresql.store import PostgresStore
from backend.core.errors import StoreRefused
from backend.core.limits import PARTITION_AGAIN_MS, PARTITION_MONTHS_BACK_MAX
from backend.core.ports import Commit
from protocol.jalali import day_text, jalali_day, month_begins, service_month
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.passes import Presentation
from simulators.postgres import LocalPostgres
from tests.backend.desk import CITY
from tests.backend.test_store import RIDER, commit

NOW = jalali_day("1405/09/08")
NOW_MS = day_begins_ms(NOW) + 43_200_000
AWAY = jalali_day("1405/06/31")  # the last day of a month, four months back


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with psycopg.connect(database, autocommit=True) as session:
        for table in months_of(session):
            session.execute(f"DROP TABLE {table}")  # of a test before
    made = PostgresStore(database, CITY, durable=False)
    yield made
    made.close()


def months_of(session: psycopg.Connection) -> list[str]:
    asked = "SELECT tablename FROM pg_tables WHERE tablename ~ '^(record|transfer)_[0-9]' ORDER BY 1"
    return [name for (name,) in session.execute(asked)]


def of_day(first: int, last: int, day: int, *, device: str = "bus-1-d1") -> Commit:
    """Taps of a service day and what is posted for them, just after its midnight."""
    made, wall_ms = commit(first, last, device=device), day_begins_ms(day)
    return replace(
        made, records=[replace(it, wall_ms=wall_ms) for it in made.records],
        transfers=[replace(it, day=day) for it in made.transfers],
    )  # fmt: skip


def lies(database: str) -> dict[str, tuple[int, int]]:
    """Partition's end of name → records and transfers in it, of those that have any."""
    with psycopg.connect(database) as session:
        found: dict[str, list[int]] = {}
        for at, table in enumerate(("record", "transfer")):
            for name, rows in session.execute(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1"):
                found.setdefault(name.partition("_")[2], [0, 0])[at] = rows
    return {name: (records, transfers) for name, (records, transfers) in found.items()}


def test_rows_lie_in_their_service_months_and_the_next_one_is_there_before_they_come(
    store: PostgresStore, database: str
) -> None:
    store.commit([of_day(1, 3, NOW), of_day(1, 2, AWAY, device="bus-2-d1")], NOW_MS)
    store.commit([of_day(3, 3, AWAY + 1, device="bus-2-d1")], NOW_MS)
    assert lies(database) == {"1405_09": (3, 3), "1405_06": (2, 2), "1405_07": (1, 1)}
    with psycopg.connect(database) as session:
        assert months_of(session) == [
            f"{table}_1405_{month}" for table in ("record", "transfer") for month in ("06", "07", "09", "10")
        ]


@pytest.mark.parametrize("day", [0, jalali_day("1485/01/01"), NOW + 70, NOW - 31 * (PARTITION_MONTHS_BACK_MAX + 1)])
def test_a_clock_that_is_mad_makes_no_partition(store: PostgresStore, database: str, day: int) -> None:
    store.commit([of_day(1, 1, day)], NOW_MS)
    assert lies(database) == {"default": (1, 1)}
    with psycopg.connect(database) as session:
        assert len(months_of(session)) == 4  # this month and the next


@pytest.mark.parametrize("day", [NOW, None])
def test_no_record_and_no_transfer_is_there_twice(store: PostgresStore, day: int | None) -> None:
    """P6: a key's day follows from what it is made from, so it comes to the same partition again."""
    first = of_day(1, 1, NOW)
    transfers = [replace(it, day=day) for it in first.transfers]
    store.commit([replace(first, transfers=transfers)], NOW_MS)
    other = of_day(1, 1, NOW, device="bus-2-d1")
    with pytest.raises(StoreRefused):
        store.commit([replace(other, transfers=transfers)], NOW_MS)
    with pytest.raises(StoreRefused):
        store.commit([replace(other, records=first.records, transfers=[], claims=[])], NOW_MS)
    store.commit([other], NOW_MS)


def test_a_month_that_cannot_begin_keeps_nobody_waiting_and_begins_later(store: PostgresStore, database: str) -> None:
    """Somebody looks at all there is, as a backup does, while the month is met first."""
    with psycopg.connect(database) as looking:
        assert looking.execute("SELECT count(*) FROM record, transfer").fetchone() == (0,)
        store.commit([of_day(1, 3, NOW)], NOW_MS)
        assert lies(database) == {"default": (3, 3)}
        store.commit([of_day(4, 4, NOW)], NOW_MS + 1)  # does not even try
        looking.rollback()
        store.commit([of_day(5, 5, NOW)], NOW_MS + PARTITION_AGAIN_MS - 1)
        assert lies(database) == {"default": (5, 5)}
    store.commit([of_day(6, 6, NOW), of_day(1, 1, 0, device="bus-2-d1")], NOW_MS + PARTITION_AGAIN_MS)
    assert lies(database) == {"1405_09": (6, 6), "default": (1, 1)}
    assert store.ledger_mark().head == rows(database)[-1][1]
    assert [row for row, _ in rows(database)] == list(range(1, 8))


def rows(database: str) -> list[tuple[int, bytes]]:
    with psycopg.connect(database) as session:
        return session.execute("SELECT id, hash FROM transfer ORDER BY id").fetchall()


def test_what_is_rolled_back_takes_its_months_along(store: PostgresStore, database: str) -> None:
    first = of_day(1, 1, NOW)
    for _ in range(2):
        with pytest.raises(StoreRefused):
            store.commit([replace(first, transfers=[*first.transfers, *first.transfers])], NOW_MS)
    store.commit([first], NOW_MS)
    assert lies(database) == {"1405_09": (1, 1)}


def test_a_ledger_of_before_is_sorted_into_its_months_when_it_is_opened(postgres: LocalPostgres) -> None:
    database, steps = postgres.make("unsorted"), scripts()
    month = service_month(service_day(time.time_ns() // 1_000_000))  # of the server's own clock
    today, before, behind = (month_begins(month + more) for more in (0, -2, -1))
    with psycopg.connect(database, autocommit=True) as session, core_over("postgresql+psycopg://", session) as core:
        environment = EnvironmentContext(Config(), steps, fn=lambda found, _: steps._upgrade_revs("0012", found))
        with environment:
            environment.configure(connection=core)
            environment.run_migrations()
        session.execute("INSERT INTO ledger VALUES (1, %s, 1, %s)", (CITY, bytes(32)))
        for n, day in enumerate((0, behind - 1, behind, today, None)):
            session.execute(
                "INSERT INTO record (device, epoch, sequence, hash, bytes, kind, wall_ms) VALUES ('b', 1, %s, '', '', 2, %s)",
                (n, day_begins_ms(today if day is None else day)),
            )
            session.execute(
                "INSERT INTO transfer (key, kind, debit, credit, rials, hash, at_ms, day)"
                " VALUES (%s, 'fare', 'suspense', 'operator:bus-1', 1, '', 1, %s)",
                (bytes([n]), day),
            )
    store = PostgresStore(database, CITY, durable=False)
    names = ["_".join(day_text(day).split("/")[:2]) for day in (before, behind, today)]
    assert lies(database) == dict(zip(["default", *names], [(1, 2), (1, 1), (1, 1), (2, 1)], strict=True))
    store.commit([of_day(1, 1, today)], day_begins_ms(today))
    assert [row for row, _ in rows(database)] == [1, 2, 3, 4, 5, 6]
    store.close()
    postgres.drop("unsorted")


@given(st.integers(-100_000, 800_000))
def test_a_service_month_is_that_of_the_written_day(day: int) -> None:
    month, (year, of_year) = service_month(day), map(int, day_text(day).split("/")[:2])
    assert month_begins(month) <= day < month_begins(month + 1)
    assert (month // 12, month % 12 + 1) == (year, of_year)
    assert day_text(month_begins(month)).endswith("/01")


def test_a_riders_taps_are_found_in_every_month_whatever_time_their_records_tell(store: PostgresStore) -> None:
    """Whose clock was not trusted, that claim has another time than its record: it may lie in another month."""
    taps = []
    for number, (day, trusted) in enumerate(((NOW, True), (AWAY, True), (AWAY + 1, True), (0, False)), start=1):
        made, wall_ms = of_day(1, 1, day, device=f"bus-{number}-d1"), day_begins_ms(day)
        (told,) = made.claims
        claim = told._replace(
            presentation=Presentation(RIDER.credential_id, 1, number), wall_ms=wall_ms + (not trusted)
        )
        store.commit([replace(made, claims=[claim])], NOW_MS)
        taps.append((wall_ms, number))
        newest = [(it.wall_ms, it.row) for it in store.rider_taps(RIDER.credential_id, 3)]
        assert newest == sorted(taps, reverse=True)[:3]
    page = store.rider_taps(RIDER.credential_id, 9, (day_begins_ms(NOW), 1))
    assert [(it.wall_ms, it.row) for it in page] == sorted(taps, reverse=True)[1:]


def test_a_day_is_asked_of_its_month_alone(store: PostgresStore, database: str) -> None:
    store.commit([of_day(1, 1, NOW), of_day(1, 1, AWAY, device="bus-2-d1")], NOW_MS)
    asked = "EXPLAIN SELECT * FROM record WHERE wall_ms >= %s AND wall_ms < %s"
    with psycopg.connect(database) as session:
        plan = "\n".join(line for (line,) in session.execute(asked, (day_begins_ms(NOW), day_begins_ms(NOW + 1))))
    assert "record_1405_09" in plan
    assert service_day(NOW_MS) == NOW
    assert "record_1405_06" not in plan
