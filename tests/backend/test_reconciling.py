"""The reconciliation over a ledger: every planted fault is found and none invented, it goes on after a kill, and what a
person says stays."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from backend.adapters.ledger.store import LedgerStore
from backend.app import reconciling, tap_spans
from backend.app.money_cases import resolve
from backend.app.reconciling import Reconciling
from backend.core.errors import NotFound, Refused, StoreFailed
from backend.core.limits import DISCREPANCY_DUE_MS
from backend.core.reconciliation.classes import ABOUT, Class, Side
from backend.core.reconciliation.discrepancies import Discrepancy, Entry, Kept
from backend.core.staff.errors import Unfit
from protocol.fares.verdicts import Verdict
from protocol.limits import DAY_S
from protocol.localtime import service_day
from simulators.books.ordinary import FIRST_DAY
from simulators.books.payments import statement_of
from simulators.books.week import LAST_DAY, NOW_MS, write_statements
from tests.backend import databases
from tests.backend.books import BUSES, TAPS, TOPUPS, Books
from tests.backend.bus import NOON_MS, Bus, Proof, Rider
from tests.backend.desk import Desk

pytestmark = pytest.mark.databases

DAY_MS = DAY_S * 1000


@pytest.fixture
def books(tmp_path: Path) -> Iterable[Books]:
    made = Books(tmp_path)
    yield made
    made.close()


def test_books_without_a_fault_have_no_discrepancy(books: Books) -> None:
    run = books.reconcile(books.statements())
    assert books.open() == set()
    assert run.totals["taps"] == TAPS
    assert run.totals["top-ups"] == run.totals["payments"] == TOPUPS
    assert 0 < run.totals["late_taps"] < TAPS // BUSES


def test_every_planted_fault_is_found_and_none_invented(books: Books) -> None:
    expected, files = books.plant(seed=7, faults=120)
    assert {name.partition(":")[0] for name in expected} == {it.value for it in Class}, "each class is planted"
    run = books.reconcile(files)
    assert books.open() == expected
    assert (
        run.totals["opened"] == sum(n for name, n in run.totals.items() if name.startswith("found:")) == len(expected)
    )

    again = books.reconcile(files)
    assert again.id != run.id
    assert again.totals["opened"] == again.totals["matched"] == 0, "a second run opens nothing new"
    assert books.open() == expected


def test_it_goes_on_where_it_was_killed(books: Books) -> None:
    """Each step by another process: what the one before had in memory is gone, and a step that was not kept is done again."""
    expected, files = books.plant(seed=8, faults=60)
    ids = set()
    for number in range(10_000):
        job = books.job(files)
        ids.add(job.run.id)
        if number % 3 == 1 and job.run.stage != reconciling.END:
            job._store = Torn(books.store)  # type: ignore[assignment]
            with pytest.raises(Killed):
                job.step()
        elif not job.step():
            break
    assert len(ids) == 1, "one run, whoever goes on with it"
    assert job.run.totals["taps"] >= TAPS
    assert books.open() == expected


class Killed(BaseException):
    """The process ended here."""


class Torn:
    """A store whose process ends before a step is kept."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def keep_step(self, *_: object) -> int:
        raise Killed

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_two_processes_do_not_both_take_a_step(books: Books) -> None:
    one, other = books.job(), books.job()
    assert one.step()
    with pytest.raises(StoreFailed, match="another process"):
        other.step()
    while one.step():
        pass
    assert books.open() == set()


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "gone", ["judge", "judge_told", "judge_topup", "judge_payout", "judge_entry", "judge_journal", "judge_refused"]
)
def test_a_rule_that_is_taken_away_is_noticed(books: Books, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, files = books.plant(seed=9, faults=60)
    monkeypatch.setattr(tap_spans if gone == "judge" else reconciling, gone, lambda *_, **__: [])
    books.reconcile(files)
    assert books.open() < expected


def test_what_matches_by_now_closes_by_itself_and_what_comes_back_is_opened_again(books: Books) -> None:
    tap = next(it for it in books.week.taps if it.kind == "plain")
    name = f"tap-misposted:{'/'.join(map(str, tap.tap))}"
    key = (tap.transfers[0].key,)
    books.tables.change("UPDATE transfer SET rials = rials + 1 WHERE key = ?", key)
    books.reconcile()
    assert books.open() == {name}
    books.tables.change("UPDATE transfer SET rials = rials - 1 WHERE key = ?", key)
    books.now_ms += 1
    books.reconcile(days=(FIRST_DAY - 5, FIRST_DAY - 4))
    assert books.open() == {name}, "other days say nothing of it"
    assert books.reconcile().totals["matched"] == 1
    assert books.open() == set()
    books.tables.change("UPDATE transfer SET rials = rials + 1 WHERE key = ?", key)
    books.reconcile()
    assert books.open() == {name}
    assert [entry for entry, *_ in books.store.entries_of(name)] == [Entry.OPENED, Entry.MATCHED, Entry.OPENED_AGAIN]
    (kept,) = books.store.discrepancies(open_only=True, after=None, most=10)
    assert (kept.it.rials, kept.opened_ms, kept.due_ms) == (1, NOW_MS, NOW_MS + DISCREPANCY_DUE_MS)
    assert kept.it.since_ms == tap.wall_ms


def said(books: Books, name: str, why: str, now_ms: int) -> Kept:
    return resolve(books.store, name, why=why, by=("n. ahmadi", "finance"), now_ms=now_ms)


def test_what_a_person_resolved_stays_resolved_and_its_opening_is_kept(books: Books) -> None:
    tap = next(it for it in books.week.taps if it.kind == "plain")
    books.tables.change("DELETE FROM transfer WHERE key = ?", (tap.transfers[0].key,))
    books.reconcile()
    (name,) = books.open()
    kept = said(books, name, "the rider was refunded at the desk", NOW_MS + 5)
    (told,) = books.store.log(0, 9)
    assert (told.entry.person, told.entry.action, told.entry.on) == ("n. ahmadi", "resolve-discrepancy", name)
    assert (kept.last, kept.who, kept.opened_ms, kept.is_open) == (Entry.RESOLVED, "n. ahmadi", NOW_MS, False)
    books.reconcile()
    assert books.open() == set()
    assert [(entry, who) for entry, _, who, _ in books.store.entries_of(name)] == [
        (Entry.OPENED, "reconciliation"), (Entry.RESOLVED, "n. ahmadi"),
    ]  # fmt: skip
    with pytest.raises(Refused):
        said(books, name, "again", NOW_MS + 6)
    with pytest.raises(NotFound):
        said(books, "tap-unposted:no/1/1", "why", NOW_MS)
    with pytest.raises(Unfit):
        said(books, name, "card 4111 1111 1111 1111", NOW_MS)
    assert len(books.store.log(0, 9)) == 1


@pytest.mark.sqlite_only
def test_a_statement_that_is_given_anew_counts_instead_of_the_one_before(books: Books) -> None:
    told = statement_of(books.week.topups)
    gone = told.rows.pop(5)
    told.pay_out()
    books.reconcile(write_statements(told, books.folder, "short"))
    assert books.open() == {f"credited-not-paid:main/{gone.authority}"}
    books.reconcile(books.statements())
    assert books.open() == set()


@pytest.mark.sqlite_only
def test_days_whose_statement_is_not_held_accuse_nobody(books: Books) -> None:
    """A payment of before midnight may stand in the statement of a day that nobody gave."""
    files = books.statements()
    books.reconcile(files, days=(FIRST_DAY + 1, LAST_DAY))
    assert books.open() == set()
    books.reconcile(days=(FIRST_DAY, FIRST_DAY))
    assert books.open() == set()


@pytest.mark.sqlite_only
def test_one_day_after_the_other_finds_what_all_together_do(books: Books) -> None:
    """Late taps: their transfers are posted on days after their own, and are no strays there."""
    expected, files = books.plant(seed=11, faults=60)
    for day in range(FIRST_DAY, LAST_DAY + 1):
        books.reconcile(days=(day, day))
    of_ledger = {it.value for it in Class if ABOUT[it].side in {Side.LEDGER, Side.JOURNAL}}
    assert books.open() == {name for name in expected if name.partition(":")[0] in of_ledger}
    books.reconcile(files)
    assert books.open() == expected


# --- real ingest -------------------------------------------------------------------------------------------------------


def a_real_day(folder: Path) -> Desk:
    """Through ingest: paid, reduced, copied by two buses, taken back, proxies, no proof, companions, refusals."""
    riders = [Rider(1), Rider(2, rider_class=2), Rider(3), Rider(4)]
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    desk = Desk(folder, [bus, other], riders)
    bus.begin_shift("driver-7", "s-1")
    shown = riders[0].show(1)
    bus.tap(shown)
    other.tap(shown)
    bus.tap(riders[1].show(2), verdict=Verdict.ACCEPTED_CONCESSION)
    taken = bus.tap(riders[2].show(3, time_s=NOON_MS // 1000 + 2))
    bus.tap(riders[3].show(4, party=2, time_s=NOON_MS // 1000 + 3))
    bus.tap(riders[3].show(5, time_s=NOON_MS // 1000 + 4), proof=Proof.STRIPPED)
    bus.refusal()
    bus.annul(taken)
    desk.take_whole(bus)
    desk.take_whole(other)
    return desk


def test_what_ingest_leaves_matches(tmp_path: Path) -> None:
    desk = a_real_day(tmp_path)
    day = service_day(NOON_MS)
    run = Reconciling(desk.store, (day, day), [], now_ms=lambda: NOON_MS).finish()
    assert [it.it.name for it in desk.store.discrepancies(open_only=True, after=None, most=100)] == []
    assert run.totals["taps"] == desk.one("SELECT count(*) FROM record WHERE payer IS NOT NULL")
    assert run.totals["taps"] > 4
    desk.close()


def test_the_books_have_the_shape_of_what_ingest_leaves(tmp_path: Path) -> None:
    """Each table that both fill: the same columns are null, and numbers, texts and bytes are where ingest has them."""
    desk = a_real_day(tmp_path / "real")
    books = Books(tmp_path / "books", taps=300, topups=20)
    for table, only in (("record", "WHERE payer IS NOT NULL"), ("claim", ""), ("transfer", ""), ("unproven", "")):
        real = shapes(desk.rows(f"SELECT * FROM {table} {only}"))
        made = shapes(books.tables.rows(f"SELECT * FROM {table} {only}"))
        assert real
        assert len(real) == len(made)
        for at, (is_real, is_made) in enumerate(zip(real, made, strict=True)):
            if (table, at) in PLACES:
                continue  # no bus of these tests knows where it is
            assert is_real & is_made, f"column {at} of {table}: {is_real} by ingest, {is_made} in the books"
    kinds = {row[0] for row in desk.rows("SELECT kind FROM transfer")}
    assert kinds <= {row[0] for row in books.tables.rows("SELECT kind FROM transfer")}
    desk.close()
    books.close()


PLACES = {("record", 17), ("record", 18)}


def shapes(rows: list[tuple]) -> list[set[type]]:
    return [set(map(type, column)) for column in zip(*rows, strict=True)]


@pytest.mark.sqlite_only
def test_a_deleted_claim_is_matched_by_its_record_once_its_day_is_forgotten(tmp_path: Path) -> None:
    """Travel may be destroyed: the money stays as it is, and accuses nobody. Of a remembered day each is told."""
    desk = a_real_day(tmp_path)
    ridden = desk.rows("SELECT count(*) FROM claim")[0][0]
    databases.now.change(tmp_path, "DELETE FROM claim")
    day = service_day(NOON_MS)

    def found() -> list[str]:
        Reconciling(desk.store, (day, day), [], now_ms=lambda: NOON_MS).finish()
        return [it.it.of.value for it in desk.store.discrepancies(open_only=True, after=None, most=100)]

    assert found() == ["tap-claim-missing"] * ridden
    desk.store.remember_from(day)
    assert found() == ["tap-claim-missing"] * ridden, "the day itself is remembered"
    desk.store.remember_from(day + 1)
    assert found() == []
    desk.close()


def test_a_tap_that_comes_weeks_late_is_no_stray(tmp_path: Path) -> None:
    desk = a_real_day(tmp_path)
    day = service_day(NOON_MS)
    desk.now_ms += 30 * DAY_MS
    late = Bus("bus-3-d1")
    late.tap(Rider(1).show(9, time_s=NOON_MS // 1000 + 7))
    desk.enrol(late)
    desk.take_whole(late)
    run = Reconciling(desk.store, (day + 30, day + 30), [], now_ms=lambda: desk.now_ms).finish()
    assert run.totals.get("taps", 0) == 0
    assert [it.it.name for it in desk.store.discrepancies(open_only=True, after=None, most=100)] == []
    databases.now.change(
        tmp_path, "INSERT INTO transfer (key, kind, debit, credit, rials, hash, at_ms) VALUES (?, 'fare', ?, ?, 5, ?, ?)",
        (bytes(32), "suspense", "operator:bus-1", bytes(32), desk.now_ms),
    )  # fmt: skip
    Reconciling(desk.store, (day + 30, day + 30), [], now_ms=lambda: desk.now_ms).finish()
    (kept,) = desk.store.discrepancies(open_only=True, after=None, most=100)
    assert (kept.it.of, kept.it.rials, kept.it.owner.value) == (Class.STRAY, 5, "finance")
    desk.close()


@pytest.mark.sqlite_only
def test_no_rider_stands_in_a_discrepancy(books: Books) -> None:
    _, files = books.plant(seed=12, faults=60)
    books.reconcile(files)
    told = [it.it for it in books.store.discrepancies(open_only=True, after=None, most=10_000)]
    text = json.dumps([[it.name, dict(it.facts)] for it in told])
    riders = {it.credential_id.hex() for it in books.week.topups}
    assert not [rider for rider in riders if rider in text]


@pytest.mark.sqlite_only
def test_found_twice_in_one_run_is_opened_once(books: Books) -> None:
    job = books.job()
    one = Discrepancy(Class.GAP, "bus-0-d1/7", 5, NOW_MS, None, {"held": 1})
    assert books.store.keep_step(job.run, [one, replace(one, rials=6)], NOW_MS) == 1
    assert books.store.keep_step(job.run, [one], NOW_MS) == 0
