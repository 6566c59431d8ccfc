"""Every package is held to its version and hashes, is licensed to ship, and nothing else is installed.

What was withdrawn, and what has a hole, only somebody who is asked over a network knows: `make audit` asks.
"""

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.house.locked import Licences, Package, licence_of, licences, locked, not_allowed, strangers, web_packages

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SHIPPED = ("edge", "backend")
OURS = frozenset({"savar"})


def lock(name: str) -> list[Package]:
    return locked((ROOT / "requirements" / f"{name}.lock").read_text())


def test_every_locked_package_is_held_to_its_version_and_hashes() -> None:
    assert {it.stem for it in LOCKS} >= {"dev", *SHIPPED}
    assert all(len(lock(it.stem)) > 40 for it in LOCKS)


def test_what_ships_is_what_is_tested() -> None:
    tested = set(lock("dev"))
    assert [it for name in SHIPPED for it in lock(name) if it not in tested] == []


def test_nothing_is_installed_that_is_not_in_the_lock() -> None:
    assert strangers(lock("dev"), [*importlib.metadata.distributions()], ours=OURS) == []


def test_all_that_ships_is_licensed_to() -> None:
    held = {canonicalize_name(it.metadata["Name"]): it for it in importlib.metadata.distributions()}
    names = sorted({it.name for name in SHIPPED for it in lock(name)})
    may = licences()
    assert [*not_allowed(names, lambda name: licence_of(held[name]), may)] == []
    web = web_packages((ROOT / "web" / "package-lock.json").read_text())
    assert len(web) > 100
    assert [*not_allowed(sorted(web), web.__getitem__, may)] == []
    said = {name for name in may.said if name not in {*names, *web}}
    assert said == set(), "packages that are gone"


# --- it would be noticed ------------------------------------------------------------------------------------------------

GOOD = "a==1.0 \\\n    --hash=sha256:" + "0" * 64
WRONG = {
    "no hash": "a==1.0",
    "a weaker hash": "a==1.0 \\\n    --hash=md5:" + "0" * 32,
    "no exact version": GOOD.replace("==", ">="),
    "any of a version": GOOD.replace("1.0", "1.*"),
    "a place": GOOD.replace("a==1.0", "a @ https://packages.example/a.whl"),
    "an option": "--index-url https://packages.example/simple",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_package_that_is_not_held_is_noticed(text: str) -> None:
    assert locked(GOOD) == [Package("a", "1.0")]
    with pytest.raises(ValueError, match=r"not held|no package"):
        locked(f"{GOOD}\n{text}\n")


def test_a_stranger_is_noticed(tmp_path: Path) -> None:
    for name, version in (("stranger", "1.0"), ("known", "2.0")):
        (tmp_path / f"{name}-{version}.dist-info").mkdir()
        (tmp_path / f"{name}-{version}.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    there = [*importlib.metadata.distributions(path=[str(tmp_path)])]
    assert strangers([Package("known", "2.0")], there, ours=OURS) == ["stranger 1.0"]
    assert strangers([Package("known", "1.0")], there, ours=OURS) == ["known 2.0", "stranger 1.0"]


def test_a_licence_that_is_not_allowed_is_noticed() -> None:
    may = Licences({"MIT": "", "ISC": ""}, {"b": "MIT"})
    says = {"a": "MIT OR GPL-3.0-only", "b": "free as air", "c": "MIT AND GPL-3.0-only", "d": "", "e": "AGPL-3.0-only"}
    assert [*not_allowed(sorted(says), says.__getitem__, may)] == [
        "c: MIT AND GPL-3.0-only", "d: says none", "e: AGPL-3.0-only"
    ]  # fmt: skip
    for allowed in (
        "(MIT OR GPL-2.0-only)", "GPL-3.0-only OR MIT AND ISC", "(MIT OR GPL-3.0-only) AND (GPL-2.0-only OR ISC)", "mit"
    ):  # fmt: skip
        assert may.allow(allowed), allowed
    for not_allowed_either in (
        "(MIT OR ISC) AND GPL-3.0-only", "GPL-3.0-only AND (MIT OR ISC)", "MIT AND (ISC OR MIT) AND AGPL-3.0-only",
        "MIT WITH Classpath-exception-2.0", "(MIT", "MIT OR", "MIT ISC", "MIT OR free as air", "",
    ):  # fmt: skip
        assert not may.allow(not_allowed_either), not_allowed_either
    assert not re.search(r"\bA?GPL", " ".join(licences().allowed))


def test_a_folder_that_is_not_ours_is_noticed() -> None:
    whole = '{"packages": {"": {"workspaces": ["a"]}, "a": {}, "node_modules/a": {"resolved": "%s", "link": true}%s}}'
    assert web_packages(whole % ("a", "")) == {}
    for broken in (("../a", ""), ("b", ""), ("a", ', "b": {}'), ("a", ', "node_modules/b": {"resolved": "b"}')):
        with pytest.raises(ValueError, match="not held"):
            web_packages(whole % broken)


@pytest.mark.parametrize("broken", ['"integrity": "sha1-x"', '"resolved": "https://packages.example/a.tgz", {}'])
def test_a_package_of_the_pages_that_is_not_held_is_noticed(broken: str) -> None:
    good = f'"integrity": "sha512-{"A" * 86}=="'
    whole = '{"packages": {"": {}, "node_modules/a": {"license": "MIT", %s}}}'
    assert web_packages(whole % good) == {"a": "MIT"}
    with pytest.raises(ValueError, match=r"not held|comes from"):
        web_packages(whole % broken.format(good))
