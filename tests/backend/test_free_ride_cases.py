"""Free rides out of the ordinary: who is told of, and who is not."""

import pytest

from backend.app.cases import cases_of
from backend.core import limits
from backend.core.conduct import CaseKind
from backend.core.duties import by_hour, joined
from edge.core.limits import FREE_RIDE_MS
from tests.backend.conduct_facts import CROWD, DAY, HOUR_MS, MIDNIGHT_MS, Duty, facts, found, others

HALF_HOURS = (8.5, 9, 9.5, 10, 10.5, 11, 11.5, 12)


def test_a_driver_who_lets_ride_again_and_again_is_a_case_with_its_figures() -> None:
    (case,) = found(Duty("9").free(*HALF_HOURS), *others())
    assert (case.kind, case.subject, case.day) == (CaseKind.FREE_RIDES, "driver:9", DAY)
    assert case.figures == {
        "times": 8, "free_minutes": 80, "driven_minutes": 360, "others_minutes": 0,
        "score_tenths": round(10 * 0.6745 * 80 / 360 / limits.FREE_SPREAD_MIN), "rides": 0,
        "where": ["r1 08h", "r1 09h", "r1 10h", "r1 11h", "r1 12h"],
    }  # fmt: skip
    assert case.records[0] == ("bus-9-d1", 7, 3)
    assert len(case.records) == 8


def test_three_free_rides_are_none_however_long() -> None:
    assert found(Duty("9", hours=(8, 10)).free(8, 9, 9.5), *others(hours=(8, 10))) == []


def test_the_fourth_is_one() -> None:
    (case,) = found(Duty("9", hours=(8, 10)).free(8, 8.5, 9, 9.5), *others(hours=(8, 10)))
    assert case.figures["times"] == limits.FREE_RIDE_TIMES_MIN


def test_a_few_minutes_of_a_whole_shift_are_none() -> None:
    """Half an hour of six: given four times, and below 16 %."""
    assert found(Duty("9").free(8, 9, 10, 11, minutes=8), *others()) == []


def test_a_line_that_is_crowded_at_eight_makes_nobody_stand_out() -> None:
    crowd = [8.0, 8.2, 8.4, 8.6, 8.8]
    everybody = [it.free(*crowd, cause=CROWD) for it in others()]
    assert found(Duty("9", hours=(8, 11)).free(*crowd, cause=CROWD), *everybody) == []


def test_who_gives_them_where_the_others_give_none_stands_out_though_another_line_is_crowded() -> None:
    crowd = [8.0, 8.2, 8.4, 8.6, 8.8, 9, 9.2, 9.4]
    elsewhere = [it.free(*crowd, cause=CROWD) for it in others(line="r2")]
    (case,) = found(Duty("9").free(*crowd, cause=CROWD), *others(), *elsewhere)
    assert case.subject == "driver:9"


def test_with_too_few_others_nobody_is_judged() -> None:
    guilty = Duty("9").free(*HALF_HOURS)
    assert found(guilty, *others(limits.OTHERS_MIN - 1)) == []
    assert len(found(Duty("9").free(*HALF_HOURS), *others(limits.OTHERS_MIN))) == 1


def test_a_line_with_few_drivers_is_compared_with_all() -> None:
    (case,) = found(Duty("9", line="r7").free(*HALF_HOURS), *others())
    assert case.subject == "driver:9"


def test_two_dishonest_of_seven_do_not_hide_each_other() -> None:
    cases = found(Duty("8").free(*HALF_HOURS), Duty("9").free(*HALF_HOURS), *others(5))
    assert [it.subject for it in cases] == ["driver:8", "driver:9"]


def test_a_reader_whose_self_test_fails_is_a_fault_and_no_case() -> None:
    """The bus says it anew each ten minutes (S4)."""
    out = [8 + n / 6 for n in range(24)]
    assert found(Duty("9").free(*out, again=False), *others()) == []


@pytest.mark.parametrize("every_min", [6.0, 9.9])
def test_who_presses_it_anew_before_it_lapses_gives_it_by_his_own_hand(every_min: float) -> None:
    hours = [8 + n * every_min / 60 for n in range(20)]
    (case,) = found(Duty("9").free(*hours, again=False), *others())
    assert case.figures["times"] == 20


def test_a_free_ride_of_which_no_end_is_heard_lasts_ten_minutes() -> None:
    (case,) = found(Duty("9").free(*HALF_HOURS, again=False), *others())
    assert case.figures["free_minutes"] == 80


def test_a_shift_over_midnight_is_cut_at_midnight() -> None:
    night = others(hours=(-4, 3))
    before, after = [-3.5, -3, -2.5, -2, -1.5], [0.2, 0.6, 1, 1.5, 2]
    (case,) = found(Duty("9", hours=(-4, 3)).free(*before, *after), *night)
    assert [case.figures[it] for it in ("driven_minutes", "free_minutes", "times")] == [180, 50, 5]


def test_who_drives_in_a_shift_says_its_first_record_and_none_is_nobody() -> None:
    assert cases_of(facts([Duty("9").free(*HALF_HOURS), *others()], drivers={})) == []


def test_a_free_ride_lasts_at_the_office_as_on_the_bus() -> None:
    assert limits.FREE_RIDE_S * 1000 == FREE_RIDE_MS


def test_times_are_joined_and_cut_at_local_hours() -> None:
    assert joined([(5, 9), (1, 3), (3, 4), (6, 7)]) == [(1, 4), (5, 9)]
    begin, end = MIDNIGHT_MS + HOUR_MS // 2, MIDNIGHT_MS + 2 * HOUR_MS + 5
    assert list(by_hour([(begin, end)])) == [
        (0, (begin, MIDNIGHT_MS + HOUR_MS)), (1, (MIDNIGHT_MS + HOUR_MS, MIDNIGHT_MS + 2 * HOUR_MS)),
        (2, (MIDNIGHT_MS + 2 * HOUR_MS, end)),
    ]  # fmt: skip
