"""What could be spent twice while the doors are apart, rules X1 to X3."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.exposure import Exposure
from edge.core.limits import LINK_DOUBT_MS

FARE = 50_000
# (accepted since the look before, linked at this look, ms since the look before)
looks = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 3 * LINK_DOUBT_MS)), max_size=30)


def test_a_door_that_has_never_met_the_other_counts_from_the_start() -> None:
    """X1."""
    exposure = Exposure()
    exposure.look(FARE, linked=False, now_ms=0)
    exposure.look(3 * FARE, linked=False, now_ms=1_000)
    assert (exposure.apart_rials, exposure.rials) == (3 * FARE, 3 * FARE)


def test_what_is_accepted_while_the_doors_talk_counts_nothing() -> None:
    exposure = Exposure()
    exposure.look(0, linked=True, now_ms=0)
    for second in range(60):
        exposure.look(second * FARE, linked=True, now_ms=second * 1_000)
    assert (exposure.apart_rials, exposure.rials) == (0, 0)


def test_what_was_told_into_a_line_that_was_dead_already_counts() -> None:
    """X2: and what was told before that does not."""
    exposure = Exposure()
    exposure.look(0, linked=True, now_ms=0)
    exposure.look(FARE, linked=True, now_ms=1_000)
    exposure.look(2 * FARE, linked=True, now_ms=2_000 + LINK_DOUBT_MS)
    exposure.look(2 * FARE, linked=False, now_ms=3_000 + LINK_DOUBT_MS)
    assert exposure.apart_rials == FARE
    exposure.look(2 * FARE, linked=False, now_ms=60_000)
    assert exposure.rials == FARE, "counted once"


def test_what_came_just_as_the_link_came_back_counts() -> None:
    """X3."""
    exposure = Exposure()
    exposure.look(FARE, linked=True, now_ms=0)
    assert exposure.rials == FARE


def test_a_new_outage_begins_at_nothing_and_the_run_adds_them_up() -> None:
    exposure = Exposure()
    exposure.look(2 * FARE, linked=False, now_ms=0)
    exposure.look(2 * FARE, linked=True, now_ms=1_000)
    assert exposure.apart_rials == 2 * FARE, "what the last one cost stays to be read"
    exposure.look(2 * FARE, linked=False, now_ms=100_000)
    exposure.look(3 * FARE, linked=False, now_ms=101_000)
    assert (exposure.apart_rials, exposure.rials) == (FARE, 3 * FARE)


@given(looks)
def test_it_is_all_that_was_accepted_apart_and_never_more_than_all(steps: list[tuple[int, bool, int]]) -> None:
    exposure, accepted, apart, now_ms = Exposure(), 0, 0, 0
    before, linked_before = 0, False
    for fares, linked, wait_ms in steps:
        now_ms += wait_ms
        accepted += fares * FARE
        exposure.look(accepted, linked=linked, now_ms=now_ms)
        apart += 0 if linked and linked_before else fares * FARE
        linked_before = linked
        assert before <= exposure.rials <= accepted
        assert apart <= exposure.rials
        before = exposure.rials
