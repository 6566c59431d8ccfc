"""What a wall clock has earned (P14)."""

import pytest

from edge.adapters.clock import SystemClock
from edge.core.timekeeping import DRIFT_PPM, JUMP_MS, Timekeeper
from protocol import limits
from protocol.wire.records import ClockQuality

FLOOR = 1_790_000_000_000


def keeper() -> Timekeeper:
    return Timekeeper(FLOOR)


def test_a_disciplined_clock_is_trusted_with_its_own_bound() -> None:
    got = keeper().judge(FLOOR + 5, 100, disciplined=True, error_bound_s=2)
    assert (got.quality, got.uncertainty_s) == (ClockQuality.TRUSTED, 2)


def test_a_clock_never_disciplined_is_untrusted() -> None:
    got = keeper().judge(FLOOR + 5, 100, disciplined=False, error_bound_s=0)
    assert (got.quality, got.uncertainty_s) == (ClockQuality.UNTRUSTED, 0)


def test_a_dead_rtc_is_untrusted_even_if_something_calls_it_disciplined() -> None:
    assert keeper().judge(86_400_000, 100, disciplined=True, error_bound_s=0).quality is ClockQuality.UNTRUSTED


def test_holdover_grows_uncertain() -> None:
    clock = keeper()
    clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    day_ms = 86_400_000
    soon = clock.judge(FLOOR + 1_000, 1_000, disciplined=False, error_bound_s=0)
    late = clock.judge(FLOOR + 30 * day_ms, 30 * day_ms, disciplined=False, error_bound_s=0)
    assert (soon.quality, soon.uncertainty_s) == (ClockQuality.HOLDOVER, 2)
    assert (late.quality, late.uncertainty_s) == (ClockQuality.HOLDOVER, 261)  # 100 ppm of 30 days, and 2


def test_holdover_counts_from_the_last_discipline_not_from_the_start() -> None:
    clock, month_ms = keeper(), 30 * 86_400_000
    clock.judge(FLOOR + month_ms, month_ms, disciplined=True, error_bound_s=1)
    got = clock.judge(FLOOR + month_ms + 1_000, month_ms + 1_000, disciplined=False, error_bound_s=0)
    assert (got.quality, got.uncertainty_s) == (ClockQuality.HOLDOVER, 2)


@pytest.mark.parametrize("jump", [JUMP_MS + 1, -JUMP_MS - 1, 365 * 86_400_000])
def test_a_jump_in_holdover_loses_trust_until_disciplined_again(jump: int) -> None:
    clock = keeper()
    clock.judge(FLOOR + 10**9, 0, disciplined=True, error_bound_s=1)
    for _ in range(2):
        got = clock.judge(FLOOR + 10**9 + jump + 1000, 1000, disciplined=False, error_bound_s=0)
        assert got.quality is ClockQuality.UNTRUSTED
    again = clock.judge(FLOOR + 10**9 + jump + 2000, 2000, disciplined=True, error_bound_s=1)
    assert again.quality is ClockQuality.TRUSTED


def test_a_signed_word_raises_the_floor() -> None:
    clock = keeper()
    clock.raise_floor(FLOOR + 10_000)
    clock.raise_floor(FLOOR)  # an older word does not lower it
    # A receipt blinds no clock that the kernel vouches for: the backend's own clock may be the wrong one.
    assert clock.judge(FLOOR + 9_000, 0, disciplined=True, error_bound_s=0).quality is ClockQuality.TRUSTED
    assert clock.judge(FLOOR + 9_999, 999, disciplined=False, error_bound_s=0).quality is ClockQuality.UNTRUSTED
    assert clock.judge(FLOOR + 10_001, 1_001, disciplined=False, error_bound_s=0).quality is ClockQuality.HOLDOVER


def test_a_holdover_too_long_for_the_widest_window_is_untrusted() -> None:
    """P5, P15: after months offline riders board on grace, not on a clock that cannot judge them."""
    clock = keeper()
    clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    most_s = limits.FRESH_WINDOW_MAX_S - limits.FRESH_WINDOW_S
    drifted_ms = (most_s - 2) * 1_000_000 // DRIFT_PPM * 1000  # until the drift, the bound and the rounding reach it
    last = clock.judge(FLOOR + drifted_ms, drifted_ms, disciplined=False, error_bound_s=0)
    assert (last.quality, last.uncertainty_s) == (ClockQuality.HOLDOVER, most_s)
    drifted_ms += 1_000_000 // DRIFT_PPM * 1000
    late = clock.judge(FLOOR + drifted_ms, drifted_ms, disciplined=False, error_bound_s=0)
    assert (late.quality, late.uncertainty_s) == (ClockQuality.UNTRUSTED, 0)


def test_a_clock_that_is_set_is_asked_about_at_once() -> None:
    """P14: the kernel's word is kept for ten seconds, but not over a jump."""
    wall, mono, vouched = [FLOOR], [0], [True]
    clock = SystemClock(
        trust="system", floor_ms=FLOOR, wall_ms=lambda: wall[0], mono_ms=lambda: mono[0],
        discipline=lambda: (vouched[0], 1),
    )  # fmt: skip
    assert clock.read().quality is ClockQuality.TRUSTED
    wall[0], mono[0], vouched[0] = FLOOR + 3_600_000, 1_000, False
    assert clock.read().quality is ClockQuality.UNTRUSTED
