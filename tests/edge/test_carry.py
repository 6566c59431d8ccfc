"""The way on by the wheels: rules C1 to C5."""

import pytest

from edge.core.carry import Carry
from edge.core.limits import (
    CARRY_ERROR_MAX_M,
    CARRY_ERROR_PERMILLE,
    CARRY_STAND_MAX_MS,
    STOP_REACH_M,
    WHEELS_CHECK_M,
    WHEELS_CHECK_STEP_MAX_M,
    WHEELS_OFF_PERMILLE,
)
from edge.core.wheels import Driven
from protocol.wire.timetable import Call, Stop

FAR_M = CARRY_ERROR_MAX_M * 1_000 // CARRY_ERROR_PERMILLE
STEP_M = 25.0


def calls(*metres: int) -> list[Call]:
    return [Call(Stop(f"s{at}", "", "", 0, 0), at) for at in metres]


class Bus:
    """Wheels and a sky that agree over the first kilometre, or not."""

    def __init__(self, *, ratio: float = 1.0, seen_m: float = WHEELS_CHECK_M, step_m: float = STEP_M) -> None:
        self.carry, self.metres, self.now_ms, self.run = Carry(), 40.0, 0, 1
        self.carry.placed(self.driven, 0)
        self.sees(seen_m, ratio=ratio, step_m=step_m)

    @property
    def driven(self) -> Driven:
        return Driven(self.run, self.metres)

    def sees(self, metres: float, *, ratio: float = 1.0, step_m: float = STEP_M) -> None:
        """A trusted place every few metres, for so long."""
        for _ in range(round(metres / step_m)):
            self.metres += step_m * ratio
            self.now_ms += 2_500
            self.carry.placed(self.driven, self.now_ms, moved_m=step_m)

    def rolls(self, metres: float, ms: int = 1_000) -> None:
        """Without a sky."""
        self.metres += metres
        self.now_ms += ms
        self.carry.rolled(self.driven, self.now_ms)

    def along(self, from_m: float = 0.0) -> float | None:
        return self.carry.along(from_m)

    def stopped(self, *metres: int) -> int | None:
        found = self.carry.stopped(0.0, calls(*metres))
        return None if found is None else found.metres


def test_it_is_further_by_what_the_wheels_turned() -> None:
    bus = Bus()
    bus.rolls(250)
    assert bus.along(1_000) == 1_250
    bus.rolls(100)
    assert bus.along(1_000) == 1_350
    bus.carry.placed(bus.driven, bus.now_ms)
    assert bus.along(1_400) == 1_400


def test_beyond_the_error_nobody_knows() -> None:
    bus = Bus()
    bus.rolls(FAR_M)
    assert bus.along() == FAR_M
    bus.rolls(40)
    assert bus.along() is None


def test_wheels_that_are_counted_from_anew_tell_nothing_until_the_next_place() -> None:
    for lost in (True, False):
        bus = Bus()
        bus.rolls(250)
        if lost:
            bus.carry.rolled(None, bus.now_ms)
        else:
            bus.run = 2
        bus.rolls(0)
        bus.rolls(100)
        assert bus.along() is None
        bus.carry.placed(bus.driven, bus.now_ms)
        bus.rolls(100)
        assert bus.along() == 100


def test_without_wheels_nothing_is_carried() -> None:
    carry = Carry()
    carry.placed(None, 0)
    carry.rolled(None, 1_000)
    assert (carry.along(0), carry.stopped(0, calls(0)), carry.fits) == (None, None, None)


def test_wheels_that_stand_for_too_long_may_be_a_wire_that_broke() -> None:
    bus = Bus()
    bus.rolls(250)
    bus.rolls(0, CARRY_STAND_MAX_MS)
    assert bus.along() == 250
    bus.rolls(0, 1)
    assert bus.along() is None


@pytest.mark.parametrize(
    ("ratio", "fits"),
    [(1.0, True), (1 + WHEELS_OFF_PERMILLE / 1_000, True), (0.9, True), (1.11, False), (0.89, False), (0.0, False)],
)
def test_wheels_are_asked_only_while_they_agree_with_the_sky(ratio: float, fits: bool) -> None:  # noqa: FBT001
    bus = Bus(ratio=ratio)
    assert bus.carry.fits is fits
    bus.rolls(10)
    assert (bus.along() is not None) is fits


def test_they_are_asked_only_after_a_kilometre_and_long_steps_prove_nothing() -> None:
    assert Bus(seen_m=WHEELS_CHECK_M - STEP_M).carry.fits is None
    assert Bus(seen_m=5_000, step_m=WHEELS_CHECK_STEP_MAX_M + 1).carry.fits is None
    bus = Bus(seen_m=WHEELS_CHECK_M - STEP_M)
    bus.rolls(10)
    assert bus.along() is None


def test_a_wire_that_breaks_after_a_long_good_time_is_found_within_a_few_hundred_metres() -> None:
    bus = Bus(seen_m=50_000)
    bus.sees(400, ratio=0.0)
    assert bus.carry.fits is False
    bus.sees(3_000)
    assert bus.carry.fits is True, "and mended, it is believed again"


def test_open_doors_name_the_only_stop_near_and_what_it_was_off_by_is_the_error_from_then_on() -> None:
    bus = Bus()
    bus.rolls(2_030)
    assert bus.stopped(0, 1_000, 2_000, 3_000) == 2_000
    assert bus.along() == 2_000
    left_m = (CARRY_ERROR_MAX_M - 30) * 1_000 // CARRY_ERROR_PERMILLE
    bus.rolls(left_m)
    assert bus.along() == 2_000 + left_m
    bus.rolls(40)
    assert bus.along() is None


@pytest.mark.parametrize(
    ("metres", "stops"),
    [
        (2_050, (1_000, 1_990, 2_110)),  # two of them
        (500, (0, 500 + STOP_REACH_M + 20, 1_000)),  # none: between two stops
    ],
)
def test_where_it_is_not_sure_no_stop_is_named(metres: int, stops: tuple[int, ...]) -> None:
    bus = Bus()
    bus.rolls(metres)
    assert bus.stopped(*stops) is None
    assert bus.along() == metres


def test_in_a_jam_with_its_doors_open_it_is_not_drawn_back_to_the_stop_that_it_left() -> None:
    bus = Bus()
    bus.rolls(500)
    assert bus.stopped(0, 500, 1_000) == 500
    for crept_m in range(50, 400, 50):
        bus.rolls(50)
        bus.stopped(0, 500, 1_000)
        assert bus.along() == 500 + crept_m
