"""Shipping against a backend of a dozen lines: batches verify, receipts prune, forged ones do nothing."""

from dataclasses import replace

import pytest

from edge.app import sync
from edge.app.sync import BACKEND as SINK
from edge.app.sync import Sync
from edge.core.errors import JournalFailed, JournalFull
from edge.core.limits import CARD_RIDE_KEPT_MS
from edge.core.uplink import Publish, ReceiptOutcome, Uplink, Word
from protocol import limits
from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.receipts import Receipt, encode_receipt, open_receipt
from protocol.wire.records import ClockQuality, Instant
from tests.edge.door import BACKEND, DEVICE, MemoryJournal, RememberingPanel, Rider, at, boarding
from tests.edge.paper import card, rode_there


class Bus:
    """A journal with taps, and its sync."""

    def __init__(self, taps: int) -> None:
        self.journal = MemoryJournal()
        service = self.service = boarding(self.journal, RememberingPanel())
        service.begin(at())
        for number in range(taps):
            service.present(Rider(number + 1).code(at()), at(), settled=False)
        self.sent: list[bytes] = []
        self.online = True
        self.last = self.journal.head.sequence
        self.uplink = Uplink("bus-1-d1", 11, (SINK,), last=self.last)
        self.uplink.on_connected(SINK)
        self.sync = Sync(
            journal=self.journal,
            uplink=self.uplink,
            send=self._send,
            forgettable=service.forgettable,
            keep_tickets=service.keep_tickets,
        )

    def took(self, data: bytes, now: Instant) -> ReceiptOutcome | None:
        return self.sync.receipt_came(data, open_receipt(data, [BACKEND.verifying]), now)

    def _send(self, _order: Publish, batch: bytes, _last: int) -> bool:
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


def test_a_receipt_of_another_history_is_reported_and_not_acted_upon() -> None:
    """P11."""
    bus = Bus(3)
    assert bus.took(bus.receipt(bus.last, head=b"y" * 32), at()) is ReceiptOutcome.FORKED
    assert bus.sync.forked
    assert bus.uplink.receipted(SINK) == 0


def test_the_newest_receipt_is_kept_and_taken_up_again() -> None:
    bus = Bus(3)
    bus.took(bus.receipt(bus.last), at())
    bus.sync.step(at(20))
    kept = bus.journal.receipt()
    assert kept is not None
    again = Bus(3)
    again.journal = bus.journal
    again.sync._journal = bus.journal
    again.took(kept, at(30))
    assert again.uplink.receipted(SINK) == bus.last


def test_a_hole_in_the_journal_is_a_named_problem_not_a_crash() -> None:
    """P4: records vanished below what is receipted."""
    bus = Bus(3)
    del bus.journal.rows[2]
    bus.uplink.on_word(SINK, Word("bus-1-d1", 11, 1, b"", 1, 1), None, 0)
    bus.sync.step(at(1))
    assert isinstance(bus.sync.problem, JournalFailed)
    assert bus.sent == []


KEEP_S = limits.RECEIPTED_KEPT_S
DAY_S = limits.DAY_S


def test_pruned_means_settled_and_old() -> None:
    """P2: only what a receipt covers, and not before it has covered it for 35 days by both clocks."""
    bus = Bus(3)
    bus.sync.step(at(KEEP_S * 2))
    assert len(bus.journal.rows) == bus.last  # old, not receipted
    began = KEEP_S * 2
    bus.took(bus.receipt(3, issued_ms=at(began).wall_ms), at(began))
    bus.sync.step(at(began + 20))
    bus.took(bus.receipt(3, issued_ms=at(began + KEEP_S).wall_ms), at(began + KEEP_S))
    bus.sync.step(at(began + KEEP_S))
    assert len(bus.journal.rows) == bus.last  # receipted, on the 35th day
    later = began + KEEP_S + DAY_S
    bus.sync.step(at(later))
    assert len(bus.journal.rows) == bus.last  # our own clock says so, the backend's last word does not
    bus.took(bus.receipt(3, issued_ms=at(later).wall_ms), at(later))
    bus.sync.step(at(later + 3_600, quality=ClockQuality.UNTRUSTED))
    assert len(bus.journal.rows) == bus.last  # P14
    bus.sync.step(at(later + 7_200))
    assert min(bus.journal.rows) == 4


def test_a_word_that_came_long_ago_prunes_nothing() -> None:
    """P2: its clock was a year ahead, the bus was parked for 40 days, and the ledger was restored meanwhile."""
    bus = Bus(3)
    bus.took(bus.receipt(3), at(0))
    bus.sync.step(at(20))
    ahead = bus.receipt(3, issued_ms=at(60 + 365 * DAY_S).wall_ms)
    bus.took(ahead, at(60))
    bus.sync.step(at(KEEP_S + 5 * DAY_S))
    assert len(bus.journal.rows) == bus.last
    bus.took(bus.receipt(3, issued_ms=at(KEEP_S + 366 * DAY_S).wall_ms), at(KEEP_S + 6 * DAY_S))
    bus.sync.step(at(KEEP_S + 6 * DAY_S + 3_600))
    assert min(bus.journal.rows) == 4


def test_a_clock_a_year_ahead_when_the_receipt_came_makes_nothing_old() -> None:
    """P2, P14: not even where the kernel vouches for that clock."""
    bus = Bus(3)
    bus.took(bus.receipt(3), at(0))
    bus.sync.step(at(20))
    bus.took(bus.receipt(3, issued_ms=at(60).wall_ms), at(60, wall_jump_s=365 * DAY_S))
    bus.sync.step(at(3_700, wall_jump_s=365 * DAY_S))
    assert len(bus.journal.rows) == bus.last


def receipted_and_old(taps: int) -> tuple[Bus, float]:
    """A bus whose every record has been receipted for 35 days, just before it prunes, and the second it is."""
    bus = Bus(taps)
    bus.took(bus.receipt(bus.last), at())
    bus.sync.step(at())
    later = KEEP_S + DAY_S
    bus.took(bus.receipt(bus.last, issued_ms=at(later).wall_ms), at(later))
    return bus, later


def test_what_an_outage_left_is_pruned_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step a second while there is more; a tap waits for one step at most."""
    monkeypatch.setattr(sync, "PRUNE_ROWS_MAX", 2)
    bus, later = receipted_and_old(7)
    left = []
    for second in range(10):
        bus.sync.step(at(later + second))
        bus.sync.step(at(later + second + 0.5))
        left.append(len(bus.journal.rows))
    assert left[:5] == [7, 5, 3, 1, 1]
    assert set(left[5:]) == {1}  # never the last record with its hash


def test_a_step_of_pruning_that_fails_is_taken_again_soon() -> None:
    """P4: the card was full, then it is not."""
    bus, later = receipted_and_old(3)
    prune = bus.journal.prune

    def full(_through: int) -> int:
        raise JournalFull("full", fix="")

    bus.journal.prune = full  # type: ignore[method-assign]
    bus.sync.step(at(later))
    assert isinstance(bus.sync.problem, JournalFull)
    bus.journal.prune = prune  # type: ignore[method-assign]
    bus.sync.step(at(later + 10))
    assert (bus.sync.problem, len(bus.journal.rows)) == (None, 1)


def test_the_log_is_folded_in_and_records_are_pruned_even_if_nothing_can_be_written_before() -> None:
    """P4: on a full card that is what makes room."""
    bus, later = receipted_and_old(3)
    folded: list[bool] = []

    def full(_through: int) -> None:
        raise JournalFull("full", fix="")

    bus.journal.forget_window = full  # type: ignore[method-assign]
    bus.journal.checkpoint = lambda: folded.append(True)  # type: ignore[method-assign]
    bus.sync.step(at(later))
    assert isinstance(bus.sync.problem, JournalFull)
    assert (folded, len(bus.journal.rows)) == ([True], 1)


def test_shipping_that_fails_does_not_keep_the_house_from_being_kept() -> None:
    """P4, P18: a hole in the journal stops neither receipts nor the wiping of plain ids."""
    bus = Bus(2)
    del bus.journal.rows[1]
    bus.sync.step(at(700))
    assert isinstance(bus.sync.problem, JournalFailed)
    assert bus.journal.windows == {}


def test_rides_by_tickets_are_kept_and_forgotten_with_the_house() -> None:
    """P18: what the other door told of printed tickets, and what counts no longer, goes to the card every few seconds."""
    bus = Bus(0)
    bus.service.heard_of([rode_there(card(), 0)], at())
    bus.sync.step(at(20))
    assert [it.presentation.credential_id for _, it in bus.journal.used_tickets()] == [card().ticket_id]
    bus.sync.step(at(CARD_RIDE_KEPT_MS / 1000 + 20))
    assert list(bus.journal.used_tickets()) == []
