"""The other door as a station has it: what a link that ended, a restart and a session that says nothing must not hide."""

from edge.core.limits import RETRY_MIN_MS
from protocol.wire.health import SisterLink
from protocol.wire.records import Instant
from tests.edge.door import FARE, Rider, at
from tests.edge.pair import Door, Pair


def link(door: Door, now: Instant) -> SisterLink:
    """What health says of the other door."""
    told = door.station.health(now, disk_free=0, cameras=(), problem="").sister
    assert told is not None
    return told


def test_nothing_is_shipped_over_a_link_that_has_ended(pair: Pair) -> None:
    """A batch that nobody witnessed is due again after a while; nobody is there to take it, so nothing is read for it."""
    pair.plug()
    pair.talk(at())
    pair.front.board(Rider(1), at(1))
    pair.front.step(at(1))
    assert pair.front.end.out, "on its way"
    pair.unplug()
    pair.front.step(at(2))
    pair.front.end.tried = 0
    pair.front.step(at(2 + 2 * RETRY_MIN_MS / 1000))
    assert pair.front.end.tried == 0


def test_nobody_is_told_of_a_boarding_without_a_link(pair: Pair) -> None:
    pair.plug()
    pair.talk(at())
    pair.unplug()
    pair.front.step(at(1))
    pair.front.board(Rider(1), at(2))
    pair.front.end.tried = 0
    pair.front.step(at(2))
    assert pair.front.end.tried == 0
    pair.plug()
    pair.talk(at(3))
    assert [b.presentation.credential_id for b in pair.rear.station.boarding.known(at(3))] == [Rider(1).credential_id]


def test_what_lies_here_for_the_other_door_is_known_from_the_start(pair: Pair) -> None:
    """P2: a door that restarts beside a dead one must not say for a moment that nothing is missing."""
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    rear = pair.restart(pair.rear, at(2))
    assert link(rear, at(2)).carried == pair.front.journal.head.sequence


def test_health_says_how_much_is_carried_for_the_other_door(pair: Pair) -> None:
    pair.front.board(Rider(1), at())
    pair.plug()
    pair.talk(at(1))
    assert link(pair.rear, at(1)).carried == pair.front.journal.head.sequence
    pair.front.station.message_came(pair.front.receipt(2, at(2)))
    pair.talk(at(2))
    assert link(pair.rear, at(2)).carried == pair.front.journal.head.sequence - 2


def test_what_is_accepted_before_a_new_session_has_told_anything_is_exposed(pair: Pair) -> None:
    """X1: a link that is up and takes nothing yet tells the other door of nobody."""
    pair.front.end.connected, pair.front.end.takes = True, False
    pair.front.station.link_changed(connected=True)
    for number in (1, 2):
        pair.front.board(Rider(number), at(number))
        pair.front.step(at(number))
    assert link(pair.front, at(3)).exposed_rials == 2 * FARE
