"""The Journal port: one suite over the real journal on a disk, the same on the seeded city's card, and the memory
journal that other tests use.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge.adapters.journal import ApswJournal
from edge.core.accepted import Accepted, RecordId
from edge.core.ports import ChainedRecord
from edge.core.retention import ReceiptDay
from edge.core.spending import LetRide
from protocol.wire import chain
from protocol.wire.passes import Presentation
from protocol.wire.records import Link, Opening, encode_opening
from protocol.wire.tickets import RIDDEN
from simulators.seeded.disk import SimDisk
from tests.edge.door import DEVICE, MemoryJournal, at, paid

Make = Callable[[], Any]


@pytest.fixture(params=["memory", "apsw", "card"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    if request.param == "memory":
        journal = MemoryJournal()
        yield lambda: journal
    elif request.param == "apsw":
        yield lambda: ApswJournal(tmp_path / "data" / "journal.db", device="bus-1-d1", new_epoch=11)
    else:
        card = SimDisk(f"journal-{tmp_path.name}", Random(1))
        yield lambda: ApswJournal(tmp_path / "journal.db", device="bus-1-d1", new_epoch=11, vfs=card.name)
        card.unregister()


def record(journal: Any) -> ChainedRecord:
    """The next record in its chain; an opening serves as any."""
    head = journal.head
    link = Link("bus-1-d1", head.epoch, head.sequence + 1, head.hash)
    raw = encode_opening(Opening(link, at(), "test", DEVICE.public, None))
    return ChainedRecord(link.sequence, raw, chain.next_hash(head.hash, raw))


def sign(journal: Any) -> None:
    journal.sign_tail(chain.sign_hash(journal.head.hash, DEVICE))


def boarded(shown: Presentation, number: int) -> Accepted:
    return paid(shown, wall_ms=number, adult_rials=1_000 * number, permille=500, cap_permille=400)


def fill(journal: Any, count: int) -> None:
    for number in range(count):
        shown = Presentation(number.to_bytes(8, "big"), number, 1)
        journal.append(record(journal), boarded(shown, number) if number % 2 else None)
        sign(journal)


def test_a_new_journal_stands_before_its_first_record(make: Make) -> None:
    journal = make()
    assert (journal.head.epoch, journal.head.sequence, journal.head.hash) == (11, 0, chain.GENESIS)
    assert journal.read(1, 10, 10_000) == []
    assert journal.receipt() is None
    journal.close()


def test_what_was_appended_is_read_back_and_survives_reopening(make: Make) -> None:
    journal = make()
    fill(journal, 5)
    before = journal.head
    rows = list(journal.read(2, 3, 100_000))
    assert [row.sequence for row in rows] == [2, 3, 4]
    journal.close()
    journal = make()
    assert journal.head == before
    assert list(journal.read(2, 3, 100_000)) == rows
    journal.close()


def test_reading_keeps_to_its_byte_bound_but_gives_at_least_one(make: Make) -> None:
    journal = make()
    fill(journal, 4)
    size = len(journal.read(1, 1, 1)[0].raw)
    assert len(journal.read(1, 4, 1)) == 1
    assert len(journal.read(1, 4, 2 * (size + 8))) == 2
    journal.close()


def test_the_window_comes_back_oldest_first_and_is_wiped_on_demand(make: Make) -> None:
    journal = make()
    fill(journal, 6)
    assert [(s, a.wall_ms) for s, a in journal.window()] == [(2, 1), (4, 3), (6, 5)]
    journal.forget_window(4)
    assert [a.wall_ms for _, a in journal.window()] == [5]
    journal.forget_window(2)  # going back changes nothing
    assert [a.wall_ms for _, a in journal.window()] == [5]
    journal.close()


def test_receipts_replace_one_another(make: Make) -> None:
    journal = make()
    journal.keep_receipt(b"one", 1, None)
    journal.keep_receipt(b"two", 2, None)
    assert journal.receipt() == b"two"
    journal.close()


def test_the_days_of_receipts_are_noted_by_both_clocks_and_taken_back_by_a_lower_one(make: Make) -> None:
    """P2: what may be pruned is what a receipt has covered for 35 days."""
    journal = make()
    for day, sequence in ((10, 3), (11, 5), (11, 7), (13, 9)):
        journal.keep_receipt(b"r", sequence, ReceiptDay(day, day + 1, 4))
    assert [journal.receipted_by(ReceiptDay(day, 99, 4)) for day in (9, 10, 11, 12, 13)] == [0, 3, 7, 7, 9]
    assert [journal.receipted_by(ReceiptDay(99, day, 4)) for day in (10, 11, 12, 13, 14)] == [0, 3, 7, 7, 9]
    assert journal.receipted_by(ReceiptDay(99, 99, 5)) == 0  # a restored ledger got it again only later
    journal.keep_receipt(b"r", 9, None)  # without a trusted clock: kept, not dated
    assert journal.receipted_by(ReceiptDay(99, 99, 4)) == 9
    journal.keep_receipt(b"r", 5, None)
    journal.close()
    journal = make()
    assert journal.receipted_by(ReceiptDay(99, 99, 4)) == 3
    journal.close()


def test_pruning_never_takes_the_last_record_with_its_hash(make: Make) -> None:
    journal = make()
    fill(journal, 4)
    head = journal.head
    assert journal.prune(99) == 3
    assert journal.head == head
    journal.close()
    journal = make()
    assert journal.head == head
    journal.close()


def test_each_record_is_read_with_its_own_signature(make: Make) -> None:
    """P11: also over a restart, when the last signature was in memory only."""
    journal = make()
    fill(journal, 3)
    journal.close()
    journal = make()
    fill(journal, 2)
    rows = journal.read(1, 99, 1 << 20)
    assert len(rows) == 5
    for row in rows:
        chain.verify_hash(chain.head_of(row.raw), row.signature, DEVICE.verifying)
    journal.close()


def test_a_record_that_is_not_signed_yet_is_not_read(make: Make) -> None:
    """Sync ships what `read` gives."""
    journal = make()
    assert (journal.signed, journal.read(1, 99, 1 << 20)) == (0, [])
    journal.append(record(journal), None)
    assert (journal.head.sequence, journal.signed, journal.read(1, 99, 1 << 20)) == (1, 0, [])
    sign(journal)
    journal.append(record(journal), None)
    assert (journal.head.sequence, journal.signed) == (2, 1)
    assert [row.sequence for row in journal.read(1, 99, 1 << 20)] == [1]
    sign(journal)
    assert [row.sequence for row in journal.read(1, 99, 1 << 20)] == [1, 2]
    journal.close()


def test_nothing_follows_an_unsigned_record(make: Make) -> None:
    journal = make()
    journal.append(record(journal), None)
    with pytest.raises(AssertionError, match="signed before the next"):
        journal.append(record(journal), None)
    assert journal.head.sequence == 1
    sign(journal)
    journal.close()


def test_a_dropped_record_is_gone_with_its_boarding_and_another_takes_its_place(make: Make) -> None:
    journal = make()
    fill(journal, 3)
    before = journal.head
    journal.append(record(journal), boarded(Presentation(b"dropped!", 9, 9), 9))
    journal.drop_tail()
    assert (journal.head, journal.signed) == (before, 3)
    fill(journal, 2)
    journal.close()
    journal = make()
    rows = journal.read(1, 99, 1 << 20)
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert all(accepted.wall_ms != 9 for _, accepted in journal.window())
    for row in rows:
        chain.verify_hash(chain.head_of(row.raw), row.signature, DEVICE.verifying)
    journal.close()


def test_a_boarding_that_was_taken_back_is_known_as_such_and_a_dropped_record_takes_nothing_back(make: Make) -> None:
    journal = make()
    fill(journal, 4)
    journal.append(record(journal), None, annuls=2)
    sign(journal)
    journal.append(record(journal), None, annuls=4)
    journal.drop_tail()
    assert [(s, it.annulled) for s, it in journal.window()] == [(2, True), (4, False)]
    journal.close()
    journal = make()
    assert [(s, it.annulled) for s, it in journal.window()] == [(2, True), (4, False)]
    journal.forget_window(3)
    assert [(s, it.annulled) for s, it in journal.window()] == [(4, False)]
    journal.close()


def test_what_is_signed_is_not_dropped(make: Make) -> None:
    """It may have been shipped."""
    journal = make()
    fill(journal, 1)
    with pytest.raises(AssertionError):
        journal.drop_tail()
    assert len(journal.read(1, 9, 1 << 20)) == 1
    journal.close()


# --- rides by bearer tickets ---------------------------------------------------------------------------------------------


def ridden_by(number: int, *, counter: int = RIDDEN, **changes: object) -> Accepted:
    return paid(Presentation(number.to_bytes(8, "big"), (20_000 << 16) + number, counter), **changes)


def keep(journal: Any, *boardings: Accepted) -> None:
    for it in boardings:
        journal.append(record(journal), it)
        sign(journal)


def test_a_ride_by_a_ticket_outlives_window_record_and_restart(make: Make) -> None:
    journal = make()
    keep(journal, ridden_by(1), ridden_by(2, adult_rials=0), ridden_by(3, counter=7))  # a free one, and a pass
    fill(journal, 2)
    journal.forget_window(99)
    journal.prune(4)
    journal.close()
    journal = make()
    assert list(journal.used_tickets()) == [(RecordId(11, 1), ridden_by(1))]
    journal.close()


def test_what_the_other_door_told_is_kept_and_what_counts_no_longer_is_forgotten(make: Make) -> None:
    journal = make()
    keep(journal, ridden_by(1))
    told = [(RecordId(12, 1), ridden_by(2)), (RecordId(12, 7), ridden_by(3))]
    journal.keep_tickets([*told, told[0]], [])
    assert list(journal.used_tickets()) == [(RecordId(11, 1), ridden_by(1)), *told]
    journal.keep_tickets([], [RecordId(11, 1), RecordId(12, 7), RecordId(12, 99)])
    journal.close()
    journal = make()
    assert list(journal.used_tickets()) == told[:1]
    journal.close()


def test_a_ride_that_is_dropped_or_taken_back_used_no_ticket_up(make: Make) -> None:
    """And the other door's rides stay, whatever their sequence."""
    journal = make()
    keep(journal, ridden_by(1))
    told = (RecordId(12, 99), ridden_by(2))
    journal.keep_tickets([told], [])
    journal.append(record(journal), ridden_by(3))
    journal.drop_tail()
    assert list(journal.used_tickets()) == [(RecordId(11, 1), ridden_by(1)), told]
    journal.append(record(journal), None, annuls=1)
    sign(journal)
    assert list(journal.used_tickets()) == [told]
    journal.close()


# --- what was let ride under policies ------------------------------------------------------------------------------------


def let(journal: Any, policy: str, rials: int) -> None:
    journal.append(record(journal), None, let_ride=LetRide(policy, rials))
    sign(journal)


def test_the_sum_of_a_policy_outlives_the_restart_and_a_dropped_record_adds_nothing(make: Make) -> None:
    journal = make()
    assert list(journal.let_ride()) == []
    for policy, rials in (("free", 7), ("grace", 40), ("free", 8)):
        let(journal, policy, rials)
    for policy, rials in (("free", 100), ("grace", -30), ("new", 5)):
        journal.append(record(journal), None, let_ride=LetRide(policy, rials))
        journal.drop_tail()
    assert list(journal.let_ride()) == [("free", 15), ("grace", 40)]
    journal.close()
    journal = make()
    let(journal, "grace", -40)
    let(journal, "free", 1)
    assert list(journal.let_ride()) == [("free", 16)]
    journal.close()


def test_a_sum_goes_with_the_record_of_its_last_ride_and_not_before(make: Make) -> None:
    """What is pruned is older than a policy may last."""
    journal = make()
    for policy in ("old", "long", "long"):
        let(journal, policy, 1)
    fill(journal, 1)
    journal.prune(2)
    assert list(journal.let_ride()) == [("long", 2)]
    journal.prune(3)
    assert list(journal.let_ride()) == []
    let(journal, "last", 1)
    journal.prune(99)  # the last record stays
    assert list(journal.let_ride()) == [("last", 1)]
    journal.close()


def test_a_ride_by_a_ticket_under_a_policy_is_both(make: Make) -> None:
    journal = make()
    journal.append(record(journal), ridden_by(1), let_ride=LetRide("grace", 9))
    sign(journal)
    assert (list(journal.used_tickets()), journal.let_ride()) == ([(RecordId(11, 1), ridden_by(1))], [("grace", 9)])
    journal.close()
