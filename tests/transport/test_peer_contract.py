"""The link between two doors: one suite over the real one and over every stand-in for it.

A stand-in joins by a parameter of the fixture `bus`; it fills `tests.transport.peers.Bus`.
"""

import pytest

from protocol.errors import OutOfRange
from protocol.limits import SISTER_MESSAGE_MAX_BYTES
from tests.transport.peers import CALLING, LISTENING, SIDES, Bus, Door, SeededBus
from transport.peer_link import SILENT_S

OTHER = {LISTENING: CALLING, CALLING: LISTENING}


@pytest.fixture(params=["loopback", *(f"seed {n}" for n in range(5))])
def bus(request: pytest.FixtureRequest) -> Bus:
    if request.param == "loopback":
        return request.getfixturevalue("loopback")
    return SeededBus(int(request.param.split()[1]))


def connected(bus: Bus, first: str = LISTENING) -> dict[str, Door]:
    """Both doors, started in this order, with a link."""
    doors = {side: bus.door(side) for side in (first, OTHER[first])}
    for door in doors.values():
        door.session.start()
    bus.until(lambda: all(door.session.connected for door in doors.values()))
    return doors


def fill(door: Door, message: bytes, most: int) -> int:
    """Send until nothing more is taken → messages taken."""
    for taken in range(most):
        if not door.session.send(message):
            return taken
    raise AssertionError(f"{most} messages were taken, and nobody took them off")


@pytest.mark.parametrize("first", SIDES)
def test_the_doors_find_each_other_whoever_starts_first(bus: Bus, first: str) -> None:
    early = bus.door(first)
    early.session.start()
    assert not early.session.connected
    assert early.session.problem is not None
    late = bus.door(OTHER[first])
    late.session.start()
    bus.until(lambda: early.session.connected and late.session.connected)
    assert (early.session.problem, late.session.problem) == (None, None)
    assert (early.changes, late.changes) == ([True], [True])


def test_messages_arrive_whole_and_in_their_order_both_ways(bus: Bus) -> None:
    doors = connected(bus)
    sent = {side: [f"{side} {n} ".encode() * (1 + n * n) for n in range(50)] for side in SIDES}
    for pair in zip(*sent.values(), strict=True):
        for side, message in zip(SIDES, pair, strict=True):
            assert doors[side].session.send(message)
    bus.until(lambda: all(len(door.heard) == 50 for door in doors.values()))
    assert {side: doors[OTHER[side]].heard for side in SIDES} == sent


@pytest.mark.parametrize("side", SIDES)
def test_nothing_goes_out_without_the_other_door(bus: Bus, side: str) -> None:
    door = bus.door(side)
    assert not door.session.send(b"before the start")
    door.session.start()
    assert not door.session.send(b"alone")
    other = bus.door(OTHER[side])
    other.session.start()
    bus.until(lambda: door.session.connected and other.session.connected)
    assert door.session.send(b"together")
    bus.until(lambda: other.heard != [])
    assert other.heard == [b"together"]


@pytest.mark.parametrize("side", SIDES)
def test_a_door_that_starts_again_is_found_again(bus: Bus, side: str) -> None:
    doors = connected(bus)
    for _ in range(3):
        doors[side] = restarted(bus, side, doors[side], doors[OTHER[side]])
    assert doors[OTHER[side]].changes == [True, *([False, True] * 3)]


def restarted(bus: Bus, side: str, old: Door, staying: Door) -> Door:
    """Stop one end and start a new one; both are seen to do what they should."""
    old.session.stop()
    assert not old.session.connected
    assert old.session.problem is not None
    assert old.changes == [True, False]
    assert not old.session.send(b"after the end")
    bus.until(lambda: not staying.session.connected)
    assert staying.session.problem is not None
    assert not staying.session.send(b"to nobody")
    new = bus.door(side)
    new.session.start()
    bus.until(lambda: staying.session.connected and new.session.connected)
    staying.heard.clear()
    assert staying.session.send(b"welcome back")
    assert new.session.send(b"here again")
    bus.until(lambda: staying.heard != [] and new.heard != [])
    assert (staying.heard, new.heard) == ([b"here again"], [b"welcome back"])
    return new


def test_a_cut_cable_is_noticed_and_forgiven(bus: Bus) -> None:
    doors = connected(bus)
    for _ in range(3):
        bus.cut()
        bus.until(lambda: not any(door.session.connected for door in doors.values()))
        assert not any(door.session.send(b"x") for door in doors.values())
        bus.restore()
        bus.until(lambda: all(door.session.connected for door in doors.values()))
    assert [door.changes for door in doors.values()] == [[True, *([False, True] * 3)]] * 2


def test_a_silent_cable_is_noticed_at_both_ends(bus: Bus) -> None:
    doors = connected(bus)
    bus.freeze()
    bus.until(lambda: not any(door.session.connected for door in doors.values()))
    assert all(door.session.problem is not None for door in doors.values())
    bus.restore()
    bus.until(lambda: all(door.session.connected for door in doors.values()))


def test_a_link_without_messages_stays(bus: Bus) -> None:
    """The silence that ends a link is the network's, not that of two doors without riders."""
    doors = connected(bus)
    bus.wait(SILENT_S + 2)
    assert [door.changes for door in doors.values()] == [[True]] * 2


def test_what_a_lost_connection_was_given_is_not_sent_on_the_next(bus: Bus) -> None:
    doors = connected(bus)
    bus.freeze()
    for door in doors.values():
        fill(door, bytes(SISTER_MESSAGE_MAX_BYTES), 64)  # some of it on its way, some of it waiting
    bus.cut()
    bus.until(lambda: not any(door.session.connected for door in doors.values()))
    bus.restore()
    bus.until(lambda: all(door.session.connected for door in doors.values()))
    for side in SIDES:
        assert doors[side].session.send(b"new")
    bus.until(lambda: all(door.heard != [] for door in doors.values()))
    assert [door.heard for door in doors.values()] == [[b"new"]] * 2


@pytest.mark.parametrize(("size", "most"), [(1, 100_000), (SISTER_MESSAGE_MAX_BYTES, 64)])
def test_a_flood_is_refused_before_it_fills_the_memory_and_what_was_taken_arrives(
    bus: Bus, size: int, most: int
) -> None:
    doors = connected(bus)
    bus.freeze()
    taken = fill(doors[CALLING], bytes(size), most)
    assert taken
    assert doors[CALLING].session.connected
    bus.restore()
    bus.until(lambda: len(doors[LISTENING].heard) == taken)
    assert doors[CALLING].session.send(b"after it")
    bus.until(lambda: len(doors[LISTENING].heard) > taken)
    assert doors[LISTENING].heard == [bytes(size)] * taken + [b"after it"]
    assert doors[CALLING].changes == [True]


@pytest.mark.parametrize("size", [0, SISTER_MESSAGE_MAX_BYTES + 1])
def test_a_message_that_no_frame_can_hold_is_an_error(bus: Bus, size: int) -> None:
    doors = connected(bus)
    with pytest.raises(OutOfRange):
        doors[CALLING].session.send(bytes(size))
    assert doors[CALLING].session.connected


def test_a_link_that_was_never_started_can_be_stopped(bus: Bus) -> None:
    bus.door(LISTENING).session.stop()
