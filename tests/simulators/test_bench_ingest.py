"""`savar bench ingest`: both sides run, and every figure is there."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.ingest import DATABASES
from cli.bench import command


@pytest.mark.parametrize("database", DATABASES)
def test_a_ledger_takes_taps_beside_a_table_without_rules(tmp_path: Path, database: str) -> None:
    out = tmp_path / "ingest.json"
    arguments = ["ingest", "--db", database, "--transactions", "10", "--taps", "5", "--folder", str(tmp_path)]
    path = ["--path-taps", "400", "--path-buses", "4"]
    ended = CliRunner().invoke(command, [*arguments, *path, "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["db"], figures["transactions"], figures["taps_a_transaction"]) == (database, 10, 5)
    assert figures["ledger_to_raw"] > 0
    assert 0 < figures["commit_ms"]["p50"] <= figures["commit_ms"]["p99"]
    assert figures["end_to_end_to_commit"] > 0
    assert figures["end_to_end_taps_per_s"] > 0
    assert {*figures["share_of_a_group"]} == {"opening", "pricing", "commit", "receipts"}
    assert sum(figures["share_of_a_group"].values()) == pytest.approx(1, abs=0.01)
    assert [it.name for it in tmp_path.iterdir()] == ["ingest.json"], "what it made is gone"
