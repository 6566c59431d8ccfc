"""`savar bench filled`: a ledger is filled and compared, what it made is gone, and a full disk is refused before."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import filled
from benchmarks.filled import GROUP, NoRoom, Riding
from cli.bench import command
from protocol.localtime import service_day


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_ledger_that_holds_taps_stands_beside_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    for name, few in (("_SIDE_GROUPS", 2), ("_WARM", 1), ("_RIDERS_ASKED", 5)):
        monkeypatch.setattr(filled, name, few)
    out = tmp_path / "filled.json"
    arguments = ["filled", "--db", database, "--taps", "3000", "--folder", str(tmp_path), "--json", str(out)]
    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["db"], figures["taps"]) == (database, 3_000)
    assert figures["full_to_empty"] == pytest.approx(figures["full_taps_per_s"] / figures["empty_taps_per_s"], rel=0.01)
    assert {*figures["history_ms"]} == {"taps", "receipts"}
    assert [it.name for it in tmp_path.iterdir()] == ["filled.json"], "what it made is gone"


def test_a_kept_ledger_is_gone_on_with_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("_SIDE_GROUPS", 1), ("_WARM", 1), ("_RIDERS_ASKED", 5), ("FILLING", 2)):
        monkeypatch.setattr(filled, name, few)

    class Ended(Exception):
        pass

    def end(_words: str, done: int, _of: int) -> None:
        if done == 2:
            raise Ended

    kept, straight = tmp_path / "kept.db", tmp_path / "straight.db"
    with pytest.raises(Ended):
        filled.run(database="sqlite", taps=5_000, folder=tmp_path, tick=end, kept=kept)
    ticks: list[int] = []
    filled.run(database="sqlite", taps=5_000, folder=tmp_path, tick=lambda _, done, __: ticks.append(done), kept=kept)
    assert ticks[:2] == [4, 5], "the two that were there are not made again"
    filled.run(database="sqlite", taps=5_000, folder=tmp_path, tick=lambda *_: None, kept=straight)
    one, other = (sqlite3.connect(path) for path in (kept, straight))
    for table in ("record", "transfer", "account", "journal_told"):
        rows = "SELECT * FROM " + table
        assert sorted(one.execute(rows).fetchall(), key=repr) == sorted(other.execute(rows).fetchall(), key=repr)
    one.close()
    other.close()


def test_only_a_file_is_kept() -> None:
    ended = CliRunner().invoke(command, ["filled", "--db", "postgresql", "--keep"])
    assert ended.exit_code == 2
    assert "--db sqlite" in ended.output


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    arguments = ["filled", "--db", "sqlite", "--taps", str(10**15), "--folder", str(tmp_path)]
    ended = CliRunner().invoke(command, arguments)
    assert isinstance(ended.exception, NoRoom)
    assert "GB are needed" in str(ended.exception)
    assert list(tmp_path.iterdir()) == []


def test_its_taps_lie_over_the_days_and_its_riders_ride_as_often_as_there_are_days() -> None:
    riding = Riding(50 * GROUP)
    commits = [commit for _ in range(50) for commit in riding.next()[0]]
    days = Counter(service_day(record.wall_ms) for commit in commits for record in commit.records)
    riders = Counter(claim.presentation.credential_id for commit in commits for claim in commit.claims)
    assert len(days) in (50, 51)
    assert max(days.values()) == GROUP
    assert 900 < len(riders) <= 1_000
    assert len({it.tap for commit in commits for it in commit.claims}) == 50 * GROUP
