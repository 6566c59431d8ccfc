"""What the other door says of itself comes over the link, stands on the screen, and decides how long people ride free."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.core import limits
from protocol.fares.verdicts import Reason
from protocol.wire.driver_records import FreeCause
from protocol.wire.sister import DoorCondition
from tests.edge.door import at
from tests.edge.pair import FRONT, REAR, Pair, words
from tests.edge.test_recall import Run, driving, pages  # noqa: F401 - a fixture

WELL, BROKEN = DoorCondition(reads=True), DoorCondition(reads=False, fault="the camera rear is lost")


def test_a_door_says_how_it_is_once_and_when_it_changes(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.rear.condition = WELL
    assert pair.front.station.far_condition is None
    pair.plug()
    pair.talk(at(1))
    assert (pair.front.station.far_condition, pair.rear.station.far_condition) == (WELL, None)
    pair.rear.step(at(2))
    assert words(pair.rear) == [], "nothing is said twice"
    pair.rear.condition = BROKEN
    pair.talk(at(3))
    assert pair.front.station.far_condition == BROKEN
    pair.unplug()
    pair.rear.condition = WELL
    pair.talk(at(4))
    assert pair.front.station.far_condition == BROKEN, "the last word stands"
    pair.plug()
    pair.talk(at(5))
    assert pair.front.station.far_condition == WELL


@pytest.mark.parametrize("name", [FRONT, REAR])
def test_a_door_that_was_started_anew_is_told_again(tmp_path: Path, name: str) -> None:
    pair = Pair(tmp_path)
    pair.rear.condition = BROKEN
    pair.plug()
    pair.talk(at(1))
    again = pair.restart(pair.front if name == FRONT else pair.rear, at(2))
    if again.name == REAR:
        again.condition = BROKEN
    assert pair.front.station.far_condition == (None if name == FRONT else BROKEN)
    pair.plug()
    pair.talk(at(3))
    assert pair.front.station.far_condition == BROKEN


def later(run: Run, ms: int) -> None:
    now = run.clock.now
    run.clock.now = replace(now, wall_ms=now.wall_ms + ms, mono_ms=now.mono_ms + ms)
    run.served.step(run.clock.now)
    run.carry()


def test_a_free_ride_goes_on_as_long_as_the_far_door_says_that_it_cannot_read(pages: Path) -> None:  # noqa: F811
    run, token = driving(pages)
    run._validator.far_condition = BROKEN
    door = run.view().doors[1]
    assert (door.healthy, door.problem, door.follows) == (False, BROKEN.fault, True)
    run.terminal.free_ride(token, FreeCause.READER_OUT, run.clock.now)
    for _ in range(3):
        later(run, limits.FREE_RIDE_MS)
        assert run.view().free_ride is not None
        assert run.rear._door.free_ride is Reason.READER_OUT
    run._validator.linked = False  # a bad word is of no use to him who pulls the cable behind it
    later(run, limits.FREE_RIDE_MS)
    assert run.view().free_ride is None
    assert run.rear._door.free_ride is Reason.NONE
    assert (run.view().doors[1].healthy, run.view().doors[1].follows) == (True, False)
