"""`savar staff`: people named and ended at the backend's machine, the log shown and checked."""

import json
import sqlite3
import stat
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest
from click.testing import CliRunner, Result

from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
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
    assert [len(it["tokens_end_ms"]) for it in people] == [1, 0]
    with closing(sqlite3.connect(config.parent / "data" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE staff_token SET ends_ms = NULL WHERE person = 'omid'")
    assert "by token without an end" in run(config, "list").stdout
    log = json.loads(run(config, "log", "--json", "-").stdout)
    assert [(it["action"], it["on"], it["outcome"]) for it in log] == [
        ("add-person", "sara", "finance"), ("add-person", "omid", "auditor"), ("end-person", "sara", "ended"),
    ]  # fmt: skip
    assert run(config, "log", "--after", "2").stdout.count("\n") == 1
    assert token.read_text().strip() not in run(config, "log").stdout


def test_tokens_are_rotated_and_invitations_made_for_one_person_and_for_its_owner_alone(
    config: Path, tmp_path: Path
) -> None:
    code, token = tmp_path / "sara.invitation", tmp_path / "ata.token"
    made = run(config, "add", "sara", "--role", "finance", "--passkey", "--out", str(code))
    assert (made.exit_code, stat.S_IMODE(code.stat().st_mode)) == (0, 0o600)
    assert "[passkeys]" in made.stderr
    first = run(config, "add", "ata", "--role", "partner", "--for", "operator:metro").stdout.strip()
    for words in (("token", "ata", "--overlap", "0", "--out", str(token)), ("invite", "ata")):
        done = run(config, *words)
        assert (done.exit_code, "[passkeys]" in done.stderr) == (0, words[0] == "invite")
    with config.open("a") as more:
        more.write('\n[passkeys]\norigin = "https://fares.example"\n')
    assert not run(config, "invite", "ata", "--out", str(tmp_path / "again")).stderr.count("[passkeys]")
    with closing(open_ledger(load_config(config))) as store:
        asked = store.invited(sha256(code.read_text().strip().encode()).digest(), wall_ms())
        assert asked is not None
        assert asked.name == "sara"
    ended = run(config, "sign-out", "sara", "--passkeys")
    assert ended.stdout.splitlines() == [
        "0 sessions of sara ended", "0 passkeys of sara ended; savar staff invite sara",
    ]  # fmt: skip
    for words in (("token", "reza"), ("invite", "reza"), ("sign-out", "reza", "--passkeys")):
        assert type(run(config, *words).exception).__name__ == "NotFound"
    with closing(open_ledger(load_config(config))) as store:
        opens = [
            store.person_with(sha256(it.encode()).digest(), wall_ms()) is not None
            for it in (first, token.read_text().strip(), code.read_text().strip())
        ]
        assert opens == [False, True, False]
        assert store.invited(sha256(code.read_text().strip().encode()).digest(), wall_ms()) is None
    told = [it["outcome"] for it in json.loads(run(config, "log", "--json", "-").stdout)]
    assert told == [
        "finance", "invited", "partner for operator:metro", "for 365 days; those before end in 0", "invited", "invited", "all",
    ]  # fmt: skip


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


def test_an_export_is_verified_elsewhere_with_a_published_head_alone(config: Path, tmp_path: Path) -> None:
    for name in ("aa", "bb", "cc"):
        run(config, "add", name, "--role", "driver")
    file = tmp_path / "log.jsonl"
    made = run(config, "export", "--out", str(file))
    head = made.stderr.strip().removeprefix("3 entries; publish ")
    config.parent.rename(tmp_path / "gone")  # no ledger, no configuration

    def verify(*words: str) -> Result:
        return CliRunner().invoke(command, ["verify-export", str(file), *words])

    assert verify("--head", head).stdout.strip() == "holds up to 3, as published"
    # As anybody may write it, from docs/OFFICE.md: nothing of ours is asked.
    hashed = bytes(32)
    for line in file.read_text(encoding="utf-8").splitlines():
        it = json.loads(line)
        row = [it["at_ms"], *(it[name] for name in ("person", "role", "action", "on", "outcome", "key"))]
        hashed = sha256(hashed + cbor2.dumps(row, canonical=True)).digest()
        assert hashed.hex() == it["hash"]
    assert head == f"3:{hashed.hex()}"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([*lines[:1], lines[1].replace('"bb"', '"zz"'), *lines[2:]]), encoding="utf-8")
    found = verify("--head", head, "--json", "-")
    assert (found.exit_code, json.loads(found.stdout)["broken"]["entry"]) == (1, 2)
    file.write_text("".join(lines[:2]), encoding="utf-8")
    assert "cut off" in verify("--head", head).stderr
    first = json.loads(lines[0])["hash"]
    assert "1 entry behind it" in verify("--head", f"1:{first}").stdout
    file.write_text("nothing\n", encoding="utf-8")
    refused = verify("--head", head)
    assert (refused.exit_code, "ask for the export again" in refused.stderr) == (1, True)
    assert verify().exit_code == 2
