"""The tidy linter: house rules that no other tool checks, over Python files by their syntax trees.

Each finding is one line: file, line, what is wrong, and what to do instead.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOMS = (
    "protocol",
    "transport",
    "edge",
    "backend",
    "provisioning",
    "simulators",
    "cli",
    "benchmarks",
    "firmware_bridge",
    "hardware_keys",
)
FILE_MAX_LINES = 400
FUNCTION_MAX_LINES = 70

# dotted call → its replacement, in protocol/ and every core/
CLOCK = "take time as an argument (Instant, now_ms)"
CHANCE = "take randomness as an argument (bytes, a seeded generator)"
OUTSIDE = "leave it to an adapter behind a Protocol in core/ports.py"
BANNED_CALLS = {
    "time.time": CLOCK, "time.time_ns": CLOCK, "time.monotonic": CLOCK, "time.monotonic_ns": CLOCK, "time.perf_counter": CLOCK,
    "time.perf_counter_ns": CLOCK, "time.localtime": CLOCK, "time.gmtime": CLOCK,
    "time.sleep": "say when to be called again and let the app wait",
    "datetime.datetime.now": CLOCK, "datetime.datetime.today": CLOCK, "datetime.datetime.utcnow": CLOCK, "datetime.date.today": CLOCK,
    "os.urandom": CHANCE, "os.getrandom": CHANCE, "uuid.uuid1": CHANCE, "uuid.uuid4": CHANCE,
    "open": OUTSIDE, "io.open": OUTSIDE, "os.open": OUTSIDE, "print": "return what is to be said", "input": OUTSIDE,
}  # fmt: skip
BANNED_MODULES = {"random": CHANCE, "secrets": CHANCE, "socket": OUTSIDE, "threading": OUTSIDE, "asyncio": OUTSIDE}
# Methods of pathlib.Path, on whatever object: nothing pure has methods of these names.
BANNED_METHODS = ("read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir", "touch")
# Thread bodies that keep whatever ends them and hand it on. Nothing else may catch what it cannot name.
SUPERVISORS = {
    ("backend/app/worker.py", "_guard"),
    ("edge/app/heavy.py", "_guard"),
    ("edge/app/looking.py", "_guard"),
    ("edge/app/validator.py", "_guard"),
    ("firmware_bridge/app/board.py", "_guard"),
    ("simulators/seeded/run.py", "_live"),
    ("transport/peer.py", "_guard"),
}
LOOPBACK = {"127.0.0.1", "[::1]"}
URL = re.compile(r"\b(?:https?|rtsp|mqtts?|wss?)://([^\s/:'\"<>)\]}]*|\[[^\]]*\])")
HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]")
EXAMPLE = re.compile(r"(^|\.)(example|invalid|test)(\.(org|com|net))?$")
OPEN_WORK = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XXX)\b")


def findings(root: Path) -> Iterator[str]:
    """Every offence in the product code under `root`."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            where = path.relative_to(root).as_posix()
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text, where)
            pure = room == "protocol" or "core" in path.relative_to(root).parts[1:-1]
            found = [*_sizes(tree, text), *_broad(tree, where), *_open_work(text), *_hosts(tree), *_package(path, tree)]
            if pure:
                found += _impure(tree)
            yield from (f"{where}:{line}: {what}" for line, what in sorted(found))
    yield from _pages(root)
    yield from _web(root)


def _sizes(tree: ast.AST, text: str) -> Iterator[tuple[int, str]]:
    lines = text.count("\n")
    if lines > FILE_MAX_LINES:
        yield FILE_MAX_LINES, f"file of {lines} lines, over {FILE_MAX_LINES}: split it by its jobs"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_MAX_LINES:
                yield node.lineno, f"{node.name} has {size} lines, over {FUNCTION_MAX_LINES}: split it"


def _broad(tree: ast.AST, where: str) -> Iterator[tuple[int, str]]:
    """Bare and broad except, `suppress(Exception)` too. Cleaning up and raising the same again swallows nothing."""
    supervised = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (where, node.name) in SUPERVISORS
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node) and id(node) not in supervised:
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] == "suppress":
            caught = list(node.args)
        else:
            continue
        for one in caught:
            if one is None or _dotted(one).rpartition(".")[2] in ("Exception", "BaseException"):
                yield node.lineno, "broad except: name the errors that are expected here, let the rest be seen"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _open_work(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if OPEN_WORK.search(line):
            yield number, "open work in the code: do it, or file an issue"


def _hosts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Addresses in strings (docstrings too) that leave the machine. The example domains of RFC 2606 are no hosts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for host in URL.findall(node.value):
                if HOST.fullmatch(host) and host not in LOOPBACK and not EXAMPLE.search(host):
                    yield (
                        node.lineno,
                        f"host {host!r} in product code: hosts come from configuration, on loopback or signed",
                    )


def _package(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    if not ast.get_docstring(tree):
        kind = "package" if path.name == "__init__.py" else "module"
        yield 1, f"{kind} without a docstring: say its one job"


def _impure(tree: ast.Module) -> Iterator[tuple[int, str]]:
    names = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                if instead := BANNED_MODULES.get(module.partition(".")[0]):
                    yield node.lineno, f"{module} in pure code: {instead}"
        if isinstance(node, ast.Attribute | ast.Name):
            written = _dotted(node)
            head, dot, rest = written.partition(".")
            full = names.get(head, head) + dot + rest
            # A mention counts as well as a call: a clock handed on as a default argument is still a clock.
            if instead := BANNED_CALLS.get(full):
                yield node.lineno, f"{full} in pure code: {instead}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BANNED_METHODS:
            yield node.lineno, f".{node.func.attr}() in pure code: {OUTSIDE}"


def _imported(tree: ast.Module) -> dict[str, str]:
    """Local name → what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.AST | None) -> str:
    """`a.b.c` as written; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _pages(root: Path) -> Iterator[str]:
    """P19: no page fetches anything from anywhere. XML namespaces are names, not addresses; a licence is not fetched."""
    for path in sorted((root / "backend" / "static").rglob("*")):
        if path.suffix not in (".html", ".css", ".js", ".mjs", ".svg", ".json", ".webmanifest"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for address in re.findall(
                r"https?://[^\s\"'<>)]*|(?:src|href)=[\"']//[^\s\"']*|url\([\"']?//[^\s\"')]*", line
            ):
                if not address.startswith("http://www.w3.org/"):
                    yield f"{path.relative_to(root).as_posix()}:{number}: {address}: keep the asset in backend/static"


WEB_MAX_COLUMNS = 120
_WEB_TEXT = (".ts", ".svelte", ".css", ".html")


def web_files(root: Path) -> list[Path]:
    """What somebody wrote under web/: neither packages nor anything built."""
    return [
        path
        for path in sorted((root / "web").rglob("*"))
        if path.suffix in _WEB_TEXT and "node_modules" not in path.parts and path.is_file()
    ]


def _web(root: Path) -> Iterator[str]:
    """The same measures for the pages: sizes, open work, no host that leaves the bus (P19)."""
    for path in web_files(root):
        where, lines = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8").splitlines()
        if len(lines) > FILE_MAX_LINES:
            yield f"{where}:{FILE_MAX_LINES}: file of {len(lines)} lines, over {FILE_MAX_LINES}: split it by its jobs"
        for number, line in enumerate(lines, start=1):
            if len(line) > WEB_MAX_COLUMNS:
                yield f"{where}:{number}: line of {len(line)} columns, over {WEB_MAX_COLUMNS}"
            if OPEN_WORK.search(line):
                yield f"{where}:{number}: open work in the code: do it, or file an issue"
            for host in URL.findall(line):
                if host != "www.w3.org":
                    yield f"{where}:{number}: host {host!r} in a page: everything comes from the bus"
