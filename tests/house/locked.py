"""What the locks hold: packages with their hashes, and the licences that these say they have."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, Licensing, get_spdx_licensing
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

LICENCES = Path(__file__).with_name("licences.toml")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_SHA512 = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")


@dataclass(frozen=True)
class Package:
    """One of a lock."""

    name: str
    version: str


def locked(text: str) -> list[Package]:
    """The packages of a lock. Raises ValueError for what is not held to exact versions and hashes, or names a place."""
    made = []
    for entry in re.split(r"\n(?! )", text.replace("\\\n", " ").strip()):
        words, *hashes = entry.split("--hash=")
        try:
            asked = Requirement(words.strip())
        except InvalidRequirement as error:
            raise ValueError(f"no package: {entry[:80]}") from error
        exact = re.fullmatch(r"==([^*,]+)", str(asked.specifier))
        if asked.url is not None or exact is None:
            raise ValueError(f"{asked.name} is not held to one version")
        if not hashes or not all(_HASH.fullmatch(f"--hash={it.strip()}") for it in hashes):
            raise ValueError(f"{asked.name} is not held to its hashes")
        made.append(Package(canonicalize_name(asked.name), exact[1]))
    return made


def strangers(held: Sequence[Package], installed: Sequence[Distribution], *, ours: frozenset[str]) -> list[str]:
    """What is installed and in no lock, or not as it is there."""
    known = {(it.name, it.version) for it in held}
    found = [(canonicalize_name(it.metadata["Name"]), it.version) for it in installed]
    return sorted(f"{name} {version}" for name, version in found if name not in ours and (name, version) not in known)


@dataclass(frozen=True)
class Licences:
    """What is allowed, with why, and what packages mean that say it in other words."""

    allowed: Mapping[str, str]
    said: Mapping[str, str]

    def allow(self, expression: str) -> bool:
        """Whether an SPDX expression leaves us a way: all of one of its alternatives. What is none leaves none."""
        try:
            parsed = _spdx().parse(expression, validate=True)
        except ExpressionError:
            return False
        return parsed is not None and self._leaves_a_way(parsed)

    def _leaves_a_way(self, it: Any) -> bool:
        if isinstance(it, _spdx().OR):
            return any(map(self._leaves_a_way, it.args))
        if isinstance(it, _spdx().AND):
            return all(map(self._leaves_a_way, it.args))
        return str(it) in self.allowed  # one licence, or one with its exception


@cache
def _spdx() -> Licensing:
    """It knows every licence's name, and takes a moment to read them."""
    return get_spdx_licensing()


def licences() -> Licences:
    """The list."""
    told = tomllib.loads(LICENCES.read_text("utf-8"))
    return Licences(told["allowed"], told["said"])


def not_allowed(
    names: Sequence[str], licence_of: Callable[[str], str], may: Licences
) -> Iterator[str]:  # fmt: skip
    """Packages whose licence is none that is allowed, or is not known."""
    for name in names:
        licence = may.said.get(name) or licence_of(name)
        if not may.allow(licence):
            yield f"{name}: {licence or 'says none'}"


def licence_of(it: Distribution) -> str:
    """What it says itself, empty where that is nothing."""
    told = it.metadata
    return (told.get("License-Expression") or told.get("License") or "").strip()


def web_packages(text: str) -> dict[str, str]:
    """The pages' packages → licence, without our own folders. Raises ValueError for one without its hash, or from a place of its own."""
    made = {}
    told = json.loads(text)["packages"]
    ours = {"", *told[""].get("workspaces", [])}
    for path, it in told.items():
        if path in ours:
            continue
        name = path.rpartition("node_modules/")[2]
        if it == {"resolved": it.get("resolved"), "link": True} and it["resolved"] in ours - {""}:
            continue
        if not _SHA512.fullmatch(it.get("integrity", "")):
            raise ValueError(f"{name} is not held to its hash")
        if "resolved" in it:
            raise ValueError(f"{name} names where it comes from")
        made[name] = str(it.get("license", ""))
    return made
