"""`savar bench decide` measures what it says: every kind of showing gets the verdict of its kind."""

import re
from pathlib import Path

from click.testing import CliRunner

from benchmarks.decide import run
from cli.main import cli


def test_every_kind_is_decided_as_its_name_says(tmp_path: Path) -> None:
    ticks: dict[str, list[tuple[int, int]]] = {}
    figures = run(tmp_path, showings=2, seed=1, tick=lambda what, *done: ticks.setdefault(what, []).append(done))
    assert {kind: one["verdicts"] for kind, one in figures["kinds"].items()} == {
        "long form": ["Paid, 51,000 rials"],
        "short form, concession": ["Paid, reduced fare, 25,500 rials"],
        "transfer": ["Paid, 0 rials"],
        "already paid": ["Already paid, 0 rials"],
        "companions behind it": ["Companions paid, 102,000 rials"],
        "denied": ["Not accepted, 0 rials"],
        "past its day": ["Pass expired, 0 rials"],
        "forged": ["Code not valid, 0 rials"],
        "bearer ticket": ["Paid, 51,000 rials"],
        "somebody else's code": ["Not a fare code, 0 rials"],
    }
    assert figures["showings"] == 20
    assert list(ticks) == ["riders and their phones", "decisions", "answers, each on the disk"]
    for told in ticks.values():  # each stage is told from its first step to its last
        assert [done for done, _ in told] == list(range(1, len(told) + 1))
        assert {of for _, of in told} == {len(told)}


def test_the_command_speaks_at_once_and_in_words(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "decide", "--showings", "1", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines()[0] == "riders and their phones …"
    assert "decisions …" in done.stderr
    assert not re.search("[A-Z]{2,}_", done.stdout)
    (transfer,) = (line for line in done.stdout.splitlines() if line.startswith("  transfer "))
    assert "verdicts Paid, 0 rials" in transfer
