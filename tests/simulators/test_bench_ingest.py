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
    ended = CliRunner().invoke(command, [*arguments, "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["db"], figures["transactions"], figures["taps_a_transaction"]) == (database, 10, 5)
    assert figures["ledger_to_raw"] > 0
    assert 0 < figures["commit_ms"]["p50"] <= figures["commit_ms"]["p99"]
    assert [it.name for it in tmp_path.iterdir()] == ["ingest.json"], "what it made is gone"
