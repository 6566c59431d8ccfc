"""`savar disputes …` as finance types it: the list, one of them, a refusal, a refund by two people."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.disputes import Disputes
from backend.app.ledgers import open_ledger
from backend.app.naming import name_person
from backend.app.staff import Staff
from backend.core.disputes.dispute import Reason
from backend.core.staff.errors import OnePerson
from backend.core.staff.roles import Role
from cli.disputes import command
from tests.backend.bus import FARE
from tests.backend.test_process import RIDER, bring, bus_of, enrol, make_city


def typed(config: Path, words: str, *more: str) -> Result:
    first, *rest = words.split()
    return CliRunner().invoke(command, [first, "--config", str(config), *rest, *more])


def said(config: Path, words: str, *more: str) -> str:
    ran = typed(config, words, *more)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return ran.stdout


@pytest.fixture
def city(tmp_path: Path) -> tuple[Path, list[str], dict[str, str]]:
    """Two disputed boardings, and two people of finance with their tokens in files."""
    config = make_city(tmp_path / "city")
    bus = bus_of(config)
    taps = [bus.tap(RIDER.show(900 + n)) for n in range(2)]
    enrol(config, RIDER.row)
    batch = tmp_path / "whole.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])
    store = open_ledger(load_config(config))
    staff = Staff(store, b"", clock=wall_ms, randomness=bytes, waiting=list)
    numbers = iter((b"\x01", b"\x02"))
    desk = Disputes(store, staff, clock=wall_ms, randomness=lambda n: next(numbers) * n)
    ids = [
        desk.open(RIDER.credential_id, (bus.name, bus.epoch, tap), Reason.TWICE, "once only").dispute.id for tap in taps
    ]
    tokens = {}
    for n, name in enumerate(("sara", "omid")):
        token = name_person(
            store, name, Role.FINANCE, by="test", now_ms=wall_ms(), randomness=lambda size, n=n: bytes([n]) * size
        )
        (tmp_path / name).write_text(token + "\n")
        tokens[name] = str(tmp_path / name)
    store.close()
    return config, ids, tokens


def test_from_the_list_to_the_riders_money(city: tuple[Path, list[str], dict[str, str]]) -> None:
    config, (one, other), tokens = city
    assert [it["id"] for it in json.loads(said(config, "list --json -"))["disputes"]] == [one, other]
    assert one in said(config, "list")
    assert "once only" in said(config, f"show {one}")
    answer = ("--answer", "we are sorry", "--why", "the camera")
    told = said(config, f"answer {one} --refund {FARE} --token {tokens['sara']}", *answer)
    (approve,) = re.findall(r"--approve (\S+)", told)
    alone = typed(config, f"answer {one} --approve {approve} --token {tokens['sara']}")
    assert isinstance(alone.exception, OnePerson)
    swapped = typed(config, f"answer {other} --approve {approve} --token {tokens['omid']}")
    assert swapped.exit_code == 1
    assert "another dispute" in swapped.output
    assert "Refunded wholly" in said(config, f"answer {one} --approve {approve} --token {tokens['omid']}")
    said(config, f"answer {other} --refuse proven --token {tokens['omid']}", "--answer", "your phone signed it")
    assert json.loads(said(config, "list --json -")) == {"disputes": []}
    found = json.loads(said(config, "list --answered --json -"))["disputes"]
    assert [(it["state"], it["given_rials"], it["why"]) for it in found] == [
        ("refunded", FARE, None), ("refused", 0, "proven"),
    ]  # fmt: skip
    assert json.loads(said(config, f"show {one} --json -")) == found[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "say one of"), ("--refuse proven --refund 1", "say one of"), ("--refuse proven", "--answer"),
        ("--refund 1 --answer x", "--why"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(city: tuple[Path, list[str], dict[str, str]], words: str, says: str) -> None:
    config, (one, _), tokens = city
    ran = typed(config, f"answer {one} --token {tokens['sara']} {words}")
    assert ran.exit_code == 2
    assert says in ran.output


def test_a_token_that_opens_nothing(city: tuple[Path, list[str], dict[str, str]], tmp_path: Path) -> None:
    config, (one, _), _ = city
    (tmp_path / "nobody").write_text("nobody-s")
    ran = typed(config, f"answer {one} --refuse proven --answer no --token {tmp_path / 'nobody'}")
    assert ran.exit_code == 1
    assert "opens nothing" in ran.output
