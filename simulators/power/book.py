"""What was shown green, held against the journal that a power cut left behind (P1, P7, P11). Never trusts a process.

- lost: shown green before the cut, and not in the journal as an accepted tap at that very place;
- doubled: a rider who was let in twice;
- broken: a chain, a signature or a file that is not whole;
- reopened: somebody whom the window should have known, and who was not refused as the rules say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from edge.adapters.journal_file import JournalFile, open_journal
from edge.core.errors import JournalFailed, JournalForeign
from edge.core.journal_check import Walk
from protocol.errors import ProofError, WireError
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire import chain
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import Presentation
from simulators.checkers import JournalTap
from simulators.journal_facts import JournalFacts, Keys, RecordReader
from simulators.power.life import Green
from simulators.power.riders import RiderQueue


@dataclass(slots=True)
class Found:
    """Over all cuts so far: `taps` acknowledged, `refused` who came again and were known; findings, one line each."""

    cuts: int = 0
    taps: int = 0
    refused: int = 0
    cuts_losing: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)


class Book:
    """All that was acknowledged of one journal. Reads on from what is proven; `read_anew` proves it from the start."""

    def __init__(self, device: str, tap_key: VerifyingKey, keys: Keys) -> None:
        self.found = Found()
        self.let_in: dict[Presentation, int] = {}  # who the journal says was accepted → at which sequence
        self.last_life: list[Presentation] = []  # those of them since the cut before
        self._device = device
        self._tap_key = tap_key
        self._keys = keys
        self._promised: dict[Presentation, int] = {}
        self._riders: set[bytes] = set()
        self._start_over()

    def _start_over(self) -> None:
        self._facts = JournalFacts(self._device, 0)
        self._reader = RecordReader(self._facts, self._keys)
        self._proven = 0
        self.let_in.clear()
        self._riders.clear()

    def hold(self, path: Path, greens: Sequence[Green], cut_ns: int, again: Mapping[Presentation, Verdict]) -> None:
        """After a cut at `cut_ns`, with the power back and before anybody else opens the journal.

        `again`: what those who were shown once more must have been answered.
        """
        found, lost = self.found, len(self.found.lost)
        found.cuts += 1
        promised = [green for green in greens if green.stamp_ns < cut_ns]
        found.taps += len(promised)
        before = len(self.let_in)
        new = self._read(path)
        self.last_life = [tap.shown for tap in new if _boards(tap) and tap.shown is not None]
        nameless = sum(green.shown is None for green in promised)
        if nameless > len(self.let_in) - before:
            found.lost.append(f"cut {found.cuts}: {nameless} were let in, {len(self.let_in) - before} are recorded")
        for green in promised:
            if green.shown is not None and green.sequence is not None:
                self._promised[green.shown] = green.sequence
                self._must_hold(green.shown, green.sequence)
        for tap in new:
            self._answered(tap, again)
        found.cuts_losing += len(found.lost) > lost

    def read_anew(self, path: Path) -> None:
        """Prove the whole journal from its first record, and that it holds everything ever promised."""
        self._start_over()
        self._read(path)
        for shown, sequence in list(self._promised.items()):
            self._must_hold(shown, sequence)

    def _must_hold(self, shown: Presentation, sequence: int) -> None:
        at = self.let_in.get(shown)
        if at != sequence:
            del self._promised[shown]  # said once
            where = "is not recorded" if at is None else f"is recorded at {at}"
            self.found.lost.append(f"cut {self.found.cuts}: tap {sequence} was green and {where}")

    def _answered(self, tap: JournalTap, again: Mapping[Presentation, Verdict]) -> None:
        expected = None if tap.shown is None else again.get(tap.shown)
        if expected is None or _boards(tap):
            return  # who is let in again is a rider let in twice
        if tap.verdict is expected:
            self.found.refused += 1
        else:
            self.found.reopened.append(f"cut {self.found.cuts}: {tap.shown} was answered {tap.verdict.name}")

    def _read(self, path: Path) -> list[JournalTap]:
        """Prove what is new → its taps. A journal that lost its end is read from its beginning."""
        try:
            with open_journal(path) as journal:
                extent = journal.extent()
                if (extent.last or 0) < self._proven:
                    self.found.broken.append(f"cut {self.found.cuts}: {self._proven} records were there, now {extent}")
                    self._start_over()
                if extent.rows != (extent.last or 0):
                    self.found.broken.append(f"cut {self.found.cuts}: rows are missing: {extent}")
                return self._prove(journal)
        except (JournalForeign, JournalFailed) as error:
            if self._proven:  # else it was cut while it was made, before anything was promised
                self.found.broken.append(f"cut {self.found.cuts}: {error}")
        return []

    def _prove(self, journal: JournalFile) -> list[JournalTap]:
        """The chain from the last record proven, which must be the same still."""
        known = len(self._facts.taps)
        self._facts.epoch = journal.epoch
        walk = Walk(journal.device, journal.epoch, self._tap_key)
        rows = journal.rows(self._proven)
        try:
            if self._proven:
                before = next(rows)
                walk.step(before)
                if chain.head_of(before.raw) != self._facts.hashes[self._proven]:
                    self.found.broken.append(f"cut {self.found.cuts}: record {self._proven} is another one now")
            for row in self._reader.watch(rows):
                walk.step(row)
                self._proven = row.sequence
        except (WireError, ProofError) as error:
            self.found.broken.append(f"cut {self.found.cuts} at {self._proven}: {error}")
        self.found.broken += self._facts.broken
        self._facts.broken.clear()
        new = self._facts.taps[known:]
        for tap in new:
            self._note(tap)
        return new

    def _note(self, tap: JournalTap) -> None:
        if not _boards(tap):
            return
        if tap.shown is None:
            self.found.broken.append(f"cut {self.found.cuts}: tap {tap.tap[2]} was accepted without a proof")
            return
        if tap.shown.credential_id in self._riders:
            self.found.doubled.append(f"cut {self.found.cuts}: tap {tap.tap[2]} lets {tap.shown} in once more")
        self._riders.add(tap.shown.credential_id)
        self.let_in[tap.shown] = tap.tap[2]


def _boards(tap: JournalTap) -> bool:
    return TABLE[tap.verdict].boards


def showings_again(
    last: Sequence[Presentation], rng: Random, riders: RiderQueue, now_s: int
) -> dict[Presentation, Verdict]:
    """Two riders of the life before come again, with that very code and with a new one → what each must be answered."""
    expected: dict[Presentation, Verdict] = {}
    for shown in dict.fromkeys((*last[-1:], *rng.sample(last, min(len(last), 1)))):
        number = int.from_bytes(shown.credential_id, "big")
        expected[shown] = Verdict.COPIED
        expected[riders.presentation(number, now_s, shown.counter + 1)] = Verdict.ALREADY_PAID
    return expected
