"""Cases in a real ledger: what the records of a day say, in whatever order they came; opened, renewed, ended."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.app.cases import CaseDesk
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.errors import StoreFailed, ThreadDied
from cli.backend import command
from protocol.fares.verdicts import Verdict
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.driver_records import Event, EventKind, FreeCause, Shift, ShiftStep, encode_event, encode_shift
from protocol.wire.health import CameraState
from protocol.wire.records import ClockQuality
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk
from tests.protocol.samples import HEALTH

pytestmark = pytest.mark.databases

DAY = service_day(NOON_MS)
EIGHT_MS = day_begins_ms(DAY) + 8 * 3_600_000
MINUTE_MS = 60_000


class Driven(Bus):
    """A bus whose driver says what he does."""

    def step(self, what: ShiftStep, minute: int, driver: str, line: str | None = "r9") -> None:
        self.drivers.add(driver)
        self.now_ms = EIGHT_MS + minute * MINUTE_MS
        self._append(encode_shift(Shift(
            self._link(), self._at(), what, self.vehicle, driver, f"s-{driver}", line, None if line is None else 0
        )))  # fmt: skip

    def free(self, minute: int, *, again: bool = False) -> None:
        self.now_ms = EIGHT_MS + minute * MINUTE_MS
        what, cause = (EventKind.FARES_AGAIN, None) if again else (EventKind.FREE_RIDE, FreeCause.READER_OUT)
        self._append(encode_event(Event(self._link(), self._at(), self.vehicle, self.shift, what, cause)))


def shift(number: int, *free: int) -> Driven:
    """A bus with one driver of six hours, who gives free rides of nine minutes at these minutes."""
    bus, driver = Driven(f"bus-{number}-d1", epoch=1_000 + number), f"d{number}"
    bus.shift = f"s-{driver}"
    bus.step(ShiftStep.BEGIN, 0, driver, None)
    bus.step(ShiftStep.LINE, 0, driver)
    for minute in free:
        bus.free(minute)
        bus.free(minute + 9, again=True)
    bus.step(ShiftStep.END, 360, driver)
    return bus


@pytest.fixture
def buses() -> list[Driven]:
    return [shift(1, *range(20, 300, 25)), *(shift(n) for n in range(2, 8))]


def look(desk: Desk) -> list[KeptCase]:
    return list(CaseDesk(desk.store, list, lambda: desk.now_ms).look())


def standing(desk: Desk) -> list[Case]:
    return [it.case for it in desk.store.cases(open_only=True)]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_cases_are_the_same_in_whatever_order_and_batches_records_come(
    tmp_path: Path, buses: list[Driven], size: int, *, backwards: bool
) -> None:
    wanted = Desk(tmp_path / "whole", buses)
    for bus in buses:
        wanted.take_whole(bus)
    look(wanted)
    (case,) = standing(wanted)

    desk = Desk(tmp_path / "parts", buses)
    for bus in buses[::-1] if backwards else buses:
        for batch in bus.batches(size):
            desk.take((bus, batch))
            look(desk)  # also in the middle of everything
    assert standing(desk) == [case]


def test_a_case_is_opened_once_and_renewed_by_what_comes(tmp_path: Path, buses: list[Driven]) -> None:
    desk = Desk(tmp_path, buses)
    for bus in buses[1:]:
        desk.take_whole(bus)
    assert look(desk) == []
    half = buses[0].last - 8
    desk.take((buses[0], buses[0].batch(1, half)))
    desk.now_ms += 5_000
    (opened,) = look(desk)
    assert (opened.opened_ms, opened.case.subject) == (desk.now_ms, "driver:d1")
    desk.take((buses[0], buses[0].batch(half + 1)))
    desk.now_ms += 5_000
    assert look(desk) == []
    (kept,) = desk.store.cases(open_only=True)
    assert kept.opened_ms == opened.opened_ms
    assert kept.case.figures["times"] > opened.case.figures["times"]  # type: ignore[operator]


def test_what_comes_later_may_end_a_case(tmp_path: Path, buses: list[Driven]) -> None:
    """The others did the same in those hours: they were heard last."""
    crowd = [shift(n, *range(20, 300, 25)) for n in range(8, 28)]
    desk = Desk(tmp_path, [*buses, *crowd])
    for bus in buses:
        desk.take_whole(bus)
    assert len(look(desk)) == 1
    for bus in crowd:
        desk.take_whole(bus)
    look(desk)
    assert standing(desk) == []
    (ended,) = desk.store.cases(open_only=False)
    assert ended.ended_ms == desk.now_ms


def test_only_days_of_which_something_came_are_looked_at(tmp_path: Path, buses: list[Driven]) -> None:
    desk = Desk(tmp_path, buses)
    desk.take_whole(buses[0])
    days, reach = desk.store.days_with_news(DAY)
    assert set(days) == {DAY}
    desk.store.fall_due(days, reach, from_day=DAY)
    assert desk.store.days_with_news(DAY) == (set(), reach)
    assert desk.store.days_due() == [(DAY, reach, reach)]
    look(desk)
    assert desk.store.days_due() == []


def test_days_before_the_longest_outage_are_left(tmp_path: Path, buses: list[Driven]) -> None:
    desk = Desk(tmp_path, buses)
    for bus in buses:
        desk.take_whole(bus)
    desk.now_ms += 121 * 86_400_000
    assert look(desk) == []


def test_an_annulment_whose_shift_never_comes_is_told_after_a_day_and_no_more_when_it_comes(tmp_path: Path) -> None:
    rider, bus = Rider(1), Driven()
    desk = Desk(tmp_path, [bus], [rider])
    bus.shift = "s-d1"
    bus.annul(bus.tap(rider.show(1)))
    desk.take_whole(bus)
    look(desk)
    assert desk.store.alarms(open_only=True) == []
    desk.now_ms += 86_400_000 + 10 * MINUTE_MS
    look(desk)
    (alarm,) = desk.store.alarms(open_only=True)
    assert (alarm.kind, alarm.device) == ("annulment-waits", bus.name)
    held = bus.last
    bus.begin_shift("d1", "s-d1")
    desk.take((bus, bus.batch(held + 1)))
    look(desk)
    assert desk.store.alarms(open_only=True) == []


def test_a_stolen_key_that_tells_one_code_again_and_again_is_a_case(tmp_path: Path) -> None:
    rider, bus, other = Rider(1), Bus(), Bus("bus-1-d2", epoch=2)
    desk = Desk(tmp_path, [bus, other], [rider])
    shown = rider.show(1)
    other.tap(shown)
    for _ in range(4):
        bus.tap(shown)
    desk.take_whole(bus)
    desk.take_whole(other)
    look(desk)
    (case,) = desk.store.cases(open_only=True)
    assert (case.case.kind.value, case.case.subject) == ("copied-codes", f"device:{bus.name}")
    assert case.case.figures == {"copied": 3, "of_one_boarding": 3}


def test_taps_that_are_copied_by_what_comes_of_another_day_are_looked_at_again(tmp_path: Path) -> None:
    """One code told on days apart: which of them is charged is known when both are here, in whatever order."""
    rider, told = Rider(1), rider_s_bus("bus-1-d1", 1)
    later = rider_s_bus("bus-1-d1", 2, days_later=2)
    shown = rider.show(1)
    told.tap(shown)
    for _ in range(3):
        later.tap(shown)
    seen = []
    for name, order in (("a", (told, later)), ("b", (later, told))):
        desk = Desk(tmp_path / name, [told], [rider])
        cases = CaseDesk(desk.store, list, lambda desk=desk: desk.now_ms + 3 * 86_400_000)
        for journal in order:
            desk.take_whole(journal)
            cases.look()
        seen.append({(it.case.day, it.case.figures["copied"]) for it in desk.store.cases(open_only=True)})
    assert seen == [{(DAY + 2, 3)}] * 2


def rider_s_bus(name: str, epoch: int, *, days_later: int = 0) -> Bus:
    """A journal of a device whose clock nobody trusts: its taps are dated by their phones."""
    bus = Bus(name, epoch=epoch)
    bus.quality, bus.now_ms = ClockQuality.UNTRUSTED, NOON_MS + days_later * 86_400_000
    return bus


def test_a_look_that_is_stopped_leaves_its_days_to_the_next(tmp_path: Path, buses: list[Driven]) -> None:
    desk = Desk(tmp_path, buses)
    for bus in buses:
        desk.take_whole(bus)
    stopped = CaseDesk(desk.store, list, lambda: desk.now_ms)
    stopped.start()
    stopped.stop()
    assert stopped.failure is None
    assert stopped.look() == []
    assert len(look(desk)) == 1


def test_a_thread_that_died_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Desk(tmp_path).store
    desk = CaseDesk(store, list, lambda: NOON_MS)
    assert desk.failure is None  # not begun
    monkeypatch.setattr("backend.app.cases.CASES_AFTER_S", 0)
    monkeypatch.setattr(store, "days_with_news", lambda _: 1 / 0)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    desk.start()
    desk._thread.join(20)
    assert isinstance(desk.failure, ThreadDied)


def test_a_ledger_that_cannot_be_read_is_outlived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Desk(tmp_path).store
    desk, asked = CaseDesk(store, list, lambda: NOON_MS), threading.Event()

    def fails(_: int) -> None:
        asked.set()
        raise StoreFailed("the disk")

    monkeypatch.setattr("backend.app.cases.CASES_AFTER_S", 0)
    monkeypatch.setattr(store, "days_with_news", fails)
    desk.start()
    assert asked.wait(20)
    assert desk.failure is None
    desk.stop()


def test_what_was_counted_before_the_news_of_another_process_is_not_kept(tmp_path: Path) -> None:
    """`savar backend cases` beside the backend: the older count neither stands nor ends the day's turn."""
    store = Desk(tmp_path).store
    store.fall_due({DAY}, 5, from_day=DAY)
    (mine,) = store.days_due()
    store.fall_due({DAY}, 6, from_day=DAY)
    (theirs,) = store.days_due()
    assert theirs == (DAY, 5, 6)  # it keeps its turn
    case = Case(CaseKind.FREE_RIDES, "driver:1", DAY, "", {}, ())
    assert store.keep_cases(mine, [case], 0, NOON_MS) == []
    assert store.days_due() == [theirs]
    assert len(store.keep_cases(theirs, [case], 0, NOON_MS)) == 1
    assert store.days_due() == []
    assert store.keep_cases(mine, [], 0, NOON_MS) == []
    assert [it.case for it in store.cases(open_only=True)] == [case]


def test_the_camera_s_hours_are_kept_and_those_of_long_ago_forgotten(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    gone = tuple(replace(camera, state=CameraState.MISSING) for camera in HEALTH.cameras)
    eight_ms = day_begins_ms(DAY) + 8 * 3_600_000
    desk.store.keep_health(HEALTH, eight_ms)
    desk.store.keep_health(replace(HEALTH, cameras=gone), eight_ms + 3_599_999)
    desk.store.keep_health(replace(HEALTH, cameras=()), eight_ms + 3_600_000)
    assert desk.store.day_facts(DAY, []).cameras == {HEALTH.device: {8: (2, 1), 9: (1, 0)}}
    desk.store.fall_due({DAY}, 0, from_day=DAY)
    assert desk.store.day_facts(DAY, []).cameras
    desk.store.fall_due((), 0, from_day=DAY + 1)
    assert desk.store.day_facts(DAY, []).cameras  # the day waits
    desk.store.keep_cases(desk.store.days_due()[0], [], 0, NOON_MS)
    desk.store.fall_due((), 0, from_day=DAY + 1)
    assert desk.store.day_facts(DAY, []).cameras == {}


def test_an_annulment_that_the_office_refused_is_a_case_by_what_the_ledger_holds(tmp_path: Path) -> None:
    rider, bus = Rider(1), Driven()
    desk = Desk(tmp_path, [bus], [rider])
    bus.begin_shift("d1", "s-d1")
    tap = bus.tap(rider.show(1))
    bus.now_ms = NOON_MS + 3_600_000
    late = bus.annul(tap)
    bus.now_ms = None
    desk.take_whole(bus)
    look(desk)
    (case,) = desk.store.cases(open_only=True)
    assert case.case.figures == {"taken_back": 0, "refused": 1, "others_taken_back": 0}
    assert case.case.records == ((bus.name, bus.epoch, late),)


@pytest.mark.parametrize("false_first", [False, True])
def test_a_second_word_on_who_drives_is_a_case_whichever_came_first(tmp_path: Path, *, false_first: bool) -> None:
    true, false = Driven("bus-1-d1"), Driven("bus-1-d2", epoch=2)
    desk = Desk(tmp_path, [true, false])
    true.begin_shift("d1", "s-1")
    false.begin_shift("d9", "s-1")
    for bus in (false, true) if false_first else (true, false):
        desk.take_whole(bus)
    look(desk)
    (case,) = standing(desk)
    assert case.kind is CaseKind.TWO_DRIVERS
    assert case.figures["words"] == ["bus-1-d1 s-1: d1", "bus-1-d2 s-1: d9"]


def test_of_a_party_that_grew_those_count_who_came(tmp_path: Path) -> None:
    """Each record tells the whole party: nobody boards twice, and who was refused has not boarded."""
    rider, bus = Rider(1), Bus()
    desk = Desk(tmp_path, [bus], [rider])
    bus.tap(rider.show(1))
    bus.tap(rider.show(2, party=3), verdict=Verdict.PARTY_EXTENDED, fare=3 * FARE)
    bus.tap(rider.show(3, party=4), verdict=Verdict.PARTY_EXTENDED, fare=FARE)
    bus.tap(rider.show(4, party=4), verdict=Verdict.ALREADY_PAID, fare=0)
    desk.take_whole(bus)
    assert sum(it.persons for it in desk.store.day_facts(DAY, []).counted) == 5


def test_no_rider_stands_in_a_case(tmp_path: Path) -> None:
    """P18: the ledger's table of cases, byte for byte."""
    rider, bus = Rider(1), Bus()
    desk = Desk(tmp_path, [bus], [rider])
    shown = rider.show(1)
    for _ in range(5):
        bus.tap(shown)
    desk.take_whole(bus)
    look(desk)
    (row,) = desk.rows("SELECT * FROM conduct")
    told = repr(row)
    assert rider.credential_id.hex() not in told
    assert repr(rider.credential_id) not in told


def test_the_command_looks_and_lists(tmp_path: Path, buses: list[Driven], monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, buses)
    for bus in buses:
        desk.take_whole(bus)
    desk.close()

    (tmp_path / "registry").mkdir()

    class Config:
        registry = tmp_path / "registry"

    monkeypatch.setattr("cli.backend.load_config", lambda _: Config)
    monkeypatch.setattr("cli.backend.open_ledger", lambda _: databases.now.open(tmp_path, CITY))
    monkeypatch.setattr("cli.backend.wall_ms", lambda: NOON_MS)
    told = CliRunner().invoke(command, ["cases", "--config", "x", "--json", "-"])
    assert told.exit_code == 0, told.output
    (case,) = json.loads(told.stdout)
    assert (case["subject"], case["day"], case["figures"]["times"]) == ("driver:d1", "2026-09-21", 12)
    assert case["records"][0] == {"device": "bus-1-d1", "epoch": "1001", "sequence": 5}
    words = CliRunner().invoke(command, ["cases", "--config", "x"])
    assert "free-rides  driver:d1: everybody rode free for 108 of 360 minutes" in words.stdout
    assert "hint for a person" in words.stderr
