"""The seeded cable where a door loses its power: nobody tells the other end, which the real link learns by silence."""

import pytest

from simulators.seeded.cable import LINK_RECONNECT_MAX_MS, SimLink
from simulators.world import World
from tests.transport.peers import Door, SeededBus
from transport.peer_link import SILENT_S


def doors(seed: int) -> tuple[World, SimLink, list[Door]]:
    bus = SeededBus(seed)
    made = [bus.door("") for _ in range(2)]
    for door in made:
        door.session.start()
    bus.until(lambda: all(door.session.connected for door in made))
    return bus.world, bus.cable, made


@pytest.mark.parametrize("seed", range(5))
def test_a_door_without_power_is_believed_in_until_it_has_been_silent(seed: int) -> None:
    world, _, (staying, going) = doors(seed)
    going.session.vanish(silent=True)
    assert staying.session.connected
    assert staying.session.send(b"to nobody")
    world.run_until(world.now_ms + int(SILENT_S * 1_000))
    assert not staying.session.connected
    assert (staying.changes, going.changes) == ([True, False], [True])


@pytest.mark.parametrize("seed", range(5))
def test_a_door_that_is_back_sooner_replaces_the_connection_it_left_behind(seed: int) -> None:
    world, cable, (staying, going) = doors(seed)
    going.session.vanish(silent=True)
    assert staying.session.send(b"to nobody")
    back = SeededBus.door_on(cable)
    back.session.start()
    world.run_until(world.now_ms + LINK_RECONNECT_MAX_MS)
    assert staying.changes[:3] == [True, False, True]
    assert staying.session.send(b"to you")
    world.run_until(world.now_ms + 1_000)
    assert (going.heard, back.heard) == ([], [b"to you"])
