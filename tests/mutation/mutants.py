"""The mutants of one module: found in its syntax tree, named so that the name outlives edits elsewhere, and made."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tests.mutation.operators import Enums, versions

ROOT = Path(__file__).parents[2]
TARGETS = (
    "protocol/wire",
    "protocol/fares",
    "protocol",
    "backend/core",
    "edge/core",
    "provisioning/core",
    "firmware_bridge/core",
)
CONTEXT_CHARS = 28  # shown on both sides of what differs
ALIAS = re.compile(r"_?[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")  # Check, Fields, Record: types, where not assigned a call
PATH = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Mutant:
    """One wrong version of one node. `first`…`last`: the lines that are run when the node is."""

    module: str  # path of the file
    where: str  # qualified name of the function or class around it
    before: str
    after: str
    nth: int  # of those of the same text in the same function
    line: int
    first: int
    last: int
    path: PATH
    version: int

    @property
    def name(self) -> str:
        """What identifies it: no line number, so that it stays the same while other functions change."""
        number = f" ({self.nth + 1})" if self.nth else ""
        return f"{self.module} {self.where}: {self.before} → {self.after}{number}"


def modules() -> list[str]:
    """Every module to mutate, the contract first."""
    found = [path.relative_to(ROOT).as_posix() for folder in TARGETS for path in sorted((ROOT / folder).glob("*.py"))]
    return [name for name in dict.fromkeys(found) if not name.endswith("__init__.py")]


@lru_cache(maxsize=1)
def all_enums() -> dict[str, list[str]]:
    """Enum classes of the modules to mutate → their members; no two of them share a name with other members."""
    out: dict[str, list[str]] = {}
    for module in modules():
        for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & {"Enum", "IntEnum"}:
                members = [item.targets[0].id for item in node.body if isinstance(item, ast.Assign)]  # type: ignore[attr-defined]
                out[node.name] = members
    return out


def find(module: str, source: str, enums: Enums) -> list[Mutant]:
    """All mutants of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    finder = _Finder(module, _with_aliases(tree, enums))
    finder.visit(tree, tree, (), "", (0, 0))
    return finder.found


def make(mutant: Mutant, source: str, enums: Enums) -> ast.Module:
    """The module's tree with the one node changed."""
    tree = ast.parse(source)
    *way, (field, index) = mutant.path
    parent: ast.AST = tree
    for step, at in way:
        value = getattr(parent, step)
        parent = value if at is None else value[at]
    value = getattr(parent, field)
    node = value if index is None else value[index]
    made = list(versions(node, parent, _with_aliases(tree, enums)))[mutant.version]
    ast.copy_location(made, node)
    if index is None:
        setattr(parent, field, made)
    else:
        value[index] = made
    return ast.fix_missing_locations(tree)


def _with_aliases(tree: ast.Module, enums: Enums) -> Enums:
    """Also the short names that a module gives to enums for its tables: `_S, _E = CameraState, CameraEvent`."""
    out = dict(enums)
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for name, value in zip(names, values, strict=True):
                    if isinstance(name, ast.Name) and isinstance(value, ast.Name) and value.id in enums:
                        out[name.id] = enums[value.id]
    return out


class _Finder:
    def __init__(self, module: str, enums: Enums) -> None:
        self.found: list[Mutant] = []
        self._module, self._enums = module, enums
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def visit(self, node: ast.AST, parent: ast.AST, path: PATH, where: str, lines: tuple[int, int]) -> None:
        if _is_left_alone(node, parent):
            return
        if isinstance(node, ast.stmt):
            lines = _lines_of(node)
        for version, made in enumerate(versions(node, parent, self._enums)):
            before, after = _told(ast.unparse(node), ast.unparse(made))
            key = (where or "module", before, after)
            self.found.append(
                Mutant(self._module, key[0], before, after, self._seen[key], node.lineno if hasattr(node, "lineno") else lines[0],
                       *lines, path, version)
            )  # fmt: skip
            self._seen[key] += 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            where = f"{where}.{node.name}" if where else node.name
        for field, at, child in _children(node):
            self.visit(child, node, (*path, (field, at)), where, lines)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """What of a node may be mutated."""
    skipped: set[str] = set()
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            skipped = {"decorator_list", "returns"}
        case ast.ClassDef():
            skipped = {"decorator_list", "bases", "keywords"}
        case ast.arg() | ast.AnnAssign():
            skipped = {"annotation"}
        case ast.Raise():
            skipped = {"cause"}
        case ast.FormattedValue():
            skipped = {"format_spec"}
        case ast.match_case():
            skipped = {"pattern"}
    for field, value in ast.iter_fields(node):
        if field in skipped:
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, at, child) for at, child in enumerate(value) if isinstance(child, ast.AST))


def _is_left_alone(node: ast.AST, parent: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Assert() | ast.Import() | ast.ImportFrom():
            return True  # a docstring, `...`
        case ast.ClassDef(bases=bases) if any(ast.unparse(base) == "Protocol" for base in bases):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp() | ast.Attribute()):
            return ALIAS.fullmatch(name) is not None
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.keyword(arg="fix"):
            return True
        case ast.expr() if isinstance(parent, ast.Call) and parent.args[:1] == [node]:
            return isinstance(parent.func, ast.Name) and _is_message(parent.func.id, node)
    return False


def _is_message(called: str, argument: ast.expr) -> bool:
    """Whether this is the message of an error that is being made."""
    is_text = isinstance(argument, ast.JoinedStr) or (
        isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )
    return is_text and called[0].isupper()


def _lines_of(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, or of its head if it has a body."""
    body = getattr(node, "body", None)
    last = node.end_lineno or node.lineno
    return node.lineno, max(node.lineno, body[0].lineno - 1) if isinstance(body, list) and body else last


def _told(before: str, after: str) -> tuple[str, str]:
    """Both texts in one line, cut to what differs and a little around it."""
    before, after = " ".join(before.split()), "" if after == "pass" else " ".join(after.split())
    if not after or max(len(before), len(after)) <= 2 * CONTEXT_CHARS:
        return _cut(before), _cut(after) or "left out"
    least = min(len(before), len(after))
    front = next((at for at in range(least) if before[at] != after[at]), least)
    back = next((at for at in range(least - front) if before[-1 - at] != after[-1 - at]), least - front)
    shown = []
    for text in (before, after):
        start, end = max(front - CONTEXT_CHARS, 0), min(len(text) - back + CONTEXT_CHARS, len(text))
        shown.append(("…" if start else "") + _cut(text[start:end]) + ("…" if end < len(text) else ""))
    return shown[0], shown[1]


def _cut(text: str) -> str:
    most = 4 * CONTEXT_CHARS
    return text if len(text) <= most else text[: most // 2] + " … " + text[-most // 2 :]
