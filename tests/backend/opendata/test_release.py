"""A month's release from a real ledger: what is counted, what is not, and that it names nobody."""

import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from backend.adapters.ledger.counting import _EACH
from backend.adapters.postgresql.store import PostgresStore
from backend.adapters.sqlite.store import SqliteStore
from backend.app import opendata
from backend.app.forgetting import Forgetting
from backend.core.errors import Refused, StoreFailed, StoreForeign
from backend.core.opendata.cells import DEPTH, HOUR, Count, Key
from cli import opendata as command
from protocol.jalali import day_text, month_begins
from protocol.localtime import day_begins_ms
from simulators.postgres import LocalPostgres
from tests.backend import databases
from tests.backend.bus import Bus, Proof
from tests.backend.desk import CITY
from tests.backend.opendata.city import DAY, DAY_MS, LATER_MS, MONTH, REDUCED, LineDay, riders, table
from tests.backend.test_process import make_city
from tests.backend.tickets import issue, printed

ADULTS, STUDENTS = riders(30), riders(12, 101, REDUCED)
TODAY = day_text(DAY).replace("/", "-")
ALL = "*"


def a_day(folder: Path) -> LineDay:
    """Twenty adults at seven, with twelve students; thirty adults at eight; three of them at ten."""
    it = LineDay(folder, [*ADULTS, *STUDENTS])
    it.board(ADULTS[:20], 7, 40)
    it.board(STUDENTS, 7, 50)
    it.board(ADULTS, 8, 5, party=1)
    it.board(ADULTS[:3], 10)
    return it


@pytest.mark.databases
def test_what_is_counted_is_told_by_day_line_hour_and_class(tmp_path: Path) -> None:
    it = a_day(tmp_path)
    it.bring()
    assert it.rows() == {
        (TODAY, ALL, ALL, ALL): 92, (TODAY, "r9", ALL, ALL): 92, (TODAY, "r9", "07", ALL): 32,
        (TODAY, "r9", "07", "adult"): 20, (TODAY, "r9", "07", "reduced"): 12, (TODAY, "r9", "08", ALL): 60,
    }, "three at ten are in no row and in no total; of eight no class, for there is one alone"  # fmt: skip
    it.desk.close()


@pytest.mark.databases
def test_both_classes_are_told_where_each_has_riders_enough(tmp_path: Path) -> None:
    it = LineDay(tmp_path, [*ADULTS, *STUDENTS])
    it.board(ADULTS[:20], 7, 40)
    it.board(STUDENTS, 7, 50)
    it.board(ADULTS, 23, 50)
    it.bring()
    assert it.rows() == {
        (TODAY, ALL, ALL, ALL): 62, (TODAY, "r9", ALL, ALL): 62, (TODAY, "r9", "07", ALL): 32,
        (TODAY, "r9", "07", "adult"): 20, (TODAY, "r9", "07", "reduced"): 12, (TODAY, "r9", "23", ALL): 30,
    }  # fmt: skip
    it.desk.close()


@pytest.mark.databases
def test_copies_tickets_and_what_has_no_proof_are_not_counted(tmp_path: Path) -> None:
    it = LineDay(tmp_path, ADULTS)
    (single,) = printed(issue("singles"), 1)
    it.board(ADULTS, 8)
    it.bus.tap(ADULTS[0].show(1, time_s=it.bus.now_ms // 1000))
    it.bus.tap(single, fare=50_000)
    it.bus.tap(ADULTS[1].show(900, time_s=it.bus.now_ms // 1000), proof=Proof.STRIPPED)
    again = ADULTS[2].show(901, time_s=it.bus.now_ms // 1000)
    it.bus.tap(again)
    it.bus.tap(again)
    it.bring()
    assert it.desk.one("SELECT count(*) FROM record WHERE kind = 2") == 35
    counted = it.rows()[(TODAY, ALL, ALL, ALL)]
    for flag, sequence in (("extends", 5), ("annulled", 6)):  # a tap-out of another ride; what a driver took back
        databases.now.change(it.desk.folder, f"UPDATE claim SET {flag} = ? WHERE sequence = ?", (True, sequence))
        counted -= 1
        assert it.rows()[(TODAY, ALL, ALL, ALL)] == counted
    databases.now.change(it.desk.folder, "UPDATE claim SET extends = ?, annulled = ?", (False, False))
    assert it.rows()[(TODAY, ALL, ALL, ALL)] == it.desk.one("SELECT count(*) FROM claim WHERE charged")
    it.desk.close()


@pytest.mark.databases
def test_the_same_ledger_gives_the_same_bytes_and_they_name_nobody(tmp_path: Path) -> None:
    it = a_day(tmp_path)
    it.bring()
    files = it.release()
    assert files == it.release(LATER_MS + DAY_MS)
    assert sorted(files) == ["boardings.csv", "dictionary.json", "method.md"]
    whole = b"".join(files.values()).decode()
    for rider in (*ADULTS, *STUDENTS):
        assert rider.credential_id.hex() not in whole
    for name in (it.bus.name, it.bus.vehicle):
        assert name not in whole
    assert re.findall(r"\d\d:\d\d", whole) == []
    told = json.loads(files["dictionary.json"])
    assert [one["name"] for one in told["columns"]] == ["day", "line", "hour", "class", "boardings"]
    assert all(one["fa"] and one["en"] for one in told["columns"])
    assert told["riders_at_least"] == 10
    assert "## روش" in files["method.md"].decode()
    it.desk.close()


@pytest.mark.parametrize("depth", range(DEPTH + 1 - HOUR))
def test_a_day_is_counted_by_its_own_index_in_either_database(tmp_path: Path, database: str, depth: int) -> None:
    """Else each of a month's days would read all claims there are."""
    values = {"number": 1, "begin": 2, "end": 3}
    with (
        closing(PostgresStore(database, CITY, durable=False)) as server,
        closing(SqliteStore(tmp_path / "ledger.db", CITY)) as file,
    ):
        with server._aside.snapshot() as core:
            core.execute(sa.text("SET LOCAL enable_seqscan = off"))  # of an empty table it would read all: that is less
            plan = [row[0] for row in core.execute(sa.text(f"EXPLAIN {_EACH[depth]}"), values)]
        at = next(n for n, line in enumerate(plan) if "claim_time" in line)
        assert "Index Cond: (((" in plan[at + 1], plan
        with file._aside.snapshot() as core:
            told = [row[3] for row in core.execute(sa.text(f"EXPLAIN QUERY PLAN {_EACH[depth]}"), values)]
        assert any(line.startswith("SEARCH claim USING INDEX claim_time (<expr>=?") for line in told), told
        assert any(
            line.startswith("SEARCH record USING INDEX sqlite_autoindex_record_1 (device=? AND epoch") for line in told
        ), told


@pytest.mark.databases
def test_a_month_is_told_once_buses_have_brought_what_they_had(tmp_path: Path) -> None:
    it = a_day(tmp_path)
    it.bring()
    with pytest.raises(Refused) as early:
        it.release(LATER_MS - 1)
    assert early.value.data["wait_days"] == 1
    it.release(LATER_MS)
    it.desk.close()


@pytest.mark.databases
def test_a_forgotten_day_is_named_and_not_counted(tmp_path: Path) -> None:
    """Of its rides some may be kept until people decide: a count of these would be of few."""
    it = a_day(tmp_path)
    it.bring()
    assert it.rows()
    later_ms = day_begins_ms(month_begins(MONTH + 1) + 400)
    it.desk.store.remember_from(DAY + 1)
    files = it.release(later_ms)
    assert table(files) == {}
    told = json.loads(files["dictionary.json"])
    assert TODAY in told["days_forgotten"]
    assert TODAY not in told["days"]
    Forgetting(it.desk.store, lambda: later_ms, 190).forget(month_begins(MONTH + 1) + 10)
    assert json.loads(it.release(later_ms)["dictionary.json"])["days"] == []
    it.desk.close()


@pytest.mark.databases
def test_a_day_that_is_forgotten_while_a_month_is_counted_is_not_told_by_half(tmp_path: Path) -> None:
    """The schedule began with the rides of one bus when the other's were still there."""
    other = Bus("bus-2-d1", epoch=2_002)
    it = LineDay(tmp_path, ADULTS, other)
    it.board(ADULTS, 8, 5)
    it.board(ADULTS, 8, 25, bus=other)
    it.bring()
    it.bring(other)
    count, now_ms = it.desk.store.boardings_of, day_begins_ms(month_begins(MONTH + 1) + 200)
    met = []

    class Forgetful:
        """Forgets DAY as it is asked for it, by as much as one step takes."""

        remembered_day = it.desk.store.remembered_day

        def boardings_of(self, day: int) -> Mapping[Key, Count]:
            if day == DAY:
                it.desk.store.remember_from(DAY + 1)
                it.desk.store.forget_claims(None, day_begins_ms(DAY + 1), 30)
                met.extend(count(day).values())
            return count(day)

    files = opendata.OpenData(Forgetful(), CITY, lambda: now_ms).make(MONTH)
    assert max(some.boardings for some in met) == 30, "half of it was there when it was counted"
    assert table(files) == {}
    told = json.loads(files["dictionary.json"])
    assert (TODAY in told["days"], TODAY in told["days_forgotten"]) == (False, True)
    it.desk.close()


@pytest.mark.databases
def test_a_month_in_which_nobody_boarded_is_no_release(tmp_path: Path) -> None:
    """It is the wrong ledger, or the wrong month; one in which few boarded is told, and is empty."""
    it = LineDay(tmp_path, ADULTS)
    with pytest.raises(Refused, match="nobody boarded") as refused:
        it.release()
    assert "--config" in refused.value.fix
    it.board(ADULTS[:3], 10)
    it.bring()
    assert it.rows() == {}
    it.desk.close()


def test_no_ledger_is_begun_to_publish_it(tmp_path: Path, postgres: LocalPostgres) -> None:
    folder, conninfo = tmp_path / "elsewhere", postgres.make("nobody_began_it")
    with pytest.raises(StoreFailed, match="there is no ledger"):
        SqliteStore(folder / "ledger.db", CITY, begins=False)
    assert not folder.exists()
    (tmp_path / "ledger.db").touch()
    with pytest.raises(StoreFailed, match="there is no ledger"):
        SqliteStore(tmp_path / "ledger.db", CITY, begins=False)
    for _ in range(2):
        with pytest.raises(StoreForeign, match="has no ledger"):
            PostgresStore(conninfo, CITY, durable=False, begins=False)


def test_the_command_asks_for_a_ledger_that_is_there(tmp_path: Path) -> None:
    config = make_city(tmp_path / "city")
    before = sorted(tmp_path.rglob("*"))
    month = f"{MONTH // 12}-{MONTH % 12 + 1:02}"
    words = ["make", str(tmp_path / "out"), "--config", str(config), "--month", month]
    ran = CliRunner().invoke(command.command, words)
    assert isinstance(ran.exception, StoreFailed), ran.output
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_writes_all_or_nothing_and_no_month_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = a_day(tmp_path / "ledger")
    it.bring()
    it.desk.close()

    class Config:
        city = "testabad"

    monkeypatch.setattr(command, "load_config", lambda _: Config())
    monkeypatch.setattr(command, "open_ledger", lambda _, begins: databases.now.open(tmp_path / "ledger", "testabad"))
    monkeypatch.setattr(command, "wall_ms", lambda: LATER_MS)
    month, to = f"{MONTH // 12}-{MONTH % 12 + 1:02}", tmp_path / "out"
    words = ["make", str(to), "--config", "backend.toml", "--month", month]
    done = CliRunner().invoke(command.command, words)
    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in (to / month).iterdir()) == ["boardings.csv", "dictionary.json", "method.md"]
    assert [one.name for one in to.iterdir()] == [month]
    again = CliRunner().invoke(command.command, words)
    assert again.exit_code == 1
    assert "a month is told once" in again.output
    wrong = CliRunner().invoke(command.command, [*words[:-1], "1405-13"])
    assert wrong.exit_code == 2
    monkeypatch.setattr(opendata, "files", lambda _: {"a": b"", "none/b": b""})  # the disk fails in the midst of it
    with pytest.raises(FileNotFoundError):
        CliRunner().invoke(command.command, [*words[:1], str(tmp_path / "other"), *words[2:]], catch_exceptions=False)
    assert not (tmp_path / "other" / month).exists()
