"""The machine's counter beside the journal: asked at the start, moved on each hour that had taps, and at the end (P11).

On the starting thread once, then the sync thread's. What cannot be asked is said in health (`unread`) and tried again;
it keeps no door from starting and no rider from boarding.
"""

import logging
import os
from collections.abc import Sequence
from typing import Protocol

from edge.adapters.counted_file import CountedFile
from edge.adapters.keys import TapKey
from edge.app.config import ValidatorConfig
from edge.core.counting import Counted, decode_counted, encode_counted, why_doubted
from edge.core.errors import CounterFailed, LocalError
from edge.core.limits import COUNT_AGAIN_MS, COUNT_EVERY_MS
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
        self._due_ms = 0
        self.doubt = ""
        self.unread = False

    def step(self, mono_ms: int) -> None:
        """At the start, and about once a second. Raises nothing."""
        if mono_ms >= self._due_ms and not self.doubt:
            self._due_ms = mono_ms + (COUNT_EVERY_MS if self._count() else COUNT_AGAIN_MS)

    def end(self) -> None:
        """The run ends in order. Raises nothing."""
        if not self.doubt:
            self._count()

    def _count(self) -> bool:
        """Whether the card's number and the counter's are the same now, or it is known that they are not."""
        if self._known and self._journal.signed == self._counted_at:
            return True  # nothing to take back: a chip's memory wears with each count
        try:
            counter = self._counter.read()
            if not self._known:
                self._look(counter)
            if not self.doubt:
                self._advance(counter)
        except (LocalError, CounterGone) as error:
            log.warning("the machine's counter is not asked now: %s", error)
            self.unread = True
            return False
        self.unread = False
        return True

    def _look(self, counter: int | None) -> None:
        kept = self._read_kept()
        at = self._chain_at(self._journal.signed)
        self.doubt = why_doubted(kept, counter, at, self._hash_at, is_new=self._is_new)
        self._known, self._said = True, 0 if kept is None else kept.count
        if self.doubt:
            log.error("%s", self.doubt)

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
            counter = self._counter.advance()
        if counter < self._said:  # the power went between the two: a copy from then must not have the newest number
            counter = self._counter.advance()
        self._keep(counter + 1, at)
        found = self._counter.advance()
        if found != counter + 1:
            raise CounterFailed(
                f"the counter went from {counter} to {found}", fix="give each door an index of its own in [counter]"
            )
        self._counted_at = at.sequence

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
        rows = self._journal.read(sequence, 1, RECORD_MAX_BYTES)
        return chain.head_of(rows[0].raw) if rows and rows[0].sequence == sequence else None


def counting_of(config: ValidatorConfig, journal: Chain, key: TapKey) -> Counting | None:
    """Where the machine has a counter."""
    if config.counter is None:
        return None
    counter = TpmCounter(config.counter.tcti, config.counter.index, os.environ)
    return Counting(config.device, journal, key, counter, CountedFile(config.data_dir / "counted"))
