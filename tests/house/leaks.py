"""Secrets that lie in the tree: what a scanner finds in our files, less what is known to be none.

The scanner is bc-detect-secrets, which runs without a network; what it does not know of is asked here: PINs in settings,
and files that are secrets by their names.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings

KNOWN = Path(__file__).with_name("known_leaks.toml")
_NOT_OURS = {".git", ".venv", "node_modules", "__pycache__", *(
    f".{name}_cache" for name in ("mypy", "ruff", "pytest", "import_linter")
), ".hypothesis"}  # fmt: skip
_MADE = frozenset({"build", "run", "dist"})  # folders at the root that .gitignore names
_BY_COMMENT = "detect_secrets.filters.allowlist.is_line_allowlisted"  # it takes a comment for a reason: we do not
_NO_TEXT = {".png", ".jpg", ".woff2", ".caffemodel"}
_BY_NAME = re.compile(
    r"(\.(pem|key|p12|pfx|jks|kdbx|token|passwd|password|db|sqlite3?)|(^|/)(id_[a-z0-9]+|\.env(\.[\w-]+)*|\.netrc))$"
)
_SETTINGS = {".toml", ".conf", ".ini", ".env", ".service", ".json", ".yaml", ".yml", ".sh", ".cfg"}
_PIN = re.compile(r"""pins?\b["']?[\s=:\[-]{1,8}["']?\d{4,12}\b""", re.IGNORECASE)  # wherever it stands in a line


@dataclass(frozen=True)
class Leak:
    """What looks like a secret. `digest`: eight digits of its hash, by which it may be known to be none."""

    path: str
    line: int
    kind: str
    digest: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind} ({self.digest})"


@dataclass(frozen=True)
class Known:
    """What is no secret, and why: these digests of a file, or all of some kinds where a pattern of paths says so."""

    path: str
    why: str
    digests: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def covers(self, leak: Leak) -> bool:
        return fnmatch(leak.path, self.path) and (leak.digest in self.digests or leak.kind in self.kinds)


def known(text: str) -> list[Known]:
    """The list of what is none."""
    return [
        Known(it["path"], it["why"], tuple(it.get("digests", ())), tuple(it.get("kinds", ())))
        for it in tomllib.loads(text)["known"]
    ]


def files(root: Path, *, made: frozenset[str] = _MADE) -> Iterator[Path]:
    """Every file of ours, tracked or about to be. `made`: folders here whose content is not."""
    for path in sorted(root.iterdir()):
        if path.name in _NOT_OURS or path.name.startswith(".bench-") or path.name.endswith(".egg-info"):
            continue
        if path.is_dir() and not path.is_symlink() and path.name not in made:
            yield from files(path, made=frozenset())
        elif path.is_file():
            yield path


def leaks(root: Path, paths: Sequence[Path]) -> Iterator[Leak]:
    """All that looks like a secret in these files."""
    plugins = [{"name": it.__name__} for it in get_mapping_from_secret_type_to_class().values()]
    found = SecretsCollection(root=str(root))
    with transient_settings({"plugins_used": plugins}) as settings:
        settings.disable_filters(_BY_COMMENT)
        for path in paths:
            where = path.relative_to(root).as_posix()
            if _BY_NAME.search(where):
                yield Leak(where, 1, "a secret by its name", "")
            if path.suffix in _NO_TEXT:
                continue
            found.scan_file(where)
            if path.suffix in _SETTINGS:
                yield from _pins(where, path.read_text("utf-8", "replace"))
    for where, it in found:
        yield Leak(where, it.line_number, it.type, it.secret_hash[:8])


def _pins(where: str, text: str) -> Iterator[Leak]:
    for number, line in enumerate(text.splitlines(), 1):
        if _PIN.search(line):
            yield Leak(where, number, "PIN", "")
