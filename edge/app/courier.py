"""The courier: carries the sister door's records to the backend when the sister itself does not.

A dead card's tail lies here as a copy, in batches that its own key signed: the backend takes it from us as from the
device itself. Rules:
- we begin when no receipt for the sister's records came for `after_ms` while we could reach the backend: until
  then the sister is probably sending them itself, and a bus's modem is slow; we end when the sister tells us of a
  receipt that it got itself;
- copies go as journals do: a receipt of the backend bound to the copy's own hash, then 35 days (P2).
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from edge.app.receipt_trust import ReceiptTrust
from edge.app.shipping import ship
from edge.core.errors import JournalFailed, JournalFull, LocalError
from edge.core.limits import CHECKPOINT_PERIOD_MS, COURIER_AFTER_MS, PRUNE_PERIOD_MS, PRUNE_ROWS_MAX, PRUNE_STEP_MS
from edge.core.ports import Copies, StoredRecord
from edge.core.retention import prunable_day, receipt_day
from edge.core.uplink import Publish, ReceiptOutcome, Uplink, Word
from protocol.errors import ProofError, WireError
from protocol.wire.receipts import Receipt
from protocol.wire.records import Instant
from protocol.wire.standing import Watermark

log = logging.getLogger(__name__)
_BACKEND = "backend"


class Courier:
    """Runs on the sync thread. `publish` hands a batch to the backend's session and says whether it went out."""

    def __init__(
        self,
        *,
        sister: str,
        copies: Copies,
        believed: ReceiptTrust,
        publish: Callable[[bytes], bool],
        after_ms: int = COURIER_AFTER_MS,
        on_receipted: Callable[[int, int], None] = lambda _epoch, _through: None,
    ) -> None:
        self._sister = sister
        self._copies = copies
        self._believed = believed
        self._publish = publish
        self._after_ms = after_ms
        self._on_receipted = on_receipted  # the backend holds that journal of the sister's so far
        self._uplinks: dict[int, Uplink] = {}
        self._marks: dict[int, Watermark] = {}
        self._newest: dict[int, Receipt] = {}
        self._ahead: dict[int, Receipt] = {}  # what the backend holds beyond our copy: the sister sent it itself
        self._unkept: dict[int, tuple[bytes, Receipt]] = {}  # not written down yet
        self._taken_up = False
        self._incarnation = 0  # the newest that was heard
        self._spoken = False  # the backend itself, in this run: before that a ledger may have been restored unheard
        self._connected = False
        self._carrying = False
        self._quiet_since_ms = 0  # no progress on any copy since then, while connected and something is missing
        self._prune_due_ms = 0
        self._checkpoint_due_ms = 0
        self.problem: LocalError | None = None

    def begin(self, now: Instant) -> None:
        """Take up what is held, and the receipts kept with it; what cannot be read now is tried again by `step`."""
        self._prune_due_ms = now.mono_ms + PRUNE_PERIOD_MS
        self._checkpoint_due_ms = now.mono_ms + CHECKPOINT_PERIOD_MS
        try:
            self._take_up(now)
        except (JournalFull, JournalFailed) as error:
            log.error("the sister's records cannot be read: %s", error)
            self.problem = error

    def _take_up(self, now: Instant) -> None:
        for mark in self._copies.held():
            self.on_copied(mark)
        for data in self._copies.receipts():
            self.told(data, now)
        self._taken_up = True

    def on_copied(self, mark: Watermark) -> None:
        """The copy of an epoch now ends here."""
        uplink = self._uplinks.get(mark.epoch)
        if uplink is None:
            uplink = self._uplinks[mark.epoch] = Uplink(self._sister, mark.epoch, (_BACKEND,), last=mark.sequence)
        uplink.on_appended(mark.sequence)
        self._marks[mark.epoch] = mark

    def look_again(self) -> None:
        """An addition failed; its records may have stayed all the same, and their door may never send them again."""
        self._taken_up = False

    def connected(self, now: Instant, *, yes: bool) -> None:
        """The backend's session began or ended."""
        self._connected = yes
        self._rest(now)
        for uplink in self._uplinks.values():
            uplink.on_disconnected(_BACKEND)

    def backend_there(self, now: Instant) -> None:
        """The backend began to listen: what it has not answered of the copies is sent again."""
        for uplink in self._uplinks.values():
            uplink.on_there(_BACKEND, now.mono_ms)

    def _rest(self, now: Instant) -> None:
        self._carrying = False
        self._quiet_since_ms = now.mono_ms

    def incarnation_heard(self, incarnation: int, now: Instant, *, kept: bool = False) -> None:
        """The ledger was restored, or not. `kept`: a word of another run, and nobody speaks now."""
        self._spoken = self._spoken or not kept
        self._of_incarnation(incarnation, now)

    def _of_incarnation(self, incarnation: int, now: Instant) -> None:
        """What an older ledger receipted of the copies is asked about again (P2)."""
        if incarnation > self._incarnation:
            if self._incarnation:
                for uplink in self._uplinks.values():
                    uplink.doubt(_BACKEND)
                self._rest(now)
            self._incarnation = incarnation

    def covers(self, epoch: int, sequence: int) -> bool:
        """Whether the backend has receipted the sister's journal so far, as far as we were told."""
        return self._receipted(epoch) >= sequence

    def _receipted(self, epoch: int) -> int:
        uplink, ahead = self._uplinks.get(epoch), self._ahead.get(epoch)
        held = 0 if uplink is None else uplink.receipted(_BACKEND)
        return max(held, 0 if ahead is None else ahead.sequence)

    def told(self, data: bytes, now: Instant) -> None:
        """The sister passes on a receipt that it got. Believed only when proven."""
        try:
            receipt = self._believed.open(data)
        except (WireError, ProofError) as error:
            log.warning("a receipt for the sister's journal is refused: %s: %s", error.name, error)
            return
        if self._came(data, receipt, now):
            self._rest(now)

    def receipt_came(self, data: bytes, receipt: Receipt, now: Instant) -> bool:
        """The backend's verified receipt for a journal that we may hold a copy of → whether it now holds more of it."""
        self._spoken = True
        return self._came(data, receipt, now)

    def _came(self, data: bytes, receipt: Receipt, now: Instant) -> bool:
        if receipt.device != self._sister:
            return False
        news = self._judged(data, receipt, now)
        self._on_receipted(receipt.epoch, self._receipted(receipt.epoch))
        return news

    def _judged(self, data: bytes, receipt: Receipt, now: Instant) -> bool:
        self._of_incarnation(receipt.incarnation, now)
        mark, uplink = self._marks.get(receipt.epoch), self._uplinks.get(receipt.epoch)
        if mark is None or uplink is None or receipt.sequence > mark.sequence:
            return self._is_ahead(receipt)
        self._ahead.pop(receipt.epoch, None)
        try:
            ours = mark.head if receipt.sequence == mark.sequence else self._hash_at(receipt)
            word = Word(
                receipt.device, receipt.epoch, receipt.sequence, receipt.head, receipt.incarnation, receipt.issued_ms
            )
        except (JournalFull, JournalFailed) as error:
            log.error("a receipt for the sister's journal is left until our copy can be read: %s", error)
            return False
        outcome = uplink.on_word(_BACKEND, word, ours, now.mono_ms)
        if outcome in (ReceiptOutcome.ADVANCED, ReceiptOutcome.REWOUND):
            self._newest[receipt.epoch] = receipt
            self._unkept[receipt.epoch] = (data, receipt)
        if receipt.incarnation < self._incarnation and outcome is not ReceiptOutcome.LATE:
            uplink.doubt(_BACKEND)  # the ledger that spoke is gone, and the one after it has not spoken of this copy
            return False
        return outcome is ReceiptOutcome.ADVANCED

    def _is_ahead(self, receipt: Receipt) -> bool:
        """A receipt beyond our copy → whether it says something new."""
        before = self._ahead.get(receipt.epoch)
        if before is not None and receipt.incarnation < before.incarnation:
            return False
        self._ahead[receipt.epoch] = receipt
        return receipt.incarnation == self._incarnation and (before is None or receipt.sequence > before.sequence)

    def _hash_at(self, receipt: Receipt) -> bytes | None:
        return self._copies.hash_of(receipt.epoch, receipt.sequence) if receipt.sequence else receipt.head

    def step(self, now: Instant) -> None:
        """Carry what is due, and keep house."""
        if not self._carrying and not any(map(self._missing, self._uplinks)):
            self._quiet_since_ms = now.mono_ms
        if self._connected and now.mono_ms - self._quiet_since_ms >= self._after_ms:
            self._carrying = True
        due_ms = min(self._prune_due_ms, self._checkpoint_due_ms)
        if self._taken_up and now.mono_ms < due_ms and not self._carrying and not self._unkept:
            self.problem = None
            return  # as at most steps
        works: list[Callable[[], None]] = []
        if not self._taken_up:
            works.append(lambda: self._take_up(now))
        pruning = now.mono_ms >= self._prune_due_ms
        if pruning:
            self._prune_due_ms = now.mono_ms + PRUNE_PERIOD_MS
        works += [
            partial(self._serve, epoch, uplink, now, pruning=pruning)
            for epoch, uplink in self._uplinks.items()
            if works or pruning or self._carrying or epoch in self._unkept
        ]
        if now.mono_ms >= self._checkpoint_due_ms:
            self._checkpoint_due_ms = now.mono_ms + CHECKPOINT_PERIOD_MS
            works.append(self._copies.checkpoint)
        problems = [problem for work in works if (problem := _tried(work)) is not None]
        self.problem = problems[0] if problems else None

    def _serve(self, epoch: int, uplink: Uplink, now: Instant, *, pruning: bool) -> None:
        """One journal of the sister's: what is due of it."""
        self._keep_receipt(epoch, now)
        if self._carrying and self._missing(epoch):
            self._ship(epoch, uplink, now)
        if pruning and self._prune(epoch, uplink, now):
            self._prune_due_ms = now.mono_ms + PRUNE_STEP_MS

    def _keep_receipt(self, epoch: int, now: Instant) -> None:
        if epoch in self._unkept:
            data, receipt = self._unkept[epoch]
            self._copies.keep_receipt(epoch, data, receipt.sequence, receipt_day(now, receipt))
            del self._unkept[epoch]

    def _ship(self, epoch: int, uplink: Uplink, now: Instant) -> None:
        first = uplink.receipted(_BACKEND) + 1
        rows = self._copies.read(epoch, first, 1, 1)
        if rows and rows[0].sequence > first:  # the copy began, or went on, behind what was receipted and pruned
            uplink.begins(_BACKEND, rows[0].sequence)
        uplink.resume(_BACKEND)

        def read(first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
            return self._copies.read(epoch, first, most, most_bytes)

        def send(_order: Publish, batch: bytes, _last: int) -> bool:
            return self._publish(batch)

        ship(uplink, read, send, now)

    def _prune(self, epoch: int, uplink: Uplink, now: Instant) -> bool:
        """One small step → whether there is another."""
        newest = self._newest.get(epoch)
        if newest is None or newest.incarnation < self._incarnation or not self._spoken:
            return False
        day = prunable_day(receipt_day(now, newest))
        if day is None:
            return False
        through = min(uplink.receipted(_BACKEND), self._copies.receipted_by(epoch, day))
        oldest = self._copies.oldest(epoch)
        if not 0 < oldest <= through:
            return False
        step = min(through, oldest + PRUNE_ROWS_MAX - 1)
        return self._copies.prune(epoch, step) > 0 and step < through

    @property
    def backlog(self) -> int:
        """Copies that the backend has not receipted, as far as we know."""
        return sum(self.backlogs.values())

    @property
    def backlogs(self) -> dict[int, int]:
        """The same for each epoch."""
        return {epoch: self._missing(epoch) for epoch in self._uplinks}

    def _missing(self, epoch: int) -> int:
        ahead = self._ahead.get(epoch)
        if (
            ahead is not None
            and ahead.incarnation == self._incarnation
            and ahead.sequence >= self._marks[epoch].sequence
        ):
            return 0
        return self._uplinks[epoch].backlog(_BACKEND)


def _tried(work: Callable[[], None]) -> LocalError | None:
    """Do it → what kept it from being done: one journal that cannot be read keeps no other from being carried."""
    try:
        work()
    except (JournalFull, JournalFailed) as error:
        log.error("the sister's records are not carried: %s", error)
        return error
    return None
