"""`savar bench reconcile`: every planted fault of a seed is found, none invented, and one that is not noticed fails it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.app import reconciling
from benchmarks import reconcile
from cli.bench import command

SMALL = ["--taps", "1000", "--topups", "300", "--faults", "50"]


def test_a_week_with_faults_of_a_seed_from_the_clock(tmp_path: Path) -> None:
    out = tmp_path / "reconcile.json"
    ended = CliRunner().invoke(
        command, ["reconcile", "--db", "sqlite", *SMALL, "--folder", str(tmp_path), "--json", str(out)]
    )
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["taps"], figures["topups"], figures["db"]) == (1000, 300, "sqlite")
    assert figures["found"] == figures["faults"] >= 50
    assert figures["missed"] == figures["invented"] == 0
    assert figures["seconds"] > 0
    assert figures["peak_bytes"] > 1 << 20
    assert list(figures["rounds"]) == [str(figures["seed"])]
    assert [it.name for it in tmp_path.iterdir()] == ["reconcile.json"], "what it made is gone"


def test_a_rule_that_is_taken_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where the rule can be taken away."""
    monkeypatch.setattr(reconciling, "judge_topup", lambda *_, **__: [])
    monkeypatch.setattr(reconcile, "_process", reconcile.here)
    arguments = ["reconcile", "--db", "sqlite", *SMALL, "--seed", "3", "--folder", str(tmp_path)]
    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 1, ended.output
    assert "credit-missing:" in ended.output
