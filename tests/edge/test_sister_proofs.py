"""What a sister door's word is worth: only what is proven is taken, and another history is kept apart."""

import pytest

from edge.adapters.tap_signer import InlineTapSigner
from edge.app.boarding import Boarding
from protocol.wire.records import Service
from protocol.wire.sister import SisterWord, Witness, encode_sister
from simulators.held_riders import HeldRiders
from tests.edge.door import DEVICE, STRANGER, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle
from tests.edge.pair import FRONT, OTHER, REAR, Pair, copied, say, shipped, words
from tests.spoil import spoiled


def other_history() -> MemoryJournal:
    """The front door's epoch as its own key signed it another time: a card rolled back, and boarded again."""
    journal = MemoryJournal(11)
    service = boarding(journal, RememberingPanel())
    service.begin(at())
    for number in range(3):
        service.present(Rider(90 + number).code(at()), at(), settled=False)
    return journal


def under_another_name() -> MemoryJournal:
    """The front door's key signs records of the rear door."""
    journal = MemoryJournal(11)
    Boarding(
        device=REAR, service=Service("bus-1", 1, "r9", 0), bundle=bundle(), journal=journal,
        riders=HeldRiders(), signer=InlineTapSigner(DEVICE), panel=RememberingPanel(), software="test", randomness=bytes,
    ).begin(at())  # fmt: skip
    return journal


def test_another_history_is_kept_apart_and_said_and_never_merged(pair: Pair) -> None:
    """P11."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    before = copied(pair.rear)
    fork = shipped(other_history())
    say(pair.rear, SisterWord(FRONT, fork))
    assert copied(pair.rear) == before
    assert pair.rear.copies.branches() == [fork]  # type: ignore[attr-defined]
    assert "take that door out of use" in pair.rear.station.problem(at(5))
    assert words(pair.rear)[-1].witness == Witness(*before[0])


def test_what_follows_another_history_is_kept_with_it(pair: Pair) -> None:
    """P3: it will never follow what is held; the forked door's own card may be the only other place."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    held = copied(pair.rear)
    journal = other_history()
    end = held[0][1]
    later = shipped(journal, end + 2)
    say(pair.rear, SisterWord(FRONT, later, begins=1))
    assert list(pair.rear.copies.branches()) == [], "a gap by itself is no fork"
    fork = shipped(journal, 1, end + 1)
    say(pair.rear, SisterWord(FRONT, fork, begins=1))
    say(pair.rear, SisterWord(FRONT, later, begins=1))
    assert list(pair.rear.copies.branches()) == [fork, later]
    assert copied(pair.rear) == held


def test_a_door_learns_from_the_witness_that_its_journal_was_rolled_back(pair: Pair) -> None:
    """P11: it stands lower than what the other door holds of it."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    say(pair.front, SisterWord(REAR))  # by the wrong key: nothing
    witness = Witness(11, 9, bytes(32))
    pair.front.station.sister_came(encode_sister(SisterWord(REAR, witness=witness), OTHER))
    pair.front.step(at(2))
    assert "another history of this journal" in pair.front.station.problem(at(2))


@pytest.mark.parametrize(
    "data",
    [
        encode_sister(SisterWord(FRONT, shipped(under_another_name(), device=REAR)), DEVICE),
        encode_sister(SisterWord(FRONT, receipt=b"x"), STRANGER),
        encode_sister(SisterWord(REAR), DEVICE),
        encode_sister(SisterWord(FRONT, b"no batch"), DEVICE),
        encode_sister(SisterWord(FRONT, shipped(other_history(), device=REAR)), DEVICE),
        encode_sister(SisterWord(FRONT, spoiled(shipped(other_history()))), DEVICE),
        b"",
    ],
    ids=[
        "a journal under another name",
        "another key",
        "another name",
        "no batch",
        "a batch under another name",
        "a batch not signed",
        "nothing",
    ],
)
def test_what_is_not_proven_is_refused_and_counted(pair: Pair, data: bytes) -> None:
    """P9: no copy, no witness, no boarding."""
    assert pair.rear.station._other is not None
    side = pair.rear.station._other.sister
    assert side is not None
    pair.rear.end.connected = True
    pair.rear.station.sister_came(data)
    pair.rear.step(at(1))
    assert side.refused == 1
    assert copied(pair.rear) == []
    assert pair.rear.end.out == []
    assert not side.forked


def test_a_pruned_beginning_is_accepted_only_where_it_is_said_and_under_a_proven_receipt(pair: Pair) -> None:
    """P2, P11: a gap that no receipt covers may hide anything."""
    journal = other_history()
    rest = shipped(journal, 3)
    pair.rear.end.connected = True
    say(pair.rear, SisterWord(FRONT, rest, begins=3), 1)
    assert copied(pair.rear) == []
    assert words(pair.rear)[-1].witness == Witness(11, 0, bytes(32))
    pair.front.journal = journal
    say(pair.rear, SisterWord(FRONT, rest, receipt=pair.front.receipt(1, at()), begins=3), 2)
    assert copied(pair.rear) == []
    forged = spoiled(pair.front.receipt(2, at()))
    say(pair.rear, SisterWord(FRONT, rest, receipt=forged, begins=3), 3)
    assert copied(pair.rear) == []
    for begins in (0, 2, 4):  # the receipt covers the gap, but the journal does not begin behind it
        say(pair.rear, SisterWord(FRONT, rest, receipt=pair.front.receipt(2, at()), begins=begins), 4)
        assert copied(pair.rear) == []
    say(pair.rear, SisterWord(FRONT, rest, begins=3), 5)
    assert copied(pair.rear) == [(11, 5, journal.head.hash)]
    assert pair.rear.copies.oldest(11) == 3


def test_an_old_batch_whose_copy_was_pruned_here_is_no_other_history(pair: Pair) -> None:
    """A door that restarts sends from its oldest record on, before it hears what we hold."""
    for number in range(4):
        pair.front.board(Rider(number + 1), at())
    pair.plug()
    pair.talk(at(1))
    held = copied(pair.rear)
    pair.rear.copies.prune(11, 4)
    say(pair.rear, SisterWord(FRONT, shipped(pair.front.journal, 1, 3)))
    assert pair.rear.station._other is not None
    side = pair.rear.station._other.sister
    assert side is not None
    assert not side.forked
    assert pair.rear.copies.branches() == []  # type: ignore[attr-defined]
    assert words(pair.rear)[-1].witness == Witness(*held[0])
