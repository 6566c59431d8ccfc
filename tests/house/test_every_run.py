"""`make unit` runs the tests in four runs: each folder with tests is in one of them, once."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "unit.sh"


def test_every_folder_of_tests_is_in_one_run() -> None:
    named = Counter(word for line in re.findall(r'^(?:near|office|board|whole)="(.+)"$', SCRIPT.read_text("utf-8"), re.MULTILINE)
                    for word in line.split())  # fmt: skip
    tests = ROOT / "tests"
    folders = {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py") if path.parent != tests}
    assert len(folders) > 10
    assert set(named) >= folders
    assert set(named.values()) == {1}
    assert not list(tests.glob("test_*.py")), "a test beside the folders is in no run"
