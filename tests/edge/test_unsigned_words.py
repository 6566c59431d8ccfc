"""A key that does not sign for a while: words of a door are not said then, and are said when it does (P4)."""

from collections.abc import Callable

import pytest

from edge.core.errors import SignerFailed
from edge.core.limits import HEALTH_PERIOD_MS, STEP_MAX_MS
from protocol.wire.health import CameraHealth, Health, open_health, open_state
from protocol.wire.keys import Purpose
from protocol.wire.sister import DoorCondition, open_sister
from tests.edge import pair as pairs
from tests.edge.door import DEVICE, Rider, at
from tests.edge.pair import FRONT, Door, Pair


class Fickle:
    """The front door's tap key, in a token that may be away."""

    public, verifying, id = DEVICE.public, DEVICE.verifying, DEVICE.id

    def __init__(self) -> None:
        self.away = False

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        if self.away:
            raise SignerFailed("the token is away", fix="look at its cable")
        return DEVICE.sign(purpose, payload)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Fickle:
    fickle = Fickle()
    monkeypatch.setitem(pairs.KEYS, FRONT, fickle)  # type: ignore[arg-type]
    return fickle


@pytest.fixture
def door(key: Fickle, pair: Pair) -> Door:
    del key  # patched first
    return pair.front


def told(door: Door, channel: str) -> list[bytes]:
    return [data for topic, data in door.broker.published if topic.endswith("/" + channel)]


def health_of(door: Door, now_s: float) -> Callable[[], Health]:
    cameras: list[CameraHealth] = []
    return lambda: door.station.health(at(now_s), disk_free=1, cameras=cameras, problem=door.station.problem(at(now_s)))


def tell_health(door: Door, now_s: float) -> None:
    door.station.tell_health(at(now_s), health_of(door, now_s))


def test_health_and_birth_wait_for_the_key(door: Door, key: Fickle) -> None:
    key.away = True
    door.online()
    door.step(at(1))
    tell_health(door, 1)
    assert not told(door, "state") + told(door, "health")
    assert "the token is away" in door.station.problem(at(1))
    key.away = False
    tell_health(door, 2)
    assert not told(door, "state") + told(door, "health")  # not asked for again before it is due
    later = 2 + HEALTH_PERIOD_MS / 1000
    tell_health(door, later)
    assert open_state(told(door, "state")[0], [DEVICE.verifying]).online
    assert "the token is away" not in door.station.problem(at(later))
    tell_health(door, later + HEALTH_PERIOD_MS / 1000)
    assert len(told(door, "state")) == 1
    problems = [open_health(data, [DEVICE.verifying]).problem for data in told(door, "health")]
    assert ["the token is away" in problem for problem in problems] == [True, False]  # what was, and how it is


def test_a_session_that_is_gone_leaves_no_old_problem(door: Door, key: Fickle) -> None:
    """Nobody asks the key again then: a tap says how it is."""
    door.online()
    door.step(at(1))
    key.away = True
    tell_health(door, 1)
    door.online(yes=False)
    assert door.station.problem(at(2)) == ""


def test_a_farewell_that_cannot_be_signed_is_left_out(door: Door, key: Fickle) -> None:
    door.online()
    door.step(at(1))
    before = len(told(door, "state"))
    key.away = True
    door.station.say_goodbye()
    assert len(told(door, "state")) == before
    key.away = False
    door.station.say_goodbye()
    assert not open_state(told(door, "state")[-1], [DEVICE.verifying]).online


def test_the_other_door_hears_everything_later(door: Door, key: Fickle, pair: Pair) -> None:
    """P7: a boarding that was not told is told, and a witness is asked for until it is given."""
    pair.plug()
    pair.talk(at(1))
    door.board(Rider(1), at(2))
    pair.rear.board(Rider(2), at(2))
    key.away = True
    door.condition = DoorCondition(reads=False, fault="dark")
    for second in range(3, 20):
        pair.talk(at(second))
    assert pair.rear.station.far_condition != door.condition
    assert pair.rear.station.sister_backlog
    assert "the other door is told nothing" in door.station.problem(at(20))
    assert door.station.wait_ms(at(20)) == STEP_MAX_MS  # it does not spin meanwhile
    key.away = False
    for second in range(20, 60):
        pair.talk(at(second))
    assert pair.rear.station.far_condition == door.condition
    assert (door.station.sister_backlog, pair.rear.station.sister_backlog) == (0, 0)
    assert door.station.problem(at(60)) == ""


def test_a_session_with_the_other_door_begins_when_the_key_is_there(door: Door, key: Fickle, pair: Pair) -> None:
    key.away = True
    pair.plug()
    pair.talk(at(1))
    assert door.end.out == []
    key.away = False
    pair.talk(at(2))
    assert pair.rear.station.sister_backlog == 0
    door.station.step(at(3))
    assert all(open_sister(data, DEVICE.verifying) for data in door.end.out)


def test_what_is_stored_goes_out_while_a_door_waits_for_its_key(door: Door, key: Fickle, pair: Pair) -> None:
    """A door that starts without its token brings its taps to the backend all the same, and takes none."""
    door.board(Rider(1), at(1))
    before = door.journal.head.sequence
    del door.journal.signatures[before]  # as a power cut leaves it: the newest is not signed, nothing may follow it
    key.away = True
    door = pair.restart(door, at(10))
    door.online()
    door.step(at(11))
    assert door.carried == [(FRONT, 1, before - 1)]
    door.board(Rider(2), at(12))
    assert door.journal.head.sequence == before
    assert not door.station.boarding.accepted
    key.away = False
    door.board(Rider(2), at(13))
    door.board(Rider(1), at(14))  # what was stored is remembered
    assert door.station.boarding.accepted == 1
    assert door.journal.signed == door.journal.head.sequence > before
    assert all(door.journal.signatures.get(number) for number in (before, door.journal.head.sequence))
