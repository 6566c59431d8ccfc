"""`savar bench light` and `savar bench reach` say what they measured, and their sums are right."""

import pytest

from benchmarks import light, reach


def test_light_tells_cost_and_what_was_found() -> None:
    ticks: list[int] = []
    figures = light.run(frames=50, seed=1, tick=ticks.append)
    assert sum(ticks) == 50 * len(light.KINDS)
    for kind in light.KINDS:
        assert figures[f"{kind}_us_mean"] > 0
        assert 0 < figures[f"{kind}_of_a_read"] < 5
    assert figures["empty_static_found_of_empties"] == 0
    assert figures["phones_found_of_codes"] > 0.5


@pytest.mark.parametrize(
    ("shares", "wanted", "px"),
    [
        ([0.0] * 5 + [1.0] * 14, 0.5, 1.65), ([0.0] * 5 + [0.5] * 2 + [1.0] * 12, 0.75, 1.85),
        ([0.0, 1.0, 0.0] + [1.0] * 16, 0.5, 1.45), ([1.0] * 19, 0.5, 1.2), ([0.0] * 19, 0.5, 3.0),
    ],
)  # fmt: skip
def test_what_a_module_needs_is_told_between_two_steps(shares: list[float], wanted: float, px: float) -> None:
    """A share that falls again later does not count: distance is asked for, and what is nearer must be read as well."""
    assert reach._reached(shares, wanted) == pytest.approx(px)


def test_distance_goes_with_the_width_of_a_module() -> None:
    assert reach._distance(5, 2.0) / reach._distance(8, 2.0) == pytest.approx(57 / 45)
    assert reach._distance(5, 1.0) == 2 * reach._distance(5, 2.0)


def test_reach_reads_what_is_large_and_nothing_that_is_tiny() -> None:
    ticks: list[int] = []
    figures = reach.run(trials=2, seed=1, tick=ticks.append)
    assert sum(ticks) == 2 * reach.SYMBOLS
    for version in (5, 8):
        shares = figures[f"read_v{version}"]
        assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert figures["distance_ratio_50%"] > 1
