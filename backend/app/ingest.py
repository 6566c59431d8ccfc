"""Ingest of a group of messages: verify, judge, price, commit once, then sign the receipts.

What is refused is quarantined with its reason (P3); what cannot be stored is not receipted, and its bus sends it again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backend.app.branches import keep_branch
from backend.app.postings import GroupPostings, OnAlarm, Postings
from backend.app.proofs import ProofDesk
from backend.app.tickets import FindIssue
from backend.core.chaintime import UNKNOWN_TIME
from backend.core.errors import KeyRevoked, StoreFailed, StoreRefused
from backend.core.fleet import REVOKED_FIX, REVOKED_SPEAKS
from backend.core.ledger import Payer, TapId
from backend.core.let_through import LetThrough, let_through, persons_of
from backend.core.limits import QUARANTINE_BYTES_MAX
from backend.core.ports import FORK, Commit, Device, IngestStore, Quarantined, StoredRecord, branch_prefix
from backend.core.shown import NOBODY, Openers
from protocol.errors import OutOfRange, ProofError, UnknownKey, WireError
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import TABLE
from protocol.wire.batches import Batch, decode_batch, verify_batch
from protocol.wire.chain import GENESIS, next_hash, verify_hash
from protocol.wire.driver_records import Annulment, Shift
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import DayKeyRecord, Doubt, Record, RecordKind, Tap, kind_of
from protocol.wire.standing import Judgement, Standing, Watermark, judge

log = logging.getLogger(__name__)
FindDevice = Callable[[str], tuple[Device, VerifyingKey] | None]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One batch message: whose topic it came on (or whose file), and its bytes."""

    device: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A signed receipt for a device."""

    device: str
    receipt: bytes


@dataclass(frozen=True, slots=True)
class _Extension:
    """The new records of one batch, and whose door handed them in."""

    batch: Batch
    before: Watermark
    after: Watermark
    fresh: Sequence[tuple[Record, bytes]]  # and their hashes
    enrolled: Device
    handed_in_by: str


@dataclass(slots=True)
class _Group:
    """What the batches of one group have claimed so far, before anything is committed."""

    postings: GroupPostings
    marks: dict[tuple[str, int], Watermark] = field(default_factory=dict)
    hashes: dict[tuple[str, int, int], bytes] = field(default_factory=dict)  # of records not yet committed
    extensions: list[_Extension] = field(default_factory=list)
    touched: dict[tuple[str, str, int], None] = field(default_factory=dict)  # (whom to tell, device, epoch), in order


class Ingest:
    """The ingest service of one shard. Used by one thread."""

    def __init__(
        self,
        *,
        store: IngestStore,
        find_device: FindDevice,
        proofs: ProofDesk,
        find_issue: FindIssue,
        tariffs: Mapping[int, Tariff],
        receipt_signer: Signer,
        now_ms: Callable[[], int],
        openers: Openers = NOBODY,
        on_stored: Callable[[Sequence[StoredRecord]], None] = lambda _: None,
        on_alarm: OnAlarm = lambda *_: None,
    ) -> None:
        self._store = store
        self._find_device = find_device
        self._tariffs = tariffs
        self._postings = Postings(store, proofs, find_issue, tariffs, on_alarm, openers=openers)
        self._signer = receipt_signer
        self._now_ms = now_ms
        self._on_stored = on_stored
        self._on_alarm = on_alarm

    def take(self, messages: Sequence[Incoming]) -> list[Outgoing]:
        """Ingest a group in one transaction → the receipts to publish.

        If it fails, nothing of the group is stored and every batch is tried by itself, so that one cannot block the
        others. What the disk does not take is not receipted, and comes again; what the ledger's rules refuse is set
        aside. Raises nothing for what a device can send.
        """
        try:
            return self._take(messages)
        except (StoreFailed, ValueError) as error:  # ValueError: a transfer that breaks the ledger's own rules
            log.warning("a group is tried batch by batch: %s", error)
        return [receipt for message in messages for receipt in self._take_alone(message)]

    def _take_alone(self, message: Incoming) -> list[Outgoing]:
        """One batch of a group that failed. A second time is not too many: another process may have come first."""
        try:
            try:
                return self._take([message])
            except (StoreRefused, ValueError) as error:
                self._set_aside(message, error)
        except StoreFailed as error:
            log.error("a batch of %s is not stored: %s", message.device, error)
        return []

    def _set_aside(self, message: Incoming, error: Exception) -> None:
        """A proven batch that the ledger's rules refuse: kept, and told to people (P3)."""
        self._quarantine(message, type(error).__name__, str(error))
        self._on_alarm(
            "poison", message.device, f"a proven batch cannot be stored: {type(error).__name__}",
            "its taps are kept on board and in the quarantine; send the log to the developers",
        )  # fmt: skip

    def _take(self, messages: Sequence[Incoming]) -> list[Outgoing]:
        group = _Group(self._postings.group())
        for message in messages:
            self._add(group, message)
        self._commit(group)
        return [Outgoing(to, self.receipt(device, epoch)) for to, device, epoch in group.touched]

    def _commit(self, group: _Group) -> None:
        """Settle and store what is new in a group, if anything is."""
        if not group.extensions:
            return
        bare = [self._priced(group.postings, it) for it in group.extensions]
        group.postings.settle()
        commits = _whole(bare, group, self._tariffs)
        self._store.commit(commits, self._now_ms())
        for commit in commits:
            self._on_stored(commit.records)

    def receipt(self, device: str, epoch: int) -> bytes:
        """Where we stand with a device's epoch, signed: only what is committed."""
        mark = self._store.watermark(device, epoch)
        ledger = self._store.ledger_mark()
        return encode_receipt(
            Receipt(device, epoch, mark.sequence, mark.head, ledger.incarnation, ledger.head, self._now_ms()),
            self._signer,
        )

    def _add(self, group: _Group, message: Incoming) -> None:
        """Verify and judge one message; what is new joins the group."""
        try:
            batch, enrolled, tap_key = self._named(message)
            key = (batch.device, batch.epoch)
            mark = group.marks.get(key) or self._store.watermark(*key)
            judgement = self._judged(group, batch, mark, tap_key)
            _require_vehicle(enrolled, judgement)
        except (WireError, ProofError) as error:
            self._quarantine(message, error.name, str(error))
            if isinstance(error, KeyRevoked):
                self._on_alarm(REVOKED_SPEAKS, message.device, str(error), REVOKED_FIX)
            return
        if judgement.standing is Standing.FORK:
            self._keep_branch(message, batch.epoch, judgement.why)
            self._on_alarm("fork", batch.device, judgement.why, "take the device out of service; keep its card")
        elif judgement.standing is Standing.GAP and self._store.has_forked(message.device, batch.epoch):
            # More of a branch that forked below: it will never follow what is held, and is kept with it (P3, P11).
            self._keep_branch(message, batch.epoch, "behind a fork")
        elif judgement.standing is Standing.NEW:
            self._extend(group, batch, judgement, enrolled, mark=mark, handed_in_by=message.device)
        # A fork is told where we stand, too: a card that was rolled back learns it from there.
        group.touched[message.device, *key] = None
        group.touched[batch.device, *key] = None  # whose records they are may have lost them, and waits for us

    def _named(self, message: Incoming) -> tuple[Batch, Device, VerifyingKey]:
        """A batch, its device and that one's key; handed in by it, or by the other door of its vehicle. Not yet proven.

        Raises WireError or ProofError.
        """
        courier = self._find_device(message.device)
        if courier is None:
            raise UnknownKey("a device that is not enrolled", device=message.device)
        batch = decode_batch(message.payload)
        found = courier if batch.device == message.device else self._find_device(batch.device)
        if found is None or (found is not courier and not _one_vehicle(found[0], courier[0])):
            raise OutOfRange("a batch under another device's name", field="device", named=batch.device)
        return batch, *found

    def _judged(self, group: _Group, batch: Batch, mark: Watermark, key: VerifyingKey) -> Judgement:
        """How a batch stands, proven by its device's key. Raises WireError or ProofError.

        What comes again is mostly what is held byte for byte: then its hashes, taken on from ours, end at ours, and no
        record of it need be read. All buses send much again at once when a ledger was restored.
        """
        held = self._hash_at(group, batch, batch.last, mark)
        if held is not None and held == self._followed(group, batch, mark):
            verify_hash(held, batch.signature, key)
            return Judgement(Standing.KNOWN)
        return judge(verify_batch(batch, key), mark, held)

    def _followed(self, group: _Group, batch: Batch, mark: Watermark) -> bytes | None:
        """The chain's hash behind the batch, from ours before it; None where we have none."""
        head = GENESIS if batch.first == 1 else self._hash_at(group, batch, batch.first - 1, mark)
        if head is not None:
            for record in batch.records:
                head = next_hash(head, record)
        return head

    def _hash_at(self, group: _Group, batch: Batch, sequence: int, mark: Watermark) -> bytes | None:
        """Our hash of that record of the batch's journal, also where the group has it and it is not committed yet."""
        if sequence >= mark.sequence:
            return mark.head if sequence == mark.sequence else None
        name = (batch.device, batch.epoch, sequence)
        return group.hashes.get(name) or self._store.hash_of(*name)

    def _extend(
        self, group: _Group, batch: Batch, judgement: Judgement, enrolled: Device, *, mark: Watermark, handed_in_by: str
    ) -> None:
        """The new records of one batch join the group."""
        if mark.sequence == 0:
            self._watch_new_epoch(batch, group)
        last, head = judgement.fresh[-1]
        after = Watermark(batch.epoch, last.link.sequence, head)
        for record, record_hash in judgement.fresh:
            group.postings.read(record)
            group.hashes[batch.device, batch.epoch, record.link.sequence] = record_hash
        group.marks[batch.device, batch.epoch] = after
        group.extensions.append(_Extension(batch, mark, after, judgement.fresh, enrolled, handed_in_by))

    def _priced(self, postings: GroupPostings, it: _Extension) -> Commit:
        """One batch's records told to what is posted, behind all that the group has read → a commit without records."""
        let: list[LetThrough] = []
        time = UNKNOWN_TIME
        for record, _ in it.fresh:
            time = postings.at(record)
            if isinstance(record, Tap):
                if TABLE[record.verdict].charged:
                    postings.board(record, it.enrolled)
                elif record.closes is not None:
                    postings.leave(record, it.enrolled)
                free = let_through(record, time, self._tariffs.get(record.tariff_version))
                if free is not None:
                    let.append(free)
                    postings.let_ride(record, free)
            elif isinstance(record, Shift):
                postings.shift(record, it.enrolled)
            elif isinstance(record, Annulment):
                postings.annul(record)
        return Commit(it.batch.device, it.before, it.after, (), it.batch.signature, it.handed_in_by, time, let)

    def _watch_new_epoch(self, batch: Batch, group: _Group) -> None:
        """A device that starts another journal is told to people: a new card, or a rollback (P11)."""
        waiting = [mark for (device, _), mark in group.marks.items() if device == batch.device]
        before = waiting[-1] if waiting else self._store.latest(batch.device)
        if before is not None:
            self._on_alarm(
                "new-journal", batch.device, f"a new journal began; the one before ended at {before.sequence}",
                "if the card was not changed on purpose, keep the old card and run `savar journal recover`",
            )  # fmt: skip

    def _keep_branch(self, message: Incoming, epoch: int, why: str) -> None:
        keep_branch(self._store, self._refused(message, FORK, f"{branch_prefix(epoch)} {why}"), epoch)

    def _quarantine(self, message: Incoming, reason: str, detail: str) -> None:
        self._store.quarantine(self._refused(message, reason, detail))

    def _refused(self, message: Incoming, reason: str, detail: str) -> Quarantined:
        log.warning("quarantined a batch of %s: %s: %s", message.device, reason, detail)
        return Quarantined(
            message.device, "taps", reason, detail[:500], message.payload[:QUARANTINE_BYTES_MAX], self._now_ms()
        )


def _whole(bare: Sequence[Commit], group: _Group, tariffs: Mapping[int, Tariff]) -> list[Commit]:
    """What a group stores: each batch with its records, and with the last what all of them together move."""
    posted = group.postings.posted
    commits = [
        replace(commit, records=[
            _indexed(record, hash_, posted.payers.get(_id(record)), tariffs) for record, hash_ in it.fresh
        ])
        for commit, it in zip(bare, group.extensions, strict=True)
    ]  # fmt: skip
    commits[-1] = replace(
        commits[-1], transfers=posted.transfers, claims=list(posted.claims.values()), shifts=posted.shifts,
        shown_less=posted.shown_less, proxies=list(posted.proxies.values()),
        annulments=list(posted.annulments.values()), ticket_rides=list(posted.ticket_rides.values()),
        unproven=posted.unproven, undated=list(posted.undated.values()), drivers_heard=posted.drivers_heard,
        let_go=posted.let_go,
    )  # fmt: skip
    return commits


def _id(record: Record) -> TapId:
    return record.link.device, record.link.epoch, record.link.sequence


def _indexed(record: Record, record_hash: bytes, payer: Payer | None, tariffs: Mapping[int, Tariff]) -> StoredRecord:
    """A record with what is indexed of it; nothing of the rider."""
    link = record.link
    if isinstance(record, Tap):
        place = record.position if record.position is not None and record.position.doubt is Doubt.NONE else None
        return StoredRecord(
            link.device, link.epoch, link.sequence, record_hash, record.raw, int(RecordKind.TAP), record.at.wall_ms,
            record.service.vehicle, record.service.door, int(record.verdict), int(record.reason), record.fare_rials,
            persons_of(record, tariffs.get(record.tariff_version)), payer, None, record.service.shift,
            record.service.route,
            None if place is None else place.lat_e6, None if place is None else place.lon_e6,
        )  # fmt: skip
    return StoredRecord(
        link.device, link.epoch, link.sequence, record_hash, record.raw, int(kind_of(record)), record.at.wall_ms,
        key_id=record.key_id if isinstance(record, DayKeyRecord) else None,
    )  # fmt: skip


def _require_vehicle(enrolled: Device, judgement: Judgement) -> None:
    """Money is some vehicle's: a spare's fares wait, unreceipted, until the registry says whose. Raises OutOfRange."""
    if not enrolled.vehicle and any(isinstance(record, Tap | Shift) for record, _ in judgement.fresh):
        raise OutOfRange("taps of a spare that serves no door by our registry", field="device", named=enrolled.name)


def _one_vehicle(one: Device, other: Device) -> bool:
    """Whether they are doors of one bus; spares in a depot are none."""
    return one.vehicle == other.vehicle and one.vehicle != ""
