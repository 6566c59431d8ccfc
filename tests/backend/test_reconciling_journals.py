"""What devices tell of their journals, and what is refused of them: told once, told again when there is more of it, and
ended by records or by a person."""

from dataclasses import replace
from pathlib import Path

import pytest

from backend.app.money_cases import resolve
from backend.app.reconciling import Reconciling
from backend.core.limits import JOURNAL_RECORDS_MAX, JOURNALS_TOLD_MAX
from backend.core.ports import Quarantined
from backend.core.reconciliation.discrepancies import Entry, Kept
from backend.core.reconciliation.journals import HeldJournal, judge_journal
from protocol.limits import DAY_S, INT63_MAX, RIALS_MAX
from protocol.localtime import service_day
from protocol.wire.health import Health
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk

pytestmark = pytest.mark.databases

DAY = service_day(NOON_MS)
DAY_MS = DAY_S * 1000
THREE_DAYS_S = 3 * DAY_S


def a_bus(folder: Path) -> tuple[Desk, Bus]:
    """One tap of it is held."""
    bus = Bus()
    bus.tap(Rider(1).show(1))
    desk = Desk(folder, [bus], [Rider(1)])
    desk.take_whole(bus)
    return desk, bus


def word(bus: Bus, last: int, *, epoch: int | None = None, waiting_s: int = THREE_DAYS_S, receipted: int = 1) -> Health:
    return Health(
        bus.name, epoch or bus.epoch, NOON_MS, 0, "t", last, receipted, 1, 0, 10**9, (), "", oldest_waiting_s=waiting_s
    )  # fmt: skip


def reconcile(desk: Desk) -> None:
    Reconciling(desk.store, (DAY, DAY), [], now_ms=lambda: desk.now_ms).finish()


def opened(desk: Desk) -> dict[str, Kept]:
    return {it.it.name: it for it in desk.store.discrepancies(open_only=True, after=None, most=100)}


def refuse(desk: Desk, bus: Bus, payload: bytes) -> None:
    desk.store.quarantine(Quarantined(bus.name, "taps", "BadSignature", "x", payload, desk.now_ms))


@pytest.mark.parametrize("waiting_s", [THREE_DAYS_S, INT63_MAX])
def test_a_device_that_tells_a_huge_number_stops_nothing(tmp_path: Path, waiting_s: int) -> None:
    desk, bus = a_bus(tmp_path)
    desk.store.keep_health(word(bus, INT63_MAX, waiting_s=waiting_s, receipted=INT63_MAX), desk.now_ms)
    reconcile(desk)
    (gap,) = opened(desk).values()
    assert (gap.it.rials, gap.it.facts["count"], gap.it.facts["told"]) == (RIALS_MAX, "impossible", INT63_MAX)
    desk.store.keep_health(word(bus, bus.last), desk.now_ms + 1)  # what was no count is no word of records
    reconcile(desk)
    assert opened(desk) == {}
    desk.close()


def test_a_count_that_a_journal_can_have_is_not_called_impossible() -> None:
    told = HeldJournal("bus-1-d1", 1, 1, JOURNAL_RECORDS_MAX, 0, NOON_MS, 5, 0)
    assert list(judge_journal(told, NOON_MS)) == []
    (found,) = judge_journal(told, NOON_MS + 3 * DAY_MS)
    assert "count" not in found.facts
    assert found.rials == 5 * (JOURNAL_RECORDS_MAX - 1)
    (found,) = judge_journal(replace(told, told=JOURNAL_RECORDS_MAX + 1), NOON_MS)
    assert found.facts["count"] == "impossible"


def test_a_new_card_does_not_close_the_gap_of_the_old_one(tmp_path: Path) -> None:
    desk, bus = a_bus(tmp_path)
    desk.store.keep_health(word(bus, bus.last + 1), desk.now_ms)
    reconcile(desk)
    (name,) = opened(desk)
    assert name == f"journal-gap:{bus.name}/{bus.epoch}"
    desk.store.keep_health(word(bus, 2, epoch=bus.epoch + 1, waiting_s=0, receipted=0), desk.now_ms + 1)
    reconcile(desk)
    assert set(opened(desk)) == {name}
    bus.tap(Rider(1).show(2, time_s=NOON_MS // 1000 + 15))  # the old card is found, and read
    desk.take_whole(bus)
    reconcile(desk)
    assert opened(desk) == {}
    desk.close()


def test_a_journal_that_tells_of_less_than_before_closes_nothing(tmp_path: Path) -> None:
    """A card that was copied back to an older state knows no more of what it told."""
    desk, bus = a_bus(tmp_path)
    desk.store.keep_health(word(bus, 500), desk.now_ms)
    reconcile(desk)
    desk.store.keep_health(word(bus, bus.last, waiting_s=0), desk.now_ms + 1)
    reconcile(desk)
    (gap,) = opened(desk).values()
    assert gap.it.facts["told"] == 500
    desk.close()


def test_a_device_may_invent_journals_and_fills_nothing(tmp_path: Path) -> None:
    desk, bus = a_bus(tmp_path)
    for number in range(JOURNALS_TOLD_MAX + 9):
        desk.store.keep_health(word(bus, 5, epoch=1_000 + number), desk.now_ms)
    desk.store.keep_health(word(bus, 7, epoch=1_000), desk.now_ms)
    assert desk.rows("SELECT count(*), max(told) FROM journal_told") == [(JOURNALS_TOLD_MAX, 7)]
    desk.close()


def test_what_a_device_has_receipts_for_and_nobody_holds_is_a_gap_at_once(tmp_path: Path) -> None:
    """The ledger was restored, and the bus may have pruned it: nothing of it waits there."""
    desk, bus = a_bus(tmp_path)
    desk.store.keep_health(word(bus, bus.last, waiting_s=0, receipted=bus.last), desk.now_ms)
    reconcile(desk)
    assert opened(desk) == {}
    desk.store.keep_health(word(bus, 500, waiting_s=0, receipted=bus.last), desk.now_ms)
    reconcile(desk)
    assert opened(desk) == {}, "what only waits has its time"
    desk.store.keep_health(word(bus, 500, waiting_s=0, receipted=400), desk.now_ms)
    reconcile(desk)
    (gap,) = opened(desk).values()
    assert gap.it.facts["receipted"] == 400
    desk.store.keep_health(word(bus, 500, waiting_s=0, receipted=bus.last), desk.now_ms)  # it has heard, and sends
    reconcile(desk)
    assert len(opened(desk)) == 1, "until it has come"
    desk.close()


def test_more_than_a_person_has_explained_is_told_again(tmp_path: Path) -> None:
    desk, bus = a_bus(tmp_path)
    desk.store.keep_health(word(bus, bus.last + 1), desk.now_ms)
    refuse(desk, bus, b"one")
    reconcile(desk)
    first = opened(desk)
    assert len(first) == 2
    for name in first:
        resolve(desk.store, name, why="one, looked at", by=("n. ahmadi", "finance"), now_ms=desk.now_ms)
    reconcile(desk)
    assert opened(desk) == {}, "as much as before is explained"
    desk.now_ms += DAY_MS
    desk.store.keep_health(word(bus, bus.last + 5_000), desk.now_ms)
    refuse(desk, bus, b"two")
    reconcile(desk)
    again = opened(desk)
    assert {name: kept.it for name, kept in again.items()} == {name: kept.it for name, kept in first.items()}, (
        "what was told at the opening stays"
    )
    assert {kept.last for kept in again.values()} == {Entry.OPENED_AGAIN}
    gap = next(name for name in again if name.startswith("journal-gap"))
    assert f"told {bus.last + 5_000}" in again[gap].why
    refuse(desk, bus, b"three")
    reconcile(desk)
    grown = next(kept for name, kept in opened(desk).items() if name != gap)
    assert (grown.last, "rows 3" in grown.why) == (Entry.GREW, True), "and more of what is open is an entry"
    resolve(desk.store, grown.it.name, why="three", by=("n. ahmadi", "finance"), now_ms=desk.now_ms)
    reconcile(desk)
    assert set(opened(desk)) == {gap}, "his word is of all three"
    desk.close()
