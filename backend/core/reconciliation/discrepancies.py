"""A discrepancy: one fact about one item that does not match, and its life in entries. Pure.

Rules:
- its name is its class and its item, so finding it again opens nothing new;
- what was told at its opening never changes; what becomes of it is entries: who, when, what, why;
- one that a run of its days no longer finds closes by itself, and is opened again if it is found again;
- one that a person resolved stays resolved: his word is an explanation, of as much as there was (`extent`). More of it
  is nothing that he has explained, and opens it again; more of one that is open is an entry, so he sees it;
- it is due DISCREPANCY_DUE_MS after it was opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from backend.core.limits import DISCREPANCY_DUE_MS
from backend.core.reconciliation.classes import ABOUT, Class, Owner

BY_ITSELF = "reconciliation"  # who, where no person was


class Entry(Enum):
    """What became of a discrepancy."""

    OPENED = "opened"
    OPENED_AGAIN = "opened-again"
    MATCHED = "matched"  # by itself: a run of its days does not find it any more
    RESOLVED = "resolved"  # by a person
    GREW = "grew"  # more of it is found than was told so far


TELLING = frozenset((Entry.OPENED, Entry.OPENED_AGAIN, Entry.GREW))  # what says how much there is
CLOSING = frozenset((Entry.MATCHED, Entry.RESOLVED))


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """What a run finds. `item` names what it is about, `day` the service day whose run looks for it (None: every run).

    `rials`: how much is in question, 0 where nobody can say. `since_ms`: when the item came to be. `facts`: what was
    expected and what is there; no rider's data. `extent`: how much of it there is, in what it grows by; None: rials.
    """

    of: Class
    item: str
    rials: int
    since_ms: int
    day: int | None
    facts: Mapping[str, int | str]
    extent: int | None = None

    @property
    def much(self) -> int:
        """How much of it there is."""
        return self.rials if self.extent is None else self.extent

    @property
    def name(self) -> str:
        """Unique for ever."""
        return f"{self.of.value}:{self.item}"

    @property
    def owner(self) -> Owner:
        """Who has to act."""
        return ABOUT[self.of].owner


@dataclass(frozen=True, slots=True)
class Kept:
    """One as the ledger has it, with its newest entry."""

    it: Discrepancy
    opened_ms: int
    last: Entry
    who: str
    why: str
    at_ms: int

    @property
    def due_ms(self) -> int:
        """By when its owner must have acted."""
        return self.opened_ms + DISCREPANCY_DUE_MS

    @property
    def is_open(self) -> bool:
        """Whether somebody has to act."""
        return self.last not in CLOSING


def when_found(last: Entry | None, *, grown: bool) -> Entry | None:
    """A run finds it → the entry that is made, if any. `last`: its newest, None where it is new.

    `grown`: there is more of it than was told so far.
    """
    if last is None:
        return Entry.OPENED
    if last is Entry.MATCHED or (grown and last is Entry.RESOLVED):
        return Entry.OPENED_AGAIN
    return Entry.GREW if grown else None
