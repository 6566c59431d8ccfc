"""Switching a defence off: one named function of the product, replaced in the test, and wherever it was imported."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from protocol.wire.keys import Purpose, VerifyingKey

ROOMS = ("protocol", "transport", "firmware_bridge", "hardware_keys", "edge", "backend", "provisioning")


@dataclass(frozen=True, slots=True)
class Defence:
    """`name`: module:function of the product. `weakened`: the function → what stands in its place."""

    name: str
    weakened: Callable[[Any], Any]
    told: str = ""  # of what, where one function defends several things


def off(name: str, weakened: Callable[[Any], Any]) -> Defence:
    """A defence, and how it is when it is switched off."""
    return Defence(name, weakened)


def gives(value: object) -> Callable[[Any], Any]:
    """Instead of looking it always answers this."""
    return lambda _: lambda *_a, **_n: value


def unchecked(purpose: Purpose) -> Defence:
    """Signatures for one purpose are believed; all others are verified as ever."""

    def weakened(verify: Callable[..., None]) -> Callable[..., None]:
        def believing(key: VerifyingKey, of: Purpose, payload: bytes, signature: bytes) -> None:
            if of is not purpose:
                verify(key, of, payload, signature)

        return believing

    return Defence("protocol.wire.keys:VerifyingKey.verify", weakened, purpose.name.lower().replace("_", " "))


def switched_off(defence: Defence, patch: pytest.MonkeyPatch) -> None:
    """Replace it until the patch is undone. A name that the product does not have fails."""
    module_name, _, path = defence.name.partition(":")
    *holders, name = path.split(".")
    owner = reduce(getattr, holders, import_module(module_name))
    original = vars(owner)[name]
    if isinstance(original, property):
        assert original.fget is not None
        patch.setattr(owner, name, property(defence.weakened(original.fget)))
        return
    instead = defence.weakened(original)
    patch.setattr(owner, name, instead)
    if isinstance(owner, ModuleType):
        for module in _product():
            if vars(module).get(name) is original:
                patch.setattr(module, name, instead)
        _in_rules(original, instead, patch)


def _product() -> list[ModuleType]:
    return [it for name, it in sorted(sys.modules.items()) if name.split(".")[0] in ROOMS]


def _in_rules(original: object, instead: object, patch: pytest.MonkeyPatch) -> None:
    """The door's rules stand in a table, not under their names."""
    decide = import_module("edge.core.decide")
    rules = tuple((name, instead if rule is original else rule) for name, rule in decide.RULES)
    patch.setattr(decide, "RULES", rules)
