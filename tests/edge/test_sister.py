"""The sister door: what one door accepted the other knows and holds, and a witness means that it holds it."""

import pytest

from edge.app import sister as sister_module
from edge.core.errors import JournalFailed
from edge.core.limits import RETRY_MIN_MS, SISTER_SILENT_MS, SISTER_WORDS_WAITING_MAX
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import Instant
from protocol.wire.sister import SisterWord, encode_sister
from tests.edge.door import DEVICE, Rider, at
from tests.edge.pair import FRONT, OTHER, REAR, Door, Pair, ReadOnlyCopies, copied, shipped, whole, words


def seen(door: Door) -> list[tuple[Verdict, Reason]]:
    return [(it.verdict, it.reason) for it in door.panel.shown]


def test_records_of_each_door_lie_at_the_other(pair: Pair) -> None:
    pair.front.board(Rider(1), at())
    pair.rear.board(Rider(2), at())
    pair.plug()
    pair.talk(at(1))
    assert (copied(pair.rear), copied(pair.front)) == (whole(pair.front), whole(pair.rear))
    assert (pair.front.station.sister_backlog, pair.rear.station.sister_backlog) == (0, 0)
    stored = pair.rear.copies.read(11, 1, 9, 1 << 20)
    assert [row.raw for row in stored] == [pair.front.journal.rows[n] for n in (1, 2, 3)]


def test_what_was_paid_at_one_door_is_paid_at_the_other(pair: Pair) -> None:
    """P7: the render that was used is a copy, another of the same phone has paid."""
    pair.plug()
    pair.talk(at())
    code = Rider(1).code(at(1))
    pair.front.show(code, at(1))
    pair.talk(at(2))
    pair.rear.show(code, at(3))
    pair.rear.board(Rider(1), at(4), counter=2)
    pair.rear.board(Rider(2), at(4))
    assert seen(pair.rear) == [
        (Verdict.COPIED, Reason.OTHER_DOOR), (Verdict.ALREADY_PAID, Reason.OTHER_DOOR), (Verdict.ACCEPTED, Reason.NONE),
    ]  # fmt: skip


def test_the_window_of_the_other_door_closes_by_age_not_by_arrival(pair: Pair) -> None:
    """P7, P14: told late, and to a door whose wall clock is elsewhere; the age counts."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(100))
    pair.rear.board(Rider(1), at(179), counter=2)
    pair.rear.board(Rider(1), at(181), counter=3)
    assert [verdict for verdict, _ in seen(pair.rear)] == [Verdict.ALREADY_PAID, Verdict.ACCEPTED]


def test_a_door_that_restarted_knows_what_the_other_accepted(pair: Pair) -> None:
    """P7: the window it kept itself holds its own boardings only."""
    pair.plug()
    pair.talk(at())
    code = Rider(1).code(at(1))
    pair.front.show(code, at(1))
    pair.talk(at(2))
    rear = pair.restart(pair.rear, at(10))
    pair.plug()
    pair.talk(at(11))
    rear.show(code, at(12))
    assert seen(rear) == [(Verdict.COPIED, Reason.OTHER_DOOR)]


def test_a_blank_card_gets_its_own_window_back_and_is_filled_again(pair: Pair) -> None:
    """P7: who paid at this door before its card was changed has paid at this door."""
    pair.plug()
    pair.talk(at())
    code = Rider(1).code(at(1))
    pair.rear.show(code, at(1))
    pair.front.board(Rider(2), at(1))
    pair.talk(at(2))
    rear = pair.restart(pair.rear, at(10), blank=True)
    pair.plug()
    pair.talk(at(11))
    rear.show(code, at(12))
    assert seen(rear) == [(Verdict.COPIED, Reason.SAME_DOOR)]
    assert copied(rear) == whole(pair.front)
    pair.talk(at(13))
    assert [(epoch, sequence) for epoch, sequence, _ in copied(pair.front)] == [(12, 3), (22, 3)]
    assert not rear.station.problem(at(13))


def test_boardings_are_told_at_once_while_batches_are_on_their_way(pair: Pair) -> None:
    """P7: nothing was witnessed yet, so no batch goes out; what was paid does."""
    pair.plug()
    pair.talk(at())
    for number in range(8):
        pair.front.board(Rider(number + 1), at(number / 10))
        pair.front.step(at(number / 10))
    told = words(pair.front)
    assert [len(word.boardings) for word in told] == [1] * 8
    assert [bool(word.batch) for word in told] == [True] * 4 + [False] * 4


def test_a_witness_is_given_only_for_what_is_durable(pair: Pair) -> None:
    """P1: a card that takes nothing holds nothing; said, and made good when it takes something again."""
    pair.rear.copies.broken = True  # type: ignore[attr-defined]
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    assert pair.front.station.sister_backlog == 3
    assert "read-only" in pair.rear.station.problem(at(1))
    pair.front.board(Rider(2), at(1))
    pair.talk(at(2))
    assert "read-only" in pair.rear.station.problem(at(2))
    pair.rear.copies.broken = False  # type: ignore[attr-defined]
    pair.talk(at(2 + RETRY_MIN_MS / 1000))
    assert pair.front.station.sister_backlog == 0
    assert copied(pair.rear) == whole(pair.front)
    assert pair.rear.station.problem(at(9)) == ""


def test_a_message_without_a_batch_does_not_silence_a_card_that_takes_none(pair: Pair) -> None:
    """P4: taps are told of several times a second; the fault must not be gone between two batches."""
    pair.rear.copies.broken = True  # type: ignore[attr-defined]
    pair.plug()
    pair.talk(at(1))
    assert "read-only" in pair.rear.station.problem(at(1))
    pair.rear.station.sister_came(encode_sister(SisterWord(FRONT), DEVICE))
    pair.rear.step(at(2))
    assert "read-only" in pair.rear.station.problem(at(2))


def test_copies_that_cannot_be_read_are_not_witnessed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_self: object) -> None:
        raise JournalFailed("the card does not answer")

    pair.plug()
    monkeypatch.setattr(ReadOnlyCopies, "held", fails)
    pair.rear.step(at(1))
    assert next(word.witness for word in words(pair.rear)) is None
    assert "does not answer" in pair.rear.station.problem(at(1))


def test_the_other_door_sends_what_it_still_has_when_its_beginning_was_pruned(pair: Pair) -> None:
    """A blank card beside a door that has pruned: filled from there on."""
    for number in range(4):
        pair.front.board(Rider(number + 1), at())
    pair.front.station.message_came(pair.front.receipt(4, at()))
    pair.front.step(at())
    pair.front.station.end(at())
    pair.front.journal.prune(3)
    front = pair.restart(pair.front, at(1))
    pair.plug()
    pair.talk(at(2))
    assert copied(pair.rear) == whole(front)
    assert pair.rear.copies.oldest(11) == 4
    assert front.station.sister_backlog == 0


def test_a_blank_card_is_filled_with_what_was_receipted_and_is_still_there(pair: Pair) -> None:
    """P2: a ledger may be restored from before the receipt; the door only had not heard that the copy is empty."""
    pair.plug()
    for number in range(4):
        pair.front.board(Rider(number + 1), at())
    pair.talk(at())
    pair.front.station.message_came(pair.front.receipt(pair.front.journal.head.sequence, at()))
    pair.talk(at(1))
    rear = pair.restart(pair.rear, at(10), blank=True)
    pair.front.board(Rider(9), at(10))
    pair.plug()
    pair.talk(at(11))
    assert copied(rear) == whole(pair.front)
    assert rear.copies.oldest(11) == 1


def test_a_backend_that_asks_for_what_was_pruned_keeps_nothing_from_the_other_door(pair: Pair) -> None:
    """P1: the ledger was just lost, so the copy beside is the only one."""
    for number in range(6):
        pair.front.board(Rider(number + 1), at())
    pair.plug()
    pair.front.online()
    pair.front.station.message_came(pair.front.receipt(pair.front.journal.head.sequence, at()))
    pair.talk(at(1))
    pair.front.journal.prune(3)
    pair.front.station.message_came(pair.front.receipt(0, at(2), incarnation=2))
    pair.talk(at(2))
    pair.front.board(Rider(50), at(3))
    pair.talk(at(4))
    assert "lacks records" in pair.front.station.problem(at(4))
    assert copied(pair.rear) == whole(pair.front)


def test_a_door_that_never_stops_talking_does_not_keep_the_other_from_its_work(pair: Pair) -> None:
    """P4: each word that is taken makes room for the next."""
    pair.plug()
    pair.talk(at())
    station, word = pair.front.station, encode_sister(SisterWord(REAR), OTHER)
    taken = 0

    def came(_data: bytes, _now: Instant) -> None:
        nonlocal taken
        taken += 1
        station.sister_came(word)

    assert station._other is not None
    station._other.sister.came = came  # type: ignore[method-assign, assignment]
    station.sister_came(word)
    station.step(at(1))
    assert taken == SISTER_WORDS_WAITING_MAX


def leaves_behind(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two riders board in front; the rear's card takes the second's record and cannot sync."""
    pair.plug()
    pair.front.board(Rider(1), at())
    pair.talk(at())
    add = pair.rear.copies.add

    def failing(*arguments: object) -> None:
        add(*arguments)  # type: ignore[arg-type]
        raise JournalFailed("cannot sync", fix="change the card")

    pair.front.board(Rider(2), at(1))
    with monkeypatch.context() as patched:
        patched.setattr(pair.rear.copies, "add", failing)
        pair.talk(at(1))


def test_copies_that_a_failed_write_left_behind_are_carried_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """P1: they come again, and are held already."""
    leaves_behind(pair, monkeypatch)
    pair.talk(at(1 + RETRY_MIN_MS / 1000))
    assert copied(pair.rear) == whole(pair.front)
    assert pair.rear.station.courier_backlog == pair.front.journal.head.sequence


def test_copies_that_a_failed_write_left_behind_are_carried_when_their_door_has_died(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: nobody sends them again, and the backend has only this card to get them from (seeds 1108, 1138)."""
    leaves_behind(pair, monkeypatch)
    pair.rear.step(at(1 + RETRY_MIN_MS / 1000))
    assert pair.rear.station.courier_backlog == pair.front.journal.head.sequence


def test_more_boardings_than_one_message_holds_are_split(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: none is left out, at the start of a session or later."""
    monkeypatch.setattr(sister_module.limits, "SISTER_BOARDINGS_MAX", 3)
    for number in range(7):
        pair.front.board(Rider(number + 1), at(number))
    pair.front.end.connected = True
    pair.front.station.link_changed(connected=True)
    pair.front.step(at(8))
    first = [word for word in words(pair.front) if not word.batch]
    assert [len(word.boardings) for word in first] == [3, 3, 1]
    assert len({b.presentation for word in first for b in word.boardings}) == 7
    assert [b.age_ms for b in first[0].boardings] == [8_000, 7_000, 6_000]


def test_boardings_that_gathered_while_the_cable_took_nothing_are_all_told(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7."""
    monkeypatch.setattr(sister_module.limits, "SISTER_BOARDINGS_MAX", 3)
    assert pair.front.station._other is not None
    side = pair.front.station._other.sister
    assert side is not None
    pair.front.end.connected = True
    for number in range(7):
        pair.front.board(Rider(number + 1), at(number))
    side.tell_boardings(pair.front.journal.signed, at(8))
    told = [b.presentation for word in words(pair.front) for b in word.boardings]
    assert len(told) == len(set(told)) == 7


def test_a_session_whose_first_message_is_not_taken_is_begun_again(pair: Pair) -> None:
    """P7: what was paid before is not taken as told."""
    pair.front.board(Rider(1), at())
    pair.front.end.connected, pair.front.end.takes = True, False
    pair.front.station.link_changed(connected=True)
    pair.front.step(at(1))
    pair.front.end.takes = True
    pair.front.step(at(2))
    assert [len(word.boardings) for word in words(pair.front) if not word.batch] == [1]
    assert words(pair.front)[0].witness is not None


def test_a_receipt_is_told_once_a_session_and_again_when_it_is_new(pair: Pair) -> None:
    pair.front.board(Rider(1), at())
    first = pair.front.receipt(2, at())
    pair.front.station.message_came(first)
    pair.plug()
    pair.talk(at(1))
    assert pair.rear.station._other is not None
    side = pair.rear.station._other.courier
    assert side is not None
    assert (side.covers(11, 2), side.covers(11, 3)) == (True, False)
    pair.front.station.message_came(pair.front.receipt(3, at(2)))
    pair.front.step(at(2))
    pair.front.step(at(3))
    assert [bool(word.receipt) for word in words(pair.front)] == [True]
    pair.talk(at(4))
    assert side.covers(11, 3)


def test_a_new_session_tells_the_receipt_again(pair: Pair) -> None:
    """P2: the door at the other end may be another process, or have another card."""
    pair.front.board(Rider(1), at())
    pair.front.station.message_came(pair.front.receipt(3, at()))
    pair.plug()
    pair.talk(at(1))
    pair.restart(pair.rear, at(2), blank=True)
    pair.plug()
    pair.front.step(at(3))
    assert words(pair.front)[0].receipt


def test_a_witness_is_of_the_newest_journal_that_is_held(pair: Pair) -> None:
    """The other door's card was changed: it is told how far its new journal is held, not its old one."""
    pair.plug()
    pair.talk(at(1))
    pair.restart(pair.rear, at(2), blank=True)
    pair.plug()
    pair.talk(at(3))
    pair.unplug()
    pair.plug()
    pair.front.step(at(4))
    witness = words(pair.front)[0].witness
    assert witness is not None
    assert witness.epoch == 22


def test_a_batch_tells_of_its_own_boardings_only(pair: Pair) -> None:
    """P7: those of records before it, which no message has told of yet, are told besides."""
    assert pair.front.station._other is not None
    side = pair.front.station._other.sister
    assert side is not None
    for number in range(4):
        pair.front.board(Rider(number + 1), at())
    pair.front.end.connected = True
    assert side.ship(shipped(pair.front.journal, 5, 6), 5, 6, begins=1, receipt=b"", now=at(1))
    side.tell_boardings(6, at(1))
    told = {b.presentation.credential_id for word in words(pair.front) for b in word.boardings}
    assert told == {Rider(number + 1).credential_id for number in range(4)}


def test_a_cable_that_is_out_is_said_after_a_while(pair: Pair) -> None:
    """P7: both doors may accept one code."""
    assert pair.front.station.problem(at(SISTER_SILENT_MS / 1000 - 1)) == ""
    assert "not heard" in pair.front.station.problem(at(SISTER_SILENT_MS / 1000))
    pair.plug()
    pair.talk(at(60))
    assert pair.front.station.problem(at(600)) == ""
    pair.unplug()
    pair.front.step(at(601))
    assert pair.front.station.problem(at(605)) == ""
    assert "not heard" in pair.front.station.problem(at(607))
