"""What is ordinary: against the same written plainly, for any work; and spans of time."""

from itertools import pairwise
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from backend.core.duties import by_hour, clipped, joined, length_ms
from backend.core.limits import OTHERS_MIN, SCORE_MAX
from backend.core.ordinary import Ordinary, Work
from tests.backend.conduct_facts import HOUR_MS, MIDNIGHT_MS

CELLS = st.sampled_from([("r1", 8), ("r1", 9), ("r2", 8)])
DONE = st.tuples(st.integers(10, 40), st.integers(0, 10))
WORK = st.dictionaries(CELLS, DONE, min_size=1)
EVERYBODY = st.dictionaries(st.sampled_from("abcdefghij"), WORK, min_size=1)


def share(cells: list[tuple[int, int]]) -> float:
    return sum(counted for _, counted in cells) / sum(worked for worked, _ in cells)


def plainly(work: dict[str, Work], who: str) -> float | None:
    """The excess of one: by cell, else by line, else by all."""
    expected = 0.0
    for cell, (worked, _) in work[who].items():
        others = [cells for name, cells in work.items() if name != who]
        for shares in (
            [share([cells[cell]]) for cells in others if cell in cells],
            [share(of_line) for cells in others if (of_line := [d for (line, _), d in cells.items() if line == cell[0]])],
            [share(list(cells.values())) for cells in others],
        ):  # fmt: skip
            if len(shares) >= OTHERS_MIN:
                expected += median(shares) * worked
                break
        else:
            return None
    return (sum(c for _, c in work[who].values()) - expected) / sum(w for w, _ in work[who].values())


@given(EVERYBODY)
def test_who_stands_how_is_what_plain_words_say(work: dict[str, Work]) -> None:
    ordinary = Ordinary(work, worked_min=1, spread_min=0.01)
    excess = {who: it for who in work if (it := plainly(work, who)) is not None}
    for who in work:
        found, others = ordinary.of(who), [it for name, it in excess.items() if name != who]
        if who not in excess or len(others) < OTHERS_MIN:
            assert found is None
            continue
        assert found is not None
        spread = max(median(abs(it - median(others)) for it in others), 0.01)
        assert abs(found.score - 0.6745 * (excess[who] - median(others)) / spread) < 1e-6
        assert found.stands_out is (found.score > SCORE_MAX)


@given(st.floats(0, 1), st.lists(st.floats(0, 0.07), min_size=9, max_size=9))
def test_four_dishonest_of_thirteen_hide_nobody_and_accuse_nobody(bold: float, shares: list[float]) -> None:
    """Under half of the others: whatever they do, the medians stay among the honest, who differ by 7 %."""
    work = {f"h{n}": {("r1", 8): (1_000, round(1_000 * it))} for n, it in enumerate(shares)}
    work |= {f"d{n}": {("r1", 8): (1_000, 600 + round(400 * bold))} for n in range(4)}
    ordinary = Ordinary(work, worked_min=1, spread_min=0.03)
    told = {who for who in work if (it := ordinary.of(who)) is not None and it.stands_out}
    assert not {who for who in told if who.startswith("h")}


SPANS = st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**7)).map(lambda it: (it[0], it[0] + it[1])))


@given(SPANS)
def test_joined_times_hold_each_moment_once(spans: list[tuple[int, int]]) -> None:
    whole = joined(spans)
    assert all(end < begin for (_, end), (begin, _) in pairwise(whole))
    for begin, end in spans:
        assert length_ms(clipped(whole, begin, end)) == end - begin
    assert length_ms(whole) <= length_ms(spans)


@given(SPANS)
def test_cut_at_hours_nothing_is_lost_and_each_part_lies_in_its_hour(spans: list[tuple[int, int]]) -> None:
    moved = [(MIDNIGHT_MS + begin, MIDNIGHT_MS + end) for begin, end in spans]
    parts = list(by_hour(moved))
    assert length_ms(part for _, part in parts) == length_ms(moved)
    assert all((begin - MIDNIGHT_MS) // HOUR_MS % 24 == (end - 1 - MIDNIGHT_MS) // HOUR_MS % 24 == hour
               for hour, (begin, end) in parts)  # fmt: skip
