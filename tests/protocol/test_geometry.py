"""Distances against a great circle's formula, and where a road comes by a place."""

from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.geometry import Road, metres_between

HERE = (32_657_000, 51_678_000)
NEAR = st.tuples(st.integers(32_457_000, 32_857_000), st.integers(51_478_000, 51_878_000))
EAST_100_M = 1_068  # microdegrees of longitude in Isfahan


def haversine(a: tuple[int, int], b: tuple[int, int]) -> float:
    lat, lon, other_lat, other_lon = (radians(value / 1e6) for value in (*a, *b))
    half = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * 6_371_009 * asin(sqrt(half))


@given(NEAR, NEAR)
def test_metres_are_those_of_the_globe(a: tuple[int, int], b: tuple[int, int]) -> None:
    assert metres_between(*a, *b) == pytest.approx(haversine(a, b), rel=0.003, abs=1)


def test_the_date_line_is_no_distance() -> None:
    assert metres_between(0, 179_999_000, 0, -179_999_000) == pytest.approx(222, abs=1)


@given(st.lists(NEAR, min_size=2, max_size=12, unique=True), st.floats(0, 1))
def test_a_place_on_the_road_is_found_on_it(shape: list[tuple[int, int]], part: float) -> None:
    road = Road(shape)
    along = part * road.length_m
    found = road.passes(*road.at(along), within_m=5)
    assert min(abs(one.along_m - along) for one in found) < 45  # a bend nearer than SAME_PASS_M may be the same pass
    assert min(one.aside_m for one in found) < 1
    assert all(before.along_m < after.along_m for before, after in pairwise(found))


def test_there_and_back_comes_by_twice() -> None:
    far = (HERE[0], HERE[1] + 10 * EAST_100_M)
    road = Road([HERE, far, HERE])
    found = road.passes(HERE[0] + 90, HERE[1] + 3 * EAST_100_M, within_m=30)
    assert [round(one.along_m, -1) for one in found] == [300, 1_700]
    assert all(one.aside_m == pytest.approx(10, abs=1) for one in found)
    assert road.passes(HERE[0] + 900, HERE[1], within_m=30) == []


def test_a_bend_comes_by_once() -> None:
    """From outside a corner both segments are equally near at the same point."""
    corner = (HERE[0], HERE[1] + 5 * EAST_100_M)
    road = Road([HERE, corner, (HERE[0] + 5_000, corner[1])])
    found = road.passes(corner[0] - 100, corner[1] + 100, within_m=50)
    assert [round(one.along_m, -1) for one in found] == [500]


def test_only_the_given_segments_are_looked_at() -> None:
    road = Road([HERE, (HERE[0], HERE[1] + 5_000), (HERE[0] + 5_000, HERE[1] + 5_000)])
    assert road.passes(*HERE, within_m=30, segments=[1]) == []
    assert [one.segment for one in road.passes(*HERE, within_m=30, segments=[0])] == [0]


def test_before_the_first_point_and_behind_the_last_it_is_that_point() -> None:
    road = Road([HERE, (HERE[0] + 1_000, HERE[1])])
    assert road.at(-5) == HERE
    assert road.at(1e9) == (HERE[0] + 1_000, HERE[1])


def east(metres: float, north_m: float = 0) -> tuple[int, int]:
    return HERE[0] + round(north_m / 0.111195), HERE[1] + round(metres * EAST_100_M / 100)


def test_a_finely_drawn_road_comes_by_once_however_far_is_looked() -> None:
    road = Road([east(metres) for metres in range(0, 1_000, 10)])
    found = road.passes(*east(505, 20), within_m=150)
    assert [(round(one.along_m), round(one.aside_m)) for one in found] == [(505, 20)]


def test_of_two_legs_of_a_hairpin_it_is_the_nearer_one() -> None:
    road = Road([east(0), east(100), east(100, 10), east(0, 10)])
    found = road.passes(*east(95, 9), within_m=30)
    assert [(round(one.along_m), round(one.aside_m)) for one in found] == [(115, 1)]
