"""Batches into a real ledger: what is new is stored once, what is refused is kept apart, what fails comes again."""

from pathlib import Path

import pytest

from backend.app.ingest import Incoming
from backend.core.errors import StoreRefused
from protocol.fares.verdicts import Verdict
from protocol.limits import INT63_MAX
from protocol.wire import chain
from protocol.wire.batches import encode_batch
from protocol.wire.receipts import Receipt
from protocol.wire.records import ClockQuality, Instant
from tests.backend.bus import Bus, Rider, key
from tests.backend.desk import Desk, Failing, Killed, check_ledger
from tests.spoil import spoiled

pytestmark = pytest.mark.databases

RIDERS = [Rider(1), Rider(2, rider_class=2)]


def bus(name: str = "bus-1-d1", *, epoch: int = 1_001, taps: int = 8) -> Bus:
    made = Bus(name, epoch=epoch)
    made.ride(epoch, RIDERS, taps)
    return made


def desk_of(folder: Path, *buses: Bus, **wrap: object) -> Desk:
    return Desk(folder, buses, RIDERS, **wrap)


def forked(folder: Path, taps: int) -> tuple[Bus, Bus, Desk]:
    """A bus, a copy of its card that went on by itself for so many taps behind record 5, and a desk that knows both."""
    one = bus()
    twin = one.fork(5)
    twin.ride(99, RIDERS, taps)
    return one, twin, desk_of(folder, one)


def held(desk: Desk, it: Bus) -> None:
    """The ledger holds this journal, whole, byte for byte, and balances."""
    rows = desk.rows("SELECT sequence, bytes, hash FROM record WHERE device = ? AND epoch = ? ORDER BY sequence",
                     it.name, it.epoch)  # fmt: skip
    assert rows == [(n, raw, digest) for n, (raw, digest) in enumerate(zip(it.records, it.hashes, strict=True), 1)]
    check_ledger(desk)


# --- the same records, however often and in whatever order (P6) --------------------------------------------------------


def test_a_new_batch_is_stored_and_receipted(tmp_path: Path) -> None:
    """P2: the receipt is signed, and names the chain head and where the ledger stands."""
    one = bus()
    desk = desk_of(tmp_path, one)
    (receipt,) = desk.take_whole(one)
    ((incarnation, head),) = desk.rows("SELECT incarnation, head FROM ledger")
    assert receipt == Receipt(one.name, one.epoch, one.last, one.hashes[-1], incarnation, head, desk.now_ms)
    held(desk, one)
    assert [record.sequence for record in desk.stored] == list(range(1, one.last + 1))
    assert not desk.alarms


@pytest.mark.parametrize("apart", [True, False], ids=["in two groups", "in one group"])
@pytest.mark.parametrize(
    "cuts",
    [
        [(1, 10), (1, 10)],
        [(1, 4), (3, 7), (2, 10)],
        [(1, 4), (5, 10), (1, 4)],  # redelivered after its successor, as QoS 1 may
        [(1, 4), (5, 7), (2, 3), (8, 10), (5, 7)],
        [(1, 10), (10, 10), (1, 1)],
    ],
)
def test_what_is_known_is_never_stored_twice(tmp_path: Path, cuts: list[tuple[int, int]], *, apart: bool) -> None:
    """P6: duplicates and overlaps, in one transaction or in several; none of them is taken for a fork."""
    one = bus()
    desk = desk_of(tmp_path, one)
    batches = [(one, one.batch(*cut)) for cut in cuts]
    receipts = [r for b in batches for r in desk.take(b)] if apart else desk.take(*batches)
    held(desk, one)
    assert (receipts[-1].sequence, receipts[-1].head) == (10, one.hashes[-1])
    assert len(receipts) == (len(cuts) if apart else 1)
    assert not desk.quarantined()
    assert not desk.alarms
    assert [record.sequence for record in desk.stored] == list(range(1, 11))


def test_a_gap_stores_nothing_and_says_where_we_stand(tmp_path: Path) -> None:
    """P11: what follows a missing record waits on the bus."""
    one = bus()
    desk = desk_of(tmp_path, one)
    (receipt,) = desk.take((one, one.batch(4, 10)))
    assert (receipt.sequence, receipt.head, desk.records()) == (0, chain.GENESIS, 0)
    desk.take((one, one.batch(1, 3)))
    (receipt,) = desk.take((one, one.batch(6, 10)))
    assert (receipt.sequence, receipt.head, desk.records()) == (3, one.hashes[2], 3)
    assert not desk.quarantined()


def test_reordered_batches_of_one_group_wait_for_their_turn(tmp_path: Path) -> None:
    """P6: the later batch finds a gap, the earlier is stored; the later comes again."""
    one = bus()
    desk = desk_of(tmp_path, one)
    (receipt,) = desk.take((one, one.batch(6, 10)), (one, one.batch(1, 5)))
    assert receipt.sequence == 5
    desk.take((one, one.batch(6, 10)))
    held(desk, one)


def test_many_buses_in_one_group(tmp_path: Path) -> None:
    """One receipt for each."""
    fleet = [bus(f"bus-{n}-d1", epoch=n) for n in (1, 2, 3)]
    desk = desk_of(tmp_path, *fleet)
    receipts = desk.take(*((it, it.batch(1, 5)) for it in fleet), *((it, it.batch(6)) for it in fleet))
    assert [(r.device, r.sequence) for r in receipts] == [(it.name, it.last) for it in fleet]
    for it in fleet:
        held(desk, it)


# --- forks and new journals (P11) --------------------------------------------------------------------------------------


def test_a_fork_is_quarantined_whole(tmp_path: Path) -> None:
    """P11: both branches are kept, none is mixed into the other, people are told, and the second is told of the first."""
    one, twin, desk = forked(tmp_path, 5)
    desk.take_whole(one)
    branch = twin.batch(3)
    (receipt,) = desk.take((one, branch))
    assert (receipt.sequence, receipt.head) == (one.last, one.hashes[-1])
    held(desk, one)
    assert desk.quarantined() == [(one.name, "Fork", branch, 1)]
    assert desk.alarms == [("fork", one.name)]


def test_what_follows_a_fork_is_kept_with_it(tmp_path: Path) -> None:
    """P3, P11: more of the branch lies beyond what is held and looks like a gap; it would be kept nowhere."""
    one, twin, desk = forked(tmp_path, 30)
    desk.take((one, one.batch(1, 7)))
    desk.take((one, twin.batch(8, 12)))
    assert desk.quarantined() == [(one.name, "Fork", twin.batch(8, 12), 1)]
    later = twin.batch(twin.last - 3)
    desk.take((one, later))
    assert desk.quarantined()[1:] == [(one.name, "Fork", later, 1)]
    assert desk.records() == 7


def test_a_branch_is_kept_once_however_often_and_however_cut_it_comes(tmp_path: Path) -> None:
    """P3: sent anew from its beginning to an end that moves, it would fill the device's share with itself."""
    one, twin, desk = forked(tmp_path, 40)
    desk.take_whole(one)
    for first, last in [(8, 12), (13, 13), (14, 14)]:
        desk.take((one, twin.batch(first, last)))
    assert len(desk.quarantined()) == 3
    desk.take((one, twin.batch(8, 14)))
    assert desk.quarantined() == [(one.name, "Fork", twin.batch(8, 14), 1)], "in place of what it contains"
    desk.take((one, twin.batch(9, 13)))
    assert desk.quarantined() == [(one.name, "Fork", twin.batch(8, 14), 1)], "nothing new"
    for last in range(20, 30):
        desk.take((one, twin.batch(6, last)))
    assert desk.quarantined() == [(one.name, "Fork", twin.batch(6, 29), 1)]
    desk.take((one, twin.batch(25, 35)))
    assert [row[2] for row in desk.quarantined()] == [twin.batch(6, 29), twin.batch(25, 35)]


def test_what_the_other_door_hands_in_is_no_sign_of_life(tmp_path: Path) -> None:
    """P17: a dead door whose tail is carried is still silent."""
    dead, alive = bus(), Bus("bus-1-d2", epoch=77)
    alive.ride(2, RIDERS, 3)
    desk = Desk(tmp_path, [dead, alive], RIDERS)
    desk.take((dead, dead.batch(1, 3)))
    began_ms = desk.now_ms
    desk.now_ms += 700_000
    desk.ingest.take([Incoming(alive.name, dead.batch(4))])
    seen = {row.device: row.last_seen_ms for row in desk.store.devices([dead.device, alive.device])}
    assert seen == {dead.name: began_ms, alive.name: desk.now_ms}


def test_a_tap_at_the_end_of_time_stops_nobody(tmp_path: Path) -> None:
    """P16: one stolen validator must not end the ingest of a whole shard, and again at each start."""
    one, other = Bus("bus-1-d1", epoch=1), Bus("bus-2-d1", epoch=2)
    one._at = lambda: Instant(INT63_MAX, 5, ClockQuality.TRUSTED, 2)  # type: ignore[method-assign]
    one.tap(RIDERS[0].show(1))
    other.ride(2, RIDERS, 3)
    desk = Desk(tmp_path, [one, other], RIDERS)
    receipts = desk.take((one, one.batch()), (other, other.batch()))
    assert [(receipt.device, receipt.sequence) for receipt in receipts] == [
        (one.name, one.last),
        (other.name, other.last),
    ]
    assert desk.quarantined() == []


def test_a_fork_within_one_group(tmp_path: Path) -> None:
    """P11: also where the first branch is not committed yet, below its watermark as well as beyond."""
    one, twin, desk = forked(tmp_path, 5)
    (receipt,) = desk.take((one, one.batch()), (one, twin.batch(1, 7)), (one, twin.batch()))
    assert (receipt.sequence, receipt.head) == (one.last, one.hashes[-1])
    held(desk, one)
    assert desk.quarantined() == [(one.name, "Fork", twin.batch(), 1)]
    assert desk.alarms == [("fork", one.name)] * 2


def test_a_fork_does_not_stop_the_first_branch(tmp_path: Path) -> None:
    """P16: the true journal goes on."""
    one, twin, desk = forked(tmp_path, 5)
    desk.take((one, one.batch(1, 7)))
    desk.take((one, twin.batch(6)), (one, one.batch(8)))
    held(desk, one)


@pytest.mark.parametrize("apart", [True, False], ids=["in two groups", "in one group"])
def test_a_new_journal_is_kept_beside_the_old_and_told(tmp_path: Path, *, apart: bool) -> None:
    """P11: a new card or a rollback; both histories stay, people hear of it once."""
    old, new = bus(epoch=7), bus(epoch=8)
    desk = desk_of(tmp_path, old)
    groups = (
        [[(old, old.batch())], [(old, new.batch(1, 4))]] if apart else [[(old, old.batch()), (old, new.batch(1, 4))]]
    )
    for group in groups:
        desk.take(*group)
    (receipt,) = desk.take((old, new.batch(5)))
    assert (receipt.epoch, receipt.sequence) == (8, new.last)
    held(desk, old)
    held(desk, new)
    assert desk.alarms == [("new-journal", old.name)]


def test_a_journal_without_its_opening_is_quarantined(tmp_path: Path) -> None:
    """P11."""
    one = Bus(opened=False)
    desk = desk_of(tmp_path, one)
    assert [receipt.sequence for receipt in desk.take_whole(one)] == [0]
    assert (desk.records(), desk.quarantined()) == (0, [(one.name, "Fork", one.batch(), 1)])


# --- what is refused is kept, with its reason, and counted (P3) -----------------------------------------------------------


def changed(it: Bus) -> bytes:
    """A batch with one byte of one record changed on the way."""
    records = [*it.records]
    records[4] = spoiled(records[4])
    return encode_batch(it.name, it.epoch, 1, records, chain.sign_hash(it.hashes[-1], it.tap_key))


def shortened(it: Bus) -> bytes:
    """A batch out of whose middle one record was taken."""
    records = it.records[:4] + it.records[5:]
    return encode_batch(it.name, it.epoch, 1, records, chain.sign_hash(it.hashes[-1], it.tap_key))


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        ("BadSignature", lambda it: it.batch(signer=key("stolen"))),
        ("ChainBroken", changed),
        ("ChainBroken", shortened),
        ("Truncated", lambda it: it.batch()[:-1]),
        ("TrailingBytes", lambda it: it.batch() + b"\0"),
        ("OutOfRange", lambda _: bus("bus-2-d1").batch()),
    ],
)
def test_what_is_not_proven_is_quarantined(tmp_path: Path, reason: str, payload: object) -> None:
    """P3, P9: kept byte for byte with its reason and counted each time; no receipt; the genuine batch is taken."""
    one, other = bus(), bus("bus-2-d1")
    desk = desk_of(tmp_path, one, other)
    refused = payload(one)
    assert desk.take((one, refused)) == []
    assert [r.device for r in desk.take((one, refused), (other, other.batch()))] == [other.name]
    assert desk.quarantined() == [(one.name, reason, refused, 2)]
    assert desk.store.counts()["quarantined"] == 2
    held(desk, other)
    desk.take_whole(one)
    held(desk, one)


def test_a_device_that_is_not_enrolled_waits_in_quarantine(tmp_path: Path) -> None:
    """P3, P13: nothing of it is believed; after enrolment the same bytes are taken."""
    one = bus()
    desk = desk_of(tmp_path)
    assert desk.take_whole(one) == []
    assert (desk.records(), desk.quarantined()) == (0, [(one.name, "UnknownKey", one.batch(), 1)])
    desk.enrol(one)
    desk.take_whole(one)
    held(desk, one)


def test_the_same_bytes_from_two_devices_are_two_entries(tmp_path: Path) -> None:
    """P3: the quarantine names who sent it."""
    one, other = bus(), bus("bus-2-d1")
    desk = desk_of(tmp_path, one, other)
    desk.take((one, b""), (other, b""), (one, b""))
    assert [(row[0], row[3]) for row in desk.quarantined()] == [(one.name, 2), (other.name, 1)]


# --- failures of our own: nothing half, nothing lost, nothing doubled ------------------------------------------------------


def test_a_failed_commit_stores_nothing_and_promises_nothing(tmp_path: Path) -> None:
    """P2, P6: no receipt without the disk; the batch comes again and is stored once."""
    one = bus()
    failing: list[Failing] = []
    desk = desk_of(tmp_path, one, wrap=lambda store: failing.append(Failing(store)) or failing[0])
    failing[0].before = 2  # the group, and its one batch by itself
    assert desk.take_whole(one) == []
    assert not desk.quarantined()
    assert (desk.records(), desk.rows("SELECT * FROM transfer"), desk.stored) == (0, [], [])
    assert desk.take_whole(one)[0].sequence == one.last
    held(desk, one)
    assert desk.payers().count("copied") == 0


def test_a_failed_group_is_tried_batch_by_batch(tmp_path: Path) -> None:
    """P6: what can be stored is, in its own transaction; claims of the failed group do not linger."""
    one, other = bus(), bus("bus-2-d1", epoch=2)
    failing: list[Failing] = []
    desk = desk_of(tmp_path, one, other, wrap=lambda store: failing.append(Failing(store)) or failing[0])
    failing[0].before = 1
    receipts = desk.take((one, one.batch(1, 5)), (one, one.batch(6)), (other, other.batch()))
    assert [(r.device, r.sequence) for r in receipts] == [(one.name, 5), (one.name, one.last), (other.name, other.last)]
    held(desk, one)
    held(desk, other)
    assert "copied" not in desk.payers()


def test_a_poison_batch_does_not_block_its_group(tmp_path: Path) -> None:
    """P6: the one that cannot be stored has no receipt; the others have theirs."""
    fleet = [bus(f"bus-{n}-d1") for n in (1, 2, 3)]
    failing: list[Failing] = []
    desk = desk_of(tmp_path, *fleet, wrap=lambda store: failing.append(Failing(store)) or failing[0])
    failing[0].poison = "bus-2-d1"
    receipts = desk.take(*((it, it.batch()) for it in fleet))
    assert [r.device for r in receipts] == ["bus-1-d1", "bus-3-d1"]
    assert desk.store.watermark("bus-2-d1", fleet[1].epoch).sequence == 0
    failing[0].poison = None
    desk.take_whole(fleet[1])
    for it in fleet:
        held(desk, it)


@pytest.mark.parametrize("error", [StoreRefused("the ledger refuses it: UNIQUE"), ValueError("a transfer of 0 rials")])
def test_a_proven_batch_that_the_ledger_refuses_is_set_aside(tmp_path: Path, error: Exception) -> None:
    """P3: kept with its reason and told to people; the others go on, and no receipt covers it."""
    fleet = [bus(f"bus-{n}-d1") for n in (1, 2, 3)]
    failing: list[Failing] = []
    desk = desk_of(tmp_path, *fleet, wrap=lambda store: failing.append(Failing(store)) or failing[0])
    failing[0].poison, failing[0].poison_error = "bus-2-d1", error
    for times in (1, 2):
        receipts = desk.take(*((it, it.batch()) for it in fleet))
        assert [r.device for r in receipts] == ["bus-1-d1", "bus-3-d1"]
        assert desk.quarantined() == [("bus-2-d1", type(error).__name__, fleet[1].batch(), times)]
    assert set(desk.alarms) == {("poison", "bus-2-d1")}
    failing[0].poison = None
    desk.take_whole(fleet[1])
    held(desk, fleet[1])


def test_a_lost_receipt_costs_nothing(tmp_path: Path) -> None:
    """P6: the same batch again gets the same answer, and nothing is doubled."""
    one = bus()
    desk = desk_of(tmp_path, one)
    lost = desk.take_whole(one)
    before = desk.rows("SELECT * FROM account"), desk.rows("SELECT * FROM tally")
    assert desk.take_whole(one) == lost
    assert (desk.rows("SELECT * FROM account"), desk.rows("SELECT * FROM tally")) == before
    held(desk, one)


def test_killed_between_commit_and_receipt(tmp_path: Path) -> None:
    """P2, P6: the started-again backend knows the batch and receipts it, with the heads it would have named."""
    one = bus()
    failing: list[Failing] = []
    desk = desk_of(tmp_path, one, wrap=lambda store: failing.append(Failing(store)) or failing[0])
    failing[0].after = 1
    with pytest.raises(Killed):
        desk.take_whole(one)
    desk.close()
    again = desk_of(tmp_path, one)
    (receipt,) = again.take_whole(one)
    assert (receipt.sequence, receipt.head) == (one.last, one.hashes[-1])
    assert receipt.ledger_head == again.one("SELECT head FROM ledger")
    held(again, one)
    assert "copied" not in again.payers()


def test_a_day_key_is_found_again_after_a_restart(tmp_path: Path) -> None:
    """P20: proofs under a key that came before the restart are opened, not put to suspense."""
    one = bus()
    desk = desk_of(tmp_path, one)
    desk.take((one, one.batch(1, 2)))
    desk.close()
    again = desk_of(tmp_path, one)
    again.take((one, one.batch(3)))
    held(again, one)
    assert set(again.payers()) == {"rider"}


def test_refusals_are_stored_and_not_posted(tmp_path: Path) -> None:
    """P3: refusals are records too; they cost nothing."""
    one = Bus()
    one.refusal()
    for verdict in (Verdict.ALREADY_PAID, Verdict.DENIED, Verdict.BOARD_FREE, Verdict.COPIED):
        one.tap(RIDERS[0].show(int(verdict)), verdict=verdict)
    desk = desk_of(tmp_path, one)
    desk.take_whole(one)
    held(desk, one)
    assert desk.rows("SELECT * FROM transfer") == []
    assert desk.rows("SELECT * FROM claim") == []
    assert desk.payers() == []
    assert desk.store.counts() == {
        "accepted": 1, "posted_rials": 0, "shown_less": 0, "quarantined": 0, "verdict:14": 1, "verdict:4": 1, "verdict:10": 1,
        "verdict:16": 1, "verdict:9": 1,
    }  # fmt: skip
