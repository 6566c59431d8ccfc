"""Whether every thread lives and goes round, rules V1 to V3."""

from edge.core.errors import ThreadDied, ThreadStuck
from edge.core.limits import STUCK_MS
from edge.core.vitals import Pulse, Vitals


def test_who_lives_and_goes_round_is_well() -> None:
    vitals = Vitals()
    for turn in range(10):
        assert vitals.look([Pulse("sync", True, turn), Pulse("mqtt", True)], turn * STUCK_MS) is None


def test_a_thread_that_has_ended_is_dead_and_comes_before_one_that_is_stuck() -> None:
    """V1."""
    vitals = Vitals()
    stuck = Pulse("sync", True, 1)
    assert vitals.look([stuck], 0) is None
    wrong = vitals.look([stuck, Pulse("mqtt", False)], STUCK_MS)
    assert isinstance(wrong, ThreadDied)
    assert "mqtt" in str(wrong)


def test_a_thread_that_does_not_come_round_is_stuck_until_it_does() -> None:
    """V2."""
    vitals = Vitals()
    assert vitals.look([Pulse("sync", True, 7)], 1_000) is None
    assert vitals.look([Pulse("sync", True, 7)], 1_000 + STUCK_MS - 1) is None
    wrong = vitals.look([Pulse("sync", True, 7)], 1_000 + STUCK_MS)
    assert isinstance(wrong, ThreadStuck)
    assert f"sync has not come round for {STUCK_MS // 1_000} s" in str(wrong)
    assert vitals.look([Pulse("sync", True, 8)], 1_001 + STUCK_MS) is None


def test_one_of_two_that_goes_round_does_not_speak_for_the_other() -> None:
    vitals = Vitals()
    for now in range(0, STUCK_MS, 1_000):
        assert vitals.look([Pulse("decode-a", True, now), Pulse("decode-b", True, 3)], now) is None
    assert isinstance(vitals.look([Pulse("decode-a", True, -5), Pulse("decode-b", True, 3)], STUCK_MS), ThreadStuck)


def test_who_may_wait_for_as_long_as_it_likes_is_never_stuck() -> None:
    """V3."""
    vitals = Vitals()
    assert vitals.look([Pulse("bundles", True)], 0) is None
    assert vitals.look([Pulse("bundles", True)], 100 * STUCK_MS) is None
