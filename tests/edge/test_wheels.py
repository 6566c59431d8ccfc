"""Speed by the wheels: rules D1 to D4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.limits import WHEELS_STALE_MS, WHEELS_STAND_MS, WHEELS_WINDOW_MS
from edge.core.wheels import Wheels

PULSE_MM = 500
STEP_MS = 400  # a board's own heartbeat


def driven(wheels: Wheels, mps: float, ms: int, *, start_ms: int = 0, count: float = 0) -> tuple[int, float]:
    """So fast for so long → when that ends, and the count then."""
    now = start_ms
    while now < start_ms + ms:
        now += STEP_MS
        count += mps * STEP_MS / PULSE_MM
        wheels.counted(int(count) % 65_536, now)
    return now, count


@given(st.floats(2, 30), st.integers(0, 65_535))
def test_it_goes_as_fast_as_its_wheels_turn_whatever_the_count_was(mps: float, first: int) -> None:
    wheels = Wheels(PULSE_MM)
    now, _ = driven(wheels, mps, 20_000, count=first)
    speed = wheels.speed_mps(now)
    assert speed is not None
    assert abs(speed - mps) <= 1.1 * PULSE_MM / (WHEELS_WINDOW_MS - STEP_MS)


def test_it_stands_when_no_pulse_comes() -> None:
    wheels = Wheels(PULSE_MM)
    now, count = driven(wheels, 10, 10_000)
    now, _ = driven(wheels, 0, WHEELS_STAND_MS - STEP_MS, start_ms=now, count=count)
    assert wheels.speed_mps(now)
    now, _ = driven(wheels, 0, STEP_MS, start_ms=now, count=count)
    assert wheels.speed_mps(now) == 0.0


def test_a_bus_that_has_stood_since_the_start_stands() -> None:
    wheels = Wheels(PULSE_MM)
    now, _ = driven(wheels, 0, 2 * STEP_MS)
    assert wheels.speed_mps(now) == 0.0


def test_a_board_that_restarted_says_nothing_for_a_moment_and_no_bus_flies() -> None:
    wheels = Wheels(PULSE_MM)
    now, _ = driven(wheels, 10, 10_000, count=30_000)
    wheels.counted(0, now + STEP_MS)
    assert wheels.speed_mps(now + STEP_MS) is None
    end, _ = driven(wheels, 10, 10_000, start_ms=now + STEP_MS)
    assert wheels.speed_mps(end) == pytest.approx(10, abs=0.6)


def test_nothing_heard_is_nothing_known() -> None:
    wheels = Wheels(PULSE_MM)
    assert wheels.speed_mps(0) is None
    now, _ = driven(wheels, 10, 10_000)
    assert wheels.speed_mps(now + WHEELS_STALE_MS) is not None
    assert wheels.speed_mps(now + WHEELS_STALE_MS + 1) is None


def test_what_they_turned_and_for_how_long_they_stand() -> None:
    wheels = Wheels(PULSE_MM)
    assert (wheels.driven(0), wheels.stood_ms(0)) == (None, None)
    now, count = driven(wheels, 10, 10_000, count=65_500)
    first = wheels.driven(now)
    assert first is not None
    assert first.metres == pytest.approx(96, abs=1), "from the first word on"
    end, count = driven(wheels, 0, 60_000, start_ms=now, count=count)
    assert (wheels.driven(end), wheels.stood_ms(end)) == (first, 60_000)
    wheels.counted(int(count - 1_000) % 65_536, end + STEP_MS)  # a board that restarted
    again = wheels.driven(end + STEP_MS)
    assert again is not None
    assert (again.run != first.run, again.metres) == (True, 0.0)
    assert wheels.stood_ms(end + STEP_MS) == 0
    assert wheels.driven(end + STEP_MS + WHEELS_STALE_MS + 1) is None


def test_after_a_silence_the_board_may_have_restarted_and_counting_begins_anew() -> None:
    for silent_ms, same in ((WHEELS_STALE_MS, True), (WHEELS_STALE_MS + 1, False)):
        wheels = Wheels(PULSE_MM)
        now, count = driven(wheels, 10, 10_000)
        before = wheels.driven(now)
        wheels.counted(int(count + 20), now + silent_ms)
        after = wheels.driven(now + silent_ms)
        assert before is not None
        assert after is not None
        assert (after.run == before.run, after.metres > 0) == (same, same)
