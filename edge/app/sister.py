"""The sister door: our new records and fresh boardings go there, theirs are kept here, and each witnesses the other.

Rules:
- what came from the sister is proven by its tap key before anything of it is used (P9), batches by their own signature;
- a witness goes out only after the copy is durable: it is as good as a receipt for a second copy, never for pruning;
- boardings are told with every batch, and all fresh ones of both doors at the start of a session: a door that restarted
  knows what was paid next to it, and one with a blank card what was paid at itself (P7);
- what was told of a boarding is held against its record as soon as that is here, and one that was taken back there is
  taken back here, too, by the record that says so;
- a batch that disagrees with our copy is a rollback or a cloned card: kept apart, said, never merged (P11).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.app.courier import Courier
from edge.core.accepted import RecordId
from edge.core.errors import JournalFailed, JournalFull, LocalError, SignerFailed
from edge.core.ports import Copies
from protocol import limits
from protocol.errors import OutOfRange, ProofError, WireError
from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.records import Instant, Record, decode_record
from protocol.wire.sister import DoorCondition, FreshBoarding, SisterWord, Witness, encode_sister, open_sister
from protocol.wire.standing import Standing, Watermark, judge

log = logging.getLogger(__name__)


# Called with verified records of the other door that are new here and durable, in their order.
OnRecords = Callable[[Sequence[Record], Instant], None]


class Doorway(Protocol):
    """What the sister's side needs of this door's boarding service."""

    def fresh(self, now: Instant, *, first: int, last: int) -> list[FreshBoarding]:
        """Our boardings within the window whose records lie in first…last."""
        ...

    def known(self, now: Instant) -> list[FreshBoarding]:
        """Those of both doors."""
        ...

    def heard_of(self, boardings: Sequence[FreshBoarding], now: Instant) -> None:
        """The other door's."""
        ...

    def unproven(self, boardings: Sequence[FreshBoarding]) -> list[RecordId]:
        """Those of them whose records have not come yet."""
        ...

    def records_came(self, records: Sequence[Record]) -> None:
        """Verified records of the other door that are durable here."""
        ...


class Sister:
    """Runs on the sync thread. `send` hands bytes to the link and says whether they went out.

    A word that the key does not sign did not go out either.
    """

    def __init__(
        self,
        *,
        device: str,
        sister: str,
        key: VerifyingKey,
        signer: Signer,
        copies: Copies,
        courier: Courier,
        doorway: Doorway,
        send: Callable[[bytes], bool],
        on_records: OnRecords = lambda _records, _now: None,
    ) -> None:
        self._device = device
        self.name = sister
        self._key = key
        self._signer = signer
        self._copies = copies
        self._courier = courier
        self._doorway = doorway
        self._send, self._on_records = send, on_records
        self._told_receipt = b""
        self._told_condition: DoorCondition | None = None
        self.condition: DoorCondition | None = None  # the sister's last word of itself
        self._told_through = 0  # boardings up to this record were told in this session
        self.refused = 0
        self.forked = False  # the sister's journal was rolled back, or two devices use its name
        self._branch_of = 0  # the epoch of its newest branch
        self.problem: LocalError | None = None
        self.unsigned: SignerFailed | None = None  # why the newest word could not be signed: it did not go out

    def session_began(self, receipt: bytes, through: int, now: Instant) -> bool:
        """Say what we hold of the sister's journal, and every boarding of this bus that is still fresh.

        False: not all of it went out; to be said again before anything else.
        """
        self._told_through, self._told_condition = 0, None
        first, *rest = _in_messages(self._doorway.known(now)) or [[]]
        if not (self._say(boardings=first, witness=self._witness(), receipt=receipt) and self._tell(rest)):
            return False
        self._told_through = through
        return True

    def ship(self, batch: bytes, first: int, last: int, *, begins: int, receipt: bytes, now: Instant) -> bool:
        """A batch of our journal, which `begins` there, with the fresh boardings in it."""
        fresh = self._doorway.fresh(now, first=first, last=last)
        went_out = self._say(batch=batch, begins=begins, boardings=fresh, receipt=self._news(receipt))
        if went_out and first <= self._told_through + 1:
            self._told_through = max(self._told_through, last)
        return went_out

    def tell_boardings(self, through: int, now: Instant) -> None:
        """Boardings up to a record whose batch does not go out now: what was paid must be known at once (P7)."""
        if through > self._told_through:
            fresh = self._doorway.fresh(now, first=self._told_through + 1, last=through)
            if self._tell(_in_messages(fresh)):
                self._told_through = through

    def _tell(self, messages: Sequence[Sequence[FreshBoarding]]) -> bool:
        """Whether all of them went out."""
        return all(self._say(boardings=boardings) for boardings in messages)

    def tell_receipt(self, receipt: bytes) -> None:
        """The backend's newest word on our journal, if the sister does not have it yet."""
        if news := self._news(receipt):
            self._say(receipt=news)

    def tell_condition(self, condition: DoorCondition | None) -> None:
        """How this door is, if that is news to the sister."""
        if condition is not None and condition != self._told_condition and self._say(condition=condition):
            self._told_condition = condition

    def _news(self, receipt: bytes) -> bytes:
        return receipt if receipt != self._told_receipt else b""

    def _say(
        self, *, batch: bytes = b"", boardings: Sequence[FreshBoarding] = (), witness: Witness | None = None,
        receipt: bytes = b"", begins: int = 0, condition: DoorCondition | None = None,
    ) -> bool:  # fmt: skip
        word = SisterWord(self._device, batch, boardings, witness, receipt, begins, condition)
        try:
            signed = encode_sister(word, self._signer)
        except SignerFailed as error:
            if self.unsigned is None:  # it is tried at each step, and said once
                log.warning("the sister door is told nothing: %s", error)
            self.unsigned = error
            return False
        self.unsigned = None
        went_out = self._send(signed)
        if went_out and receipt:
            self._told_receipt = receipt
        return went_out

    def _witness(self) -> Witness | None:
        """What we hold of the sister's newest journal; None if the card does not say.

        That we hold nothing is said too, of whatever epoch: a blank card is filled again from the sister's journal.
        """
        try:
            held = self._copies.held()
        except (JournalFull, JournalFailed) as error:
            log.error("the sister's records cannot be read: %s", error)
            self.problem = error
            return None
        return Witness(held[-1].epoch, held[-1].sequence, held[-1].head) if held else Witness(0, 0, chain.GENESIS)

    def came(self, data: bytes, now: Instant) -> Witness | None:
        """One message of the link → the sister's witness of our own journal, if it has one."""
        try:
            word = open_sister(data, self._key)
            if word.device != self.name:
                raise OutOfRange("a message under another device's name", field="device", named=word.device)
        except (WireError, ProofError) as error:
            self._refuse(error)
            return None
        self._doorway.heard_of(word.boardings, now)
        self.condition = word.condition or self.condition
        if word.receipt:
            self._courier.told(word.receipt, now)
        try:
            if word.batch:
                self._take(word.batch, word.begins, now)
            self._prove(word.boardings)
        except (WireError, ProofError) as error:
            self._refuse(error)
        except (JournalFull, JournalFailed) as error:
            log.error("the sister's records are not kept: %s", error)
            self.problem = error
            self._courier.look_again()
        return word.witness

    def _refuse(self, error: WireError | ProofError) -> None:
        self.refused += 1
        log.warning("a message of the sister door is refused: %s: %s", error.name, error)

    def _take(self, data: bytes, begins: int, now: Instant) -> None:
        """A batch of the sister's journal: kept if it is new, and witnessed."""
        batch = decode_batch(data)
        if batch.device != self.name:
            raise OutOfRange("a batch under another device's name", field="device", named=batch.device)
        walked = verify_batch(batch, self._key)
        mark = next((m for m in self._copies.held() if m.epoch == batch.epoch), Watermark.before(batch.epoch))
        left_out = batch.first > mark.sequence + 1
        if left_out and batch.first == begins and self._courier.covers(batch.epoch, begins - 1):
            # What lies between was receipted and pruned there: the copy goes on from what the first record says.
            mark = Watermark(batch.epoch, batch.first - 1, walked[0][0].link.previous)
        held_hash: bytes | None = mark.head
        if batch.last < mark.sequence:
            if batch.last < self._copies.oldest(batch.epoch):  # pruned here, not there yet: nothing to compare with
                self._say(witness=Witness(mark.epoch, mark.sequence, mark.head))
                return
            held_hash = self._copies.hash_of(batch.epoch, batch.last)
        judgement = judge(walked, mark, held_hash)
        if judgement.standing is Standing.FORK:
            log.error("the sister's journal disagrees with our copy: %s", judgement.why)
            self.forked, self._branch_of = True, batch.epoch
            self._copies.keep_branch(data, judgement.why)
        elif judgement.standing is Standing.GAP and batch.epoch == self._branch_of:
            self._copies.keep_branch(data, "behind a fork")  # it will never follow what is held
        elif judgement.standing is Standing.NEW:
            rows = [(record.link.sequence, record.raw, record_hash) for record, record_hash in judgement.fresh]
            last, _, head = rows[-1]
            self._copies.add(mark, rows, batch.signature)  # what it does not take is not witnessed, and comes again
            self.problem = None
            self._follow([record for record, _ in judgement.fresh], now)
            mark = Watermark(batch.epoch, last, head)
        if mark.sequence:
            self._courier.on_copied(mark)
        self._say(witness=Witness(mark.epoch, mark.sequence, mark.head))

    def _prove(self, boardings: Sequence[FreshBoarding]) -> None:
        """Boardings that are told after their records came: at the start of a session, to a door that restarted."""
        unproven = self._doorway.unproven(boardings)
        if not unproven:
            return
        for mark in self._copies.held():
            left = sorted(it.sequence for it in unproven if it.epoch == mark.epoch and it.sequence <= mark.sequence)
            while left:  # a copy is read in runs, each up to a signature: what else is wanted of a run is taken with it
                rows = self._copies.read(mark.epoch, left[0], 1, 1)
                wanted, end = set(left), rows[-1].sequence if rows else mark.sequence
                self._doorway.records_came([decode_record(row.raw) for row in rows if row.sequence in wanted])
                left = [it for it in left if it > end]

    def _follow(self, records: Sequence[Record], now: Instant) -> None:
        """What new records of the other door mean here."""
        self._doorway.records_came(records)
        self._on_records(records, now)


def _in_messages(boardings: Sequence[FreshBoarding]) -> list[Sequence[FreshBoarding]]:
    most = limits.SISTER_BOARDINGS_MAX
    return [boardings[at : at + most] for at in range(0, len(boardings), most)]
