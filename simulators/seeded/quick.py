"""Frozen dataclasses that are made more quickly, and are the same: a tenth of a city's time was making them.

A frozen dataclass sets each field of a new object by a general call that looks its name up, because its own
`__setattr__` refuses. Here the slot of each field is set by its own setter, or, where there are many, the object is one
of a class with the same slots that refuses nothing until all are set. What comes out is what came out before: fields,
defaults, equality, hash and refusals. Only processes that live many cities do this, and nothing of the product knows
of it.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

_OURS = frozenset(("backend", "edge", "protocol", "simulators"))
_MANY_FIELDS = 5  # from so many on it pays to change an object's class twice


def quicken() -> None:
    """Every frozen dataclass of ours that is imported, until this process ends."""
    ours = list(_modules())
    replaced: dict[type, Callable[..., Any]] = {}
    for it in {it for module in ours for it in vars(module).values() if isinstance(it, type) and _fits(it)}:
        quickened(it)
        replaced[it] = replacing(it)

    slowly: Callable[..., Any] = dataclasses.replace

    def replace(it: Any, /, **changes: Any) -> Any:
        return replaced.get(type(it), slowly)(it, **changes)

    for module in ours:
        if vars(module).get("replace") is slowly and module is not sys.modules[__name__]:
            module.replace = replace


def _modules() -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OURS:
            yield module


def _fits(it: Any) -> bool:
    """Frozen, with slots, and made of its fields and nothing else."""
    made = vars(it).get("__dataclass_params__")
    if made is None or not made.frozen or it.__module__.partition(".")[0] not in _OURS:
        return False
    plain = it.__bases__ == (object,) and "__slots__" in vars(it) and not hasattr(it, "__post_init__")
    return plain and all(each.init and not each.kw_only for each in fields(it))


def quickened(it: Any) -> None:
    """Give a class that fits its quick `__init__`."""
    given: dict[str, Any] = {"_none": MISSING}
    for each in fields(it):
        given[f"_set_{each.name}"] = vars(it)[each.name].__set__
        given[f"_of_{each.name}"] = each.default if each.default_factory is MISSING else each.default_factory
    head = ", ".join(["self", *(_parameter(each) for each in fields(it))])
    if len(fields(it)) < _MANY_FIELDS:
        lines = [f"_set_{each.name}(self, {_value(each)})" for each in fields(it)] or ["pass"]
    else:
        open_one = type(it.__name__, (), {"__slots__": vars(it)["__slots__"]})
        given |= {"_open": open_one, "_closed": it, "_become": vars(object)["__class__"].__set__}
        assigned = [f"self.{each.name} = {_value(each)}" for each in fields(it)]
        lines = ["_become(self, _open)", *assigned, "self.__class__ = _closed"]
    body = "\n".join(f" {line}" for line in lines)
    exec(f"def __init__({head}):\n{body}", given)  # noqa: S102 - made of field names, as dataclasses makes its own
    it.__init__ = given["__init__"]


def replacing(it: Any) -> Callable[..., Any]:
    """What `dataclasses.replace` does for a class that fits."""
    given: dict[str, Any] = {"_none": MISSING, "_made": it}
    head = ", ".join(["_it", "/", *(f"{each.name}=_none" for each in fields(it))])
    body = ", ".join(f"_it.{each.name} if {each.name} is _none else {each.name}" for each in fields(it))
    exec(f"def replace({head}):\n return _made({body})", given)  # noqa: S102 - as above
    made: Callable[..., Any] = given["replace"]
    return made


def _parameter(each: "Field[Any]") -> str:
    if each.default_factory is not MISSING:
        return f"{each.name}=_none"
    return each.name if each.default is MISSING else f"{each.name}=_of_{each.name}"


def _value(each: "Field[Any]") -> str:
    if each.default_factory is MISSING:
        return each.name
    return f"_of_{each.name}() if {each.name} is _none else {each.name}"
