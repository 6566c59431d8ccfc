"""The table of a top-up's life: nothing is credited without a verify, nothing is lost, nothing is credited again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.payments.life import FINAL, LIFE, PACE, Effect, Pace, next_look_s, step
from backend.core.payments.port import Says
from backend.core.payments.topup import State

ALIVE = (State.PENDING, State.FAILED)
HEARD = [(state, says) for state in State for says in Says]


def test_every_state_is_in_the_table() -> None:
    assert set(LIFE) == set(State)


@pytest.mark.parametrize(("state", "says"), HEARD)
def test_only_a_verified_payment_that_was_not_credited_is_credited(state: State, says: Says) -> None:
    credited = step(state, says).effect is Effect.CREDIT
    assert credited == (says is Says.PAID and state in ALIVE)
    assert (step(state, says).state is State.PAID) == (credited or (state is State.PAID and says is not Says.REVERSED))


@pytest.mark.parametrize(("state", "says"), HEARD)
def test_only_a_credited_one_that_went_back_is_taken_back(state: State, says: Says) -> None:
    assert (step(state, says).effect is Effect.TAKE_BACK) == ((state, says) == (State.PAID, Says.REVERSED))


@pytest.mark.parametrize("says", Says)
@pytest.mark.parametrize("state", [*FINAL, State.ASKED])
def test_what_went_back_stays_back(state: State, says: Says) -> None:
    assert step(state, says).state is state
    assert step(state, says).effect is Effect.NOTHING


@pytest.mark.parametrize("state", ALIVE)
def test_what_may_be_paid_never_ends_by_a_word_that_is_no_reversal(state: State) -> None:
    """A no is no end: a later yes pays."""
    for says in Says:
        then = step(state, says).state
        assert then not in FINAL or says is Says.REVERSED
        assert then in (*ALIVE, State.PAID, State.REVERSING, State.REVERSED)


def test_another_amount_goes_back_and_is_never_credited() -> None:
    for state in ALIVE:
        assert step(state, Says.OTHER_AMOUNT).state is State.REVERSING
    for says in Says:
        assert step(State.REVERSING, says).state in (State.REVERSING, State.REVERSED)
        assert step(State.REVERSING, says).effect not in (Effect.CREDIT, Effect.VERIFY)


paces = st.builds(
    Pace, first_s=st.floats(0.1, 60), young_s=st.floats(1, 1e4), young_gap_s=st.floats(0.1, 600),
    gap_s=st.floats(600, 1e5), asked_s=st.floats(1, 1e4), failed_s=st.floats(1, 1e6),
)  # fmt: skip


@given(paces, st.floats(0, 1e9), st.integers(0, 10_000))
def test_what_may_be_paid_is_asked_about_for_ever(pace: Pace, age_s: float, tries: int) -> None:
    for state in (State.PENDING, State.REVERSING):
        wait_s = next_look_s(pace, state, age_s=age_s, tries=tries)
        assert wait_s is not None
        assert 0 < wait_s <= max(pace.gap_s, pace.young_gap_s)
        if age_s < pace.young_s:
            assert wait_s <= pace.young_gap_s


def test_looks_double_and_end_where_nothing_can_come() -> None:
    waits = [next_look_s(PACE, State.PENDING, age_s=99_999, tries=n) for n in range(14)]
    assert waits[:4] == [15, 30, 60, 120]
    assert waits[-1] == 86_400
    assert next_look_s(PACE, State.FAILED, age_s=PACE.failed_s + 1, tries=0) is None
    assert next_look_s(PACE, State.FAILED, age_s=PACE.failed_s - 1, tries=0) is not None
    assert [next_look_s(PACE, State.PAID, age_s=0, tries=n) for n in range(4)] == [*PACE.again_s, None]
    assert all(next_look_s(PACE, state, age_s=0, tries=0) is None for state in FINAL)
    assert next_look_s(PACE, State.ASKED, age_s=10, tries=0) == PACE.asked_s - 10


def test_a_bank_that_takes_back_after_half_an_hour_is_asked_in_time() -> None:
    """Two looks of a young one are nearer than what banks wait for a verify, less what a rider may take at the bank."""
    assert PACE.young_gap_s < 600
    assert PACE.young_s >= 3_600
