"""The seeded world's clock and queue: in order, and never for ever."""

from random import Random

import pytest

from simulators.world import EVENTS_AN_HOUR_MAX, HOUR_MS, NeverRests, World


def test_machines_that_answer_each_other_for_ever_end_the_run() -> None:
    """A planted defect once made two doors do so: its seed never ended, and so it was never found."""
    world = World(1, 0)

    def answer() -> None:
        world.after(1, answer)

    answer()
    with pytest.raises(NeverRests):
        world.run_until(24 * HOUR_MS)
    assert world.now_ms < HOUR_MS


def test_as_many_events_over_many_hours_are_a_life() -> None:
    world = World(1, 0)
    seen = []

    def tick(left: int) -> None:
        seen.append(left)
        if left:
            world.after(HOUR_MS // (EVENTS_AN_HOUR_MAX // 2), lambda: tick(left - 1))

    tick(2 * EVENTS_AN_HOUR_MAX)
    world.run_until(24 * HOUR_MS)
    assert len(seen) == 2 * EVENTS_AN_HOUR_MAX + 1


def test_what_is_drawn_between_two_numbers_is_what_the_generator_draws() -> None:
    """A seed is a run, also of older commits."""
    drawn = Random("savar world 7")
    spans = [(0, 0), (1, 2), (-5, 5), (50, 1_000), (0, 2**40)] * 200
    world = World(7, 0)
    assert [world.between(*span) for span in spans] == [drawn.randint(*span) for span in spans]
    with pytest.raises(ValueError, match="nothing lies between 2 and 1"):
        world.between(2, 1)
