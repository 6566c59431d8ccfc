"""`savar staff`: people named and ended at the backend's machine, the log shown and checked."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.staff import command
from tests.backend.test_process import make_city


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_city(tmp_path / "city")


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [words[0], "--config", str(config), *words[1:]])


def test_a_person_is_named_listed_and_ended_and_the_log_tells_it(config: Path, tmp_path: Path) -> None:
    token = tmp_path / "sara.token"
    made = run(config, "add", "sara", "--role", "finance", "--out", str(token))
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text().strip()) == 43
    assert token.read_text().strip() not in made.output
    shown = run(config, "add", "omid", "--role", "auditor")
    assert len(shown.stdout.strip()) == 43
    again = run(config, "add", "omid", "--role", "auditor")
    assert type(again.exception).__name__ == "Unfit"
    assert run(config, "add", "reza", "--role", "rider").exit_code == 2  # nobody of the staff
    over = run(config, "add", "reza", "--role", "driver", "--out", str(token))
    assert (over.exit_code, "never written over" in over.output) == (1, True)
    assert run(config, "end", "sara").exit_code == 0
    people = json.loads(run(config, "list", "--json", "-").stdout)
    assert [(it["name"], it["role"], it["ended_ms"] is None) for it in people] == [
        ("omid", "auditor", True), ("sara", "finance", False),
    ]  # fmt: skip
    assert "ended" in run(config, "list").stdout
    log = json.loads(run(config, "log", "--json", "-").stdout)
    assert [(it["action"], it["on"], it["outcome"]) for it in log] == [
        ("add-person", "sara", "finance"), ("add-person", "omid", "auditor"), ("end-person", "sara", "ended"),
    ]  # fmt: skip
    assert run(config, "log", "--after", "2").stdout.count("\n") == 1
    assert token.read_text().strip() not in run(config, "log").stdout


def test_a_log_that_was_touched_ends_in_status_1_with_the_place(config: Path) -> None:
    for name in ("aa", "bb", "cc"):
        run(config, "add", name, "--role", "driver")
    good = json.loads(run(config, "verify", "--json", "-").stdout)
    assert (good["holds"], good["entries"], good["broken"]) == (True, 3, None)
    kept = f"3:{good['hash']}"
    assert run(config, "verify", "--known", kept).stdout.strip() == f"holds: 3 entries; keep {kept}"
    assert run(config, "verify", "--known", "3:12").exit_code == 2
    assert run(config, "verify", "--known", f"2:{good['hash']}").exit_code == 1
    with closing(sqlite3.connect(config.parent / "data" / "ledger.db")) as ledger:
        ledger.execute("UPDATE staff_log SET subject = 'dd' WHERE number = 2")
        ledger.commit()
    bad = run(config, "verify", "--json", "-")
    assert (bad.exit_code, json.loads(bad.stdout)["broken"]["entry"]) == (1, 2)
    assert "last backup" in bad.stderr
