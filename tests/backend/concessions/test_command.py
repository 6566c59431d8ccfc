"""`savar concessions …` as operations type it: the list, one of them, a refusal, a grant by two people."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.app.applications import Applications
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.naming import name_person
from backend.app.staff import Staff
from backend.core.staff.errors import OnePerson
from backend.core.staff.roles import Role
from cli.concessions import command
from protocol.jalali import day_text
from protocol.localtime import service_day
from tests.backend.concessions.office import CARD
from tests.backend.test_process import RIDER, make_city


def typed(config: Path, words: str, *more: str) -> Result:
    first, *rest = words.split()
    return CliRunner().invoke(command, [first, "--config", str(config), *rest, *more])


def said(config: Path, words: str, *more: str) -> str:
    ran = typed(config, words, *more)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return ran.stdout


@pytest.fixture
def city(tmp_path: Path) -> tuple[Path, list[str], dict[str, str]]:
    """Two open applications, and two people of operations with their tokens in files."""
    config = make_city(tmp_path / "city")
    store = open_ledger(load_config(config))
    store.add_rider(RIDER.row)
    staff = Staff(store, b"", clock=wall_ms, randomness=bytes, waiting=list)
    numbers = iter((b"\x01", b"\x02"))
    desk = Applications(store, staff, clock=wall_ms, randomness=lambda n: next(numbers) * n)
    ids = [desk.apply(RIDER.row, it, (CARD,), "first year").application.id for it in (3, 4)]
    tokens = {}
    for n, name in enumerate(("nima", "tara")):
        token = name_person(
            store, name, Role.OPERATIONS, by="test", now_ms=wall_ms(), randomness=lambda size, n=n: bytes([n]) * size
        )
        (tmp_path / name).write_text(token + "\n")
        tokens[name] = str(tmp_path / name)
    store.close()
    return config, ids, tokens


def test_from_the_list_to_the_class(city: tuple[Path, list[str], dict[str, str]]) -> None:
    config, (one, other), tokens = city
    until = day_text(service_day(wall_ms()) + 300)
    assert [it["id"] for it in json.loads(said(config, "list --json -"))["applications"]] == [one, other]
    assert "senior" in said(config, "list")
    assert "4821" in said(config, f"show {one}")
    told = said(
        config, f"answer {one} --grant-until {until} --token {tokens['nima']}", "--document", "file 12", "--why", "seen"
    )  # fmt: skip
    (approve,) = re.findall(r"--approve (\S+)", told)
    alone = typed(config, f"answer {one} --approve {approve} --token {tokens['nima']}")
    assert isinstance(alone.exception, OnePerson)
    swapped = typed(config, f"answer {other} --approve {approve} --token {tokens['tara']}")
    assert (swapped.exit_code, "another application" in swapped.output) == (1, True)
    assert "Granted" in said(config, f"answer {one} --approve {approve} --token {tokens['tara']}")
    said(config, f"answer {other} --refuse not-confirmed --token {tokens['tara']}", "--answer", "nobody knows it")
    assert json.loads(said(config, "list --json -")) == {"applications": []}
    found = json.loads(said(config, "list --answered --json -"))["applications"]
    assert [(it["state"], it["until"], it["why"]) for it in found] == [
        ("granted", until, None), ("refused", None, "not-confirmed"),
    ]  # fmt: skip
    assert json.loads(said(config, f"show {one} --json -")) == found[0]
    assert until in said(config, f"show {one}")
    assert "nobody knows it" in said(config, f"show {other}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "say one of"), ("--refuse expired --grant-until 1406/01/01", "say one of"), ("--refuse expired", "--answer"),
        ("--grant-until 1406/01/01", "--document"), ("--grant-until 1406/13/01", "is no day"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(city: tuple[Path, list[str], dict[str, str]], words: str, says: str) -> None:
    config, (one, _), tokens = city
    ran = typed(config, f"answer {one} --token {tokens['nima']} {words}")
    assert (ran.exit_code, says in ran.output) == (2, True), ran.output
