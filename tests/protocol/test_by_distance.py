"""A fare by the way, pure: never negative, never above what was shown first, and never less for more metres."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.fares.pricing import Ridden, Ride, adult_fare, band_of, by_distance, metres_ridden, price
from protocol.fares.tariff import Band, LineFare, Tariff
from tests.protocol.fares import WEEK_BEGINS_MS, line_fares, rides, rules

LINE = LineFare(0, (Band(5_000, 40_000), Band(12_000, 80_000)))
TARIFF = Tariff(1, 60_000, {2: 500}, lines={"r1": LINE, "brt": LineFare(90_000)}, tap_out=True)
metres = st.none() | st.integers(0, limits.TARIFF_METRES_MAX)


@pytest.mark.parametrize(
    ("left", "ridden_m", "rials"),
    [(False, None, 80_000), (False, 1, 80_000), (True, 1, 40_000), (True, 5_000, 40_000), (True, 5_001, 80_000),
     (True, 99_000, 80_000), (True, None, 40_000)],
)  # fmt: skip
def test_the_dearest_band_until_the_tap_out_then_that_of_the_way(left: bool, ridden_m: int | None, rials: int) -> None:  # noqa: FBT001
    assert adult_fare(TARIFF, Ride(0, line="r1", metres=ridden_m, left=left)) == rials


def test_without_tap_out_the_metres_count_as_they_are_known_and_an_unknown_distance_costs_the_least() -> None:
    plain = replace(TARIFF, tap_out=False)
    assert [adult_fare(plain, Ride(0, line="r1", metres=m)) for m in (None, 1, 6_000)] == [40_000, 40_000, 80_000]
    assert by_distance(plain, "r1") == ()


def test_lines_without_bands_and_unknown_lines_are_as_ever() -> None:
    assert [adult_fare(TARIFF, Ride(0, line=line)) for line in ("brt", "r2", None)] == [90_000, 60_000, 40_000]
    assert (by_distance(TARIFF, "brt"), by_distance(TARIFF, None), by_distance(TARIFF, "r1")) == ((), (), LINE.bands)


@given(metres, metres)
def test_the_way_is_what_lies_between_two_places_that_are_known(one: int | None, other: int | None) -> None:
    way = metres_ridden(one, other)
    assert way is None or way >= 0
    assert (way is None) == (one is None or other is None or other < one)


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=5, unique=True).map(sorted),
    st.integers(0, 120),
    st.integers(0, 120),
)
def test_a_longer_way_lies_in_no_earlier_band(bands: list[int], one: int, other: int) -> None:
    assert band_of(bands, None) == 0 <= band_of(bands, min(one, other)) <= band_of(bands, max(one, other)) < len(bands)


@given(
    line_fares(), rules, rides, st.tuples(st.integers(0, 3), st.sampled_from((0, 2))), st.tuples(metres, metres)
)  # fmt: skip
def test_a_tap_out_is_never_dearer_than_the_boarding_and_more_metres_never_cheaper(
    fare: LineFare, rule: Tariff, history: list[Ridden], who: tuple[int, int], ways: tuple[int | None, int | None]
) -> None:
    """With companions, concessions, transfers and caps."""
    tariff = replace(rule, lines={"r1": fare}, tap_out=True, rider_permille={2: 500})
    party, rider_class = who
    for hours in range(0, 14, 3):
        ride = Ride(rider_class, party, line="r1", wall_ms=WEEK_BEGINS_MS + hours * 3_600_000)
        most = price(tariff, ride, history)
        near, far = (
            price(tariff, replace(ride, metres=m, left=True), history) for m in sorted(ways, key=lambda m: m or 0)
        )
        assert 0 <= near.rider_rials <= far.rider_rials <= most.rider_rials
        assert 0 <= near.adult_rials <= far.adult_rials <= most.adult_rials <= limits.FLAT_FARE_MAX_RIALS
