"""The rules of a driver's shift (S1–S7), one by one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import limits
from edge.core.desk import Duty, Seen
from edge.core.errors import AnnulsSpent, Moving, NotAnnullable, NotNow, ProxiesSpent, RidesFree, TooLateToAnnul
from edge.core.pins import Tries
from edge.core.shift import (
    MOVES,
    Act,
    Shift,
    Speed,
    Stage,
    give_free_ride,
    known_speed,
    locked,
    look_at_free_ride,
    move,
    total,
)
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.driver_records import FreeCause
from protocol.wire.records import ClockQuality, Instant

NOW = Instant(1_790_000_000_000, 1_000_000, ClockQuality.TRUSTED, 1)
FAST, SLOW = Speed(6, NOW.mono_ms), Speed(5, NOW.mono_ms)


def later(ms: int) -> Instant:
    return replace(NOW, wall_ms=NOW.wall_ms + ms, mono_ms=NOW.mono_ms + ms)


def seen(
    sequence: int | None, verdict: Verdict = Verdict.ACCEPTED, *, door: int = 1, persons: int = 1, proxy: bool = False
) -> Seen:
    row = TABLE[verdict]
    return Seen(door, sequence, NOW, verdict, Reason.NONE, 60_000 * persons * row.charged, persons * row.boards, proxy)


def shift(*answers: Seen) -> Shift:
    it = Shift(Duty("4021", "a-shift"), NOW)
    for one in answers:
        it.saw(one)
    return it


@pytest.mark.parametrize("stage", Stage)
def test_s1_sos_is_taken_in_every_stage_while_driving(stage: Stage) -> None:
    assert move(stage, Act.SOS, FAST, NOW.mono_ms) is stage


@pytest.mark.parametrize("act", [act for act in Act if act is not Act.SOS])
def test_s2_everything_else_is_locked_above_walking_pace(act: Act) -> None:
    for stage in Stage:
        with pytest.raises(Moving):
            move(stage, act, FAST, NOW.mono_ms)


def test_s2_walking_pace_and_an_unknown_speed_lock_nothing() -> None:
    assert not locked(SLOW, NOW.mono_ms)
    assert not locked(None, NOW.mono_ms)
    assert locked(FAST, NOW.mono_ms + limits.SPEED_STALE_MS)
    assert not locked(FAST, NOW.mono_ms + limits.SPEED_STALE_MS + 1), "a receiver that fell silent locks nothing"
    assert known_speed(FAST, NOW.mono_ms) == 6


def test_s3_what_the_table_does_not_name_is_refused_with_what_would_be_taken() -> None:
    for stage in Stage:
        for act in Act:
            if (stage, act) not in MOVES:
                with pytest.raises(NotNow) as refused:
                    move(stage, act, None, NOW.mono_ms)
                assert refused.value.fix


def test_s3_every_stage_is_reached_and_left() -> None:
    assert {after for _, after in MOVES.items()} == set(Stage)
    assert {stage for (stage, _), after in MOVES.items() if after is not stage} == set(Stage)


def test_s4_reader_out_lapses_after_ten_minutes_if_the_self_test_passes() -> None:
    ride = give_free_ride(FreeCause.READER_OUT, NOW)
    last, due = later(limits.FREE_RIDE_MS - 1), later(limits.FREE_RIDE_MS)
    assert look_at_free_ride(ride, last, healthy=True) is ride
    assert look_at_free_ride(ride, due, healthy=True) is None
    on = look_at_free_ride(ride, due, healthy=False)
    assert on is not None
    assert on.since == NOW
    assert on.lapses_ms == due.mono_ms + limits.FREE_RIDE_MS


@pytest.mark.parametrize("cause", [FreeCause.CROWD, FreeCause.ORDER])
def test_s4_any_other_lapses_whatever_the_self_test_says(cause: FreeCause) -> None:
    assert look_at_free_ride(give_free_ride(cause, NOW), later(limits.FREE_RIDE_MS), healthy=False) is None


def test_s5_a_boarding_is_taken_back_once_in_time_and_so_often() -> None:
    it = shift(
        *(seen(n) for n in range(1, limits.ANNULS_A_DAY_MAX + 2)),
        seen(90, Verdict.BOARD_FREE),
        seen(91, Verdict.DENIED),
    )
    for wrong in (90, 91, 92):
        with pytest.raises(NotAnnullable):
            it.may_annul(1, wrong, NOW)
    with pytest.raises(NotAnnullable):
        it.may_annul(2, 1, NOW)
    with pytest.raises(TooLateToAnnul):
        it.may_annul(1, 1, later(limits.ANNUL_WITHIN_MS + 1))
    it.annul(it.may_annul(1, 1, later(limits.ANNUL_WITHIN_MS)))
    with pytest.raises(NotAnnullable):
        it.may_annul(1, 1, NOW)
    for n in range(2, limits.ANNULS_A_DAY_MAX + 1):
        it.annul(it.may_annul(1, n, NOW))
    left = seen(limits.ANNULS_A_DAY_MAX + 1)
    assert not it.can_annul(left, NOW)
    with pytest.raises(AnnulsSpent):
        it.may_annul(1, limits.ANNULS_A_DAY_MAX + 1, NOW)
    assert it.annuls_left == 0


def test_s6_proxies_are_bounded_and_one_taken_back_is_given_back() -> None:
    it = shift(*(seen(n, proxy=True) for n in range(1, limits.PROXIES_A_SHIFT_MAX + 1)))
    with pytest.raises(ProxiesSpent):
        it.may_proxy(1, free=False)
    it.annul(it.may_annul(1, 3, NOW))
    it.may_proxy(1, free=False)
    with pytest.raises(ProxiesSpent):
        it.may_proxy(2, free=False)
    with pytest.raises(RidesFree):
        it.may_proxy(1, free=True)
    assert it.proxy_rials == (limits.PROXIES_A_SHIFT_MAX - 1) * 60_000


def test_s7_what_was_not_stored_is_no_boarding() -> None:
    it = shift(
        seen(None, Verdict.ACCEPTED), seen(1, Verdict.ALREADY_PAID), seen(2, persons=3), seen(3, Verdict.BOARD_FREE)
    )
    tally = it.doors[1]
    assert (tally.boarded, tally.free, tally.refused, tally.lost, tally.charged_rials) == (4, 1, 1, 1, 180_000)


answers = st.lists(
    st.builds(seen, st.one_of(st.none(), st.integers(1, 40)), st.sampled_from(Verdict), door=st.integers(1, 3), persons=st.integers(1, 6)),
    max_size=60,
    unique_by=lambda one: (one.door, one.sequence),
)  # fmt: skip


@given(answers, st.lists(st.integers(0, 59), max_size=20))
def test_totals_are_what_was_seen_less_what_was_taken_back(riders: list[Seen], back: list[int]) -> None:
    it = shift(*riders)
    gone = []
    for at in back:
        if at < len(riders) and it.can_annul(riders[at], NOW):
            it.annul(riders[at])
            gone.append(riders[at])
    stored = [one for one in riders if one.sequence is not None]
    every = total(list(it.doors.values()))
    assert every.boarded == sum(one.persons for one in stored) - sum(one.persons for one in gone)
    assert every.charged_rials == sum(one.fare_rials for one in stored) - sum(one.fare_rials for one in gone)
    assert it.annulled_rials == sum(one.fare_rials for one in gone)
    assert len(it.last) == min(len(riders), limits.SHOWN_LAST)


def test_the_first_wrong_pins_cost_nothing_and_then_each_doubles_the_wait() -> None:
    tries, mono_ms, waits = Tries(), 50, []
    for _ in range(12):
        tries = tries.failed("4021", mono_ms)
        waits.append(tries.wait_ms(mono_ms))
    first = limits.PIN_WAIT_MIN_MS
    assert waits[:6] == [0, 0, first, 2 * first, 4 * first, 8 * first]
    assert waits[-1] == limits.PIN_WAIT_MAX_MS
    assert tries.wait_ms(mono_ms + limits.PIN_WAIT_MAX_MS) == 0


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(0, 2 * limits.PIN_FORGOTTEN_MS)), max_size=60))
def test_no_number_of_wrong_pins_waits_longer_than_the_most_or_is_kept_without_end(
    wrong: list[tuple[str, int]],
) -> None:
    tries, mono_ms = Tries(), 0
    for number, later_ms in wrong:
        mono_ms += later_ms
        tries = tries.failed(number, mono_ms)
        assert tries.wait_ms(mono_ms) <= limits.PIN_WAIT_MAX_MS
        assert len(tries.wrong) <= limits.PIN_WRONG_MAX


def test_a_pin_of_ones_own_clears_nothing_of_a_colleagues_number_and_time_does() -> None:
    """Two guesses, the own PIN, two guesses, … would go through all PINs of a colleague without a wait."""
    tries, mono_ms, waited = Tries(), 1_000, 0
    for _ in range(40):
        for _ in range(2):
            waited += tries.wait_ms(mono_ms)
            mono_ms += tries.wait_ms(mono_ms)
            tries = tries.failed("colleague", mono_ms)
        tries = tries.right("mine", mono_ms)
    assert waited > 30 * limits.PIN_WAIT_MAX_MS
    assert tries.right("colleague", mono_ms).wrong == ()
    assert len(tries.failed("x", mono_ms + 3 * limits.PIN_FORGOTTEN_MS).wrong) < len(tries.wrong)
    assert tries.failed("x", mono_ms + 99 * limits.PIN_FORGOTTEN_MS).wrong == ("x",)


def test_s7_a_tap_out_boards_nobody_and_refuses_nobody() -> None:
    it = shift(seen(1), seen(2, Verdict.TAPPED_OUT), seen(3, Verdict.DENIED))
    tally = it.doors[1]
    assert (tally.boarded, tally.refused, tally.charged_rials) == (1, 1, 60_000)
    assert it.last[1].verdict is Verdict.TAPPED_OUT
