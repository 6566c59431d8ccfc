"""docs/PROMISES.md explains every number that the project cites, and each page that cites them leads to it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "PROMISES.md").read_text()
EXPLAINED = {int(number): words for number, words in re.findall(r"^\| P(\d+) \| (.+) \|$", PAGE, re.MULTILINE)}
ROOMS = ("protocol", "transport", "edge", "backend", "provisioning", "simulators", "benchmarks", "cli", "tests")
CITED = re.compile(r"\bP(\d{1,2})\b(?!-)")  # not the key that is called P-256


def cited() -> dict[int, str]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    files += [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    return {int(number): str(path) for path in files for number in CITED.findall(path.read_text())}


def test_every_promise_is_explained_once() -> None:
    assert sorted(EXPLAINED) == list(range(1, 21))
    assert len(re.findall(r"^\| P\d+ \|", PAGE, re.MULTILINE)) == 20
    assert all(len(words) > 40 for words in EXPLAINED.values())


def test_every_number_that_is_cited_is_explained() -> None:
    found = cited()
    assert len(found) > 15
    assert {number: where for number, where in found.items() if number not in EXPLAINED} == {}


@pytest.mark.parametrize("page", ["README.md", "docs/ARCHITECTURE.md", "docs/SIMULATION.md"])
def test_the_pages_that_newcomers_read_lead_to_it(page: str) -> None:
    assert "PROMISES.md)" in (ROOT / page).read_text()
