"""Shipping: what the uplink asks for is read from the journal and published; receipts are verified and acted upon."""

import logging
from collections.abc import Callable
from typing import Protocol

from edge.core.errors import JournalFailed, JournalFull, LocalError
from edge.core.limits import (
    CHECKPOINT_PERIOD_MS,
    PRUNE_PERIOD_MS,
    PRUNE_ROWS_MAX,
)
from edge.core.ports import Journal
from edge.core.retention import prunable_through
from edge.core.uplink import ReceiptOutcome, Uplink
from protocol import limits
from protocol.errors import ProofError, WireError
from protocol.wire import chain
from protocol.wire.batches import encode_batch
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt, open_receipt
from protocol.wire.records import Instant, decode_record

log = logging.getLogger(__name__)
BACKEND = "backend"
# Record bytes in one batch: what is left of the limit after device, epoch and signature.
_BATCH_RECORD_BYTES = limits.BATCH_MAX_BYTES - 256


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
        device: str,
        journal: KeptJournal,
        uplink: Uplink,
        receipt_keys: list[VerifyingKey],
        publish: Callable[[str, bytes], bool],
        heard: Callable[[int], None],
        forgettable: Callable[[Instant], int],
    ) -> None:
        self._device = device
        self._journal = journal
        self._uplink = uplink
        self._receipt_keys = receipt_keys
        self._publish = publish
        self._heard = heard
        self._forgettable = forgettable
        self._newest: tuple[bytes, Receipt] | None = None
        self._kept_sequence = 0
        self._forget_through = 0  # plain ids still to wipe: kept until that has worked
        self._checkpoint_due_ms = 0
        self._prune_due_ms = 0
        self.refused_receipts = 0
        self.forked = False
        self.problem: LocalError | None = None

    def take_up(self, now: Instant) -> None:
        """Start from the receipt that the journal kept, verified again."""
        kept = self._journal.receipt()
        if kept is not None:
            self.receipt_came(kept, now)

    def receipt_came(self, data: bytes, now: Instant) -> ReceiptOutcome | None:
        """A receipt's bytes arrived, from whoever. Only what verifies counts; anything else is counted and left."""
        try:
            receipt = open_receipt(data, self._receipt_keys)
        except (WireError, ProofError) as error:
            self.refused_receipts += 1
            log.warning("receipt refused: %s: %s", error.name, error)
            return None
        try:
            our_hash = self._hash_at(receipt.sequence)
        except (JournalFailed, WireError) as error:
            log.error("a receipt is left until the journal can be read: %s", error)
            return None
        outcome = self._uplink.on_receipt(BACKEND, receipt, our_hash, now.mono_ms)
        if outcome is ReceiptOutcome.FORKED:
            self.forked = True
            log.error("receipt for another history of this journal at %d: copied card or restored image",
                      receipt.sequence)  # fmt: skip
        elif outcome is not ReceiptOutcome.FOREIGN:
            self._heard(receipt.issued_ms)
            if outcome is not ReceiptOutcome.LATE:
                self._newest = (data, receipt)
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
        # One that fails must not keep the other from being done: a card fails under either.
        problems = [problem for work in (self._ship, self._keep_house) if (problem := _tried(work, now)) is not None]
        self.problem = problems[0] if problems else None

    def _ship(self, now: Instant) -> None:
        while (order := self._uplink.next_publish(now.mono_ms)) is not None:
            rows = self._journal.read(order.first, order.most, _BATCH_RECORD_BYTES)
            if not rows or rows[0].sequence != order.first:
                raise JournalFailed(
                    "the journal lacks records that no receipt covers",
                    fix="stop the device and run `savar journal recover`", first=order.first,
                )  # fmt: skip
            assert rows[-1].signature, "the uplink is told of signed records only, and the journal reads no others"
            batch = encode_batch(
                self._device, self._journal.head.epoch, order.first, [row.raw for row in rows], rows[-1].signature
            )
            if not self._publish(order.sink, batch):
                return  # not connected, or enough is waiting: the next event or deadline asks again
            self._uplink.on_sent(order.sink, rows[-1].sequence, now.mono_ms)

    def _keep_house(self, now: Instant) -> None:
        if now.mono_ms >= self._checkpoint_due_ms:
            self._checkpoint_due_ms = now.mono_ms + CHECKPOINT_PERIOD_MS
            self.keep_receipt()
            self._forget_through = max(self._forget_through, self._forgettable(now))
            if self._forget_through:
                self._journal.forget_window(self._forget_through)
                self._forget_through = 0
            self._journal.checkpoint()
        if now.mono_ms >= self._prune_due_ms:
            self._prune_due_ms = now.mono_ms + PRUNE_PERIOD_MS
            self._prune(now)

    def keep_receipt(self) -> None:
        """Write down the newest receipt, if it is newer than the one written."""
        if self._newest is not None and self._newest[1].sequence != self._kept_sequence:
            self._journal.keep_receipt(self._newest[0], self._newest[1].sequence)
            self._kept_sequence = self._newest[1].sequence

    def _prune(self, now: Instant) -> None:
        oldest = (
            decode_record(row.raw)
            for row in self._journal.read(1, limits.INT63_MAX - 1, PRUNE_ROWS_MAX * limits.RECORD_MAX_BYTES)
        )
        through = prunable_through(oldest, receipted=self._uplink.receipted(BACKEND), now=now)
        if through:
            log.info("pruned %d receipted records older than 35 days", self._journal.prune(through))

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
