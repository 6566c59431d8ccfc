"""The way on by the wheels: rules C1 to C4."""

import pytest

from edge.core.carry import Carry
from edge.core.limits import CARRY_ERROR_MAX_M, CARRY_ERROR_PERMILLE, STOP_REACH_M
from edge.core.wheels import Driven
from protocol.wire.timetable import Call, Stop

FAR_M = CARRY_ERROR_MAX_M * 1_000 // CARRY_ERROR_PERMILLE


def calls(*metres: int) -> list[Call]:
    return [Call(Stop(f"s{at}", "", "", 0, 0), at) for at in metres]


def rolled(metres: float, *, run: int = 1) -> Carry:
    carry = Carry()
    carry.placed(Driven(1, 40.0))
    carry.rolled(Driven(run, 40.0 + metres))
    return carry


def test_it_is_further_by_what_the_wheels_turned() -> None:
    carry = rolled(250)
    assert carry.along(1_000) == 1_250
    carry.rolled(Driven(1, 390))
    assert carry.along(1_000) == 1_350
    carry.placed(Driven(1, 400))
    assert carry.along(1_400) == 1_400


def test_beyond_the_error_nobody_knows() -> None:
    assert rolled(FAR_M).along(0) == FAR_M
    assert rolled(FAR_M + 40).along(0) is None


@pytest.mark.parametrize("driven", [None, Driven(2, 500)])
def test_wheels_that_were_not_counted_tell_nothing_until_the_next_place(driven: Driven | None) -> None:
    carry = rolled(250)
    carry.rolled(driven)
    carry.rolled(Driven(2, 600))
    assert carry.along(0) is None
    carry.placed(Driven(2, 600))
    carry.rolled(Driven(2, 700))
    assert carry.along(0) == 100


def test_without_wheels_nothing_is_carried() -> None:
    carry = Carry()
    carry.placed(None)
    carry.rolled(None)
    assert carry.along(0) is None
    assert carry.stopped(0, calls(0)) is None


def test_open_doors_name_the_only_stop_near_and_the_error_begins_anew() -> None:
    carry = rolled(2_050)
    found = carry.stopped(0, calls(0, 1_000, 2_000, 3_000))
    assert found is not None
    assert (found.metres, carry.along(0)) == (2_000, 2_000)
    carry.rolled(Driven(1, 40 + 2_050 + FAR_M))
    assert carry.along(0) == 2_000 + FAR_M


@pytest.mark.parametrize(
    ("metres", "stops"),
    [
        (2_050, (1_000, 1_990, 2_110)),  # two of them
        (500, (0, 500 + STOP_REACH_M + 20, 1_000)),  # none: between two stops
    ],
)
def test_where_it_is_not_sure_no_stop_is_named(metres: int, stops: tuple[int, ...]) -> None:
    carry = rolled(metres)
    assert carry.stopped(0, calls(*stops)) is None
    assert carry.along(0) == metres
