"""More days than one look may count: none is forgotten, each has its turn, and the end is as if all were counted at once."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from backend.app.cases import CaseDesk
from backend.core.conduct import Case, KeptCase
from backend.core.day_facts import DayFacts
from backend.core.due_days import DueDay, in_turn
from backend.core.limits import CASE_DAYS_A_LOOK_MAX, CASE_DAYS_BACK_MAX
from cli.backend import command
from protocol.wire.records import ClockQuality
from tests.backend import databases
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk
from tests.backend.test_cases import DAY

pytestmark = pytest.mark.databases

DAY_MS = 86_400_000
DAYS = 30  # of one device that comes back late, with a case on each
BUDGET = "backend.app.cases.CASE_DAYS_A_LOOK_MAX"


class CountingDesk(CaseDesk):
    """Which days a look counted, in their order."""

    def counted(self) -> list[int]:
        """One look."""
        days: list[int] = []
        facts = self._store.day_facts

        def told(day: int, doors: object) -> DayFacts:
            days.append(day)
            return facts(day, doors)  # type: ignore[arg-type]

        self._store.day_facts = told  # type: ignore[method-assign, assignment]
        self.look()
        self._store.day_facts = facts  # type: ignore[method-assign]
        return days


def late(rider: Rider, first: int = 0) -> Bus:
    """A journal of a month: each day somebody's code is told four times, with nobody's clock trusted."""
    bus = Bus(f"bus-{1 + first}-d1", epoch=1 + first)
    bus.quality = ClockQuality.UNTRUSTED
    for day in range(DAYS):
        bus.now_ms = NOON_MS + day * DAY_MS
        shown = rider.show(1 + first + day, time_s=bus.now_ms // 1000)
        for _ in range(4):
            bus.tap(shown)
    return bus


def a_desk(folder: Path) -> tuple[Desk, CountingDesk]:
    rider = Rider(1)
    bus = late(rider)
    desk = Desk(folder, [bus], [rider])
    desk.take_whole(bus)
    return desk, CountingDesk(desk.store, list, lambda: NOON_MS + DAYS * DAY_MS)


def standing(desk: Desk) -> list[Case]:
    return [it.case for it in desk.store.cases(open_only=True)]


def test_more_days_than_one_look_may_count_are_all_counted_and_the_cases_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUDGET, 1_000)
    whole, at_once = a_desk(tmp_path / "whole")
    assert len(at_once.counted()) == DAYS + 1  # the day after, too
    assert len(standing(whole)) == DAYS

    monkeypatch.setattr(BUDGET, 7)
    desk, _ = a_desk(tmp_path / "parts")
    looks = []
    while not looks or desk.store.days_due():
        again = CountingDesk(desk.store, list, lambda: NOON_MS + DAYS * DAY_MS)  # as if it was restarted each time
        looks.append(again.counted())
    newest_first = list(range(DAY + DAYS, DAY - 1, -1))
    assert looks == [newest_first[at : at + 7] for at in range(0, DAYS + 1, 7)]
    assert standing(desk) == standing(whole)


def test_a_day_that_falls_out_of_what_is_looked_at_while_it_waits_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BUDGET, 7)
    desk, cases = a_desk(tmp_path)
    cases.look()
    cases = CountingDesk(desk.store, list, lambda: NOON_MS + (DAYS + CASE_DAYS_BACK_MAX) * DAY_MS)
    while desk.store.days_due():
        cases.look()
    assert len(standing(desk)) == DAYS


def test_a_look_that_is_stopped_leaves_the_rest_to_wait(tmp_path: Path) -> None:
    desk, cases = a_desk(tmp_path)
    keep = desk.store.keep_cases

    def stops(due: DueDay, found: Sequence[Case], copied: int, at_ms: int) -> Sequence[KeptCase]:
        cases.stop()
        return keep(due, found, copied, at_ms)

    desk.store.keep_cases = stops  # type: ignore[method-assign]
    cases.look()
    assert len(desk.store.days_due()) == DAYS


def test_the_command_says_which_days_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = a_desk(tmp_path)
    desk.close()
    (tmp_path / "registry").mkdir()

    class Config:
        registry = tmp_path / "registry"

    monkeypatch.setattr("cli.backend.load_config", lambda _: Config)
    monkeypatch.setattr("cli.backend.open_ledger", lambda _: databases.now.open(tmp_path, CITY))
    monkeypatch.setattr("cli.backend.wall_ms", lambda: NOON_MS + DAYS * DAY_MS)
    first = CliRunner().invoke(command, ["cases", "--config", "x", "--json", "-"])
    assert f"{DAYS + 1 - CASE_DAYS_A_LOOK_MAX} days wait to be counted again, 2026-09-21 to 2026-10-01" in first.stderr
    again = CliRunner().invoke(command, ["cases", "--config", "x"])
    assert again.exit_code == 0, again.output
    assert "wait" not in again.stderr


# --- turns -----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_every_day_has_its_turn_whatever_comes_meanwhile(data: st.DataObject) -> None:
    """Somebody who makes any days due before each look keeps none of them waiting for more than seven."""
    today = 1_000
    every = range(today - CASE_DAYS_BACK_MAX, today + 1)
    since: dict[int, int] = {}
    for reach in range(12):
        news: Collection[int] = data.draw(st.one_of(st.just(every), st.sets(st.sampled_from(every))))
        for day in news:
            since.setdefault(day, reach)
        turn = in_turn([DueDay(day, at, reach) for day, at in since.items()], today)[:CASE_DAYS_A_LOOK_MAX]
        assert {today, today - 1} & {*since} <= {it.day for it in turn}
        for it in turn:
            del since[it.day]
        assert all(reach - at < 7 for at in since.values())
