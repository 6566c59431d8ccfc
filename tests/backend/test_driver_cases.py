"""Proxy boardings and annulments beyond the ordinary: who is told of, who is not."""

from dataclasses import replace

from backend.app.cases import cases_of
from backend.core import limits
from backend.core.conduct import Case, CaseKind
from backend.core.day_facts import Annulled, Counted, DayFacts, Keyed
from backend.core.floats import TakenBack
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.driver_records import Annulment, AnnulReason
from protocol.wire.records import CodeKind, Link, Service, Tap
from tests.backend.conduct_facts import DAY, at

HOURS = range(8, 14)
DRIVERS = {(f"bus-{n}", f"s-{n}"): f"d{n}" for n in range(7)}


def boarded(n: int, codes: int, keyed: int = 0, *, line: str = "r1", each: int = 1) -> list[Counted]:
    """Each hour of a driver's shift. `each`: persons of one touch."""
    return [
        Counted(f"bus-{n}-d1", f"bus-{n}", 1, f"s-{n}", line, hour, int(Verdict.ACCEPTED), int(reason), taps, persons, 0)
        for hour in HOURS
        for reason, taps, persons in ((Reason.NONE, codes, codes), (Reason.PROXY, keyed, keyed * each)) if taps
    ]  # fmt: skip


def day(*rows: list[Counted], annulled: list[Annulled] | None = None) -> DayFacts:
    return DayFacts(DAY, [it for one in rows for it in one], drivers=DRIVERS, annulled=annulled or [])


def of_kind(kind: CaseKind, facts: DayFacts) -> list[Case]:
    return [it for it in cases_of(facts) if it.kind is kind]


def honest(keyed: int = 0) -> list[list[Counted]]:
    return [boarded(n, 20, keyed) for n in range(1, 7)]


def test_far_more_proxies_than_the_others_are_a_case() -> None:
    keyed = [Keyed("bus-0", "s-0", "bus-0-d1", 7, 5), Keyed("bus-1", "s-1", "bus-1-d1", 7, 6)]
    (case,) = of_kind(CaseKind.PROXIES, replace(day(boarded(0, 16, 6), *honest(1)), keyed=keyed))
    assert case.records == (("bus-0-d1", 7, 5),)
    assert case.subject == "driver:d0"
    assert {name: case.figures[name] for name in ("proxies", "persons", "others_proxies", "touches")} == {
        "proxies": 36, "persons": 132, "others_proxies": 6, "touches": 36,
    }  # fmt: skip


def test_five_persons_of_one_touch_are_five() -> None:
    """Six touches a day are nothing to look at; thirty friends are."""
    (case,) = of_kind(CaseKind.PROXIES, day(boarded(0, 16, 1, each=5), *honest()))
    assert (case.figures["proxies"], case.figures["touches"], case.figures["persons"]) == (30, 6, 126)
    assert of_kind(CaseKind.PROXIES, day(boarded(0, 16, 1), *honest())) == []


def test_where_all_key_in_as_many_persons_nobody_stands_out_by_the_fewer_touches() -> None:
    assert of_kind(CaseKind.PROXIES, day(boarded(0, 16, 1, each=6), *honest(6))) == []


def test_ten_of_few_are_one() -> None:
    ten = [it for it in boarded(0, 10) if it.hour != 8] + [boarded(0, 1, limits.PROXIES_MIN)[1]]
    assert len(of_kind(CaseKind.PROXIES, day(ten, *honest()))) == 1


def test_proxies_that_all_have_are_none() -> None:
    assert of_kind(CaseKind.PROXIES, day(boarded(0, 16, 6), *honest(6))) == []


def test_a_few_proxies_are_none() -> None:
    few = [it for it in boarded(0, 20) if it.hour != 8] + [boarded(0, 1, 9)[1]]
    assert few[-1].taps == limits.PROXIES_MIN - 1
    assert of_kind(CaseKind.PROXIES, day(few, *honest())) == []


# --- annulments ------------------------------------------------------------------------------------------------------


def taken(
    n: int,
    sequence: int,
    *,
    after_s: int = 60,
    kept: bool = True,
    stands: bool = True,
    shift: str = "",
    charged: bool = True,
) -> Annulled:
    """A boarding of a driver that is taken back."""
    device, vehicle, own = f"bus-{n}-d1", f"bus-{n}", f"s-{n}"
    begin, end = at(10), at(10 + after_s / 3600)
    tap = Tap(
        Link(device, 7, sequence, bytes(32)), begin, Service(vehicle, 1, "r1", 0, shift=shift or own), None, None,
        CodeKind.LONG_PASS, 0, 0, 1, 60_000, Verdict.ACCEPTED, Reason.NONE, (1, 1), True,
    )  # fmt: skip
    record = Annulment(Link(device, 7, sequence + 1, bytes(32)), end, vehicle, own, sequence, AnnulReason.LEFT_BUS)
    back = TakenBack(device, 7, sequence, sequence + 1, vehicle, own, end.wall_ms, stands=stands) if kept else None
    return Annulled(record, tap, charged, back)


def annulments(*rows: Annulled) -> list[Case]:
    return of_kind(CaseKind.ANNULMENTS, day(boarded(0, 10), *honest(), annulled=list(rows)))


def test_an_annulment_that_the_bus_would_have_refused_is_a_case() -> None:
    (case,) = annulments(taken(0, 10, after_s=3_600, kept=False))
    assert (case.subject, case.figures["refused"], case.figures["taken_back"]) == ("driver:d0", 1, 0)
    assert case.records == (("bus-0-d1", 7, 11),)
    assert len(annulments(taken(0, 10, kept=False, shift="another"))) == 1


def test_one_beyond_what_a_driver_may_a_day_is_a_case() -> None:
    assert len(annulments(taken(0, 10, stands=False))) == 1


def test_what_moved_no_money_is_none() -> None:
    assert annulments(taken(0, 10, after_s=3_600, kept=False, charged=False)) == []
    assert annulments(replace(taken(0, 10, kept=False), tap=None)) == []


def test_a_second_annulment_of_one_tap_is_none() -> None:
    one = taken(0, 10)
    again = replace(one, record=replace(one.record, link=replace(one.record.link, sequence=12)))
    assert annulments(one, again) == []


def test_as_many_as_a_driver_may_where_the_others_take_none_back_are_a_case() -> None:
    (case,) = annulments(*(taken(0, 10 + 2 * n) for n in range(5)))
    assert case.figures == {"taken_back": 5, "refused": 0, "others_taken_back": 0}


def test_the_fourth_that_is_taken_back_is_one() -> None:
    assert len(annulments(*(taken(0, 10 + 2 * n) for n in range(limits.ANNULS_MIN)))) == 1
    assert annulments(*(taken(0, 10 + 2 * n) for n in range(limits.ANNULS_MIN - 1))) == []


def test_two_mistakes_are_none() -> None:
    assert annulments(taken(0, 10), taken(0, 20)) == []


def test_an_annulment_of_a_shift_that_nobody_knows_is_nobody_s() -> None:
    row = taken(0, 10, stands=False)
    assert annulments(replace(row, record=replace(row.record, shift="s-unknown"))) == []
