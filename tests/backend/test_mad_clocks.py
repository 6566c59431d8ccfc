"""Clocks that tell what cannot be: the end of time, and 1970 on a phone before a door that has no clock."""

from dataclasses import replace
from pathlib import Path

import pytest

from backend.app.forgetting import Forgetting
from protocol.fares.tariff import Tariff
from protocol.limits import INT63_MAX, LATEST_MS
from protocol.localtime import day_begins_ms, service_day, service_week, week_span_ms
from protocol.wire.records import ClockQuality, Instant
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases
HISTORY = {"transfer_window_s": 1_800, "day_cap_rials": 150_000}


class AtTheEnd(Bus):
    """A stolen key that tells the largest time that a record can hold."""

    def _at(self) -> Instant:
        quality = ClockQuality.TRUSTED if self.last < 2 else ClockQuality.UNTRUSTED
        return Instant(INT63_MAX, 5_000, quality, 2)


class Clockless(Bus):
    """A new journal that has never had a time."""

    def _at(self) -> Instant:
        return Instant(1000, 5_000 + 1000 * self.last, ClockQuality.UNTRUSTED, 2)


def test_a_thief_at_the_end_of_time_sets_no_honest_batch_aside(tmp_path: Path) -> None:
    """He told the code first, under a tariff that nobody knew then."""
    thief, honest = AtTheEnd("bus-9-d1"), Bus("bus-1-d1")
    shown = Rider(1).show(1)
    thief.tap(shown, tariff=44)
    honest.tap(shown, tariff=4)
    desk = Desk(tmp_path, [thief, honest], [Rider(1)])
    desk.take_whole(thief)
    assert desk.one("SELECT wall_ms FROM claim") == LATEST_MS
    desk.close()
    tariffs = [Tariff(number, 50_000, {}, 180, **HISTORY) for number in (4, 44)]  # type: ignore[arg-type]
    desk = Desk(tmp_path, [thief, honest], [], tariffs=tariffs)
    desk.take_whole(honest)
    assert desk.quarantined() == []
    assert len(desk.payers()) == 2
    check_ledger(desk)


def test_days_and_weeks_end_with_what_a_record_can_hold() -> None:
    for wall_ms in (0, NOON_MS, LATEST_MS, INT63_MAX):
        begin, end = week_span_ms(service_week(wall_ms))
        assert begin <= wall_ms <= end <= INT63_MAX
        assert day_begins_ms(service_day(wall_ms)) <= wall_ms
        assert day_begins_ms(service_day(wall_ms) + 1) <= INT63_MAX


def test_a_phone_set_to_1970_pays_at_a_door_without_a_clock(tmp_path: Path) -> None:
    """It cannot have boarded before its rider was registered, so not on a day of which nothing is remembered."""
    made_ms = NOON_MS - 9 * 86_400_000
    riders = [Rider(n) for n in (1, 2)]
    bus = Clockless("bus-1-d1")
    bus.tap(riders[0].show(1, time_s=10))
    bus.tap(riders[1].show(1, time_s=NOON_MS // 1000))
    desk = Desk(tmp_path, [bus], [])
    for rider in riders:
        desk.store.add_rider(replace(rider.row, created_ms=made_ms))
    Forgetting(desk.store, lambda: NOON_MS, 190).forget(service_day(NOON_MS) - 190)
    desk.take_whole(bus)
    assert desk.payers() == ["rider", "rider"]
    assert {wall for (wall,) in desk.rows("SELECT wall_ms FROM claim")} == {made_ms, NOON_MS}
