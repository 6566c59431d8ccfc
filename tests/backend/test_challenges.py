"""Challenges of just now, each answered once, by any clock."""

from random import Random

from backend.app.challenges import Challenges

MOST, LIFE_MS = 3, 1_000


class Clock:
    now_ms = 10_000_000

    def __call__(self) -> int:
        return self.now_ms


def begun() -> tuple[Challenges, Clock]:
    clock = Clock()
    return Challenges(clock, Random(1).randbytes, lifetime_ms=LIFE_MS, most=MOST), clock


def test_each_is_answered_once_in_time_and_about_one_thing() -> None:
    challenges, clock = begun()
    one, other = challenges.new(b"this"), challenges.new(b"this")
    assert not challenges.answer(one, b"that")
    assert challenges.answer(one, b"this")
    assert not challenges.answer(one, b"this")
    clock.now_ms += LIFE_MS
    assert not challenges.answer(other, b"this")


def test_who_comes_when_too_many_were_answered_waits() -> None:
    challenges, clock = begun()
    assert all(challenges.answer(challenges.new()) for _ in range(MOST))
    assert not challenges.answer(challenges.new())
    clock.now_ms += LIFE_MS
    assert challenges.answer(challenges.new())


def test_a_clock_that_was_put_back_keeps_nobody_out_and_opens_nothing_twice() -> None:
    """What was answered by a clock of next year would have stood there until next year."""
    challenges, clock = begun()
    clock.now_ms += 365 * 86_400_000
    answered = [challenges.new() for _ in range(MOST)]
    assert all(challenges.answer(it) for it in answered)
    clock.now_ms -= 365 * 86_400_000
    assert not challenges.answer(challenges.new()), "one attempt finds it out"
    assert all(challenges.answer(challenges.new()) for _ in range(MOST))
    clock.now_ms += 365 * 86_400_000
    assert not any(challenges.answer(it) for it in answered)
