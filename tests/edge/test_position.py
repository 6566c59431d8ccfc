"""Which fixes are trusted: each rule of `position` by a trace that breaks it, and a bus that is never where it cannot be."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.limits import FIX_FORGOTTEN_MS, FIX_STALE_MS, SETTLE_FIXES
from edge.core.position import Area, Fix, Whereabouts, grown
from protocol.geometry import metres_between
from protocol.wire.records import ClockQuality, Doubt, Instant, Position

WALL_MS = 1_790_000_000_000
LAT, LON = 32_657_000, 51_678_000
STEP = 90  # microdegrees north a second: 10 m/s
TEHRAN_AIRPORT = (35_416_000, 51_152_000)


def at(second: int, *, trusted: bool = True) -> Instant:
    quality = ClockQuality.TRUSTED if trusted else ClockQuality.UNTRUSTED
    return Instant(WALL_MS + second * 1000, second * 1000, quality, 1 if trusted else 0)


def driving(second: int) -> Fix:
    return Fix(second * 1000, LAT + second * STEP, LON, 8, 9, 10.0, WALL_MS + second * 1000)


def settled(seconds: int = 10) -> Whereabouts:
    where = Whereabouts()
    for second in range(seconds):
        where.heard(driving(second), at(second))
    return where


def test_a_receiver_is_trusted_once_it_has_settled() -> None:
    where = Whereabouts()
    assert where.position(0) is None
    doubts = [where.heard(driving(second), at(second)) for second in range(8)]
    assert doubts == [Doubt.SETTLING] * (SETTLE_FIXES - 1) + [Doubt.NONE] * (9 - SETTLE_FIXES)
    assert where.position(7_000) == Position(LAT + 7 * STEP, LON, 8, Doubt.NONE)
    assert where.doubted == SETTLE_FIXES - 1


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"accuracy_m": None}, Doubt.NO_ACCURACY), ({"accuracy_m": 101}, Doubt.INACCURATE),
        ({"satellites": 0}, Doubt.FEW_SATELLITES), ({"satellites": 3}, Doubt.FEW_SATELLITES),
        ({"time_ms": WALL_MS + 10_000 + 11_001}, Doubt.TIME_WRONG), ({"time_ms": WALL_MS + 10_000 - 11_001}, Doubt.TIME_WRONG),
        ({"time_ms": WALL_MS - 1024 * 7 * 86_400_000}, Doubt.TIME_WRONG),
        ({"lat_e6": LAT + 10_000}, Doubt.JUMPED), ({"speed_mps": 43.0}, Doubt.JUMPED),
        ({"lat_e6": TEHRAN_AIRPORT[0], "lon_e6": TEHRAN_AIRPORT[1]}, Doubt.OUTSIDE),
    ],
)  # fmt: skip
def test_one_bad_fix_is_doubted_and_trust_is_earned_anew(change: dict[str, int], doubt: Doubt) -> None:
    where = settled()
    where.know(Area(LAT - 50_000, LON - 50_000, LAT + 50_000, LON + 50_000))
    bad = replace(driving(10), **change)
    assert where.heard(bad, at(10)) is doubt
    assert where.position(10_000) == Position(bad.lat_e6, bad.lon_e6, bad.accuracy_m or 0, doubt)
    after = [where.heard(driving(second), at(second)) for second in range(11, 11 + SETTLE_FIXES)]
    assert after == [Doubt.SETTLING] * (SETTLE_FIXES - 1) + [Doubt.NONE]


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy_m": 100}, {"satellites": 4}, {"satellites": None}, {"speed_mps": None}, {"time_ms": None},
        {"time_ms": WALL_MS + 10_000 + 11_000}, {"lat_e6": LAT + 9 * STEP + 520}, {"speed_mps": 42.0},
    ],
)  # fmt: skip
def test_the_edge_of_each_rule_is_trusted(change: dict[str, int | None]) -> None:
    assert settled().heard(replace(driving(10), **change), at(10)) is Doubt.NONE  # type: ignore[arg-type]


def test_a_wrong_time_is_not_held_against_a_clock_that_is_not_trusted() -> None:
    wrong = replace(driving(10), time_ms=0)
    assert settled().heard(wrong, at(10, trusted=False)) is Doubt.NONE


def test_an_hour_of_a_forged_sky_is_not_believed_and_the_end_of_it_is() -> None:
    """300 km off, standing still there, everything else as it should be; no timetable says where the city is."""
    where = settled()
    for second in range(10, 3_610):
        fix = replace(driving(second), lat_e6=TEHRAN_AIRPORT[0], lon_e6=TEHRAN_AIRPORT[1] + second % 3, speed_mps=0.0)
        assert where.heard(fix, at(second)) is Doubt.JUMPED
    back = [where.heard(driving(second), at(second)) for second in range(3_610, 3_616)]
    assert back == [Doubt.SETTLING] * 4 + [Doubt.NONE] * 2


def test_a_cold_start_under_a_forged_sky_is_outside_the_city() -> None:
    where = Whereabouts()
    where.know(grown(grown(None, LAT, LON), LAT + 50_000, LON + 50_000))
    for second in range(30):
        fix = replace(driving(second), lat_e6=TEHRAN_AIRPORT[0] + second, lon_e6=TEHRAN_AIRPORT[1])
        assert where.heard(fix, at(second)) is Doubt.OUTSIDE


def test_a_frozen_receiver_is_doubted_and_a_parked_bus_is_not() -> None:
    frozen, parked, stopped = settled(), settled(), settled()
    for second in range(10, 30):
        same = replace(driving(9), mono_ms=second * 1000, time_ms=WALL_MS + second * 1000)
        found = frozen.heard(same, at(second))
        assert found is (Doubt.FROZEN if second > 19 else Doubt.NONE), second
        assert parked.heard(replace(same, speed_mps=0.4), at(second)) is Doubt.NONE
        found = stopped.heard(replace(same, speed_mps=0.0, time_ms=WALL_MS + 9_000), at(second, trusted=False))
        assert found is (Doubt.FROZEN if second > 19 else Doubt.NONE), second


def test_a_silent_receiver_grows_stale_and_is_forgotten() -> None:
    where = settled()
    last_ms = 9_000
    assert where.position(last_ms + FIX_STALE_MS).doubt is Doubt.NONE  # type: ignore[union-attr]
    assert where.position(last_ms + FIX_STALE_MS + 1).doubt is Doubt.STALE  # type: ignore[union-attr]
    assert where.position(last_ms + FIX_FORGOTTEN_MS).doubt is Doubt.STALE  # type: ignore[union-attr]
    assert where.position(last_ms + FIX_FORGOTTEN_MS + 1) is None


PLACES = st.tuples(st.integers(-80_000_000, 80_000_000), st.integers(-180_000_000, 180_000_000))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.booleans(), PLACES), max_size=60))
def test_a_trusted_place_was_always_in_reach_of_the_trusted_one_before(
    steps: list[tuple[int, bool, tuple[int, int]]],
) -> None:
    where, second, trusted = Whereabouts(), 0, []
    for pause, honest, place in steps:
        second += pause
        fix = driving(second)
        if not honest:
            fix = replace(fix, lat_e6=place[0], lon_e6=place[1])
        if where.heard(fix, at(second)) is Doubt.NONE:
            trusted.append(fix)
    for before, after in pairwise(trusted):
        metres = metres_between(before.lat_e6, before.lon_e6, after.lat_e6, after.lon_e6)
        assert metres <= (after.mono_ms - before.mono_ms) / 1000 * 42 + 16
