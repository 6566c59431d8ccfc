"""`savar settlement …` as finance types it: contracts, a frozen day, paper, and the check."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.core.errors import Refused
from cli.settlement import command
from protocol.jalali import day_text
from protocol.localtime import service_day
from tests.backend.bus import FARE, NOON_MS
from tests.backend.test_process import RIDER, bring, bus_of, enrol, make_city

DAY = day_text(service_day(NOON_MS))


def typed(config: Path, words: str, *more: str | Path) -> Result:
    first, *rest = words.split()
    return CliRunner().invoke(command, [first, "--config", str(config), *rest, *map(str, more)])


def said(config: Path, words: str, *more: str | Path) -> str:
    ran = typed(config, words, *more)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return ran.stdout


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A city in whose ledger lies one boarding."""
    config = make_city(tmp_path / "city")
    bus = bus_of(config)
    enrol(config, RIDER.row)
    batch = tmp_path / "whole.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])
    return config


def test_from_contracts_to_paper(config: Path, tmp_path: Path) -> None:
    said(config, "operator metro", "--fa", "مترو", "--en", "Metro")
    said(config, "owner rezaei", "--fa", "حسین رضایی", "--en", "Hossein Rezaei")
    said(config, f"contract bus-1 --operator metro --owner rezaei --owner-permille 250 --from {DAY}")
    told = json.loads(said(config, f"freeze {DAY} --json -"))
    rials = sum(told["incomes"].values())
    assert rials >= FARE
    assert told["owed"] == {"operator:metro": rials - rials // 4, "owner:rezaei": rials // 4}
    assert told["balance"] == 0
    assert json.loads(said(config, f"show {DAY} --json -")) == told
    assert f"{rials // 4:,} rials" in said(config, f"show {DAY}")
    assert told["hash"] in said(config, "list")
    said(config, f"print {DAY}", tmp_path / "paper")
    named = DAY.replace("/", "-")
    assert sorted(it.name for it in (tmp_path / "paper").iterdir()) == [
        f"{named} city.pdf", f"{named} operator metro.pdf", f"{named} owner rezaei.pdf", f"{named}.csv",
    ]  # fmt: skip
    assert "nothing is wrong" in said(config, "verify")
    assert json.loads(said(config, "owed --json -")) == [
        {"party": party, "owed_rials": rials, "on_its_way_rials": 0} for party, rials in told["owed"].items()
    ]
    assert f"{rials // 4:,} rials" in said(config, "owed")
    assert "two people" in typed(config, "payouts").stderr


def test_a_touched_statement_ends_with_status_1(config: Path) -> None:
    said(config, "operator metro", "--fa", "مترو", "--en", "Metro")
    said(config, f"contract bus-1 --operator metro --from {DAY}")
    said(config, f"freeze {DAY}")
    store = open_ledger(load_config(config))
    with store._writer.transaction() as core:
        core.exec_driver_sql("UPDATE settlement SET content = x'00'")
    store.close()
    assert typed(config, "verify").exit_code == 1


def test_a_name_or_a_day_that_cannot_be_is_refused_before_anything(config: Path) -> None:
    assert "is no name" in typed(config, "operator Metro", "--fa", "x", "--en", "x").output
    for day in ("1405/13/01", "2026-02-30", "1405/09", "today"):
        assert "is no day" in typed(config, f"freeze {day}").output
    assert isinstance(typed(config, f"contract bus-1 --operator nobody --from {DAY}").exception, Refused)


def test_before_any_day_is_frozen_it_says_what_to_type(config: Path) -> None:
    ran = typed(config, "list")
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "savar settlement freeze" in ran.stderr
