"""A process's TOML file → its model: an unknown key is an error that names it and the key probably meant."""

import difflib
import json
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocol.errors import Fault, SavarError, WireError
from protocol.wire.cbor import name_text

Model = TypeVar("Model", bound=BaseModel)


def _name(value: str) -> str:
    """pydantic wants a ValueError where the contract raises a WireError."""
    try:
        name_text("name", value)
    except WireError as error:
        raise ValueError(error.message) from error
    return value


# A contract name (device, vehicle, city…) as a setting.
Name = Annotated[str, AfterValidator(_name)]

_LISTS = frozenset({"list_type", "set_type", "frozen_set_type", "tuple_type"})


class ConfigError(SavarError):
    """A configuration file is missing, is no TOML, or says something that cannot be meant."""

    fault = Fault.OPERATOR


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read and validate. Raises ConfigError with every fault found, each by its key."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", fix="give --config the right file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not TOML: {error}", fix="mend that line") from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors()
        raise ConfigError(
            f"{path.name}: " + "; ".join(_say(fault, model) for fault in faults),
            fix="mend these keys, or give --config the right file",
            keys=[_key(fault) for fault in faults],
        ) from error


def _key(fault: ErrorDetails) -> str:
    return ".".join(str(part) for part in fault["loc"]) or "the file"


def _say(fault: ErrorDetails, model: type[BaseModel]) -> str:
    key = _key(fault)
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), _known_keys(model), n=1)
        return f"unknown key {key}" + (f" (did you mean {near[0]}?)" if near else "")
    if fault["type"] == "missing":
        return f"{key} is missing"
    if fault["type"] in _LISTS:
        return f"{key}: {json.dumps(fault['input'], default=str)} is no list; write [ and ] around what is in it"
    return f"{key}: {fault['msg']}"


def _known_keys(model: type[BaseModel]) -> set[str]:
    """Every key of the model and of the sections under it."""
    keys: set[str] = set()
    for name, info in model.model_fields.items():
        keys.add(info.alias or name)
        for inner in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                keys |= _known_keys(inner)
    return keys
