"""A rider class has one name, and every place where an office writes one takes it and no other."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.adapters.issued_tickets import IssuedTickets
from cli.main import cli
from protocol.fares.tariff import Tariff
from provisioning.app.bundles import bundle_in_force
from provisioning.app.city import load_city
from provisioning.app.makers import load_key
from tests.provisioning.test_provision import make

WORDS = ("adult", "child", "student", "senior", "disabled", "veteran", "staff")
TARIFF = 'starts = "1405/07/01"\nflat_fare_rials = 60_000\n[classes]\n'


def tariff(root: Path) -> Tariff:
    city = load_city(root)
    return bundle_in_force(city, load_key(city.folder.bundle_key)).bundle.tariff


def called(*words: str) -> str:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(("code", "word"), list(enumerate(WORDS)))
def test_options_files_and_tickets_take_the_same_word(tmp_path: Path, code: int, word: str) -> None:
    root, file = make(tmp_path / "city"), tmp_path / "tariff.toml"
    called("bundle", "make", str(root), "--class-share", f"{word}=501")
    assert tariff(root).share_of(code) == 501
    file.write_text(f"{TARIFF}{word} = 250\n")
    called("bundle", "make", str(root), "--tariff", str(file))
    assert tariff(root).rider_permille == {code: 250}
    called("tickets", "make", str(root), "some", "--count", "1", "--form", "single", "--class", word,
           "--from", "1499/07/01", "--until", "1499/07/02")  # fmt: skip
    (listed,) = root.rglob("some.json")
    issued = json.loads(listed.read_text())
    assert issued["class"] == word
    found = IssuedTickets(listed.parent).find(bytes.fromhex(issued["ids"][0]))
    assert found is not None
    assert found.rider_class == code


@pytest.mark.parametrize("other", ["2", "Student", "pupil", ""])
def test_another_name_is_refused_with_those_there_are(tmp_path: Path, other: str) -> None:
    root, file = make(tmp_path / "city"), tmp_path / "tariff.toml"
    file.write_text(f'{TARIFF}"{other}" = 250\n')
    for words in (("--class-share", f"{other}=500"), ("--tariff", str(file))):
        done = CliRunner().invoke(cli, ["bundle", "make", str(root), *words])
        assert done.exit_code != 0
        said = done.output + str(done.exception)
        assert f"{other} is no rider class: one of {', '.join(WORDS)}" in " ".join(said.split())
