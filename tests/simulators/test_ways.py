"""Seeded cities whose line is paid by the way: riders tap out there, and a fare that is none of the way's is found."""

from collections.abc import Callable, Sequence
from unittest.mock import patch

import pytest

from backend.core import repeats
from edge.core import tap_out
from simulators.seeded.run import run_seed
from simulators.seeded.ways import by_the_way


@pytest.mark.parametrize("seed", [14, 89])
def test_riders_tap_out_while_all_goes_wrong(seed: int) -> None:
    assert by_the_way(seed)
    result = run_seed(seed)
    assert result.violations == []
    assert result.coverage["verdict TAPPED_OUT"] > 10


def test_other_cities_have_no_tap_out() -> None:
    assert not by_the_way(3)
    assert run_seed(3).coverage["verdict TAPPED_OUT"] == 0


def _ignored(_ends: Sequence[object]) -> tuple[None, None]:
    return None, None


def _far(_boarded_m: int | None, _left_m: int | None) -> int:
    return 30_000


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ([(repeats, "_least", _ignored)], "tapped-out-as-shown"),
        ([(repeats, "metres_ridden", _far), (tap_out, "metres_ridden", _far)], "no-more-than-the-way"),
    ],
)
def test_a_fare_that_is_none_of_the_way_is_found(
    broken: list[tuple[object, str, Callable[..., object]]], found: str
) -> None:
    """At the office that forgets a tap-out, and in a city where every way is the longest."""
    with patch.object(*broken[0]), patch.object(*broken[-1]):
        assert found in {it.checker for it in run_seed(14).violations}
