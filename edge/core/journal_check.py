"""A journal's rows held against its chain: what is proven, where it breaks, and what can be saved. Pure.

Rules:
- a row is proven when its bytes decode, name this device, epoch and row number, follow the row before, and the
  device's signature over the hash holds (P11);
- the last row may be unsigned, after a power cut between its commit and its signature: it is chained, not proven, and
  no break; a row with anything behind it is signed;
- row 1 is an opening that follows the chain's beginning; a journal that starts higher was pruned, and starts from
  what its first record says, which its signature covers;
- a later signature commits to all before it: what is saved from a damaged file is every run of rows that follow one
  another, up to its last good signature;
- the tap key that an opening names proves that the journal is of one piece, not whose it is: for that, give the key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.core.ports import StoredRecord
from protocol import limits
from protocol.errors import ChainBroken, ProofError, SavarError, WireError
from protocol.wire import chain
from protocol.wire.batches import encode_batch
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.receipts import Receipt
from protocol.wire.records import Opening, Record, decode_record

# Of a batch that is not records: version, device, epoch, first, signature and their heads are under 140 bytes.
_BATCH_OVERHEAD_BYTES = 256
_BATCH_BUDGET_BYTES = limits.BATCH_MAX_BYTES - _BATCH_OVERHEAD_BYTES
_RECORD_HEAD_BYTES = 3  # CBOR's for a byte string of 256 to 65,535 bytes


class Walk:
    """Follows one journal row by row."""

    def __init__(self, device: str, epoch: int, key: VerifyingKey | None) -> None:
        self._device, self._epoch = device, epoch
        self.key = key
        self.sequence: int | None = None
        self.head: bytes | None = None
        self.signed: int | None = None  # the last row whose signature is there

    def step(self, row: StoredRecord) -> Record:
        """Prove the next row → its record. Raises WireError or ProofError naming what differs."""
        if self.sequence is not None and row.sequence != self.sequence + 1:
            raise ChainBroken(
                "rows are missing", field="sequence", sequence=row.sequence,
                expected=self.sequence + 1, found=row.sequence,
            )  # fmt: skip
        if self.signed != self.sequence:
            raise ChainBroken("a record inside the journal is not signed", field="signature", sequence=self.sequence)
        record = decode_record(row.raw)
        previous = self.head or (chain.GENESIS if row.sequence == 1 else record.link.previous)
        chain.follow(record.link, device=self._device, epoch=self._epoch, sequence=row.sequence, previous=previous)
        if row.sequence == 1:
            self._begin(record)
        head = chain.next_hash(previous, row.raw)
        if row.signature:
            if self.key is not None:
                chain.verify_hash(head, row.signature, self.key)
            self.signed = row.sequence
        self.sequence, self.head = row.sequence, head
        return record

    def _begin(self, record: Record) -> None:
        if not isinstance(record, Opening):
            raise ChainBroken("the first record is no opening", field="kind", sequence=1)
        if self.key is None:
            self.key = VerifyingKey.load(record.tap_key)
        elif self.key.public != record.tap_key:
            raise ChainBroken(
                "the opening names another tap key", field="tap_key", sequence=1,
                expected=self.key.public.hex(), found=record.tap_key.hex(),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a journal is not what it claims: the row, the error's name, and what differs."""

    sequence: int
    error: str
    message: str
    expected: object = None
    found: object = None

    @classmethod
    def of(cls, sequence: int, error: SavarError) -> "Break":
        """From the error that a row raised."""
        return cls(sequence, error.name, error.message, error.data.get("expected"), error.data.get("found"))


@dataclass(frozen=True, slots=True)
class Checked:
    """A walk's end: chained rows first…last, proven up to `signed`, the head, and the first break if there is one."""

    first: int | None
    last: int | None
    signed: int | None
    records: int
    head: bytes | None
    key: VerifyingKey | None
    broken: Break | None


def check(
    rows: Iterable[StoredRecord], *, device: str, epoch: int, key: VerifyingKey | None, receipt: Receipt | None = None
) -> Checked:
    """Prove every row up to the first break, and hold the chain against a verified receipt. Never raises for it."""
    walk = Walk(device, epoch, key)
    first: int | None = None
    broken: Break | None = None
    receipted_head: bytes | None = None
    for row in rows:
        try:
            record = walk.step(row)
        except (WireError, ProofError) as error:
            broken = Break.of(_at(row, error), error)
            break
        if first is None:
            first = row.sequence
            if receipt is not None and receipt.sequence == first - 1:
                receipted_head = record.link.previous
        if receipt is not None and receipt.sequence == row.sequence:
            receipted_head = walk.head
    last = walk.sequence
    if broken is None and receipt is not None:
        broken = _against(receipt, device, epoch, last or 0, receipted_head)
    records = 0 if first is None or last is None else last - first + 1
    return Checked(first, last, walk.signed, records, walk.head, walk.key, broken)


def _at(row: StoredRecord, error: SavarError) -> int:
    """Which row an error that `row` raised is about: it may be the one before."""
    at = error.data.get("sequence")
    return at if isinstance(at, int) else row.sequence


def _against(receipt: Receipt, device: str, epoch: int, last: int, head: bytes | None) -> Break | None:
    """A proven journal against what the backend has signed for: a rollback or a fork shows here."""
    if (receipt.device, receipt.epoch) != (device, epoch):
        found = f"{receipt.device} epoch {receipt.epoch}"
        return Break(last, "ChainBroken", "the receipt is another journal's", f"{device} epoch {epoch}", found)
    if receipt.sequence > last:
        return Break(last, "RolledBack", "the backend holds more than this journal", receipt.sequence, last)
    if head is not None and head != receipt.head:
        message = "the backend holds another history up to its receipt"
        return Break(receipt.sequence, "ChainBroken", message, receipt.head.hex(), head.hex())
    return None


@dataclass(frozen=True, slots=True)
class Proven:
    """Consecutive rows whose last signature holds. `joins`: they follow the group before without a gap or a fork."""

    rows: tuple[StoredRecord, ...]
    joins: bool


def proven_groups(
    rows: Iterable[StoredRecord], *, device: str, epoch: int, key: VerifyingKey, tap_key: Signer | None = None
) -> Iterator[Proven]:
    """Rows of a damaged journal → every group that is proven, in order; what is not is left out.

    With the device's own `tap_key`, a row that only lacks its signature and follows a proven one is signed.
    """
    pending: list[StoredRecord] = []
    last, head, joins = 0, b"", False
    for row in rows:
        previous = _claimed_previous(row, device, epoch)
        if row.sequence != last + 1 or previous != head:
            pending, joins = [], False
        last, head = row.sequence, b""
        if previous is None:
            continue
        head = chain.next_hash(previous, row.raw)
        only_unsigned = not row.signature and not pending and (joins or row.sequence == 1)
        signed = countersigned(row, head, tap_key) if only_unsigned and tap_key is not None else row
        pending.append(signed)
        if _signed(head, signed, key):
            yield Proven(tuple(pending), joins)
            pending, joins = [], True
        elif len(pending) == limits.BATCH_DRAIN_RECORDS or _bytes_of(pending) > _BATCH_BUDGET_BYTES:
            pending, head, joins = [], b"", False  # no batch could carry them to a good signature


def countersigned(row: StoredRecord, head: bytes, tap_key: Signer) -> StoredRecord:
    """A row whose signature is missing, signed as the device itself would at its next start."""
    return replace(row, signature=chain.sign_hash(head, tap_key))


def _claimed_previous(row: StoredRecord, device: str, epoch: int) -> bytes | None:
    """What a row says it follows, if it can stand where it stands; else None."""
    try:
        link = decode_record(row.raw).link
    except WireError:
        return None
    stands = (link.device, link.epoch, link.sequence) == (device, epoch, row.sequence)
    if not stands or (row.sequence == 1 and link.previous != chain.GENESIS):
        return None
    return link.previous


def _signed(head: bytes, row: StoredRecord, key: VerifyingKey) -> bool:
    try:
        chain.verify_hash(head, row.signature, key)
    except (ProofError, WireError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class CutBatch:
    """An encoded batch of the rows first…last."""

    first: int
    last: int
    data: bytes


def cut_batches(groups: Iterable[Proven], device: str, epoch: int) -> Iterator[CutBatch]:
    """Groups → batches as large as the contract allows; a group is never cut, a batch never spans a gap."""
    waiting: list[StoredRecord] = []
    for group in groups:
        rows = [*waiting, *group.rows]
        full = len(rows) > limits.BATCH_DRAIN_RECORDS or _bytes_of(rows) > _BATCH_BUDGET_BYTES
        if waiting and (full or not group.joins):
            yield _encode(waiting, device, epoch)
            rows = list(group.rows)
        waiting = rows
    if waiting:
        yield _encode(waiting, device, epoch)


def _encode(rows: Sequence[StoredRecord], device: str, epoch: int) -> CutBatch:
    first, last = rows[0].sequence, rows[-1].sequence
    return CutBatch(first, last, encode_batch(device, epoch, first, [row.raw for row in rows], rows[-1].signature))


def _bytes_of(rows: Iterable[StoredRecord]) -> int:
    return sum(len(row.raw) + _RECORD_HEAD_BYTES for row in rows)


def whole(rows: Iterable[StoredRecord], walk: Walk, tap_key: Signer | None = None) -> Iterator[Proven]:
    """Rows of a sound journal → a group each; an unsigned last one only with the device's own `tap_key`.

    Raises ChainBroken, with the sequence, at the first break.
    """
    for number, row in enumerate(rows):
        try:
            walk.step(row)
        except (WireError, ProofError) as error:
            at = _at(row, error)
            raise ChainBroken(
                f"record {at}: {error.message}", fix="use `savar journal recover`", sequence=at
            ) from error
        if row.signature:
            yield Proven((row,), joins=number > 0)
        elif tap_key is not None and walk.head is not None:
            yield Proven((countersigned(row, walk.head, tap_key),), joins=number > 0)


def missing(kept: Iterable[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Ranges of first…last that no kept range covers; the kept ones come in order and do not overlap."""
    lost = []
    at = first
    for start, end in kept:
        if start > at:
            lost.append((at, start - 1))
        at = max(at, end + 1)
    if at <= last:
        lost.append((at, last))
    return lost
