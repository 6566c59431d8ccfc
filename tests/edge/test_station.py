"""A door without its threads: who is believed, what is too much, what is said first, and where receipts go."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.adapters.card import abandon
from edge.adapters.copies import ApswCopies
from edge.adapters.journal import ApswJournal
from edge.core.condition import Condition
from edge.core.errors import JournalFailed
from edge.core.limits import (
    COURIER_AFTER_MS,
    HEALTH_PERIOD_MS,
    RECEIPTS_WAITING_MAX,
    SISTER_SILENT_MS,
    SISTER_WORDS_WAITING_MAX,
    STEP_MAX_MS,
)
from edge.core.ports import StoredRecord
from protocol.limits import MESSAGE_MAX_BYTES
from protocol.wire.health import (
    BoardHealth,
    BoardState,
    CameraHealth,
    CameraState,
    Health,
    Machine,
    RunCause,
    SisterLink,
    open_health,
    open_state,
)
from protocol.wire.receipts import encode_receipt, open_receipt
from protocol.wire.records import ClockQuality
from protocol.wire.sister import SisterWord, Witness, encode_sister
from tests.edge.door import BACKEND, DEVICE, FARE, STRANGER, Rider, at, bundle
from tests.edge.pair import FRONT, OTHER, REAR, Door, Pair
from tests.spoil import spoiled


@pytest.fixture
def door(pair: Pair) -> Door:
    for number in range(3):
        pair.front.board(Rider(number + 1), at())
    return pair.front


def believe(door: Door, data: bytes, now_s: float = 1) -> None:
    door.station.message_came(data)
    door.step(at(now_s))


def test_a_receipt_settles_what_it_covers_and_is_kept_at_the_end(door: Door) -> None:
    good = door.receipt(4, at())
    believe(door, good)
    assert door.station.backlog == 1
    assert door.heard == [at().wall_ms]
    door.station.end(at(2))
    assert door.journal.receipt() == good


def test_a_receipt_that_is_not_proven_is_counted_and_changes_nothing(door: Door) -> None:
    """P2, P9: of whom it says it is, by whom it is signed, for which history."""
    good = open_receipt(door.receipt(4, at()), [BACKEND.verifying])
    believe(door, encode_receipt(good, STRANGER))
    believe(door, encode_receipt(good, DEVICE))
    believe(door, door.receipt(4, at())[:-1])
    believe(door, b"")
    assert (door.station.refused_receipts, door.station.backlog, door.heard) == (4, 5, [])
    assert door.station.problem(at(1)) == ""


def test_a_receipt_of_another_history_is_said_and_sets_no_clock(door: Door) -> None:
    """P11."""
    believe(door, door.receipt(4, at(), head=b"x" * 32))
    assert (door.station.refused_receipts, door.station.backlog, door.heard) == (0, 5, [])
    assert "take it out of use" in door.station.problem(at(1))
    believe(door, door.receipt(4, at(), issued_ms=at(2).wall_ms), 2)
    assert door.station.problem(at(2)) == ""


def test_a_receipt_for_the_other_door_is_for_its_copy_here(pair: Pair) -> None:
    """P2: it says nothing of our own journal."""
    pair.front.board(Rider(1), at())
    pair.rear.board(Rider(2), at())
    pair.plug()
    pair.talk(at(1))
    assert pair.front.station.courier_backlog == 3
    believe(pair.front, pair.rear.receipt(3, at(1)), 2)
    assert (pair.front.station.courier_backlog, pair.front.station.backlog) == (0, 3)
    assert pair.front.heard == []


def test_a_restoration_that_our_own_receipt_tells_of_is_one_for_the_copies_too(pair: Pair) -> None:
    """P2: the sister may be dead, and get no receipt of its own any more."""
    pair.front.board(Rider(1), at())
    pair.rear.board(Rider(2), at())
    pair.plug()
    pair.talk(at(1))
    believe(pair.front, pair.rear.receipt(3, at(1)), 2)
    assert pair.front.station.courier_backlog == 0
    believe(pair.front, pair.front.receipt(3, at(3), incarnation=7), 3)
    assert (pair.front.station.courier_backlog, pair.front.station.backlog) == (1, 0)


def test_what_a_dead_door_left_goes_up_from_here(pair: Pair) -> None:
    """P1, P2: the whole way: cable, card, courier."""
    pair.rear.board(Rider(2), at())
    pair.plug()
    pair.talk(at(1))
    pair.unplug()
    pair.front.online()
    pair.front.step(at(2))
    pair.front.step(at(2 + COURIER_AFTER_MS / 1000 - 1))
    assert {name for name, _, _ in pair.front.carried} == {pair.front.name}
    pair.front.step(at(2 + COURIER_AFTER_MS / 1000))
    assert pair.front.carried[-1] == (REAR, 1, 3)
    told = pair.front.carried.count((REAR, 1, 3))
    pair.front.station.backend_there()  # it was away just then
    pair.front.step(at(2.5 + COURIER_AFTER_MS / 1000))
    assert pair.front.carried.count((REAR, 1, 3)) == told + 1


def test_an_inbox_passes_over_what_is_too_much(door: Door) -> None:
    """P4: whoever floods it costs a bounded room, and what is proven comes again."""
    for _ in range(RECEIPTS_WAITING_MAX + 50):
        door.station.message_came(b"")
    for _ in range(SISTER_WORDS_WAITING_MAX + 50):
        door.station.sister_came(b"")
    door.step(at(1))
    assert door.station._other is not None
    assert door.station.refused_receipts == RECEIPTS_WAITING_MAX
    assert door.station._other.sister.refused == SISTER_WORDS_WAITING_MAX
    believe(door, door.receipt(5, at()), 2)
    assert door.station.backlog == 0


def test_an_inbox_is_bounded_in_bytes(door: Door) -> None:
    """P4: what is too long to be a receipt is not kept until somebody looks at it."""
    for _ in range(RECEIPTS_WAITING_MAX + 50):
        door.station.message_came(bytes(MESSAGE_MAX_BYTES + 1))
    door.station.message_came(door.receipt(5, at()))
    assert door.station._receipts.waiting_bytes() <= MESSAGE_MAX_BYTES
    door.step(at(1))
    assert (door.station.backlog, door.station.refused_receipts) == (0, 0)


def test_a_session_begins_with_a_birth_and_ships(door: Door) -> None:
    door.step(at(1))
    assert door.broker.published == []
    door.online()
    door.step(at(2))
    topic, birth = door.broker.published[0]
    assert topic.endswith("/state")
    assert open_state(birth, [DEVICE.verifying]).online
    assert door.carried == [(door.name, 1, 5)]
    door.step(at(3))
    assert len(door.broker.published) == 2
    door.online()  # it ended and began between two steps
    door.step(at(4))
    assert door.carried == [(door.name, 1, 5)] * 2


def test_a_session_that_ended_ships_nothing_until_the_next(door: Door) -> None:
    door.online()
    door.online(yes=False)
    door.step(at(1))
    door.board(Rider(9), at(2), counter=1)
    door.step(at(2))
    assert door.broker.published == []


def test_a_backend_that_begins_to_listen_gets_what_went_past_it(pair: Pair) -> None:
    front = pair.front
    front.online()
    front.board(Rider(9), at(1), counter=1)
    front.step(at(1))
    before = list(front.carried)
    front.step(at(2))
    assert front.carried == before
    front.station.backend_there()
    front.step(at(2))
    assert front.carried == [*before, before[-1]]


def a_health(door: Door, now_s: float) -> Health:
    cameras = [CameraHealth("front", CameraState.WORKING, 9, 1, 0)]
    return door.station.health(at(now_s), disk_free=77, cameras=cameras, problem="x" * 300)


def test_health_says_where_the_device_stands(door: Door) -> None:
    believe(door, door.receipt(4, at()))
    door.board(Rider(1), at(1), counter=2)
    told = a_health(door, 1)
    assert (told.last_sequence, told.receipted_sequence, told.accepted, told.refused) == (6, 4, 3, 1)
    assert (told.device, told.epoch, told.disk_free_bytes, told.problem) == (door.name, 11, 77, "x" * 200)
    assert [camera.name for camera in told.cameras] == ["front"]


def test_health_tells_how_long_the_oldest_record_has_waited(door: Door) -> None:
    """Records of this run by the clock that cannot be set: one that jumps makes nothing older."""
    assert a_health(door, 40).oldest_waiting_s == 40
    jumped = at(40, wall_jump_s=-9_000)
    assert door.station.health(jumped, disk_free=1, cameras=(), problem="").oldest_waiting_s == 40
    door.board(Rider(7), at(100), counter=1)
    last = door.journal.head.sequence
    believe(door, door.receipt(last - 1, at(101)), 101)
    assert a_health(door, 160).oldest_waiting_s == 60
    believe(door, door.receipt(last, at(161)), 161)
    assert a_health(door, 999).oldest_waiting_s == 0


def test_of_an_earlier_run_only_a_trusted_clock_can_say_how_long(door: Door) -> None:
    """Monotonic time begins anew with the machine; a record's wall time is believed if both clocks were good."""
    door.station.begin(at(10), RunCause.POWER_LOST)
    told = a_health(door, 40)
    assert (told.oldest_waiting_s, told.started) == (40, RunCause.POWER_LOST)
    untrusted = replace(at(40), quality=ClockQuality.UNTRUSTED, uncertainty_s=0)
    assert door.station.health(untrusted, disk_free=1, cameras=(), problem="").oldest_waiting_s is None
    back = at(40, wall_jump_s=-9_000)
    assert door.station.health(back, disk_free=1, cameras=(), problem="").oldest_waiting_s == 0


@pytest.mark.parametrize("damage", ["failed", "hole", "rotten"])
def test_a_record_that_cannot_be_read_is_said(door: Door, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """P4: and the rest is told all the same."""

    def read(*_: object) -> list[StoredRecord]:
        if damage == "failed":
            raise JournalFailed("a page is gone")
        return [] if damage == "hole" else [StoredRecord(1, b"\x80", b"")]

    monkeypatch.setattr(door.journal, "read", read)
    board = BoardHealth(BoardState.THERE, supply_mv=26_400, parked_accepted=2)
    condition = Condition(uptime_s=5, unread=("load",), machine=Machine(up_s=77), tamper=True, board=board)
    told = door.station.health(at(40), disk_free=1, cameras=(), problem="", condition=condition)
    assert (told.oldest_waiting_s, told.unread) == (None, ("load", "journal"))
    assert (told.uptime_s, told.machine.up_s, told.last_sequence) == (5, 77, 5)
    assert (told.tamper, told.board) == (True, board)


def test_health_tells_of_the_link_to_the_other_door(pair: Pair) -> None:
    front = pair.front
    front.board(Rider(1), at(1))
    waits = front.journal.head.sequence
    front.step(at(2))
    link = SisterLink(linked=False, silent_s=14, waiting=waits, carried=0, exposed_rials=FARE)
    assert a_health(front, 14).sister == link
    front.end.connected = True
    front.station.link_changed(connected=True)
    front.step(at(15))
    link = a_health(front, 20).sister
    assert link is not None
    assert (link.linked, link.silent_s, link.waiting) == (True, 0, waits)


def test_what_could_be_spent_twice_while_the_doors_are_apart_is_counted_in_rials(pair: Pair) -> None:
    """P7, P10: in the words while it lasts, in health since the start; a driver's word at one door tells how much."""
    front = pair.front
    pair.plug()
    pair.talk(at(1))
    pair.talk(at(2))
    for number, now in ((1, at(10)), (2, at(20))):
        front.board(Rider(number), now)
        pair.talk(now)
    assert exposed(front, 30) == 0
    front.board(Rider(3), at(30))
    front.step(at(30))  # told, and the cable is dead: nobody knows yet
    pair.unplug()
    front.step(at(34))
    front.board(Rider(4), at(40))
    front.step(at(40))
    assert exposed(front, 40) == 2 * FARE
    assert f"{2 * FARE:,} rials" in front.station.problem(at(40))
    pair.plug()
    pair.talk(at(50))
    front.board(Rider(5), at(60))
    pair.talk(at(60))
    assert exposed(front, 60) == 2 * FARE
    assert front.station.problem(at(60)) == ""


def exposed(door: Door, now_s: float) -> int:
    link = a_health(door, now_s).sister
    assert link is not None
    return link.exposed_rials


def test_births_and_deaths_say_why(door: Door) -> None:
    door.station.begin(at(1), RunCause.CRASHED)
    found = [open_state(door.station.state(online=online), [DEVICE.verifying]) for online in (True, False)]
    assert [(state.online, state.cause) for state in found] == [(True, RunCause.CRASHED), (False, RunCause.STOPPED)]


def test_health_goes_out_at_the_start_of_a_session_and_once_a_minute(door: Door) -> None:
    made = []

    def tell(now_s: float) -> None:
        door.step(at(now_s))
        door.station.tell_health(at(now_s), lambda: made.append(now_s) or a_health(door, now_s))  # type: ignore[func-returns-value]

    tell(1)
    door.online()
    for now_s in (2, 3, 2 + HEALTH_PERIOD_MS / 1000 - 1, 2 + HEALTH_PERIOD_MS / 1000):
        tell(now_s)
    door.online()
    tell(63)
    assert made == [2, 62, 63]
    last = [data for topic, data in door.broker.published if topic.endswith("/health")][-1]
    assert open_health(last, [DEVICE.verifying]) == a_health(door, 63)


def test_the_worst_fault_is_said_first(pair: Pair) -> None:
    """P4, P11: a journal that fails, then a copied card, then the other door's, then its card, then the cable."""
    front = pair.front
    late = at(SISTER_SILENT_MS / 1000 + 9)
    assert "not heard" in front.station.problem(late)
    assert front.station._other is not None
    front.station._other.sister.problem = JournalFailed("its copies fail")
    assert "its copies fail" in front.station.problem(late)
    front.station._other.sister.forked = True
    assert "take that door out of use" in front.station.problem(late)
    witness = Witness(11, 1, b"x" * 32)
    front.station.sister_came(encode_sister(SisterWord(REAR, witness=witness), OTHER))
    front.step(late)
    assert "another history of this journal" in front.station.problem(late)
    front.journal.fails = JournalFailed("fsync failed")
    front.board(Rider(1), late)
    assert "fsync failed" in front.station.problem(late)


def test_it_is_woken_by_whatever_comes(door: Door) -> None:
    woken = door.woken
    door.station.message_came(b"")
    door.station.sister_came(b"")
    door.station.session_changed(connected=True)
    door.station.link_changed(connected=False)
    door.station.backend_there()
    door.board(Rider(7), at(1))
    assert door.woken == woken + 6
    assert door.station.wait_ms(at(1)) == STEP_MAX_MS


def test_the_kept_receipt_is_believed_at_the_start_only_when_it_is_proven(pair: Pair) -> None:
    """P9: a card may say anything."""
    pair.front.board(Rider(1), at())
    pair.front.journal.kept = pair.front.receipt(3, at())
    assert pair.restart(pair.front, at(1)).station.backlog == 0
    pair.front.journal.kept = spoiled(pair.front.receipt(3, at()))
    front = pair.restart(pair.front, at(2))
    assert (front.station.backlog, front.station.refused_receipts) == (3, 1)


def test_a_witness_that_holds_nothing_is_of_whatever_epoch(pair: Pair) -> None:
    """A blank card beside us is filled again from our journal; one that holds another epoch says nothing of ours."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    assert pair.front.station.sister_backlog == 0
    for witness in (Witness(99, 3, bytes(32)), Witness(0, 0, bytes(32))):
        pair.front.station.sister_came(encode_sister(SisterWord(REAR, witness=witness), OTHER))
        pair.front.step(at(2))
        assert pair.front.station.problem(at(2)) == ""
        assert pair.front.station.sister_backlog == (0 if witness.epoch else 3)


def test_a_power_cut_on_a_journal_that_is_receipted_to_its_end_is_no_fork(tmp_path: Path) -> None:
    """P11: the tail's signature was only in memory; the record is there, and so is what the backend said of it."""
    path = tmp_path / "journal.db"
    journal = ApswJournal(path, device=FRONT, new_epoch=11)
    door = Door(FRONT, journal, ApswCopies(tmp_path / "sister.db", sister=REAR), at())  # type: ignore[arg-type]
    door.board(Rider(1), at())
    door.online()
    door.step(at(1))
    door.station.message_came(door.receipt(journal.head.sequence, at(1)))
    door.step(at(2))
    door.step(at(30))
    assert journal.receipt() is not None
    abandon(journal._write)
    journal = ApswJournal(path, device=FRONT, new_epoch=12)
    assert journal.signed == journal.head.sequence - 1
    door = Door(FRONT, journal, ApswCopies(tmp_path / "sister-2.db", sister=REAR), at(60))  # type: ignore[arg-type]
    door.step(at(61))
    assert "history" not in door.station.problem(at(61))
    assert (door.station.backlog, len(door.heard)) == (0, 1)
    journal.close()


def test_a_withdrawn_receipt_keys_receipt_is_refused(door: Door) -> None:
    """Attack: a receipt key was stolen. Once the bundle does not name it, it makes no bus delete anything."""
    believe(door, door.receipt(2, at()))
    assert door.station.backlog == 3
    door.station.bundle_came(bundle(number=4, receipt_keys=(BACKEND.public, STRANGER.public)))
    newer = open_receipt(door.receipt(3, at(1)), [BACKEND.verifying])
    believe(door, encode_receipt(newer, STRANGER), 2)  # both are believed while they overlap
    assert (door.station.backlog, door.station.refused_receipts) == (2, 0)
    door.station.bundle_came(bundle(number=5, receipt_keys=(STRANGER.public,)))
    believe(door, door.receipt(5, at(3)), 3)
    assert (door.station.backlog, door.station.refused_receipts) == (2, 1)
    last = open_receipt(door.receipt(5, at(4)), [BACKEND.verifying])
    believe(door, encode_receipt(last, STRANGER), 4)
    assert (door.station.backlog, door.station.refused_receipts) == (0, 1)
