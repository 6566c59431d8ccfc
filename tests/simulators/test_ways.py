"""Seeded cities whose line is paid by the way: riders tap out there, and a fare that is none of the way's is found."""

from collections.abc import Callable, Sequence
from unittest.mock import patch

import pytest

from backend.core import repeats
from edge.core import tap_out
from simulators.seeded import run
from simulators.seeded.run import run_seed
from simulators.seeded.ways import by_the_way, true_way_m

FOUND = {  # seed → what it found when it was new
    2399: "a door that was off took a boarding for young, and showed a tap-out that the office held to be too late",
    3399: "the same, with companions",
    2109: "the checker took a whole round for the few metres of the next one",
    369: "companions by a door that had been off were charged beside what a tap-out showed for all of them",
    419: "the same, in front, for a boarding behind",
    604: "the same, by a door without a trusted clock",
    764: "the same, of a rider who pays nothing",
    1484: "the same, on a journal that a clock had taken a year ahead",
    2664: "as 2109",
    3244: "as 2109, without companions",
}
FOUND_ELSEWHERE = {(29, 8): "as 2399, and a boarding without a trusted clock", (379, 10): "as 2109"}  # seed, GAP_LOOKS


@pytest.mark.parametrize("seed", [14, 89])
def test_riders_tap_out_while_all_goes_wrong(seed: int) -> None:
    assert by_the_way(seed)
    result = run_seed(seed)
    assert result.violations == []
    assert result.coverage["verdict TAPPED_OUT"] > 10


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_found_something_finds_nothing_any_more(seed: int) -> None:
    assert run_seed(seed).violations == []


@pytest.mark.parametrize(("seed", "looks"), FOUND_ELSEWHERE)
def test_nor_does_one_whose_doors_look_round_less_often_in_a_gap(seed: int, looks: int) -> None:
    with patch.object(run, "GAP_LOOKS", looks):
        assert run_seed(seed).violations == []


def test_who_leaves_in_the_next_round_has_ridden_this_one_to_its_end() -> None:
    """A city's buses go round without end, and for some minutes riders tap out who came to the last stop."""
    round_ms = 3_000_000
    assert true_way_m(round_ms + 8_000, round_ms + 22_000) == 14 * 6
    assert true_way_m(round_ms + 8_000, 2 * round_ms + 22_000) == (2_999 - 8) * 6


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
