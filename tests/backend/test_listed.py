"""A rider's list is read from the index of his claims: it shows what the records tell, whatever lies beside (V12)."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.ledger import riders
from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.store import LedgerStore
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.core.errors import StoreFailed
from backend.core.holding import Hold
from backend.core.ledger.verifying import Broken
from backend.core.ports import Commit, RiderTap
from protocol.wire.passes import Presentation
from tests.backend import databases
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY
from tests.backend.test_ledger_schema import old_file
from tests.backend.test_store import RIDER, commit
from tests.backend.verifying_books import Books

DAY_MS = 86_400_000
ASKED = {"credential": RIDER.credential_id, "most": 9, "at": NOON_MS, "row": 9, "days": [3, 5, 9]}
_RECORDS = (  # what the records tell of his charged rides, in the order of the list
    "SELECT r.wall_ms, r.vehicle, r.door, r.verdict, c.rials - c.back_rials, r.id"
    " FROM claim AS c JOIN record AS r USING (device, epoch, sequence) WHERE c.credential = ? AND c.charged"
    " ORDER BY r.wall_ms DESC, r.id DESC"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LedgerStore]:
    opened = databases.now.open(tmp_path, CITY)
    yield opened
    opened.close()


def of_rider(first: int, last: int, times: list[int], **told: Any) -> Commit:
    """His taps, their records at these times; `told`: what the claims tell otherwise."""
    made = commit(first, last)
    records = [
        replace(it, wall_ms=at, door=1 + n % 3) for n, (it, at) in enumerate(zip(made.records, times, strict=True))
    ]
    claims = [
        it._replace(presentation=Presentation(RIDER.credential_id, n, n), **({"wall_ms": at} | told))
        for n, (it, at) in enumerate(zip(made.claims, times, strict=True), start=first)
    ]
    return replace(made, records=records, claims=claims)


def listed(store: LedgerStore) -> list[RiderTap]:
    """All pages of three."""
    found: list[RiderTap] = []
    while page := store.rider_taps(RIDER.credential_id, 3, (found[-1].wall_ms, found[-1].row) if found else None):
        found += page
    return found


def recorded(folder: Path) -> list[RiderTap]:
    return [RiderTap(*row) for row in databases.now.rows(folder, _RECORDS, (RIDER.credential_id,))]


@pytest.mark.databases
@pytest.mark.parametrize("seed", range(3))
def test_the_list_is_what_the_records_tell_whether_claims_tell_it_or_not(
    tmp_path: Path, store: LedgerStore, seed: int
) -> None:
    """Claims of another time or vehicle than their record's, of before, uncharged ones, and some of one millisecond."""
    choose, first = random.Random(seed), 1
    for told in ({}, {"wall_ms": NOON_MS + 5}, {"vehicle": "bus-2"}, {"charged": False}, {}):
        times = [NOON_MS + choose.randrange(9) * 20 * DAY_MS for _ in range(7)]
        store.commit([of_rider(first, first + 6, times, **told)], NOON_MS)
        first += 7
    databases.now.change(tmp_path, "UPDATE claim SET back_rials = 7 WHERE sequence = 3", ())
    before = "UPDATE claim SET record = NULL, door = NULL, verdict = NULL WHERE sequence IN (2, 5, 30)"
    databases.now.change(tmp_path, before, ())
    counts = "SELECT count(*), count(record) FROM claim WHERE charged"
    assert databases.now.rows(tmp_path, counts, ()) == [(28, 11)]
    assert listed(store) == recorded(tmp_path)
    assert len(listed(store)) == 28


@pytest.mark.databases
def test_a_claim_names_the_row_of_its_record_behind_a_group_that_failed_too(tmp_path: Path, store: LedgerStore) -> None:
    """Rows are numbered in the order of their coming."""
    store.commit([commit(1, 3), commit(1, 2, device="bus-2-d1")], NOON_MS)
    with pytest.raises(StoreFailed):
        store.commit([commit(1, 3)], NOON_MS)
    store.commit([of_rider(4, 6, [NOON_MS] * 3)], NOON_MS)
    asked = (
        "SELECT r.device, r.sequence, c.record = r.id AND c.door = r.door AND c.verdict = r.verdict FROM record AS r"
        " JOIN claim AS c USING (device, epoch, sequence) WHERE c.credential = ? ORDER BY r.id"
    )
    assert databases.now.rows(tmp_path, asked, (RIDER.credential_id,)) == [("bus-1-d1", n, True) for n in (4, 5, 6)]
    rows = databases.now.rows(tmp_path, "SELECT device, sequence FROM record ORDER BY id", ())
    assert rows == [("bus-1-d1", n) for n in (1, 2, 3)] + [("bus-2-d1", n) for n in (1, 2)] + [
        ("bus-1-d1", n) for n in (4, 5, 6)
    ]  # fmt: skip


def test_sqlite_reads_nothing_but_the_index(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db", CITY)
    with store._writer.reading() as core:
        for before in (False, True):
            sql = riders._told(before=before).compile(core).construct_expanded_state(ASKED).statement
            plan = [row[3] for row in raw(core).execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]
            search, order = plan
            assert search.startswith("SEARCH claim USING COVERING INDEX claim_time (<expr>=? AND credential=?")
            assert order == "USE TEMP B-TREE FOR ORDER BY"
    store.close()


def test_postgresql_reads_nothing_but_the_index(database: str) -> None:
    """A column that the index has not would be looked up in the claims, and the list be the same."""
    store = PostgresStore(database, CITY, durable=False)
    store.commit([commit(1, 50)], NOON_MS)
    with store._writer.reading() as core:
        to = raw(core)
        to.execute("SET enable_seqscan = off")  # fifty rows are read quicker whole, or by any index that has the rider
        to.execute("SET enable_bitmapscan = off")
        to.execute("DROP INDEX claim_shown")
        for before in (False, True):
            made = riders._told(before=before).compile(core).construct_expanded_state(ASKED)
            plan = "\n".join(line for (line,) in to.execute(f"EXPLAIN {made.statement}", made.parameters))
            assert "Index Only Scan using claim_time on claim" in plan
    store.close()


def test_rides_of_a_ledger_of_before_are_listed_and_told_from_then_on(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    with closing(sqlite3.connect(path)) as ledger:
        ((credential, rides),) = ledger.execute(
            "SELECT credential, count(*) FROM claim WHERE charged GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
    store = SqliteStore(path, CITY)
    assert len(store.rider_taps(credential, 99)) == rides > 0
    assert len(store.charged_claims(credential, None, 99)) == rides
    made = of_rider(1, 1, [NOON_MS + DAY_MS])
    (claim,) = made.claims
    new = claim._replace(device="bus-9-d1", presentation=Presentation(credential, 1, 1), boarding=b"new")
    records = [replace(it, device="bus-9-d1") for it in made.records]
    store.commit([replace(made, device="bus-9-d1", records=records, claims=[new])], NOON_MS)
    assert len(store.rider_taps(credential, 99)) == rides + 1
    with closing(sqlite3.connect(path)) as ledger:
        assert ledger.execute("SELECT device FROM claim WHERE record IS NOT NULL").fetchall() == [("bus-9-d1",)]
    store.close()


@pytest.mark.databases
def test_a_copy_that_is_held_and_forgotten_tells_nothing_of_its_record(tmp_path: Path, store: LedgerStore) -> None:
    """P18: it goes on without its rider."""
    held = of_rider(1, 1, [NOON_MS], charged=False, rials=0, copied_rials=500, hold=Hold.HELD)
    store.commit([held], NOON_MS)
    told = "SELECT credential, record, door, verdict FROM claim"
    assert None not in databases.now.rows(tmp_path, told, ())[0]
    store.forget_claims(None, NOON_MS + 1, 9)
    assert databases.now.rows(tmp_path, told, ()) == [(bytes(8), None, None, None)]


@pytest.mark.databases
@pytest.mark.parametrize(
    "change",
    [
        "door = door + 1",
        "verdict = verdict + 1",
        "door = NULL",
        "verdict = NULL",
        "record = record + 1",
        "record = 9999",
        "vehicle = 'bus-2'",
        "wall_ms = wall_ms + 1",
    ],
)
def test_a_claim_that_tells_otherwise_than_its_record_is_named(tmp_path: Path, change: str) -> None:
    """V12. Of time and vehicle the money's rules tell, too, where it makes a difference."""
    books = Books(tmp_path)
    try:
        assert books.verified().sound
        tap = f"device = 'bus-1-d1' AND sequence = {books.first}"
        books.forge(f"UPDATE claim SET {change} WHERE {tap}")
        named = f"tap {books.front.name}/{books.front.epoch}/{books.first}"
        found = books.wrong()
        assert (Broken.LISTED, named) in found
        assert [it for it in found if it[0] is Broken.LISTED] == [(Broken.LISTED, named)]
        books.forge(f"UPDATE claim SET record = NULL WHERE {tap}")
        assert Broken.LISTED not in {what for what, _ in books.wrong()}
    finally:
        books.close()
