"""A counted card beside a real journal whose power is cut; a chip that hangs; and what wears one out."""

import shutil
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edge.adapters.counted_file import CountedFile
from edge.adapters.journal import ApswJournal
from edge.app.condition import ConditionReader
from edge.app.counting import Counting, CountingThread
from edge.core.limits import COUNT_AGAIN_MS, COUNT_EVERY_MS
from edge.core.ports import ChainedRecord, StoredRecord
from hardware_keys.errors import CounterGone
from protocol.wire import chain
from protocol.wire.health import RunCause
from tests.edge.counted_cards import RECORDS, Card, Cut, FakeCounter
from tests.protocol.samples import DEVICE, EPOCH, TAP_KEY


def opened(folder: Path) -> ApswJournal:
    return ApswJournal(folder / "journal.db", device=DEVICE, new_epoch=EPOCH)


def tapped(journal: ApswJournal, taps: int) -> None:
    """So many records more, the last one signed."""
    for row in RECORDS[journal.head.sequence :][:taps]:
        journal.append(ChainedRecord(row.sequence, row.raw, chain.head_of(row.raw)), None)
        journal.sign_tail(row.signature)


def counting(folder: Path, journal: ApswJournal, counter: FakeCounter) -> Counting:
    return Counting(DEVICE, journal, TAP_KEY, counter, CountedFile(folder / "counted"))


def cut(folder: Path, to: Path) -> Path:
    """The power goes: what is on the card stays, and nobody closes anything."""
    shutil.copytree(folder, to)
    return to


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_power_cut_behind_a_count_is_no_copy(tmp_path: Path, cuts: int) -> None:
    """The last record's signature is stored with the next one: the newest that was counted is unsigned after a cut."""
    counter, folder = FakeCounter(), tmp_path / "0"
    folder.mkdir()
    for n in range(1, cuts + 1):
        journal = opened(folder)
        it = counting(folder, journal, counter)
        it.step(0)
        assert it.doubt == ""
        if journal.signed < journal.head.sequence:
            journal.sign_tail(RECORDS[journal.head.sequence - 1].signature)  # as a start does
        tapped(journal, 4)
        it.step(COUNT_EVERY_MS)  # nobody boards behind it
        assert not it.unread
        folder = cut(folder, tmp_path / str(n))
        journal.close()
    journal = opened(folder)
    assert journal.signed == journal.head.sequence - 1
    it = counting(folder, journal, counter)
    it.step(0)
    assert (it.doubt, it.unread) == ("", False)
    journal.close()


class Hung(FakeCounter):
    """A chip that answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def read(self) -> int | None:
        self.free.wait()
        raise CounterGone("it did not answer", fix="look")


def test_a_chip_that_hangs_holds_up_neither_start_nor_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of it would be a sync thread that the supervisor calls stuck; a stop that lasts longer is killed."""
    monkeypatch.setattr("edge.app.counting.COUNT_WAIT_S", 0.05)
    chip = Hung()
    condition = ConditionReader(tmp_path, lambda: None, counting=Card(3).counting(chip))
    began = threading.Thread(target=condition.begin, daemon=True)
    began.start()
    began.join(10)
    assert not began.is_alive()
    told = condition.read()
    assert (told.card_copy, told.unread.count("counter")) == (False, 1)
    ended = threading.Thread(target=condition.end, daemon=True)
    ended.start()
    ended.join(10)
    assert not ended.is_alive()
    chip.free.set()
    assert ConditionReader(tmp_path, lambda: None).begin() is RunCause.RESTARTED, "it ended by itself, chip or none"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_the_thread_is_said(tmp_path: Path) -> None:
    class Broken(FakeCounter):
        def read(self) -> int | None:
            raise MemoryError

    condition = ConditionReader(tmp_path, lambda: None, counting=Card(3).counting(Broken()))
    condition.begin()
    threads = [it for it in threading.enumerate() if it.name == "counter"]
    for thread in threads:
        thread.join(10)
    assert "counter" in condition.read().unread
    condition.end()


def test_it_counts_on_its_thread_and_once_more_at_the_end() -> None:
    card, counter = Card(), FakeCounter()
    it = CountingThread(card.counting(counter), lambda: 0)
    it.begin(began=True)
    assert (it.doubt, it.unread, counter.value) == ("", False, 2)
    card.taps = 4
    it.end()
    assert counter.value == 3


def test_a_process_that_dies_and_begins_again_wears_no_chip(tmp_path: Path) -> None:
    """Every ten seconds for a day it would be a tenth of what a chip's memory takes; its card is held against it all the same."""
    counter, card = FakeCounter(), Card()
    boot = tmp_path / "boot_id"
    boot.write_text("one")

    def crashed() -> bool:
        condition = ConditionReader(tmp_path, lambda: None, counting=card.counting(counter))
        condition._run._boot_id = boot
        assert condition.begin() is not RunCause.UNKNOWN
        card.taps += 1
        return condition.read().card_copy

    crashed()
    counted = counter.value
    copy = card.copy()
    assert not any(crashed() for _ in range(20))
    assert counter.value == counted
    boot.write_text("two")  # the machine was off: somebody may have had the card
    assert not crashed()
    assert counter.value == (counted or 0) + 1
    card = copy
    assert crashed()


def test_one_that_dies_before_its_first_count_is_counted_when_it_begins_again() -> None:
    card, counter = Card(), FakeCounter()
    counter.fails = True
    card.counting(counter).step(0)
    counter.fails, card.taps = False, 1
    it = card.counting(counter)
    it.step(0, began=False)
    assert (it.doubt, it.unread, counter.value) == ("", False, 2)


def test_a_count_that_fails_behind_the_chip_is_not_tried_each_minute() -> None:
    class Racing(FakeCounter):
        def advance(self) -> int:
            super().advance()
            return super().advance()

    card, counter = Card(), Racing()
    it = card.counting(counter)
    for now in range(0, COUNT_EVERY_MS, COUNT_AGAIN_MS):
        it.step(now)
    assert it.unread
    assert counter.most <= 4


def test_a_cut_between_the_cards_word_and_the_chips_leaves_no_copy_that_passes() -> None:
    card, counter = Card(), FakeCounter()
    card.counting(counter).step(0)
    card.taps, counter.cut_in = 3, 1
    with pytest.raises(Cut):
        card.counting(counter).step(0)
    copy = card.copy()  # its number is one more than the chip's
    card.taps = 4
    assert not _doubt(card, counter)
    assert "copy from" in _doubt(copy, counter)


@pytest.mark.parametrize("cut_in", range(5))
def test_a_cut_in_the_first_count_of_all_is_no_copy(cut_in: int) -> None:
    card, counter = Card(), FakeCounter()
    counter.cut_in = cut_in
    with suppress(Cut):
        card.counting(counter).step(0)
    card.taps, counter.cut_in = 2, None
    assert not _doubt(card, counter)


def test_an_unsigned_end_that_is_not_the_one_that_was_counted_is_doubted() -> None:
    """As many records as were counted, the last one without its signature: other ones."""

    class Unsigned(Card):
        @property
        def signed(self) -> int:
            return self.taps - 1

        def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
            return [row for row in super().read(first, most, most_bytes) if row.sequence <= self.signed]

    card, counter = Card(9), FakeCounter()
    card.counting(counter).step(0)
    others = (*RECORDS[:8], replace(RECORDS[9], sequence=9), *RECORDS[9:])
    assert "record 9 is not the one" in _doubt(Unsigned(9, kept=card.kept, stored=others), counter)
    assert not _doubt(Unsigned(9, kept=card.kept), counter)


def test_one_that_dies_goes_on_counting_where_a_count_is_open() -> None:
    """No start; but a number that the chip has not followed, or another journal's, is put right at once."""
    card, counter = Card(), FakeCounter()
    card.counting(counter).step(0)
    card.taps, counter.cut_in = 3, 1
    with pytest.raises(Cut):
        card.counting(counter).step(0)
    card.counting(counter).step(0, began=False)
    assert counter.value == 4
    newer = Card(epoch=EPOCH + 1, kept=card.kept)
    newer.counting(counter).step(0, began=False)
    newer.taps = 2
    assert not _doubt(newer, counter)


def test_the_end_of_a_run_is_a_count(tmp_path: Path) -> None:
    card, counter = Card(), FakeCounter()
    condition = ConditionReader(tmp_path, lambda: None, counting=card.counting(counter))
    condition.begin()
    card.taps = 2
    condition.end()
    assert counter.value == 3


def _doubt(card: Card, counter: FakeCounter) -> str:
    it = card.counting(counter)
    it.step(0)
    return it.doubt
