"""`savar reconcile`: what a person sees, and says."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from backend.adapters.sqlite.store import SqliteStore
from cli.reconcile import command
from simulators.books.ordinary import OrdinaryTaps
from simulators.books.tampering import SqliteTables
from tests.backend.test_process import make_city

WEEK = ["--from", "2026-09-24", "--to", "1405-07-08"]  # 2026-09-24 to -30, the week of the books


def ran(config: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--config", str(config)])


def test_a_discrepancy_is_listed_resolved_and_stays_so(tmp_path: Path) -> None:
    config = make_city(tmp_path / "city")
    path = config.parent / "data" / "ledger.db"
    store = SqliteStore(path, "isfahan")
    made = OrdinaryTaps(store, taps=40, buses=2, seed=1).fill()
    store.close()
    assert ran(config, *WEEK).exit_code == 0
    tap = next(it for it in made.sample if it.kind == "plain")
    tables = SqliteTables(path)
    tables.change("DELETE FROM transfer WHERE key = ?", (tap.transfers[0].key,))
    tables.close()
    name = f"tap-unposted:{'/'.join(map(str, tap.tap))}"

    found = ran(config, *WEEK)
    assert found.exit_code == 1
    assert "40 taps" in found.output
    assert "tap-unposted" in found.output
    listed = ran(config, "cases")
    assert listed.exit_code == 0
    for word in (name, "60,000 rials", "engineering", "due "):
        assert word in listed.output
    (told,) = json.loads(CliRunner().invoke(command, ["cases", "--config", str(config), "--json", "-"]).stdout)
    assert (told["name"], told["rials"], told["owner"], told["state"]) == (name, 60_000, "engineering", "opened")
    assert [it["entry"] for it in told["entries"]] == ["opened"]

    said = ran(config, "resolve", name, "--why", "posted by hand")
    assert said.exit_code == 0, said.output
    assert ran(config, *WEEK).exit_code == 0, "nothing is open any more"
    assert "posted by hand" in ran(config, "cases", "--all").output


def test_what_is_wrongly_asked_says_what_to_give(tmp_path: Path) -> None:
    config = make_city(tmp_path / "city")
    for words, said in (
        ([], "--from and --to"),
        (["--from", "2026-09-30", "--to", "2026-09-24"], "the earlier first"),
        (["--from", "yesterday", "--to", "2026-09-24"], "1405/09/08"),
        ([*WEEK, "--statement", "nowhere.csv"], "there is no file"),
    ):
        ended = ran(config, *words)
        assert ended.exit_code == 2
        assert said in ended.output
    assert ran(config, "losses", "--day", "2026-09-24").exit_code == 0


def test_a_provider_that_the_configuration_does_not_name_is_refused(tmp_path: Path) -> None:
    config = make_city(tmp_path / "city")
    statement = tmp_path / "s.csv"
    statement.write_text("authority,amount_rials,paid_at\n")
    ended = ran(config, *WEEK, "--statement", str(statement))
    assert (ended.exit_code, "it names none" in ended.output) == (2, True)
    text = config.read_text()
    config.write_text(
        f'{text}\n[payments]\nprovider = "http://127.0.0.1:1"\nmerchant = "m"\n'
        '[payments.others.saman]\nkind = "bank-gateway"\nprovider = "http://127.0.0.1:1"\nmerchant = "m"\n'
    )
    ended = ran(config, *WEEK, "--statement", f"samann={statement}")
    assert (ended.exit_code, "main, saman" in ended.output) == (2, True), ended.output
    for named in (str(statement), f"saman={statement}"):
        assert ran(config, *WEEK, "--statement", named).exit_code == 0
