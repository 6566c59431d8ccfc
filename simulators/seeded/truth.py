"""What truly happened in a seeded city, written down by the world and by nothing of the product."""

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.passes import Presentation

OFFICE = "office"
JournalId = tuple[str, int]  # device, epoch


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which one, who found it, and what it was."""

    promise: str
    checker: str
    what: str


@dataclass(slots=True)
class Green:
    """A boarding that a door showed as accepted and charged. `head`: the chain's hash at that moment."""

    device: str
    vehicle: str
    epoch: int
    sequence: int
    head: bytes
    presentation: Presentation
    fare_rials: int
    at_ms: int
    extends: bool = False  # companions came later: their rider's own ride is another
    destroyed: bool = False  # its only copy went with a card that somebody took, cut or copied over


@dataclass(slots=True)
class Truth:
    """Everything that checkers may know."""

    greens: list[Green] = field(default_factory=list)
    verdicts: set[Verdict] = field(default_factory=set)
    shown_rials: dict[tuple[str, Presentation], int] = field(default_factory=dict)
    tapped_ms: dict[tuple[str, int, int], int] = field(default_factory=dict)  # (device, epoch, sequence) of tap-outs
    facing: Presentation | None = None  # what is before the camera just now
    in_doubt: set[tuple[str, Presentation]] = field(default_factory=set)  # (device, code) when its power went
    held: dict[JournalId, list[tuple[int, int]]] = field(default_factory=dict)  # office: (since ms, sequence), rising
    diverged: set[JournalId] = field(default_factory=set)  # journals of which two histories were made
    wrong_clocks: set[str] = field(default_factory=set)  # doors and the office whose clock was ever off
    revoked_ms: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    tell: Callable[[str, str], None] = lambda _who, _what: None

    def violate(self, promise: str, checker: str, what: str) -> None:
        """A promise is broken."""
        self.tell("VIOLATION", f"{promise} {checker}: {what}")
        self.violations.append(Violation(promise, checker, what))

    def committed(self, journal: JournalId, sequence: int, now_ms: int) -> None:
        """The office holds a journal so far, durably."""
        self.held.setdefault(journal, []).append((now_ms, sequence))

    def restored(self, marks: dict[JournalId, int], now_ms: int) -> None:
        """The office holds only so much any more, or, from a copy newer than the one before, so much again."""
        for journal, notes in self.held.items():
            stands = marks.get(journal, 0)
            kept = [note for note in notes if note[1] <= stands]
            self.held[journal] = kept if kept and kept[-1][1] == stands else [*kept, (now_ms, stands)]

    def held_since(self, journal: JournalId, sequence: int) -> int | None:
        """Since when the office holds a journal up to a sequence, without a break; None if it does not."""
        return next((since for since, reached in self.held.get(journal, []) if reached >= sequence), None)

    def destroyed(self, device: str, epoch: int, above: int, *, since_ms: int = 0) -> None:
        """What a door showed above this sequence is gone, and nobody else holds it."""
        for green in self.greens:
            if (green.device, green.epoch) == (device, epoch) and green.sequence > above and green.at_ms >= since_ms:
                green.destroyed = True


def is_green(verdict: Verdict) -> bool:
    """Whether a verdict boards and charges."""
    return TABLE[verdict].charged
