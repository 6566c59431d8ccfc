"""Fares not taken in outages, estimated by ordinary hours; what was spent unseen, by late taps."""

from pathlib import Path

import pytest

from backend.app.losses import exposures_of, losses_of
from backend.core.limits import LOSS_DAYS_MIN
from backend.core.reconciliation.exposures import Exposures
from backend.core.reconciliation.losses import Loss, Taken, day_kind, estimated, ordinary_of
from backend.core.reconciliation.taps import PostedTransfer, StandingTap
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.driver_records import Event, EventKind, FreeCause, encode_event
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.desk import Desk

HOUR_MS = 3_600_000
SATURDAY = 20_720 - (20_720 + 5) % 7


def outage(minutes: int) -> Loss:
    return Loss("bus-1", "bus-1-d1", "s-1", "r9", 8, "reader-out", 0, minutes * 60_000, 0)


def weeks(*rials: int, vehicles: int = 1) -> list[Taken]:
    """One Saturday after the other."""
    return [Taken(SATURDAY + 7 * n, "r9", 8, vehicles, it) for n, it in enumerate(rials)]


def test_kinds_of_days() -> None:
    assert [day_kind(SATURDAY + n) for n in range(7)] == [0, 0, 0, 0, 0, 1, 2]


def test_the_estimate_is_the_median_of_ordinary_hours_for_its_minutes_less_what_was_taken() -> None:
    ordinary = ordinary_of(weeks(100, 200, 300, 400, 9_000_000), 0)
    half = estimated(outage(30), ordinary, 20)
    assert (half.days, half.rials) == (5, 130)
    assert half.low is not None
    assert half.high is not None
    assert half.low < 130 < half.high, "one wild day moves the high end, and not the median"
    assert estimated(outage(30), ordinary, 500).rials == 0, "who took more than is ordinary lost nothing"


def test_a_vehicle_is_held_against_one_and_other_lines_hours_and_days_say_nothing() -> None:
    taken = [*weeks(200, 400, 600, 800, 1_000, vehicles=2), *(
        Taken(SATURDAY + 7 * n + 6, "r9", 8, 1, 10**9) for n in range(9)
    ), *(Taken(SATURDAY + 7 * n, "r8", 8, 1, 10**9) for n in range(9))]  # fmt: skip
    assert estimated(outage(60), ordinary_of(taken, 0), 0).rials == 300


def test_with_too_few_ordinary_days_nothing_is_estimated() -> None:
    few = estimated(outage(60), ordinary_of(weeks(*[100] * (LOSS_DAYS_MIN - 1)), 0), 0)
    assert (few.days, few.rials, few.low, few.high) == (LOSS_DAYS_MIN - 1, None, None, None)


def late(device: str, minute: int, heard_minute: int, rider: str, rials: int = FARE) -> tuple[StandingTap, list]:
    tap = StandingTap(
        (device, 1, minute), minute * 60_000, "rider", rials, {(f"rider:{rider}", "operator:b"): rials}, 0
    )
    return tap, [PostedTransfer(1, b"", "fare", f"rider:{rider}", "operator:b", rials, heard_minute * 60_000)]


def test_an_outage_is_of_one_device_and_ends_when_taps_come_at_once_again() -> None:
    looking = Exposures()
    ended = list(looking.look([
        late("a", 1, 1, "x"), late("a", 2, 60, "x"), late("b", 2, 60, "y"), late("a", 3, 60, "x"), late("a", 4, 61, "z"),
        late("a", 61, 61, "x"), late("a", 70, 500, "x"),
    ]))  # fmt: skip
    (first,) = ended
    assert (first.device, first.from_ms, first.until_ms, first.heard_ms) == ("a", 120_000, 240_000, 61 * 60_000)
    assert (first.taps, first.rials, first.most_rials, len(first.by_rider)) == (3, 3 * FARE, 2 * FARE, 2)
    assert [(it.device, it.taps) for it in looking.rest()] == [("b", 1), ("a", 1)]
    assert list(looking.rest()) == []


@pytest.mark.databases
def test_a_free_ride_of_a_bus_is_estimated_by_the_same_line_and_hour_of_weeks_before(tmp_path: Path) -> None:
    bus, riders = Bus(), [Rider(n) for n in range(1, 4)]
    desk = Desk(tmp_path, [bus], riders)
    day = service_day(NOON_MS) + 49  # of the same weekday: six weeks of taps lie before it
    at_ms = day_begins_ms(day) + 10 * HOUR_MS
    bus.now_ms = at_ms - 42 * 86_400_000
    bus.begin_shift("driver-7", "s-0")
    for week in range(6, 0, -1):
        for n in range(week + 1):
            bus.now_ms = at_ms - 7 * week * 86_400_000 + n * 60_000
            bus.tap(riders[0].show(100 * week + n, time_s=bus.now_ms // 1000))
    bus.now_ms = at_ms
    bus.begin_shift("driver-7", "s-1")
    for minutes, what in ((10, EventKind.FREE_RIDE), (18, EventKind.FARES_AGAIN)):
        bus.now_ms = at_ms + minutes * 60_000
        cause = FreeCause.READER_OUT if what is EventKind.FREE_RIDE else None
        bus._append(encode_event(Event(bus._link(), bus._at(), bus.vehicle, bus.shift, what, cause)))
    bus.now_ms = at_ms + 30 * 60_000
    bus.tap(riders[1].show(7, time_s=bus.now_ms // 1000))
    desk.now_ms = bus.now_ms + HOUR_MS
    desk.take_whole(bus)
    (loss,) = losses_of(desk.store, day, [])
    assert (loss.vehicle, loss.device, loss.shift, loss.cause, loss.hour) == (
        "bus-1",
        bus.name,
        "s-1",
        "reader-out",
        10,
    )
    assert loss.until_ms - loss.from_ms == 8 * 60_000
    assert loss.days == 6
    assert loss.rials == round(8 / 60 * 4.5 * FARE), "the median of two to seven fares an hour"
    (exposed,) = exposures_of(desk.store, day)
    assert (exposed.device, exposed.taps, exposed.rials) == (bus.name, 1, FARE)
    desk.close()
