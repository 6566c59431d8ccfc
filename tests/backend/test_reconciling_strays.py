"""Transfers are nobody's only when no tap and no top-up accounts for them: of a bus without a clock, of one that was
away for months, of what people decided; and who is killed meanwhile invents and closes nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from backend.adapters.ledger.store import LedgerStore
from backend.app import reconciling, stray_transfers
from backend.app.reconciling import Reconciling, Source
from backend.core.holding import Hold
from backend.core.ledger import Transfer, TransferKind
from backend.core.limits import TRAVEL_DAYS_MIN
from protocol.limits import DAY_S
from protocol.localtime import service_day
from protocol.wire.records import ClockQuality, Instant
from tests.backend import databases
from tests.backend.bus import NOON_MS, Bus, Proof, Rider
from tests.backend.desk import Desk

pytestmark = pytest.mark.databases

DAY = service_day(NOON_MS)
DAY_MS = DAY_S * 1000
IN_1970_MS = 7 * DAY_MS


def job(
    desk: Desk, days: tuple[int, int] = (DAY, DAY), sources: Sequence[Source] = (), *, each: int = 100
) -> Reconciling:
    return Reconciling(desk.store, days, sources, now_ms=lambda: desk.now_ms, taps_a_step=each)


def opened(desk: Desk) -> set[str]:
    return {it.it.name for it in desk.store.discrepancies(open_only=True, after=None, most=100)}


def post(store: LedgerStore, number: int, day: int | None, at_ms: int, *, rials: int = 5) -> None:
    """A fare of no tap."""
    fare = Transfer(bytes([number]) * 32, TransferKind.FARE, "suspense", "operator:bus-1", rials, day)
    with store._writer.transaction() as core:
        store.post(core, [fare], at_ms)


class Clockless(Bus):
    """A machine without a battery begins in 1970, or at the day of its image."""

    wall_ms = IN_1970_MS

    def _at(self) -> Instant:
        return Instant(self.wall_ms, 5_000 + self.last, ClockQuality.UNTRUSTED, 2)


# --- buses without a clock --------------------------------------------------------------------------------------------


def a_clockless_day(folder: Path) -> tuple[Desk, Clockless]:
    """Two riders; its records say 1970."""
    bus = Clockless()
    bus.tap(Rider(1).show(1))
    bus.tap(Rider(2).show(2, time_s=NOON_MS // 1000 + 20))
    desk = Desk(folder, [bus], [Rider(1), Rider(2)])
    desk.take_whole(bus)
    assert desk.payers() == ["rider", "rider"]
    return desk, bus


def test_a_tap_of_a_bus_without_a_clock_is_no_stray(tmp_path: Path) -> None:
    desk, _ = a_clockless_day(tmp_path)
    run = job(desk).finish()
    assert opened(desk) == set()
    assert run.totals["taps"] == 2
    assert run.totals["moved_rials"] > 0
    run = job(desk, (0, 9)).finish()
    assert run.totals["taps"] == 0, "and of the day that its record names it is not"
    desk.close()


def test_a_misposted_tap_of_a_bus_without_a_clock_is_told(tmp_path: Path) -> None:
    desk, bus = a_clockless_day(tmp_path)
    databases.now.change(tmp_path, "UPDATE transfer SET rials = rials * 5 WHERE id = 1")
    job(desk).finish()
    (name,) = opened(desk)
    assert name.startswith(f"tap-misposted:{bus.name}/{bus.epoch}/")
    desk.close()


def test_its_tap_that_comes_weeks_late_is_no_stray(tmp_path: Path) -> None:
    bus = Clockless()
    bus.tap(Rider(1).show(1))
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.now_ms += 30 * DAY_MS
    desk.take_whole(bus)
    job(desk, (DAY + 30, DAY + 30)).finish()
    assert opened(desk) == set()
    desk.close()


def test_a_clock_that_is_wrong_by_minutes_is_of_its_record_s_day(tmp_path: Path) -> None:
    bus = Clockless()
    bus.wall_ms = NOON_MS + 60_000
    bus.tap(Rider(1).show(1))
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.take_whole(bus)
    assert desk.one("SELECT count(*) FROM undated") == 0
    assert job(desk).finish().totals["taps"] == 1
    assert opened(desk) == set()
    desk.close()


# --- taps of long ago --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [119, TRAVEL_DAYS_MIN - 1])
@pytest.mark.parametrize("dated", [True, False])
def test_a_bus_that_was_away_for_long_brings_no_stray(tmp_path: Path, late: int, dated: bool) -> None:  # noqa: FBT001
    bus = Bus()
    bus.tap(Rider(1).show(1))
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.now_ms += late * DAY_MS
    desk.take_whole(bus)
    if not dated:  # as rows are of before a transfer named its ride's day
        databases.now.change(tmp_path, "UPDATE transfer SET day = NULL")
    job(desk, (DAY + late, DAY + late)).finish()
    assert opened(desk) == set()
    desk.close()


@pytest.mark.parametrize("later", [130, 400])
def test_what_two_people_decide_of_an_old_tap_is_no_stray(tmp_path: Path, later: int) -> None:
    bus = Bus()
    bus.tap(Rider(1).show(1), proof=Proof.STRIPPED)
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.take_whole(bus)
    desk.now_ms += later * DAY_MS
    assert desk.store.resolve((bus.name, bus.epoch, bus.last), Hold.PAID, desk.now_ms)
    job(desk, (DAY + later, DAY + later)).finish()
    assert opened(desk) == set()
    desk.close()


@pytest.mark.parametrize("day", [DAY - 9, DAY - 900, 2**53, -(2**53), None])
def test_a_fare_of_no_tap_is_told_whatever_day_it_names(tmp_path: Path, day: int | None) -> None:
    bus = Bus()
    bus.tap(Rider(1).show(1))
    desk = Desk(tmp_path, [bus], [Rider(1)])
    desk.take_whole(bus)
    post(desk.store, 7, day, NOON_MS)
    job(desk).finish()
    (name,) = opened(desk)
    assert name.startswith("transfer-of-no-tap:")
    desk.close()


def test_they_are_found_although_the_clock_was_a_month_ahead_for_one_transfer(tmp_path: Path) -> None:
    """Then ids and times do not grow together."""
    desk = Desk(tmp_path, [], [Rider(1)])
    for number, at_ms in enumerate((NOON_MS - 10 * DAY_MS,) * 3 + (NOON_MS + 30 * DAY_MS,) + (NOON_MS,) * 3, start=1):
        post(desk.store, number, DAY, at_ms)
    job(desk, (DAY - 1, DAY + 1)).finish()
    assert opened(desk) == {f"transfer-of-no-tap:transfer/{row[0]}" for row in desk.rows(
        "SELECT id FROM transfer WHERE at_ms = ?", NOON_MS)}  # fmt: skip
    assert len(opened(desk)) == 3
    desk.close()


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
def test_a_kill_while_many_are_looked_for_invents_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process a step: what the one before had in hand is taken anew, and is the same."""
    monkeypatch.setattr(stray_transfers, "STRAYS_AT_ONCE_MAX", 2)
    old, older = Bus("bus-1-d1"), Bus("bus-2-d1")
    desk = Desk(tmp_path, [old, older], [Rider(1)])
    desk.now_ms = NOON_MS + 3 * DAY_MS
    moments = [(old, NOON_MS), (old, NOON_MS + 1_000_000), (older, NOON_MS - 9_000_000), (older, NOON_MS - 7_000_000)]
    for number, (bus, ms) in enumerate(moments):
        bus.now_ms = ms
        bus.tap(Rider(1).show(number, time_s=ms // 1000))
    desk.take_whole(old)
    desk.take_whole(older)
    databases.now.change(tmp_path, "UPDATE transfer SET day = NULL")
    post(desk.store, 9, None, desk.now_ms)
    days = (service_day(desk.now_ms),) * 2
    steps = 0
    while job(desk, days, each=1).step():
        steps += 1
        assert steps < 1_000
    (name,) = opened(desk)
    assert name.startswith("transfer-of-no-tap:")
    desk.close()


def test_a_run_that_goes_on_does_not_close_what_a_later_one_found(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    first = job(desk)
    while first.run.stage != reconciling.END:
        first.step()  # and is killed here
    post(desk.store, 1, DAY, NOON_MS)
    bank = tmp_path / "bank.csv"
    bank.write_text("reference,amount_rials,booked_at\n")
    job(desk, sources=[Source.of("", bank)]).finish()
    found = opened(desk)
    assert len(found) == 1
    job(desk).finish()  # the killed one goes on
    assert opened(desk) == found
    assert desk.one("SELECT count(*) FROM reconciling_found") == 0, "nobody waits for it any more"
    databases.now.change(tmp_path, "DELETE FROM transfer")
    job(desk).finish()
    assert opened(desk) == set()
    desk.close()


def test_what_ended_runs_found_is_kept_once_while_an_older_one_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [], [Rider(1)])
    job(desk, (DAY - 9, DAY - 9)).step()  # nobody ever goes on with it
    post(desk.store, 1, DAY, NOON_MS)
    runs = [job(desk).finish().id for _ in range(3)]
    assert desk.rows("SELECT run FROM reconciling_found") == [(runs[-1],)]
    desk.close()
