"""The courier: a sister's records go up from here when the sister does not bring them, and stay until they are settled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.copies import ApswCopies
from edge.app import courier as courier_module
from edge.app.courier import Courier
from edge.app.receipt_trust import ReceiptTrust
from edge.core.errors import JournalFailed, JournalFull
from edge.core.limits import COURIER_AFTER_MS, PRUNE_PERIOD_MS, RETRY_MIN_MS
from protocol import limits
from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.standing import Watermark
from tests.edge.door import BACKEND, DEVICE, STRANGER, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle

SISTER, EPOCH = "bus-1-d1", 11
AFTER_S = COURIER_AFTER_MS / 1000
DAY_S, KEEP_S = limits.DAY_S, limits.RECEIPTED_KEPT_S


class Card(ApswCopies):
    """Copies on a card that fails as it is told to."""

    fails: Exception | None = None

    def held(self) -> object:  # type: ignore[override]
        self._may_fail()
        return super().held()

    def keep_receipt(self, *args: object) -> None:
        self._may_fail()
        super().keep_receipt(*args)  # type: ignore[arg-type]

    def _may_fail(self) -> None:
        if self.fails is not None:
            raise self.fails


class Desk:
    """A courier over copies of a journal of `taps` taps (and an opening and a day key), and what it handed in."""

    def __init__(self, path: Path, taps: int = 3) -> None:
        self.journal = MemoryJournal(EPOCH)
        service = boarding(self.journal, RememberingPanel())
        service.begin(at())
        for number in range(taps):
            service.present(Rider(number + 1).code(at()), at(), settled=False)
        self.copies = Card(path, sister=SISTER)
        self.handed: list[bytes] = []
        self.online = True
        self.courier = self.begun()

    def unbegun(self) -> Courier:
        return Courier(sister=SISTER, copies=self.copies, believed=ReceiptTrust(bundle()), publish=self._took)

    def begun(self) -> Courier:
        made = self.unbegun()
        made.begin(at())
        return made

    def _took(self, batch: bytes) -> bool:
        if self.online:
            self.handed.append(batch)
        return self.online

    def restart(self, now: Instant | None = None) -> None:
        self.courier = self.begun()
        self.courier.connected(at() if now is None else now, yes=True)

    def head(self, sequence: int) -> bytes:
        return chain.head_of(self.journal.rows[sequence]) if sequence else chain.GENESIS

    def copy(self, first: int, last: int) -> None:
        """The sister's records first…last came over the link as one batch."""
        before = self.copies.held()
        mark = before[-1] if before else Watermark(EPOCH, first - 1, self.head(first - 1))
        rows = [(n, self.journal.rows[n], self.head(n)) for n in range(first, last + 1)]
        self.copies.add(mark, rows, self.journal.signatures[last])
        self.courier.on_copied(Watermark(EPOCH, last, self.head(last)))

    def receipt(self, sequence: int, now: Instant, *, incarnation: int = 1, head: bytes | None = None) -> Receipt:
        it = self.head(sequence) if head is None else head
        return Receipt(SISTER, EPOCH, sequence, it, incarnation, bytes(32), now.wall_ms)

    def came(self, receipt: Receipt, now: Instant) -> bool:
        """The backend's session brought it, for us."""
        return self.courier.receipt_came(encode_receipt(receipt, BACKEND), receipt, now)

    def told(self, receipt: Receipt, now: Instant) -> None:
        """The sister passed it on."""
        self.courier.told(encode_receipt(receipt, BACKEND), now)

    @property
    def runs(self) -> list[tuple[int, int]]:
        return [(it.first, it.last) for it in map(decode_batch, self.handed)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "sister.db")
    made.courier.connected(at(), yes=True)
    yield made
    made.copies.close()


def test_it_begins_when_no_receipt_came_for_its_time_and_not_before(desk: Desk) -> None:
    """A bus's modem is slow: until then the sister is probably sending them itself."""
    desk.copy(1, 5)
    desk.courier.step(at(AFTER_S - 0.001))
    assert (desk.runs, desk.courier.backlog) == ([], 5)
    desk.courier.step(at(AFTER_S))
    assert desk.runs == [(1, 5)]
    batch = decode_batch(desk.handed[0])
    assert verify_batch(batch, DEVICE.verifying)[-1][1] == desk.journal.head.hash  # proven by the sister's own key


def test_it_does_not_begin_while_it_could_not_have_reached_the_backend(desk: Desk) -> None:
    desk.copy(1, 5)
    desk.courier.connected(at(AFTER_S - 1), yes=False)
    desk.courier.step(at(2 * AFTER_S))
    assert desk.runs == []
    desk.courier.connected(at(2 * AFTER_S), yes=True)
    desk.courier.step(at(3 * AFTER_S - 1))
    assert desk.runs == []
    desk.courier.step(at(3 * AFTER_S))
    assert desk.runs == [(1, 5)]


def test_it_does_not_begin_while_the_sister_says_that_it_gets_receipts(desk: Desk) -> None:
    desk.copy(1, 5)
    for minute in range(5):
        now = at(minute * (AFTER_S - 1))
        desk.told(desk.receipt(minute, now), now)
        desk.courier.step(now)
    assert (desk.runs, desk.courier.backlog) == ([], 1)
    desk.courier.step(at(4 * (AFTER_S - 1) + AFTER_S))
    assert desk.runs == [(5, 5)]


def test_a_quiet_night_is_no_silence_of_the_sister(desk: Desk) -> None:
    """Nothing was missing: the first tap of the morning has its time like any other."""
    desk.copy(1, 4)
    desk.told(desk.receipt(4, at(1)), at(1))
    for minute in range(100):
        desk.courier.step(at(60 * minute))
    desk.copy(5, 5)
    desk.courier.step(at(6_000))
    assert desk.runs == []
    desk.courier.step(at(6_000 + AFTER_S))
    assert desk.runs == [(5, 5)]


def test_what_is_receipted_is_not_sent_again_and_what_follows_goes_at_once(desk: Desk) -> None:
    """A dead modem: from then on the copies are carried as they come."""
    desk.copy(1, 4)
    desk.courier.step(at(AFTER_S))
    assert desk.came(desk.receipt(4, at(AFTER_S)), at(AFTER_S))
    assert desk.courier.backlog == 0
    desk.courier.step(at(AFTER_S + 100))
    assert desk.runs == [(1, 4)]
    desk.copy(5, 5)
    desk.courier.step(at(AFTER_S + 101))
    assert desk.runs == [(1, 4), (5, 5)]


def test_it_ends_when_the_sister_says_that_it_got_a_receipt_itself(desk: Desk) -> None:
    desk.copy(1, 5)
    desk.courier.step(at(AFTER_S))
    desk.told(desk.receipt(2, at(AFTER_S)), at(AFTER_S + 1))
    desk.courier.step(at(AFTER_S + RETRY_MIN_MS / 1000 + 1))
    assert desk.runs == [(1, 5)]
    desk.courier.step(at(2 * AFTER_S + 1))
    # A run goes up to its one signature. It begins behind what is receipted.
    assert desk.runs == [(1, 5), (3, 5)]


def test_what_the_sister_brought_before_its_copy_came_is_not_carried(desk: Desk) -> None:
    desk.told(desk.receipt(5, at(1)), at(1))
    desk.copy(1, 4)
    desk.courier.step(at(2 * AFTER_S))
    assert (desk.runs, desk.courier.backlog) == ([], 0)
    assert desk.courier.covers(EPOCH, 5)
    assert not desk.courier.covers(EPOCH, 6)
    assert not desk.courier.covers(EPOCH + 1, 1)


def test_a_ledger_that_stands_lower_takes_back_what_it_was_ahead(desk: Desk) -> None:
    """P2."""
    desk.told(desk.receipt(5, at(1)), at(1))
    desk.copy(1, 4)
    desk.told(desk.receipt(2, at(2)), at(2))
    assert desk.courier.backlog == 2


def test_a_late_word_of_an_old_ledger_does_not_hide_how_far_the_new_one_is(desk: Desk) -> None:
    desk.copy(1, 4)
    desk.told(desk.receipt(5, at(1), incarnation=7), at(1))
    desk.told(desk.receipt(5, at(2)), at(2))
    assert desk.courier.backlog == 0


def test_a_copy_that_begins_behind_a_pruned_beginning_is_carried_from_there(desk: Desk) -> None:
    """P1: a blank card here, and then the sister died."""
    desk.told(desk.receipt(3, at(1)), at(1))
    desk.copy(3, 5)
    desk.courier.step(at(1 + AFTER_S))
    assert (desk.runs, desk.courier.problem) == ([(3, 5)], None)


def test_a_receipt_counts_only_for_the_history_that_is_held_here(desk: Desk) -> None:
    """P2, P11."""
    desk.copy(1, 5)
    assert not desk.came(desk.receipt(5, at(1), head=b"x" * 32), at(1))
    assert not desk.came(desk.receipt(3, at(1), head=b"x" * 32), at(1))
    assert desk.courier.backlog == 5
    assert desk.copies.receipts() == []
    assert desk.came(desk.receipt(3, at(2)), at(2))
    assert desk.courier.backlog == 2


def test_what_the_sister_passes_on_counts_only_when_it_is_proven(desk: Desk) -> None:
    """P9: and a receipt for another device is none for this journal."""
    desk.copy(1, 5)
    desk.courier.told(encode_receipt(desk.receipt(5, at(1)), STRANGER), at(1))
    desk.courier.told(b"receipt", at(1))
    for sequence in (5, 9):
        desk.told(Receipt("bus-1-d2", EPOCH, sequence, desk.head(5), 1, bytes(32), at().wall_ms), at(1))
    assert desk.courier.backlog == 5
    assert not desk.courier.covers(EPOCH, 1)


def test_what_does_not_go_out_is_tried_again(desk: Desk) -> None:
    desk.copy(1, 5)
    desk.online = False
    desk.courier.step(at(AFTER_S))
    desk.online = True
    desk.courier.step(at(AFTER_S + 1))
    assert desk.runs == [(1, 5)]


def test_a_restored_ledger_is_asked_about_the_copies_again(desk: Desk) -> None:
    """P2: the sister may be dead by now, and the last who holds them is here."""
    desk.copy(1, 3)
    desk.copy(4, 5)
    desk.came(desk.receipt(5, at(1)), at(1))
    desk.courier.incarnation_heard(7, at(2))
    assert desk.courier.backlog == 1
    desk.courier.step(at(AFTER_S + 2))
    assert desk.runs == [(5, 5)]
    now = at(AFTER_S + 3)
    desk.came(desk.receipt(3, now, incarnation=7), now)
    desk.courier.step(now)
    assert desk.runs == [(5, 5), (4, 5)]


def test_a_restart_does_not_make_an_old_ledgers_receipt_good(desk: Desk) -> None:
    """P2: this door's own receipts speak of the new one before the kept receipts of the copies are read."""
    desk.copy(1, 5)
    desk.came(desk.receipt(5, at(1)), at(1))
    desk.courier.step(at(1))
    desk.courier = desk.unbegun()
    desk.courier.incarnation_heard(7, at(2))
    desk.courier.begin(at(2))
    desk.courier.connected(at(2), yes=True)
    assert desk.courier.backlog == 1
    desk.courier.step(at(2 + AFTER_S))
    assert desk.runs == [(5, 5)]


def test_a_sister_that_knows_the_old_ledger_only_does_not_keep_its_copies_from_going_up(desk: Desk) -> None:
    """P2: it was not online since; what it was receipted then is passed on with every session."""
    desk.copy(1, 4)
    desk.courier.incarnation_heard(1, at())
    desk.courier.incarnation_heard(7, at(1))
    desk.told(desk.receipt(5, at(2)), at(2))
    assert desk.courier.backlog == 4
    desk.courier.step(at(2 + AFTER_S))
    assert desk.runs == [(1, 4)]
    assert desk.courier.covers(EPOCH, 5)  # what was pruned was settled all the same


def test_a_restart_takes_up_what_is_held_and_receipted(desk: Desk) -> None:
    desk.copy(1, 3)
    desk.copy(4, 5)
    desk.came(desk.receipt(3, at(1)), at(1))
    desk.courier.step(at(1))
    desk.restart(at(2))
    assert desk.courier.backlog == 2
    desk.courier.step(at(2 + AFTER_S))
    assert desk.runs == [(4, 5)]


def old(desk: Desk) -> float:
    """Receipted at noon, and just over 35 days later receipted again up to the last: (P2) the second it is."""
    desk.copy(1, 3)
    desk.copy(4, 5)
    desk.came(desk.receipt(4, at()), at())
    desk.courier.step(at())
    return KEEP_S + DAY_S


def test_copies_go_when_a_receipt_has_covered_them_for_35_days_and_not_before(desk: Desk) -> None:
    """P2, P14: by both clocks, and never the last one with its hash."""
    later = old(desk)
    desk.came(desk.receipt(5, at(later - DAY_S)), at(later - DAY_S))
    desk.courier.step(at(later - DAY_S))
    assert desk.copies.oldest(EPOCH) == 1
    desk.courier.step(at(later))  # the backend's last word is of yesterday
    assert desk.copies.oldest(EPOCH) == 1
    desk.copies.keep_receipt(EPOCH, b"", 5, None)
    desk.courier = desk.begun()
    now = at(later + DAY_S)
    desk.came(desk.receipt(5, now), now)
    desk.courier.step(at(later + DAY_S, quality=ClockQuality.UNTRUSTED))
    assert desk.copies.oldest(EPOCH) == 1
    desk.courier.step(at(later + DAY_S + PRUNE_PERIOD_MS / 1000))
    assert desk.copies.oldest(EPOCH) == 5


def test_nothing_is_pruned_in_a_run_in_which_the_backend_has_not_spoken(desk: Desk) -> None:
    """P2: kept words, and what the sister passes on, may be older than a restoration that nobody here heard of."""
    later = old(desk)
    desk.came(desk.receipt(5, at(later)), at(DAY_S))  # the backend's clock was ahead
    desk.courier.step(at(DAY_S))
    desk.courier = desk.begun()
    desk.told(desk.receipt(5, at(later)), at(later))
    desk.courier.incarnation_heard(1, at(later), kept=True)
    desk.courier.step(at(later + PRUNE_PERIOD_MS / 1000))
    assert desk.copies.oldest(EPOCH) == 1
    desk.courier.incarnation_heard(1, at(later + 4_000))
    desk.courier.step(at(later + 2 * PRUNE_PERIOD_MS / 1000))
    assert desk.copies.oldest(EPOCH) == 5


def test_nothing_is_pruned_under_the_word_of_a_ledger_that_was_replaced(desk: Desk) -> None:
    """P2."""
    later = old(desk)
    desk.came(desk.receipt(5, at(later)), at(later))
    desk.courier.incarnation_heard(7, at(later))
    desk.courier.step(at(later + PRUNE_PERIOD_MS / 1000))
    assert desk.copies.oldest(EPOCH) == 1


def test_pruning_goes_in_small_steps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "PRUNE_ROWS_MAX", 2)
    later = old(desk)
    desk.came(desk.receipt(5, at(later)), at(later))
    left = []
    for second in range(4):
        desk.courier.step(at(later + second))
        left.append(desk.copies.oldest(EPOCH))
    assert left == [3, 5, 5, 5]


def test_a_receipt_that_the_card_does_not_take_is_a_named_problem_and_kept_later(desk: Desk) -> None:
    """P4."""
    desk.copy(1, 5)
    desk.copies.fails = JournalFull("the card is full")
    assert desk.came(desk.receipt(5, at(1)), at(1))
    for second in (1, 2):
        desk.courier.step(at(second))
        assert isinstance(desk.courier.problem, JournalFull)
    desk.copies.fails = None
    desk.courier.step(at(3))
    assert desk.courier.problem is None
    assert len(desk.copies.receipts()) == 1


def test_copies_that_cannot_be_read_at_the_start_are_taken_up_when_they_can(desk: Desk) -> None:
    """P4: a dead sister's tail must not wait for the next restart."""
    desk.copy(1, 5)
    desk.copies.fails = JournalFailed("the card does not answer")
    desk.restart()
    desk.courier.step(at(1))
    assert isinstance(desk.courier.problem, JournalFailed)
    desk.copies.fails = None
    desk.courier.step(at(2))
    assert (desk.courier.problem, desk.courier.backlog) == (None, 5)
    desk.courier.step(at(2 + AFTER_S))
    assert desk.runs == [(1, 5)]
