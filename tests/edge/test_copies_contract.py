"""The Copies port: one suite over the real copies on a disk and the same on the seeded city's card."""

from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

import apsw
import pytest

from edge.adapters.copies import ApswCopies
from edge.core.errors import JournalFailed
from edge.core.limits import BRANCH_BYTES_MAX
from edge.core.ports import Copies
from edge.core.retention import ReceiptDay
from protocol.wire.standing import Watermark
from simulators.seeded.disk import SimDisk

Make = Callable[..., ApswCopies]
OLD, NEW = 99, 11  # the newer epoch is the lower number: order is by arrival


@pytest.fixture(params=["file", "card"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    card = SimDisk(f"copies-{tmp_path.name}", Random(1)) if request.param == "card" else None
    yield lambda sister="bus-1-d2": ApswCopies(
        tmp_path / "data" / "copies.db", sister=sister, vfs=None if card is None else card.name
    )
    if card is not None:
        card.unregister()


def raw(epoch: int, sequence: int) -> bytes:
    return f"record {sequence} of {epoch} ".encode() * 5


def digest(epoch: int, sequence: int) -> bytes:
    return sha256(raw(epoch, sequence)).digest()


def add(copies: Copies, epoch: int, first: int, last: int) -> None:
    """One batch; its signature is told by its last record's number."""
    rows = [(n, raw(epoch, n), digest(epoch, n)) for n in range(first, last + 1)]
    copies.add(Watermark(epoch, first - 1, digest(epoch, first - 1)), rows, b"signed %d" % last)


def sequences(copies: Copies, epoch: int, first: int, most: int = 99, most_bytes: int = 1 << 20) -> list[int]:
    return [row.sequence for row in copies.read(epoch, first, most, most_bytes)]


def test_new_copies_hold_nothing(make: Make) -> None:
    copies = make()
    assert (list(copies.held()), list(copies.receipts()), list(copies.read(NEW, 1, 9, 999))) == ([], [], [])
    assert (copies.hash_of(NEW, 1), copies.oldest(NEW), copies.prune(NEW, 9)) == (None, 0, 0)
    assert copies.receipted_by(NEW, ReceiptDay(9, 9, 1)) == 0
    copies.close()


def test_what_was_added_is_held_over_reopening_each_epoch_by_itself_oldest_first(make: Make) -> None:
    copies = make()
    add(copies, OLD, 1, 4)
    add(copies, NEW, 1, 2)
    add(copies, OLD, 5, 6)
    for _ in range(2):
        assert list(copies.held()) == [Watermark(OLD, 6, digest(OLD, 6)), Watermark(NEW, 2, digest(NEW, 2))]
        assert [copies.hash_of(NEW, n) for n in (1, 2, 3)] == [digest(NEW, 1), digest(NEW, 2), None]
        assert [copies.oldest(epoch) for epoch in (OLD, NEW, 5)] == [1, 1, 0]
        assert [row.raw for row in copies.read(OLD, 3, 99, 1 << 20)] == [raw(OLD, n) for n in range(3, 7)]
        copies.close()
        copies = make()
    copies.close()


def test_what_is_held_is_asked_again_after_each_addition_and_each_opening(make: Make) -> None:
    copies, other = make(), make()
    assert list(copies.held()) == []
    add(copies, NEW, 1, 2)
    assert list(copies.held()) == [Watermark(NEW, 2, digest(NEW, 2))]
    copies.close()
    add(other, NEW, 3, 3)
    other.close()
    assert list(copies.held()) == [Watermark(NEW, 3, digest(NEW, 3))]
    with pytest.raises(JournalFailed):
        add(copies, NEW, 3, 3)  # it is there already
    assert list(copies.held()) == [Watermark(NEW, 3, digest(NEW, 3))]
    copies.close()


def test_copies_of_another_device_are_refused(make: Make) -> None:
    first = make()
    first.held()
    first.close()
    other = make("bus-9-d1")
    with pytest.raises(JournalFailed, match="copies of"):
        other.held()


def test_a_torn_page_is_found_when_they_are_opened_and_not_half_believed(tmp_path: Path) -> None:
    """A card that lied about its sync has half of an older page: what lies before it still reads well."""
    path, page = tmp_path / "copies.db", 4096
    copies = ApswCopies(path, sister="bus-1-d2", vfs=None)
    for n in range(1, 400):
        add(copies, NEW, n, n)
    copies.close()
    data = bytearray(path.read_bytes())
    data[-page : -page // 2] = bytes(range(256)) * (page // 512)
    path.write_bytes(data)
    with closing(apsw.Connection(str(path))) as plain:
        assert plain.execute("SELECT sequence FROM epoch").get == 399, "nothing says so without a look"
    with pytest.raises(JournalFailed, match="damaged") as caught:
        copies.held()
    assert "move the file away and keep it" in caught.value.fix
    copies.close()


def test_what_is_read_ends_with_a_signed_record(make: Make) -> None:
    copies = make()
    add(copies, NEW, 1, 3)
    add(copies, NEW, 4, 5)
    add(copies, NEW, 6, 9)
    assert sequences(copies, NEW, 1, most=6) == [1, 2, 3, 4, 5]
    assert sequences(copies, NEW, 1, most=3) == [1, 2, 3]
    assert sequences(copies, NEW, 1, most=1) == [1, 2, 3], "at least one run"
    assert sequences(copies, NEW, 1, most_bytes=1) == [1, 2, 3]
    assert sequences(copies, NEW, 2, most_bytes=5 * (len(raw(NEW, 1)) + 4)) == [2, 3, 4, 5]
    assert sequences(copies, NEW, 10) == []
    rows = copies.read(NEW, 1, 99, 1 << 20)
    signed = {row.sequence: row.signature for row in rows if row.signature}
    assert signed == {3: b"signed 3", 5: b"signed 5", 9: b"signed 9"}
    copies.close()


def test_what_is_read_ends_at_records_that_were_pruned_before_they_were_copied(make: Make) -> None:
    """A batch is of consecutive records; what lies behind the gap is another."""
    copies = make()
    add(copies, NEW, 1, 3)
    rows = [(n, raw(NEW, n), digest(NEW, n)) for n in (8, 9)]
    copies.add(Watermark(NEW, 7, digest(NEW, 7)), rows, b"signed 9")
    assert sequences(copies, NEW, 1) == [1, 2, 3]
    assert sequences(copies, NEW, 4) == [8, 9]
    copies.close()


def test_a_batch_that_cannot_be_added_whole_is_not_added_at_all(make: Make) -> None:
    copies = make()
    add(copies, NEW, 1, 3)
    with pytest.raises(Exception, match="cannot be used"):
        add(copies, NEW, 3, 5)  # 3 is held already
    for _ in range(2):
        assert list(copies.held()) == [Watermark(NEW, 3, digest(NEW, 3))]
        assert sequences(copies, NEW, 1) == [1, 2, 3]
        copies.close()
        copies = make()
    add(copies, NEW, 4, 5)
    assert sequences(copies, NEW, 1) == [1, 2, 3, 4, 5]
    copies.close()


def test_pruning_is_of_one_epoch_and_never_takes_its_last_record(make: Make) -> None:
    copies = make()
    add(copies, OLD, 1, 4)
    add(copies, NEW, 1, 4)
    assert copies.prune(OLD, 2) == 2
    assert copies.prune(OLD, 2) == 0
    assert [copies.oldest(epoch) for epoch in (OLD, NEW)] == [3, 1]
    assert copies.prune(OLD, 99) == 1
    copies.close()
    copies = make()
    assert sequences(copies, OLD, 1) == [4]
    assert list(copies.held()) == [Watermark(OLD, 4, digest(OLD, 4)), Watermark(NEW, 4, digest(NEW, 4))]
    assert copies.hash_of(OLD, 4) == digest(OLD, 4)
    copies.close()


def test_the_newest_receipt_of_each_epoch_is_kept(make: Make) -> None:
    copies = make()
    add(copies, OLD, 1, 4)
    add(copies, NEW, 1, 4)
    copies.keep_receipt(OLD, b"old 1", 1, None)
    copies.keep_receipt(NEW, b"new 2", 2, None)
    copies.keep_receipt(OLD, b"old 3", 3, None)
    assert sorted(copies.receipts()) == [b"new 2", b"old 3"]
    add(copies, OLD, 5, 5)
    copies.close()
    copies = make()
    assert sorted(copies.receipts()) == [b"new 2", b"old 3"]
    copies.close()


def test_the_days_of_receipts_are_noted_an_epoch_by_both_clocks_and_taken_back_by_a_lower_one(make: Make) -> None:
    """P2: as in the journal's contract; another epoch's are its own."""
    copies = make()
    add(copies, NEW, 1, 9)
    add(copies, OLD, 1, 9)
    for day, sequence in ((10, 3), (11, 5), (11, 7), (13, 9)):
        copies.keep_receipt(NEW, b"r", sequence, ReceiptDay(day, day + 1, 4))
    copies.keep_receipt(OLD, b"r", 8, ReceiptDay(12, 12, 4))
    assert [copies.receipted_by(NEW, ReceiptDay(day, 99, 4)) for day in (9, 10, 11, 12, 13)] == [0, 3, 7, 7, 9]
    assert [copies.receipted_by(NEW, ReceiptDay(99, day, 4)) for day in (10, 11, 12, 13, 14)] == [0, 3, 7, 7, 9]
    assert copies.receipted_by(OLD, ReceiptDay(99, 99, 4)) == 8
    assert copies.receipted_by(NEW, ReceiptDay(99, 99, 5)) == 0  # a restored ledger got it again only later
    copies.keep_receipt(NEW, b"r", 9, None)  # without a trusted clock: kept, not dated
    assert copies.receipted_by(NEW, ReceiptDay(99, 99, 4)) == 9
    copies.keep_receipt(NEW, b"r", 5, None)
    copies.close()
    copies = make()
    assert copies.receipted_by(NEW, ReceiptDay(99, 99, 4)) == 3
    assert copies.receipted_by(OLD, ReceiptDay(99, 99, 4)) == 8
    copies.close()


def test_branches_are_kept_once_and_up_to_a_bound(make: Make) -> None:
    """P11; a liar cannot fill the card."""
    copies = make()
    piece = BRANCH_BYTES_MAX // 4
    batches = [bytes([n]) * piece for n in range(4)]
    for batch in (batches[0], batches[0], *batches, b"over"):
        copies.keep_branch(batch, "fork")
    assert list(copies.branches()) == batches
    copies.close()
    copies = make()
    copies.keep_branch(b"over", "fork")
    assert list(copies.branches()) == batches
    assert list(copies.held()) == [], "evidence, never a record"
    copies.close()
