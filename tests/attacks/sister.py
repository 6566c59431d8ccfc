"""The link between the two doors of a bus, and a door that lies."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edge.core.accepted import Accepted, RecordId
from edge.core.limits import SISTER_WORDS_WAITING_MAX, WINDOW_BOARDINGS_MAX
from edge.core.window import Window
from protocol.fares.verdicts import TABLE
from protocol.wire.keys import Purpose
from protocol.wire.passes import Presentation
from protocol.wire.sister import SisterWord, encode_sister
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.edge.door import DEVICE, FARE, STRANGER, Rider, at, told
from tests.edge.pair import FRONT, Pair
from tests.edge.test_lying_door import door_beside
from tests.edge.test_lying_door import fare as fare_of
from tests.transport.peers import CALLING, LISTENING, LoopbackBus, make_city
from tests.transport.peers import STRANGER as OF_ANOTHER_BUS
from transport.errors import PeerRefused

ANN = Rider(1)
NOISE = bytes(100)


def _pair(ground: Ground) -> Pair:
    pair = Pair(ground.folder)
    for door in (pair.front, pair.rear):
        ground.closing.callback(door.copies.close)  # type: ignore[attr-defined]
    pair.plug()
    pair.talk(at())
    return pair


@attack(Surface.SISTER, Who.CABLE, Outcome.REFUSED, unchecked(Purpose.SISTER))
def everybody_has_paid(ground: Ground) -> Outcome:
    """A laptop at the cable between the doors tells that riders have boarded at the other door, to have them refused."""
    pair = _pair(ground)
    lie = SisterWord(FRONT, boardings=(told(Presentation(ANN.credential_id, 1, 1)),))
    pair.rear.station.sister_came(encode_sister(lie, Pretender(STRANGER, DEVICE)))
    pair.rear.step(at(1))
    pair.rear.board(ANN, at(2))
    return refused_if(TABLE[pair.rear.panel.shown[-1].verdict].boards)


def _told_is_proven(meets: Callable[..., bool]) -> Callable[..., bool]:
    return lambda asked, it, version: meets(asked, replace(it, proven=True), version)


@attack(Surface.SISTER, Who.VALIDATOR, Outcome.REFUSED, off("edge.core.asked:Asked._meets", _told_is_proven))
def ride_that_nobody_recorded(ground: Ground) -> Outcome:
    """A door in a thief's hands tells of a ride without a record, so that his friend's next one is a free transfer."""
    del ground
    door, panel = door_beside([], told(Presentation(ANN.credential_id, 1, 1)))
    return refused_if(fare_of(door, panel, at(600)) == FARE)


def _one_order(told_: Callable[..., bool]) -> Callable[..., bool]:
    def believing(window: Window, accepted: Accepted, record: RecordId, now: Any, age_ms: int) -> bool:
        window._told = window._own  # one bound for both doors
        return told_(window, accepted, record, now, age_ms)

    return believing


@attack(Surface.SISTER, Who.VALIDATOR, Outcome.REFUSED, off("edge.core.window:Window.told", _one_order))
def window_filled_with_lies(ground: Ground) -> Outcome:
    """A door in a thief's hands tells of thousands of boardings, to push out who paid here, and he boards once more."""
    del ground
    door, panel = door_beside([])
    assert fare_of(door, panel, at()) == FARE
    lies = [told(Presentation(bytes(8), n, 1), sequence=n + 1) for n in range(WINDOW_BOARDINGS_MAX + 9)]
    door.heard_of(lies, at(1))
    fare_of(door, panel, at(20))
    return refused_if(not TABLE[panel.shown[-1].verdict].boards)


@attack(Surface.SISTER, Who.CABLE, Outcome.BOUNDED, off("edge.core.limits:SISTER_WORDS_WAITING_MAX", lambda _: 1 << 30))
def flood_of_words(ground: Ground) -> Outcome:
    """The cable brings thousands of messages faster than they are looked at, to fill the other door's memory."""
    pair = _pair(ground)
    for _ in range(SISTER_WORDS_WAITING_MAX + 500):
        pair.rear.station.sister_came(NOISE)
    other = pair.rear.station._other
    assert other is not None
    return bounded_by(SISTER_WORDS_WAITING_MAX * len(NOISE), other._words.waiting_bytes())


@attack(Surface.SISTER, Who.VALIDATOR, Outcome.REFUSED, off("transport.peer:PeerSession._require_sister", gives(None)))
def validator_of_another_bus(ground: Ground) -> Outcome:
    """A stolen validator of another bus is plugged in as this one's second door, with its own good certificate."""
    bus = LoopbackBus(made := make_city(ground.folder / "city", "testabad"))
    ground.closing.callback(bus.close)
    listening = bus.door(LISTENING)
    stranger = bus.door(CALLING, cert=made[OF_ANOTHER_BUS].cert, key=made[OF_ANOTHER_BUS].key)
    listening.session.start()
    stranger.session.start()
    bus.until(lambda: listening.session.connected or isinstance(listening.session.problem, PeerRefused))
    return refused_if(not listening.session.connected)
