"""A card's folder as a model: what was not synced may be there after a cut, or not, each change by itself.

Harsher than ext4, which keeps the order of names in a folder. A file that was being written when the power went holds a
part of itself. Every operation asks `on_operation` first, which may raise PowerCut.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import BinaryIO

from edge.core.errors import ReleaseFailed


class PowerCut(BaseException):
    """The power is gone. Only the world catches it."""


@dataclass
class File:
    content: bytes = b""
    synced: bool = False


@dataclass
class Folder:
    """`held`: the names that a cut leaves; `pending`: changes of names on their way, each one step."""

    now: "dict[str, File | Folder]" = field(default_factory=dict)
    held: "dict[str, File | Folder]" = field(default_factory=dict)
    pending: "list[dict[str, File | Folder | None]]" = field(default_factory=list)

    def change(self, change: "dict[str, File | Folder | None]") -> None:
        self.pending.append(change)
        _apply(self.now, change)

    def sync(self) -> None:
        self.held, self.pending = dict(self.now), []


def _apply(names: "dict[str, File | Folder]", change: "dict[str, File | Folder | None]") -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class ModelCard:
    """Implements `CardFiles`."""

    def __init__(self, rng: Random, on_operation: Callable[[], None] = lambda: None) -> None:
        self.root = Folder()
        self._rng, self.on_operation = rng, on_operation
        self.operations = 0
        self.free = 1 << 40
        self.syncs = True  # a control: a card adapter that forgets to sync folders

    # --- CardFiles ----------------------------------------------------------------------------------------------------

    def names(self, folder: str) -> list[str]:
        found = self._find(folder)
        return sorted(found.now) if isinstance(found, Folder) else []

    def read(self, path: str, most: int) -> bytes | None:
        found = self._find(path)
        return found.content[: most + 1] if isinstance(found, File) else None

    def open(self, path: str) -> BinaryIO:
        found = self._find(path)
        assert isinstance(found, File)
        return io.BytesIO(found.content)

    def make_folder(self, path: str) -> None:
        if not path:
            return
        parent, name = self._parent(path)
        if name not in parent.now:
            self._operation()
            parent.change({name: Folder()})

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        parent, name = self._parent(path)
        self._operation()
        file = File()
        parent.change({name: file})
        for part in parts:
            self._operation()
            file.content += part
        self._operation()
        file.synced = True

    def rename(self, path: str, name: str) -> None:
        parent, old = self._parent(path)
        self._operation()
        if name in parent.now and isinstance(parent.now[name], Folder):
            raise ReleaseFailed("a folder is in the way")
        parent.change({old: None, name: parent.now[old]})

    def sync(self, folder: str) -> None:
        self._operation()
        found = self._find(folder)
        assert isinstance(found, Folder)
        if self.syncs:
            found.sync()

    def remove(self, path: str) -> None:
        parent, name = self._parent(path)
        found = parent.now[name]
        if isinstance(found, Folder):
            inside = list(found.now)
            self._rng.shuffle(inside)
            for one in inside:
                self.remove(f"{path}/{one}")
        self._operation()
        parent.change({name: None})

    def room(self) -> int:
        return self.free

    # --- the world ----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """The power goes and comes back: each change that was not synced is there or not, files are torn."""
        self._cut(self.root)

    def _cut(self, folder: Folder) -> None:
        names = dict(folder.held)
        for change in folder.pending:
            if self._rng.random() < 0.5:
                _apply(names, change)
        folder.now, folder.held, folder.pending = names, dict(names), []
        for node in names.values():
            if isinstance(node, Folder):
                self._cut(node)
            elif not node.synced:
                node.content = node.content[: self._rng.randrange(len(node.content) + 1)]
                node.synced = True

    def tree(self, folder: str) -> dict[str, bytes]:
        """Every file below, by its path."""
        found = self._find(folder)
        out: dict[str, bytes] = {}
        if isinstance(found, Folder):
            for name, node in found.now.items():
                if isinstance(node, File):
                    out[name] = node.content
                else:
                    out |= {f"{name}/{path}": data for path, data in self.tree(f"{folder}/{name}").items()}
        return out

    def _operation(self) -> None:
        self.operations += 1
        self.on_operation()

    def _find(self, path: str) -> File | Folder | None:
        found: File | Folder | None = self.root
        for name in filter(None, path.split("/")):
            assert name != ".."
            found = found.now.get(name) if isinstance(found, Folder) else None
        return found

    def _parent(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        found = self._find(folder)
        if not isinstance(found, Folder) or not name:
            raise ReleaseFailed(f"no folder for {path}")
        return found, name
