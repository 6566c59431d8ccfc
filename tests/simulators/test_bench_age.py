"""`savar bench age`: its journals are of taps that were accepted, and a short life of it has every figure."""

import json
from pathlib import Path

from click.testing import CliRunner

from benchmarks.bus import DEVICE, EPOCH, City
from benchmarks.grow import Past, grow
from cli.bench import command
from edge.adapters.journal import ApswJournal

UNTIL_MS = 1_790_000_000_000


def test_riders_of_a_long_outage_are_accepted_each_time(tmp_path: Path) -> None:
    """More often than an ordinary rider may ride unseen: a benchmark once ran for minutes and ended in that."""
    past = Past(1, 400, UNTIL_MS)
    done: list[int] = []
    grow(tmp_path / "journal.db", City(bytes(8), issued_ms=past.begin_ms, regulars=40), past, done.append)
    journal = ApswJournal(tmp_path / "journal.db", device=DEVICE, new_epoch=EPOCH)
    assert journal.head.sequence >= past.taps
    journal.close()
    assert done == [0, 100, 200, 300]


def test_a_short_life_has_every_figure(tmp_path: Path) -> None:
    out = tmp_path / "age.json"
    arguments = ["age", "--days", "1", "--daily", "200", "--taps", "20", "--folder", str(tmp_path), "--json", str(out)]
    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 0, ended.output
    assert json.loads(out.read_text())["taps"]
