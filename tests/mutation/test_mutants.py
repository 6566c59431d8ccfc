"""The mutator itself: what it changes, what it leaves alone, and that its verdict is the tests'."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.mutants import all_enums, find, make, modules
from tests.mutation.operators import Enums

ON_MUTANT = """
import ast, sys
from pathlib import Path
from tests.mutation.child import on_mutant
sys.exit(on_mutant(sys.argv[1], ast.parse(Path(sys.argv[2]).read_text()), sys.argv[3:])(2))
"""
ENUMS: Enums = {"Lamp": ["GREEN", "AMBER", "RED"]}


def changes(code: str) -> set[str]:
    """Before → after of every mutant."""
    return {f"{mutant.before} → {mutant.after}" for mutant in find("a.py", code, ENUMS)}


MADE = {
    "x = a < 3": {"a < 3 → a <= 3", "a < 3 → a >= 3", "3 → 4"},
    "x = a and b": {"a and b → a or b", "a and b → a", "a and b → b"},
    "x = not a": {"not a → a"},
    "x = Lamp.GREEN": {"Lamp.GREEN → Lamp.AMBER"},
    "x = Lamp.RED": {"Lamp.RED → Lamp.GREEN"},
    "x = int.from_bytes(a, 'big')": {"'big' → 'little'"},
    "x = 'key'": {"'key' → 'keyX'"},
    "x = b'key'": {"b'key' → b'keyX'"},
    "x = a[1:]": {"1: → :", "1 → 2"},
    "x = [a, b]": {"[a, b] → [b]", "[a, b] → [a]"},
    "x = {a: b}": {"{a: b} → {}"},
    "x = a in (b, c)": {"a in (b, c) → a not in (b, c)", "(b, c) → (c,)", "(b, c) → (b,)"},
    "x = (a, b) == (c, d)": {"(a, b) == (c, d) → (a, b) != (c, d)", "(a, b) == (c, d) → (b,) == (d,)", "(a, b) == (c, d) → (a,) == (c,)"},
    "x = [a for a in b if c]": {"for a in b if c →  for a in b"},
    "x = a if b else c": {"a if b else c → a", "a if b else c → c"},
    "x = min(a, b)": {"min(a, b) → max(a, b)"},
    "x = a + b": {"a + b → a", "a + b → a - b"},
    "x = a + b'x'": {"a + b'x' → a", "b'x' → b'xX'"},
    "x = a | b": {"a | b → a", "a | b → b"},
    "a.b = c": {"a.b = c → left out"},
    "a += 1": {"a += 1 → left out", "a += 1 → a -= 1", "1 → 2"},
    "f(a)": {"f(a) → left out"},
    "def f():\n  return a": {"return a → return None"},
    "if a:\n  b()": {"if a: b() → if not a: b()", "b() → left out"},
    "try:\n  a()\nexcept (B, C):\n  raise": {"a() → left out", "(B, C) → (C,)", "(B, C) → (B,)", "raise → left out"},
    "try:\n  a()\nexcept B:\n  raise": {"a() → left out", "except B: raise → except (): raise", "raise → left out"},
    "raise Truncated('the bytes end', at=a - 1)": {
        "raise Truncated('the bytes end', at=a - 1) → left out", "a - 1 → a + 1", "1 → 2",
    },
    "T = '# a\\nuser a\\n\\nport 1\\n'": {"'# a\\nuser a\\n\\nport 1\\n' → '# a\\n\\nport 1\\n'", "'# a\\nuser a\\n\\nport 1\\n' → '# a\\nuser a\\n\\n'"},
}  # fmt: skip


@pytest.mark.parametrize("code", MADE)
def test_every_slip_is_made(code: str) -> None:
    assert {" ".join(change.split()) for change in changes(code)} == {" ".join(change.split()) for change in MADE[code]}


LEFT_ALONE = [
    '"""A module: 1 < 2."""', "def f(a: int = None) -> list[int]:\n  '''Doc.'''\n  ...", "x: int", "assert a < 3", "__all__ = ['a']",
    "Check = Callable[[str], None]", "Record: TypeAlias = A | B", "class P(Protocol):\n  def f(self):\n    return 1",
    "@dataclass(frozen=True)\nclass A:\n  a: int", "import a", "x = 'some words for a person'", "x = 'واژه'",
]  # fmt: skip


@pytest.mark.parametrize("code", LEFT_ALONE)
def test_what_people_read_and_types_say_is_left_alone(code: str) -> None:
    assert changes(code) == set()


def test_messages_and_fixes_are_left_alone_but_the_facts_of_an_error_are_not() -> None:
    assert changes("raise Bad(f'{a}_is', fix='use_a', field='a')") == {
        "raise Bad(f'{a}_is', fix='use_a', field='a') → left out", "'a' → 'aX'",
    }  # fmt: skip


def test_a_mutant_differs_in_one_place_and_has_a_name_of_its_own() -> None:
    enums = all_enums()
    for module in modules()[:6]:
        source = Path(module).read_text(encoding="utf-8")
        whole = ast.dump(ast.parse(source))
        found = find(module, source, enums)
        assert len({mutant.name for mutant in found}) == len(found)
        assert all(ast.dump(make(mutant, source, enums)) != whole for mutant in found)


@pytest.mark.parametrize(
    ("old", "new", "code"), [("", "", 0), ("[: limits.KEY_ID_BYTES]", "", 1)], ids=["unchanged", "mutant"]
)
def test_the_tests_decide_and_nothing_on_disk_changes(tmp_path: Path, old: str, new: str, code: int) -> None:
    """The one control that makes all other figures worth something: unchanged code survives, changed code does not."""
    module = "protocol/wire/keys.py"
    source = Path(module).read_text(encoding="utf-8")
    assert old in source
    path = tmp_path / "mutant.py"
    path.write_text(source.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ON_MUTANT, module, path, "tests/protocol/test_signed.py::test_layout"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    assert Path(module).read_text(encoding="utf-8") == source
