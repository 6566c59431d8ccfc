"""The machine's counter beside the journal: asked at the start, moved on each hour that had taps, and at the end (P11).

Rules:
- on a thread of its own: a chip that hangs holds up neither start nor stop for long, and syncing not at all;
- what cannot be asked is said in health (`unread`) and tried again; it keeps no door from starting, no rider out;
- a chip's memory wears with each count: a process that dies and begins again while the machine runs on is no start, and
  a count that failed once the chip was told to count is tried again an hour later.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.adapters.counted_file import CountedFile
from edge.adapters.keys import TapKey
from edge.app.config import ValidatorConfig
from edge.core.counting import Counted, decode_counted, encode_counted, why_doubted
from edge.core.errors import CounterFailed, LocalError
from edge.core.limits import COUNT_AGAIN_MS, COUNT_EVERY_MS, COUNT_WAIT_S, STEP_MAX_MS
from edge.core.ports import Head, StoredRecord
from hardware_keys.counter import TpmCounter
from hardware_keys.errors import CounterGone
from protocol.errors import ProofError, WireError
from protocol.limits import RECORD_MAX_BYTES
from protocol.wire import chain

log = logging.getLogger(__name__)


class Counter(Protocol):
    """What only goes on. Raises CounterGone."""

    def read(self) -> int | None:
        """How far it has counted; None where there is none."""
        ...

    def make(self) -> None:
        """Where there is none."""
        ...

    def advance(self) -> int:
        """One further → how far it has counted."""
        ...


class Chain(Protocol):
    """The journal, as its counter sees it."""

    @property
    def head(self) -> Head:
        """Where the chain stands."""
        ...

    @property
    def signed(self) -> int:
        """The last sequence whose signature is known."""
        ...

    def read(self, first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
        """Signed records from `first`. Raises JournalFailed."""
        ...


class Counting:
    """Of one device. `doubt` is empty, or says why its card is not believed to be the newest."""

    def __init__(self, device: str, journal: Chain, key: TapKey, counter: Counter, kept: CountedFile) -> None:
        self._device, self._journal, self._key = device, journal, key
        self._counter, self._kept = counter, kept
        self._is_new = journal.head.sequence == 0
        self._known = False  # the card was held against the counter
        self._said = 0  # the number on the card
        self._counted_at = -1  # the chain's sequence then
        self._moved = False  # the chip was told to count, whatever came of it
        self._due_ms = 0
        self.doubt = ""
        self.unread = True  # not asked yet

    def step(self, mono_ms: int, *, began: bool = True) -> None:
        """At the start, and about once a second. `began`: the machine may have been off since the run before."""
        if mono_ms >= self._due_ms and not self.doubt:
            self._moved = False
            done = self._count(began=began)
            self._due_ms = mono_ms + (COUNT_EVERY_MS if done or self._moved else COUNT_AGAIN_MS)

    def end(self) -> None:
        """The run ends in order. Raises nothing."""
        if not self.doubt:
            self._count()

    def _count(self, *, began: bool = True) -> bool:
        """Whether the card's number and the counter's are the same now, or it is known that they are not."""
        if self._known and self._journal.signed == self._counted_at:
            return True  # nothing to take back: a chip's memory wears with each count
        try:
            counter = self._counter.read()
            fits = not self._known and self._look(counter)
            if not self.doubt and (began or not fits):
                self._advance(counter)
        except (LocalError, CounterGone) as error:
            log.warning("the machine's counter is not asked now: %s", error)
            self.unread = True
            return False
        self.unread = False
        return True

    def _look(self, counter: int | None) -> bool:
        """Whether card, chain and counter are at the same number."""
        kept, at = self._read_kept(), self._journal.head
        self.doubt = why_doubted(kept, counter, at, self._hash_at, is_new=self._is_new)
        self._known, self._said = True, 0 if kept is None else kept.count
        if self.doubt:
            log.error("%s", self.doubt)
        return kept is not None and kept.at.epoch == at.epoch and kept.count == counter

    def _read_kept(self) -> Counted | None:
        data = self._kept.read()
        try:
            return None if data is None else decode_counted(self._device, data, self._key.verifying)
        except (WireError, ProofError) as error:
            log.error("what the card says of its machine's counter is not ours: %s", error)
            return None

    def _advance(self, counter: int | None) -> None:
        at = self._chain_at(self._journal.signed)
        if counter is None:
            self._keep(0, at)
            self._counter.make()
            counter = self._one_more()
        if counter < self._said:  # the power went between the two: a copy from then must not have the newest number
            counter = self._one_more()
        self._keep(counter + 1, at)
        found = self._one_more()
        if found != counter + 1:
            raise CounterFailed(
                f"the counter went from {counter} to {found}", fix="give each door an index of its own in [counter]"
            )
        self._counted_at = at.sequence

    def _one_more(self) -> int:
        self._moved = True
        return self._counter.advance()

    def _keep(self, count: int, at: Head) -> None:
        self._kept.keep(encode_counted(self._device, Counted(count, at), self._key))
        self._said = count

    def _chain_at(self, sequence: int) -> Head:
        found = self._hash_at(sequence)
        if found is None:
            raise CounterFailed(f"record {sequence} cannot be read", fix="run `savar journal verify`")
        return Head(self._journal.head.epoch, sequence, found)

    def _hash_at(self, sequence: int) -> bytes | None:
        if sequence == 0:
            return chain.GENESIS
        if (head := self._journal.head).sequence == sequence:
            return head.hash
        rows = self._journal.read(sequence, 1, RECORD_MAX_BYTES)
        return chain.head_of(rows[0].raw) if rows and rows[0].sequence == sequence else None


class CountingThread:
    """A `Counting` on its thread: `begin` it with the process, `end` it while the journal is open still."""

    def __init__(self, counting: Counting, mono_ms: Callable[[], int]) -> None:
        self._counting, self._mono_ms = counting, mono_ms
        self._asked, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="counter", daemon=True)
        self._began = True

    @property
    def doubt(self) -> str:
        """Why the card is not believed to be the newest; empty while it is, or nobody knows."""
        return self._counting.doubt

    @property
    def unread(self) -> bool:
        """Whether the counter did not answer when it was asked last, or was not asked yet."""
        return self._counting.unread

    def begin(self, *, began: bool) -> None:
        """Hold the card against the counter; one that takes longer than COUNT_WAIT_S is not waited for."""
        self._began = began
        self._thread.start()
        if not self._asked.wait(COUNT_WAIT_S):
            log.warning(
                "the machine's counter has not answered for %d s: the door starts without its word", COUNT_WAIT_S
            )

    def end(self) -> None:
        """A last count, which is not waited for longer, either: cut off there it is as a power cut is."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(COUNT_WAIT_S)

    def _work(self) -> None:
        try:
            self._counting.step(self._mono_ms(), began=self._began)
            self._asked.set()
            while not self._ending.wait(STEP_MAX_MS / 1000):
                self._counting.step(self._mono_ms())
            self._counting.end()
        finally:  # what was not foreseen is seen in the log, and ends this thread alone
            self._counting.unread |= not self._ending.is_set()
            self._asked.set()


def counting_of(config: ValidatorConfig, journal: Chain, key: TapKey) -> Counting | None:
    """Where the machine has a counter."""
    if config.counter is None:
        return None
    counter = TpmCounter(config.counter.tcti, config.counter.index, os.environ)
    return Counting(config.device, journal, key, counter, CountedFile(config.data_dir / "counted"))
