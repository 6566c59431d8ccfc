"""No told count is of few, and none of few is what told ones leave over: for any day at all."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from backend.core.limits import OPEN_DATA_RIDERS_MIN as K
from backend.core.opendata.cells import DEPTH, GROUPS, Count, Key, complement, told

Boarding = tuple[int, Key, int]  # rider, where and when, persons


def counts(boardings: list[Boarding]) -> dict[Key, Count]:
    """As the database counts."""
    persons: dict[Key, int] = defaultdict(int)
    riders: dict[Key, set[int]] = defaultdict(set)
    for rider, key, party in boardings:
        for depth in range(DEPTH + 1):
            persons[key[:depth]] += party
            riders[key[:depth]].add(rider)
    return {key: Count(persons[key], len(riders[key])) for key in persons}


@st.composite
def days(draw: st.DrawFn) -> list[Boarding]:
    """Crowds, small groups and single riders on a few lines, hours and classes; some ride often."""
    found: list[Boarding] = []
    for line in ("r1", "r2", "r3")[: draw(st.integers(1, 3))]:
        for hour in ("06", "07", "08", "09")[: draw(st.integers(1, 4))]:
            for group in GROUPS:
                size, among = draw(st.sampled_from((0, 0, 1, 2, 9, 10, 11, 15, 40))), draw(st.integers(1, 60))
                found += [(n % among, (line, hour, group), 1 + n % 3 * draw(st.booleans())) for n in range(size)]
    return found


@given(days())
def test_each_told_count_is_of_enough_riders_and_what_is_left_of_it_is_of_none_or_hides(day: list[Boarding]) -> None:
    whole = counts(day)
    shown = told(whole)
    for key, boardings in shown.items():
        assert boardings == whole[key].boardings
        assert len({rider for rider, where, _ in day if where[: len(key)] == key}) >= K
        assert not key or key[:-1] in shown
        left = {it for it in whole if it[:-1] == key and len(it) == len(key) + 1 and it not in shown}
        hiding = {rider for rider, where, _ in day if where[: len(key) + 1] in left}
        assert not hiding or len(hiding) >= K
    for key in shown:
        if len(key) == DEPTH:
            assert {(*key[:-1], group) for group in GROUPS} <= set(shown), "a class alone"


@given(days())
def test_a_small_count_stays_anything_below_the_bound(day: list[Boarding]) -> None:
    """Who knows that each neighbour holds K at the least, and what is left, learns nothing of the small one."""
    whole = counts(day)
    shown = told(whole)
    for key in shown:
        children = {it: count for it, count in whole.items() if it[:-1] == key and len(it) == len(key) + 1}
        away = {it for it in children if it not in shown}
        if len(key) == DEPTH - 1 or not away or away == children.keys():
            continue  # both classes together, or all: which of them is small nobody can tell
        neighbours = sum(children[it].riders >= K for it in away)
        assert neighbours
        assert sum(children[it].boardings for it in away) - K * neighbours >= K


def of(*boardings: int) -> dict[Key, Count]:
    """Hours of one line, each rider once."""
    return {("r1", f"{n:02}"): Count(many, many) for n, many in enumerate(boardings) if many}


def test_which_neighbour_is_hidden_says_nothing_of_how_small_it_is() -> None:
    """By the smallest, 1 + 10 would be left; told were 10 and 12: so what is hidden beside is 10, and the small one 1."""
    first, second, third = (("r1", f"{n:02}") for n in (0, 2, 3))
    assert complement(of(10, 1, 12, 10), {("r1", "01")}) == {first, second, third}
    assert complement(of(10, 1, 30, 10), {("r1", "01")}) == {second}
    assert complement(of(10, 1, 12, 40), {("r1", "01")}) == {second, third}
    assert complement(of(30, 12, 30, 1), {("r1", "03")}) == {first}
    assert complement(of(10, 12), set()) == set()


def test_where_all_are_small_their_sum_is_told_alone() -> None:
    whole = counts([(n, ("r1", f"{n:02}", "adult"), 1) for n in range(12)])
    assert told(whole) == {(): 12, ("r1",): 12}
    assert told(counts([(n, ("r1", "07", "adult"), 1) for n in range(9)])) == {}
    often = counts([(n % 9, ("r1", "07", "adult"), 1) for n in range(90)])
    assert told(often) == {}, "ninety boardings of nine riders are of nine"
