"""What a wall clock has earned (P14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.clock import SystemClock
from edge.core.timekeeping import DRIFT_PPM, JUMP_MS, SATELLITES_KEEP_MS, SATELLITES_STEADY, Timekeeper
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


def watched(
    clock: Timekeeper, off_ms: int = 0, *, wall_ms: int = FLOOR, mono_ms: int = 0, readings: int = SATELLITES_STEADY
) -> Timekeeper:
    """Satellites that have said this for a while, the last time at `mono_ms`."""
    for before in range(readings - 1, -1, -1):
        at_ms = mono_ms - before * 1_000
        clock.satellites(wall_ms + off_ms - before * 1_000, at_ms)
    return clock


def free(clock: Timekeeper, wall_ms: int = FLOOR, mono_ms: int = 0) -> tuple[ClockQuality, int]:
    got = clock.judge(wall_ms, mono_ms, disciplined=False, error_bound_s=0)
    return got.quality, got.uncertainty_s


@pytest.mark.parametrize(
    ("off_s", "expected"),
    [(0, (ClockQuality.HOLDOVER, 2)), (60, (ClockQuality.HOLDOVER, 62)), (61, (ClockQuality.UNTRUSTED, 0)),
     (-60, (ClockQuality.HOLDOVER, 62)), (-61, (ClockQuality.UNTRUSTED, 0))],
)  # fmt: skip
def test_a_board_clock_and_the_satellites_vouch_for_each_other(off_s: int, expected: tuple[ClockQuality, int]) -> None:
    """After a night without a network: two witnesses, and an uncertainty that covers both."""
    clock = Timekeeper(FLOOR - 10**9)
    assert free(watched(clock, off_s * 1000)) == expected


def test_satellites_alone_are_no_clock() -> None:
    """A dead board clock starts in 1970; what the sky says, forged or not, makes it neither trusted nor another time."""
    clock = watched(keeper(), wall_ms=FLOOR + 10**9)
    got = clock.judge(86_400_000, 0, disciplined=False, error_bound_s=0)
    assert (got.wall_ms, got.quality) == (86_400_000, ClockQuality.UNTRUSTED)
    alone = watched(Timekeeper(FLOOR - 10**9), 10**8)
    assert free(alone) == (ClockQuality.UNTRUSTED, 0)
    assert alone.satellites_off_s == 0  # a clock that is not trusted contradicts nobody


def test_satellites_that_are_not_steady_or_long_silent_say_nothing() -> None:
    old = Timekeeper(FLOOR - 10**9)
    assert free(watched(old, readings=SATELLITES_STEADY - 1)) == (ClockQuality.UNTRUSTED, 0)
    jumpy = Timekeeper(FLOOR - 10**9)
    for second in range(60):
        jumpy.satellites(FLOOR + second * 1000 + second % 2 * 1_001, second * 1000)
    assert free(jumpy, FLOOR + 60_000, 60_000) == (ClockQuality.UNTRUSTED, 0)
    silent = watched(Timekeeper(FLOOR - 10**9))
    assert free(silent, FLOOR + SATELLITES_KEEP_MS, SATELLITES_KEEP_MS) == (ClockQuality.HOLDOVER, 2)
    assert free(silent, FLOOR + SATELLITES_KEEP_MS + 1, SATELLITES_KEEP_MS + 1) == (ClockQuality.UNTRUSTED, 0)


def test_a_week_counter_that_rolled_over_moves_nothing() -> None:
    """1024 weeks back: before every signed word. The holdover goes on as without satellites."""
    rolled, plain = keeper(), keeper()
    day_ms = 86_400_000
    for clock in (rolled, plain):
        clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    watched(rolled, -1024 * 7 * day_ms, wall_ms=FLOOR + 5 * day_ms, mono_ms=5 * day_ms)
    assert free(rolled, FLOOR + 5 * day_ms, 5 * day_ms) == free(plain, FLOOR + 5 * day_ms, 5 * day_ms) == (
        ClockQuality.HOLDOVER, 45)  # fmt: skip
    heard = watched(Timekeeper(FLOOR - 10**9), 0)
    heard.raise_floor(FLOOR + 2_001)
    assert free(heard, FLOOR + 3_000, 0) == (ClockQuality.UNTRUSTED, 0)  # the satellites lie before a receipt


def test_satellites_narrow_a_holdover_and_never_widen_it() -> None:
    month_ms = 30 * 86_400_000
    for off_s, expected in ((0, 2), (-50, 52), (60, 62), (200, 261), (10**6, 261)):
        clock = keeper()
        clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
        watched(clock, off_s * 1000, wall_ms=FLOOR + month_ms, mono_ms=month_ms)
        assert free(clock, FLOOR + month_ms, month_ms) == (ClockQuality.HOLDOVER, expected), off_s
    fresh = keeper()
    fresh.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    assert free(watched(fresh, 40_000)) == (ClockQuality.HOLDOVER, 2)
    long_ms = 87 * 86_400_000
    clock = keeper()
    clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    watched(clock, 30_000, wall_ms=FLOOR + long_ms, mono_ms=long_ms)
    assert free(clock, FLOOR + long_ms, long_ms) == (ClockQuality.HOLDOVER, 32)  # beyond it riders would board on grace


def test_satellites_do_not_bring_back_a_clock_that_jumped() -> None:
    """Whatever set it may have taken its time from the same sky."""
    clock = keeper()
    clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    jumped = FLOOR + 3_600_000
    assert free(clock, jumped, 0) == (ClockQuality.UNTRUSTED, 0)
    watched(clock, wall_ms=jumped + 20_000, mono_ms=20_000)
    assert free(clock, jumped + 20_000, 20_000) == (ClockQuality.UNTRUSTED, 0)


def test_a_forged_sky_is_said_and_takes_no_trust() -> None:
    clock = watched(keeper(), 3_600_000)
    got = clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    assert (got.quality, got.uncertainty_s) == (ClockQuality.TRUSTED, 1)
    assert clock.satellites_off_s == 3_602
    watched(clock, 0)
    clock.judge(FLOOR, 0, disciplined=True, error_bound_s=1)
    assert clock.satellites_off_s == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sky", "read", "ntp", "receipt"]), st.integers(0, 10**8), st.integers(-(10**8), 10**8)
        )
    )
)
def test_whatever_the_satellites_say_a_reading_is_never_moved_and_trust_is_never_lost(
    steps: list[tuple[str, int, int]],
) -> None:
    """P14: beside a keeper without satellites, the same readings: the same times, and never less trust."""
    plain, seen, mono_ms = Timekeeper(FLOOR), Timekeeper(FLOOR), 0
    for what, pause, off in steps:
        mono_ms += pause
        if what == "sky":
            seen.satellites(FLOOR + mono_ms + off, mono_ms)
        elif what == "receipt":
            plain.raise_floor(FLOOR + mono_ms + off)
            seen.raise_floor(FLOOR + mono_ms + off)
        else:
            wall_ms = FLOOR + mono_ms + (off // 10**5 if what == "read" else 0)
            without = plain.judge(wall_ms, mono_ms, disciplined=what == "ntp", error_bound_s=1)
            beside = seen.judge(wall_ms, mono_ms, disciplined=what == "ntp", error_bound_s=1)
            assert (beside.wall_ms, beside.mono_ms) == (without.wall_ms, without.mono_ms)
            assert beside.quality <= without.quality
            if without.trusted:
                assert beside.uncertainty_s <= without.uncertainty_s


def test_the_clock_says_what_the_satellites_hold_against_it() -> None:
    clock = SystemClock(trust="operator", floor_ms=FLOOR, wall_ms=lambda: FLOOR, mono_ms=lambda: 9_000)
    clock.read()
    assert clock.problem == ""
    for second in range(10):
        clock.satellites(FLOOR + 7_200_000 + second * 1000, second * 1000)
    clock.read()
    assert "7211 s off" in clock.problem
