"""No told count is of few, and few riders change nothing of what is told: for any day at all."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from backend.core.limits import OPEN_DATA_RIDERS_MIN as K
from backend.core.opendata.cells import DEPTH, GROUPS, HOUR, Count, Key, told

Boarding = tuple[int, Key, int]  # rider, where and when, persons


def counts(boardings: list[Boarding]) -> dict[Key, Count]:
    """As the database counts."""
    persons: dict[Key, int] = defaultdict(int)
    riders: dict[Key, set[int]] = defaultdict(set)
    for rider, key, party in boardings:
        for depth in range(HOUR, DEPTH + 1):
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


def riders_of(day: list[Boarding], key: Key) -> int:
    return len({rider for rider, where, _ in day if where[: len(key)] == key})


@given(days())
def test_each_told_count_is_of_enough_riders_and_each_total_is_the_sum_of_what_is_told(day: list[Boarding]) -> None:
    whole = counts(day)
    shown = told(whole)
    for key, boardings in shown.items():
        assert riders_of(day, key) >= K
        assert not key or key[:-1] in shown
        below = [count for it, count in shown.items() if it[:-1] == key and len(it) == len(key) + 1]
        assert len(key) >= HOUR or below
        assert not below or boardings == sum(below)
        if len(key) == HOUR:
            assert boardings == whole[key].boardings
            assert len(below) in {0, len(GROUPS)}, "a class alone"
    assert {key for key, count in whole.items() if len(key) == HOUR and count.riders >= K} <= set(shown)


@given(days())
def test_who_is_among_few_changes_nothing_of_what_is_told(day: list[Boarding]) -> None:
    """Neither a row nor a number: the day is told as if none of them had boarded."""
    whole = counts(day)
    without = [it for it in day if whole[it[1][:HOUR]].riders >= K]
    assert told(whole) == told(counts(without))


@given(days())
def test_classes_that_are_not_told_change_nothing_either(day: list[Boarding]) -> None:
    """Where they are not, each might be the other."""
    shown = told(counts(day))
    other = dict(zip(GROUPS, reversed(GROUPS), strict=True))
    turned = [
        (rider, where if where in shown else (*where[:HOUR], other[where[HOUR]]), party)
        for rider, where, party in day
    ]  # fmt: skip
    assert told(counts(turned)) == shown


def test_the_ride_back_alone_in_its_hour_is_not_to_be_seen() -> None:
    crowd = [(n, ("r9", hour, "adult"), 1) for n in range(40) for hour in ("07", "08", "15", "16")]
    quiet = told(counts(crowd))
    assert quiet == {
        (): 160, ("r9",): 160, ("r9", "07"): 40, ("r9", "08"): 40, ("r9", "15"): 40, ("r9", "16"): 40
    }  # fmt: skip
    assert told(counts([*crowd, (50, ("r9", "12", "adult"), 1)])) == quiet
    assert told(counts([*crowd, (50, ("r77", "07", "reduced"), 3)])) == quiet, "a line that nobody else rode"


def test_where_all_are_small_nothing_is_told() -> None:
    assert told(counts([(n, ("r1", f"{n:02}", "adult"), 1) for n in range(12)])) == {}
    assert told(counts([(n, ("r1", "07", "adult"), 1) for n in range(9)])) == {}
    often = counts([(n % 9, ("r1", "07", "adult"), 1) for n in range(90)])
    assert told(often) == {}, "ninety boardings of nine riders are of nine"
