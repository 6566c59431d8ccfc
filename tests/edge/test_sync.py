"""Shipping against a backend of a dozen lines: batches verify, receipts prune, forged ones do nothing."""

from dataclasses import replace

from edge.app.sync import BACKEND as SINK
from edge.app.sync import Sync
from edge.core.errors import JournalFailed
from edge.core.retention import prunable_through
from edge.core.uplink import ReceiptOutcome, Uplink
from protocol import limits
from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import ClockQuality, Instant, decode_record
from tests.edge.door import BACKEND, DEVICE, MemoryJournal, RememberingPanel, Rider, at, boarding


class Bus:
    """A journal with taps, and its sync."""

    def __init__(self, taps: int) -> None:
        self.journal = MemoryJournal()
        service = boarding(self.journal, RememberingPanel())
        service.begin(at())
        for number in range(taps):
            service.present(Rider(number + 1).code(at()), at(), settled=False)
        self.sent: list[bytes] = []
        self.online = True
        self.heard: list[int] = []
        self.last = self.journal.head.sequence
        self.uplink = Uplink("bus-1-d1", 11, (SINK,), last=self.last)
        self.uplink.on_connected(SINK)
        self.sync = Sync(
            device="bus-1-d1", journal=self.journal, uplink=self.uplink, receipt_keys=[BACKEND.verifying],
            publish=self._publish, heard=self.heard.append, forgettable=service.forgettable,
        )  # fmt: skip

    def _publish(self, sink: str, batch: bytes) -> bool:
        if self.online:
            self.sent.append(batch)
        return self.online

    def receipt(self, sequence: int, signer: object = BACKEND, **changes: object) -> bytes:
        rows = self.journal.read(sequence, 1, 1 << 20)
        head = chain.head_of(rows[0].raw) if rows else chain.GENESIS
        it = Receipt("bus-1-d1", 11, sequence, head, 1, bytes(32), at().wall_ms)
        return encode_receipt(replace(it, **changes), signer)  # type: ignore[arg-type]


def test_batches_go_out_in_order_and_verify() -> None:
    bus = Bus(4)
    bus.sync.step(at(1))
    batch = decode_batch(bus.sent[0])
    assert (batch.first, batch.last) == (1, bus.last)
    assert verify_batch(batch, DEVICE.verifying)[-1][1] == bus.journal.head.hash


def test_nothing_is_taken_as_sent_while_offline() -> None:
    bus = Bus(2)
    bus.online = False
    bus.sync.step(at(1))
    assert bus.sync.next_deadline() is None
    bus.online = True
    bus.sync.step(at(2))
    assert decode_batch(bus.sent[0]).first == 1


def test_a_receipt_not_signed_by_the_backend_changes_nothing() -> None:
    """P2, P12: a captured broker can delay, not deceive."""
    bus = Bus(3)
    assert bus.sync.receipt_came(bus.receipt(bus.last, DEVICE), at()) is None
    assert bus.sync.receipt_came(b"noise", at()) is None
    assert (bus.sync.refused_receipts, bus.uplink.receipted(SINK), bus.heard) == (2, 0, [])


def test_a_receipt_of_another_history_is_reported_and_not_acted_upon() -> None:
    """P11."""
    bus = Bus(3)
    assert bus.sync.receipt_came(bus.receipt(bus.last, head=b"y" * 32), at()) is ReceiptOutcome.FORKED
    assert bus.sync.forked
    assert bus.uplink.receipted(SINK) == 0


def test_the_newest_receipt_is_kept_and_taken_up_again() -> None:
    bus = Bus(3)
    bus.sync.receipt_came(bus.receipt(bus.last), at())
    bus.sync.step(at(20))
    kept = bus.journal.receipt()
    assert kept is not None
    again = Bus(3)
    again.journal = bus.journal
    again.sync._journal = bus.journal
    again.sync.take_up(at(30))
    assert again.uplink.receipted(SINK) == bus.last
    assert bus.heard == [at().wall_ms]


def test_a_hole_in_the_journal_is_a_named_problem_not_a_crash() -> None:
    """P4: records vanished below what is receipted."""
    bus = Bus(3)
    del bus.journal.rows[2]
    bus.uplink.on_receipt(SINK, Receipt("bus-1-d1", 11, 1, b"", 1, bytes(32), 1), None, 0)
    bus.sync.step(at(1))
    assert isinstance(bus.sync.problem, JournalFailed)
    assert bus.sent == []


KEEP_S = limits.RECEIPTED_KEPT_S


def test_pruned_means_settled_and_old() -> None:
    """P2: only what a receipt covers, and not before 35 days."""
    bus = Bus(3)
    bus.sync.step(at(KEEP_S + 1))
    assert len(bus.journal.rows) == bus.last  # old, not receipted
    bus.sync.receipt_came(bus.receipt(3), at(KEEP_S + 2))
    bus.sync.step(at(2 * KEEP_S))
    assert min(bus.journal.rows) == 4


def test_prune_needs_age_receipt_and_a_trusted_clock() -> None:
    """P2, P14: a wall clock that jumped a year ahead without discipline deletes nothing."""
    bus = Bus(2)
    rows = [decode_record(row.raw) for row in bus.journal.read(1, 99, 1 << 20)]

    def through(now: Instant, receipted: int) -> int:
        return prunable_through(rows, receipted=receipted, now=now)

    assert through(at(KEEP_S), 99) == bus.last
    assert through(at(KEEP_S - 1), 99) == 0
    assert through(at(KEEP_S), 2) == 2
    assert through(at(KEEP_S * 10, quality=ClockQuality.UNTRUSTED), 99) == 0


def test_a_record_written_under_a_dead_clock_is_as_old_as_the_next_trusted_one() -> None:
    """P2, P14: 1970 makes nothing old, 2046 makes nothing young for ever."""
    bus = Bus(3)
    rows = [decode_record(row.raw) for row in bus.journal.read(1, 99, 1 << 20)]

    def dated(wall_ms: int, *numbers: int) -> list[object]:
        lost = replace(rows[0].at, wall_ms=wall_ms, quality=ClockQuality.UNTRUSTED)
        return [replace(row, at=lost) if n in numbers else row for n, row in enumerate(rows)]

    def through(records: list[object], now: Instant) -> int:
        return prunable_through(records, receipted=99, now=now)  # type: ignore[arg-type]

    assert through(dated(0, 0, 1, 2, 3, 4), at(60)) == 0
    assert through(dated(0, 0, 1), at(60)) == 0
    assert through(dated(at().wall_ms + 20 * 365 * 86_400_000, 0, 1), at(KEEP_S)) == bus.last
    assert through(dated(0, 3, 4), at(KEEP_S)) == 3  # an untrusted tail waits for the next trusted record


def test_shipping_that_fails_does_not_keep_the_house_from_being_kept() -> None:
    """P4, P18: a hole in the journal stops neither receipts nor the wiping of plain ids."""
    bus = Bus(2)
    del bus.journal.rows[1]
    bus.sync.step(at(700))
    assert isinstance(bus.sync.problem, JournalFailed)
    assert bus.journal.windows == {}
