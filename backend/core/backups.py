"""What a backup says of itself, and when it may be put back.

Rules of putting back, before anything is written:

B1  the bytes are those that were written: their number and their digest;
B2  the backup is of this city;
B3  it is of this kind of database: one does not read the other's;
B4  where it goes there is nothing, or the operator says that what is there is set aside;
B5  nobody uses what is there.

While it is put back: what is there stays whole, and no backend opens anything beside it. Then: what stands in the
ledger is what the label says, it is a new incarnation before any backend can open it (P2), for a bus believes that the
old one holds what it receipted, and it changes places with what was there in one step. So what is killed anywhere left
the old ledger or the new one, and a backend never begins an empty one where either lies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from backend.core.errors import BackupDamaged, BackupForeign

FORMAT = 1
Tick: TypeAlias = Callable[[str, int, int], None]  # stage, how much of it is done, of how much; mostly bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """A ledger at one moment. `head`: hex of its chain's; `version`: of its tables."""

    city: str
    version: str
    incarnation: int
    head: str
    records: int
    transfers: int


@dataclass(frozen=True, slots=True)
class Label:
    """What a backup says that it is. `digest`: SHA-256 of its `size` bytes, hex; `made_ms`: Unix milliseconds."""

    format: int
    database: str
    ledger: Contents
    made_ms: int
    size: int
    digest: str


class Sink(Protocol):
    """What takes the bytes of a copy."""

    def write(self, block: bytes, /) -> int:
        """Take these."""
        ...


class Source(Protocol):
    """What gives them back."""

    def read(self, most: int, /) -> bytes:
        """The next, at most so many; none: that was all. Raises BackupDamaged, StoreFailed."""
        ...


class Copier(Protocol):
    """How one kind of database is copied while others write, and put back."""

    kind: str

    def copy(self, to: Sink, tick: Tick) -> Contents:
        """One moment of the ledger, checked. Raises StoreForeign, StoreFailed, ToolMissing."""
        ...

    def require_room(self, *, replace: bool) -> None:
        """B4 and B5, with nothing changed. Raises TargetOccupied, StoreFailed, ToolMissing."""
        ...

    def put_back(self, it: Source, label: Label, *, replace: bool, at_ms: int, tick: Tick) -> "Restored":
        """The ledger of these bytes, as a new incarnation. Raises as `require_room`, and BackupDamaged."""
        ...


@dataclass(frozen=True, slots=True)
class Restored:
    """A ledger that was put back. `aside`: where the one lies that was there before; empty: there was none."""

    ledger: Contents
    aside: str = ""


def require_ours(label: Label, *, city: str, database: str) -> None:
    """B2 and B3. Raises BackupForeign."""
    if label.ledger.city != city:
        raise BackupForeign(
            f"this is a backup of {label.ledger.city}, not of {city}", fix="take the backup of this city"
        )
    if label.database != database:
        raise BackupForeign(
            f"this backup is of a ledger in {label.database}, and backend.toml names {database}",
            fix=f"take a backup of {database}, or let backend.toml name {label.database}",
        )


def require_whole(label: Label, *, size: int, digest: str) -> None:
    """B1. Raises BackupDamaged."""
    if (size, digest) != (label.size, label.digest):
        raise BackupDamaged(
            f"this backup is not what was written: {size} bytes with digest {digest[:16]}…, not {label.size} with"
            f" {label.digest[:16]}…",
            fix="take another copy of it, or the backup before",
        )


def require_as_labelled(found: Contents, label: Label) -> None:
    """What was put back is what was copied, but for the incarnation that it gets. Raises BackupDamaged."""
    if found != label.ledger:
        raise BackupDamaged(
            f"what came out of this backup is not what its label says: {found}, not {label.ledger}",
            fix="take the backup before; nothing was put into its place",
        )


def new_incarnation(known: int, at_ms: int) -> int:
    """One that no device has heard of: the time of the restoration, for one copy may be restored twice; it grows."""
    return max(known + 1, at_ms)
