"""Limits leave room and hold: none forbids everything, no lower bound lies above its upper one, none is unused."""

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

import backend.core.limits
import edge.core.limits
import hardware_keys.limits
import protocol.limits
import provisioning.core.limits
from tests.house.tidy import ROOMS

MODULES = (protocol.limits, hardware_keys.limits, edge.core.limits, backend.core.limits, provisioning.core.limits)
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_limit_is_nothing_and_none_is_crossed(module: ModuleType) -> None:
    """A reserve of no bytes, or a period of no time, is a slip that its own tests with smaller numbers do not see."""
    numbers = {name: value for name, value in vars(module).items() if isinstance(value, int | float)}
    assert numbers
    for name, value in numbers.items():
        assert value > 0, name
        other = name.replace("_MIN_", "_MAX_")
        if other in numbers:
            assert value <= numbers[other], name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_limit_has_its_name_alone(module: ModuleType) -> None:
    """Two limits of one name: the later one was in force for both."""
    lines = ast.parse(Path(str(module.__file__)).read_text()).body
    names = [
        name.id
        for line in lines
        if isinstance(line, ast.Assign)
        for target in line.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    ]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_every_limit_is_used() -> None:
    """A limit that nothing reads says what does not hold."""
    code = [path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    words = [word for text in code for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", text)]
    names = {name for module in MODULES for name in vars(module) if name.isupper()}
    assert names
    assert sorted(name for name in names if words.count(name) < 2) == []
