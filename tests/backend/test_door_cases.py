"""Doors that read nothing, buses that stand still, codes that are told again and again: who is told of, who is not."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from backend.app.cases import cases_of
from backend.core import limits
from backend.core.conduct import Case, CaseKind
from backend.core.day_facts import Copied, Counted, DayFacts, Placed
from backend.core.door_cases import blind_doors
from backend.core.driver_cases import Driven
from backend.core.stands import parked
from edge.core.limits import ACCURACY_MAX_M
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Shift, ShiftStep
from protocol.wire.record_parts import Link
from tests.backend.conduct_facts import DAY, MIDNIGHT_MS, Duty, at, facts, others

MINUTE_MS = 60_000
Read = dict[int, tuple[int, int]]  # hour → codes read by the front and by the rear door
USUAL: Read = dict.fromkeys(range(8, 14), (8, 8))
COVERED: Read = {8: (8, 8), 9: (8, 8), 10: (0, 14), 11: (0, 14), 12: (0, 14), 13: (8, 8)}


def counted(bus: str, read: Read, *, line: str = "r1", reason: int = 0) -> list[Counted]:
    return [
        Counted(f"{bus}-d{door}", bus, door, f"s-{bus.removeprefix('bus-')}", line, hour, int(Verdict.ACCEPTED), reason, n, n, 0)
        for hour, both in read.items() for door, n in enumerate(both, 1) if n
    ]  # fmt: skip


def a_day(read: Read, duty: Duty | None = None, *, usual: Read = USUAL, buses: int = 6) -> DayFacts:
    """One bus that read so, and others that read as usual; each with its driver."""
    duties = [duty or Duty("9"), *others(buses)]
    made = facts(duties)
    rows = [it for n, it in enumerate(duties) for it in counted(it.bus, usual if n else read)]
    doors = {(it.bus, door): f"{it.bus}-d{door}" for it in duties for door in (1, 2)}
    return replace(made, counted=rows, doors=doors)


def blind(day: DayFacts) -> list[Case]:
    return list(blind_doors(day, Driven(day)))


def test_a_covered_camera_is_a_case_with_the_free_rides_given_meanwhile() -> None:
    (case,) = blind(a_day(COVERED, Duty("9").free(8.5, 10.5, 11.5)))
    assert (case.kind, case.subject) == (CaseKind.BLIND_DOOR, "device:bus-9-d1")
    assert case.figures == {
        "read": 0, "read_by_other": 42, "usual_percent": 50, "vehicle": "bus-9", "hours": ["10h", "11h", "12h"],
        "free_minutes": 20, "drivers": ["9"],
    }  # fmt: skip
    assert [sequence for _, _, sequence in case.records] == [5, 7]  # the free rides of those hours


def test_who_drove_then_is_named_and_not_who_drove_before() -> None:
    day = a_day(COVERED, Duty("9", hours=(8, 9.5)))
    assert blind(day)[0].figures["drivers"] == []


@pytest.mark.parametrize(
    "read",
    [
        {10: (0, 29)},  # too little to say
        {10: (3, 42)},  # poor, but a twentieth
        dict.fromkeys(range(8, 14), (4, 12)),  # fewer than elsewhere, for a day
        USUAL,
        {10: (0, 0), 11: (0, 0)},
    ],
)
def test_a_door_that_reads_little_is_none(read: Read) -> None:
    assert blind(a_day(read)) == []


def test_thirty_codes_by_the_other_door_are_enough_and_one_of_twenty_is_next_to_nothing() -> None:
    assert len(blind(a_day({10: (0, limits.BLIND_TAPS_MIN)}))) == 1
    assert len(blind(a_day({10: (2, 40)}))) == 1
    assert blind(a_day({10: (3, 59)})) == []


def test_a_camera_uncovered_for_one_code_an_hour_is_one() -> None:
    """No hour of it is dark by itself: one of fifteen, and of quiet ones one of five."""
    (case,) = blind(a_day(dict.fromkeys(range(8, 14), (1, 14))))
    assert (case.figures["read"], case.figures["read_by_other"]) == (6, 84)
    assert len(blind(a_day({8: (1, 24), 9: (1, 4), 10: (1, 24), 11: (1, 4), 12: (1, 24), 13: (1, 4)}))) == 1


def test_one_opened_for_ten_minutes_of_each_hour_is_one_and_for_twenty_is_none() -> None:
    assert len(blind(a_day(dict.fromkeys(range(8, 14), (3, 18))))) == 1
    assert blind(a_day(dict.fromkeys(range(8, 14), (6, 18)))) == []


def test_a_poor_share_counts_from_three_hours_on() -> None:
    """A school before one door for two hours, and before the other for none."""
    usual = dict.fromkeys(range(8, 14), (20, 20))
    assert blind(a_day({**usual, 10: (5, 60), 11: (5, 60)}, usual=usual)) == []
    hours = range(10, 10 + limits.BLIND_HOURS_MIN)
    assert len(blind(a_day({**usual, **dict.fromkeys(hours, (5, 60))}, usual=usual))) == 1


@pytest.mark.parametrize("an_hour", [30, 45, 60, 90])
def test_of_a_whole_day_dark_every_hour_is_told(an_hour: int) -> None:
    """However small the chance is: 0.3 to the power of 720 is less than a float can say."""
    hours = range(6, 22)
    usual = dict.fromkeys(hours, (7, 3))
    (case,) = blind(a_day(dict.fromkeys(hours, (0, an_hour)), usual=usual))
    assert (case.figures["hours"], case.figures["read_by_other"]) == ([f"{it:02}h" for it in hours], 16 * an_hour)


def test_one_phone_held_up_again_and_again_is_no_reading() -> None:
    """A driver's own, paid once: its repeats are free."""
    day = a_day(COVERED)
    own = [
        it._replace(verdict=int(Verdict.ALREADY_PAID)) for it in counted("bus-9", dict.fromkeys((10, 11, 12), (14, 0)))
    ]
    assert len(blind(replace(day, counted=[*day.counted, *own]))) == 1


def test_of_a_fleet_of_honest_doors_none_is_told_of() -> None:
    """Five lines of forty buses for ten days; some doors are used less, and crowds come to one door for an hour."""
    rng = Random(600)
    for _ in range(10):
        duties = [Duty(f"{line}-{n}", line=f"r{line}") for line in range(5) for n in range(40)]
        rows = []
        for duty in duties:
            front, an_hour = (0.3, 0.4, 0.5, 0.6, 0.7)[int(duty.driver[0])], rng.uniform(4, 50)
            read = {}
            for hour in range(6, 22):
                share = rng.betavariate(40 * front, 40 * (1 - front))
                codes = [rng.random() < share for _ in range(round(rng.gauss(an_hour, an_hour**0.5)))]
                read[hour] = (sum(codes), len(codes) - sum(codes))
            rows += counted(duty.bus, read, line=f"r{duty.driver[0]}")
        doors = {(it.bus, door): f"{it.bus}-d{door}" for it in duties for door in (1, 2)}
        day = replace(facts(duties), counted=rows, doors=doors)
        assert blind(day) == []


def test_a_door_that_few_use_on_other_buses_too_is_none() -> None:
    """A rear door at which nearly nobody boards: it has 1 of 20 everywhere."""
    usual = dict.fromkeys(range(8, 14), (19, 1))
    assert blind(a_day(dict.fromkeys(range(8, 11), (19, 0)), usual=usual)) == []


def test_with_too_few_other_buses_nothing_is_said() -> None:
    assert blind(a_day(COVERED, buses=limits.OTHERS_MIN - 1)) == []


def test_a_camera_that_says_it_is_gone_is_a_fault_and_no_case() -> None:
    day = a_day(COVERED)
    assert blind(replace(day, cameras={"bus-9-d1": dict.fromkeys((10, 11, 12), (60, 60))})) == []
    assert len(blind(replace(day, cameras={"bus-9-d1": dict.fromkeys((10, 11, 12), (60, 20))}))) == 1
    assert len(blind(replace(day, cameras={"bus-9-d2": dict.fromkeys((10, 11, 12), (60, 60))}))) == 1


def test_a_self_test_that_fails_is_a_fault_and_no_case() -> None:
    assert blind(a_day(COVERED, Duty("9").free(*(10 + n / 6 for n in range(18)), again=False))) == []


def test_a_dead_device_is_silent_and_no_case() -> None:
    never = dict.fromkeys(range(8, 14), (14, 0))
    day = a_day(never)
    assert blind(day) == []
    (case,) = blind(replace(day, cameras={"bus-9-d2": {9: (60, 0)}}))  # it speaks, and says that its camera works
    assert case.subject == "device:bus-9-d2"


def test_what_a_driver_keys_in_at_a_covered_door_is_not_read() -> None:
    day = a_day(COVERED)
    keyed = counted("bus-9", {11: (20, 0)}, reason=int(Reason.PROXY))
    assert len(blind(replace(day, counted=[*day.counted, *keyed]))) == 1


# --- whose shift it is ---------------------------------------------------------------------------------------------------


def word(device: str, driver: str, *, bus: str = "bus-1", hour: float = 8, sequence: int = 3) -> Shift:
    link = Link(device, 7, sequence, bytes(32))
    return Shift(link, at(hour), ShiftStep.BEGIN, bus, driver, "s-1", None, None)


def words(*told: Shift, known: str | None = None) -> list[Case]:
    drivers = {} if known is None else {("bus-1", "s-1"): known}
    return cases_of(DayFacts(DAY, told=told, drivers=drivers, doors={("bus-1", n): f"bus-1-d{n}" for n in (1, 2)}))


def test_two_doors_that_name_different_drivers_for_one_shift_are_a_case() -> None:
    (case,) = words(word("bus-1-d1", "101"), word("bus-1-d2", "999"))
    assert (case.kind, case.subject) == (CaseKind.TWO_DRIVERS, "vehicle:bus-1")
    assert case.figures == {
        "shifts": 1, "drivers": ["101", "999"], "named": 2,
        "words": ["bus-1-d1 s-1: 101", "bus-1-d2 s-1: 999"], "said": 2,
    }  # fmt: skip
    assert case.records == (("bus-1-d1", 7, 3), ("bus-1-d2", 7, 3))


def test_a_stolen_key_that_names_ever_new_drivers_makes_no_larger_case() -> None:
    """Nor one door after the other: what is told is bounded, and counted."""
    few, many = (
        words(*(word(f"bus-1-d{1 + n % 2}", f"{n:06}", sequence=3 + n) for n in range(count))) for count in (999, 9_999)
    )
    sizes = [len(case.detail) + sum(len(str(it)) for it in case.figures.values()) for case in (*few, *many)]
    assert sizes[1] - sizes[0] < 10
    assert (many[0].figures["named"], many[0].figures["said"]) == (9_999, 9_999)
    assert "and 9899 others" in many[0].detail


def test_whatever_vehicle_the_false_word_tells_of_it_is_its_device_s() -> None:
    assert [it.subject for it in words(word("bus-1-d1", "101"), word("bus-1-d2", "999", bus="bus-9"))] == [
        "vehicle:bus-1"
    ]


def test_a_word_against_the_one_that_the_ledger_believes_is_one() -> None:
    """That came of another day, so it is not among the day's records."""
    assert len(words(word("bus-1-d2", "999"), known="101")) == 1


def test_a_shift_s_words_of_the_day_before_are_that_day_s_case() -> None:
    assert words(word("bus-1-d1", "101", hour=-1), word("bus-1-d2", "999", hour=-1)) == []
    assert len(words(word("bus-1-d1", "101", hour=-1), word("bus-1-d2", "999", hour=1))) == 1


def test_doors_that_say_the_same_and_buses_of_their_own_are_none() -> None:
    assert words(word("bus-1-d1", "101"), word("bus-1-d2", "101"), known="101") == []
    assert words(word("bus-1-d1", "101"), word("bus-2-d1", "999", bus="bus-2")) == []


# --- standing still --------------------------------------------------------------------------------------------------


def placed(
    minutes: Sequence[float], *, lat_e6: int = 32_650_000, bus: str = "bus-1", charged: bool = True, first: int = 1
) -> list[Placed]:
    return [
        Placed(bus, MIDNIGHT_MS + round(it * MINUTE_MS), lat_e6, 51_670_000, charged, None, f"{bus}-d1", 7, first + n)
        for n, it in enumerate(minutes)
    ]


def stands(*taps: list[Placed]) -> list[Case]:
    rows = sorted((it for some in taps for it in some), key=lambda it: (it.vehicle, it.wall_ms))
    return list(parked(DayFacts(DAY, placed=rows)))


EVERY_5 = [5.0 * n for n in range(10)]


def test_codes_accepted_on_one_spot_for_long_are_a_case() -> None:
    (case,) = stands(placed(EVERY_5))
    assert (case.kind, case.subject) == (CaseKind.PARKED, "vehicle:bus-1")
    assert case.figures["charged"] == 10
    assert case.figures["minutes"] == 45
    assert case.figures["without_shift"] == 10
    assert len(case.records) == 10


def test_a_terminal_s_layover_and_a_few_riders_are_none() -> None:
    assert stands(placed([2.0 * n for n in range(20)])) == []  # 38 minutes, 20 riders
    assert stands(placed(EVERY_5[:9]), placed([47], charged=False, first=20)) == []  # nine who paid


def test_a_bus_that_comes_back_has_not_stood() -> None:
    away = placed([22.5], lat_e6=32_660_000, charged=False, first=30)
    assert stands(placed(EVERY_5), away) == []
    assert stands(placed(EVERY_5), placed([22.5], lat_e6=32_650_500, charged=False, first=30)) != []  # 56 m: it wanders


def test_a_bus_that_nobody_saw_for_longer_has_not_stood() -> None:
    """A jammed hour: its taps have no trusted place, and so are not here."""
    assert stands(placed([*EVERY_5[:5], *(it + 60 for it in EVERY_5[:5])])) == []


def test_each_bus_stands_by_itself() -> None:
    assert stands(placed(EVERY_5[:5]), placed(EVERY_5[5:], bus="bus-2")) == []


def test_a_spot_is_as_wide_as_a_trusted_place_is_good() -> None:
    assert limits.PARKED_RADIUS_M == ACCURACY_MAX_M


# --- copied ----------------------------------------------------------------------------------------------------------


def copied(*own: bytes, device: str = "bus-1-d1") -> list[Case]:
    return cases_of(DayFacts(DAY, copied=[Copied(device, 7, n, it) for n, it in enumerate(own, 1)]))


def test_a_device_that_tells_one_boarding_again_and_again_is_a_case() -> None:
    (case,) = copied(b"a", b"a", b"a", b"")
    assert (case.kind, case.subject) == (CaseKind.COPIED, "device:bus-1-d1")
    assert case.figures == {"copied": 4, "of_one_boarding": 3}


def test_doors_that_cannot_hear_each_other_are_none_until_they_are_many() -> None:
    assert copied(*[b""] * 19) == []
    assert copied(b"a", b"a", b"b", b"b") == []
    (case,) = copied(*[b""] * 20)
    assert case.figures == {"copied": 20, "of_one_boarding": 0}
