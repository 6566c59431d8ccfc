"""Limits leave room: none of them forbids everything, and no lower bound lies above its upper one."""

from types import ModuleType

import pytest

import backend.core.limits
import edge.core.limits
import protocol.limits
import provisioning.core.limits

MODULES = (protocol.limits, edge.core.limits, backend.core.limits, provisioning.core.limits)


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
