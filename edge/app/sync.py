"""The journal's uplink at work: what it asks for is published, words of its sinks are acted upon, the house is kept."""

import logging
from collections.abc import Callable
from typing import Protocol

from edge.app.shipping import Send, ship
from edge.core.errors import JournalFailed, JournalFull, LocalError
from edge.core.limits import CHECKPOINT_PERIOD_MS, PRUNE_PERIOD_MS, PRUNE_ROWS_MAX, PRUNE_STEP_MS
from edge.core.ports import Journal
from edge.core.retention import ReceiptDay, prunable_day, receipt_day
from edge.core.uplink import ReceiptOutcome, Uplink, Word
from protocol import limits
from protocol.errors import WireError
from protocol.wire import chain
from protocol.wire.receipts import Receipt
from protocol.wire.records import Instant

log = logging.getLogger(__name__)
BACKEND = "backend"
SISTER = "sister"


class KeptJournal(Journal, Protocol):
    """A journal whose write-ahead log is folded in from outside the tap's path."""

    def checkpoint(self) -> None:
        """Fold it in, as far as readers allow."""
        ...


class Sync:
    """Runs on one thread: `step` after every event and at `next_deadline`."""

    def __init__(
        self,
        *,
        journal: KeptJournal,
        uplink: Uplink,
        send: Send,
        forgettable: Callable[[Instant], int],
        keep_tickets: Callable[[Instant], None],
    ) -> None:
        self._journal = journal
        self._uplink = uplink
        self._send = send
        self._forgettable, self._keep_tickets = forgettable, keep_tickets
        self._newest: tuple[bytes, Receipt] | None = None
        self._heard: ReceiptDay | None = None  # when the newest word came; None in a run that has heard none yet
        self._kept: Receipt | None = None
        self._forget_through = 0  # plain ids still to wipe: kept until that has worked
        self._begins_told = False  # where the journal begins, to the sister's sink
        self._checkpoint_due_ms = 0
        self._prune_due_ms = 0
        self._pruned = 0  # since this run of pruning began
        self.problem: LocalError | None = None

    @property
    def forked(self) -> bool:
        """Whether backend or sister hold another history of this journal: a copied card, a restored image (P11)."""
        return any(self._uplink.forked(sink) for sink in self._uplink.sinks)

    @property
    def newest_receipt(self) -> bytes:
        """The newest receipt that stands, for the other door; empty if there is none."""
        return b"" if self._newest is None else self._newest[0]

    def receipt_came(self, data: bytes, receipt: Receipt, now: Instant, *, kept: bool = False) -> ReceiptOutcome | None:
        """A verified receipt for this device; `data` is kept if it stands. `kept`: it was, and nobody speaks now."""
        word = Word(
            receipt.device, receipt.epoch, receipt.sequence, receipt.head, receipt.incarnation, receipt.issued_ms
        )
        outcome = self.word_came(BACKEND, word, now)
        if outcome in (ReceiptOutcome.ADVANCED, ReceiptOutcome.REPEATED, ReceiptOutcome.REWOUND):
            self._newest = (data, receipt)
            if not kept:
                self._heard = receipt_day(now, receipt)
        return outcome

    def word_came(self, sink: str, word: Word, now: Instant) -> ReceiptOutcome | None:
        """A sink's verified word on this journal; None if the journal could not be read for it."""
        try:
            our_hash = self._hash_at(word.sequence) if word.epoch == self._journal.head.epoch else None
        except (JournalFailed, WireError) as error:
            log.error("a word of %s is left until the journal can be read: %s", sink, error)
            return None
        outcome = self._uplink.on_word(sink, word, our_hash, now.mono_ms)
        if outcome is ReceiptOutcome.FORKED:
            log.error("%s holds another history of this journal at %d: copied card or restored image", sink,
                      word.sequence)  # fmt: skip
        return outcome

    def _hash_at(self, sequence: int) -> bytes | None:
        """Our chain's hash at a sequence; None if that record was pruned or never existed."""
        head = self._journal.head
        if sequence == head.sequence:
            return head.hash
        if sequence == 0:
            return chain.GENESIS
        rows = self._journal.read(sequence, 1, limits.BATCH_MAX_BYTES)
        return chain.head_of(rows[0].raw) if rows else None

    def step(self, now: Instant) -> None:
        """Publish whatever may go out now, and keep house when it is time."""
        # One that fails must not keep the others from being done: a card fails under any.
        works = [self._ship]
        if now.mono_ms >= self._checkpoint_due_ms:
            works.append(self._keep_house)
        if now.mono_ms >= self._prune_due_ms:
            works.append(self._prune)
        problems = [problem for work in works if (problem := _tried(work, now)) is not None]
        self.problem = problems[0] if problems else None

    def _ship(self, now: Instant) -> None:
        if not self._begins_told and SISTER in self._uplink.sinks:
            self._uplink.begins(SISTER, self._oldest())
            self._begins_told = True
        # A fork is evidence from wherever it begins; for anybody else a missing beginning is a named problem.
        self._uplink.begins(BACKEND, self._oldest() if self._uplink.forked(BACKEND) else 1)
        ship(self._uplink, self._journal.read, self._send, now)

    def _oldest(self) -> int:
        """The first record that is still there."""
        rows = self._journal.read(1, limits.INT63_MAX - 1, 1)
        return rows[0].sequence if rows else 1

    def _keep_house(self, now: Instant) -> None:
        self._checkpoint_due_ms = now.mono_ms + CHECKPOINT_PERIOD_MS
        try:
            self.keep_receipt(now)
            self._forget_through = max(self._forget_through, self._forgettable(now))
            if self._forget_through:
                self._journal.forget_window(self._forget_through)
                self._forget_through = 0
            self._keep_tickets(now)
        finally:  # on a full card this is what makes room in the log
            self._journal.checkpoint()

    def keep_receipt(self, now: Instant) -> None:
        """Write down the newest receipt and the day it stands on, if it says something new."""
        if self._newest is None:
            return
        data, receipt = self._newest
        said, kept = receipt, self._kept
        if kept is None or (kept.sequence, kept.incarnation) != (said.sequence, said.incarnation):
            self._journal.keep_receipt(data, receipt.sequence, receipt_day(now, receipt))
            self._kept = receipt

    def _prune(self, now: Instant) -> None:
        """A few records at a time, and soon the next while there are more: a tap waits for no more than one step."""
        # The backend has to speak 35 days later: a ledger may have been restored while nobody heard of it.
        if self._heard is None or not now.trusted:
            return
        self._prune_due_ms = now.mono_ms + PRUNE_PERIOD_MS
        day = prunable_day(self._heard)
        if day is None:
            return
        through = min(self._uplink.receipted(BACKEND), self._journal.receipted_by(day))
        oldest = self._oldest()
        if oldest > through:
            return
        step = min(through, oldest + PRUNE_ROWS_MAX - 1)
        self._prune_due_ms = now.mono_ms + CHECKPOINT_PERIOD_MS  # if this step fails
        gone = self._journal.prune(step)
        self._pruned += gone
        self._begins_told = self._begins_told and not gone
        more = gone and step < through
        self._prune_due_ms = now.mono_ms + (PRUNE_STEP_MS if more else PRUNE_PERIOD_MS)
        if self._pruned and not more:
            log.info("pruned %d records that were receipted 35 days ago", self._pruned)
            self._pruned = 0

    def next_deadline(self) -> int | None:
        """Monotonic milliseconds by which `step` should run without an event."""
        return self._uplink.next_deadline()


def _tried(work: Callable[[Instant], None], now: Instant) -> LocalError | None:
    """Do it → what kept it from being done, if something did."""
    try:
        work(now)
    except (JournalFailed, JournalFull) as error:
        log.error("%s", error)
        return error
    except WireError as error:
        log.error("a record cannot be read back: %s", error)
        return JournalFailed(f"a record cannot be read back: {error.message}", fix="run `savar journal recover`")
    return None
