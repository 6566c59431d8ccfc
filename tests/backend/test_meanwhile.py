"""What somebody else commits between a group's reads and its commit: nothing is lost, and no journal is blocked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backend.app.forgetting import Forgetting
from backend.core import floats
from backend.core.holding import Hold, Why
from backend.core.ledger import TapId
from backend.core.ports import Commit, LedgerMark
from protocol.localtime import service_day
from protocol.wire.records import CodeKind
from protocol.wire.tickets import TicketForm
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger
from tests.backend.tickets import issue, printed

pytestmark = pytest.mark.databases
DAY_MS = 86_400_000


class Meanwhile:
    """The store, in which something happens before the next commit; everything else is the real one's."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.then: Callable[[], object] | None = None

    def commit(self, commits: list[Commit], at_ms: int) -> LedgerMark:
        then, self.then = self.then, None
        if then is not None:
            then()
        return self._store.commit(commits, at_ms)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def opened(folder: Path, *city: object, **more: object) -> tuple[Desk, Meanwhile]:
    made: list[Meanwhile] = []
    desk = Desk(folder, *city, wrap=lambda store: made.append(Meanwhile(store)) or made[0], **more)  # type: ignore[arg-type]
    return desk, made[0]


def goes_on(desk: Desk, bus: Bus) -> None:
    assert desk.quarantined() == []
    assert desk.store.watermark(bus.name, bus.epoch).sequence == bus.last
    check_ledger(desk)


def test_two_peoples_word_of_a_copy_is_kept_and_its_buss_journal_goes_on(tmp_path: Path) -> None:
    front, rear, other = Bus("bus-1-d1"), Bus("bus-1-d2", epoch=22), Bus("bus-2-d1")
    front.begin_shift("d-1", "s-1")
    shown = Rider(1).show(1)
    tap = front.tap(shown, fare=40_000)
    told = front.last
    front.annul(tap)
    front.tap(Rider(1).show(7, time_s=NOON_MS // 1000 + 3))
    rear.tap(shown)
    copy: TapId = (rear.name, rear.epoch, rear.last)
    other.tap(shown)
    desk, store = opened(tmp_path, [front, rear, other], [Rider(1)])
    desk.take((front, front.batch(1, told)))
    desk.take_whole(rear)
    store.then = lambda: desk.store.resolve(copy, Hold.PAID, desk.now_ms)
    desk.take_whole(other)
    assert desk.one("SELECT revision FROM claim WHERE device = 'bus-1-d2'") == 2
    desk.take_whole(front)
    goes_on(desk, front)


def test_two_peoples_word_of_a_proxy_boarding_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finance pays one beyond the driver's day while a list makes him known."""
    monkeypatch.setattr(floats, "PROXY_PERSONS_A_DAY_MAX", 1)
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    bus.begin_shift("d-1", "s-1")
    bus.tap(None, party=0, fare=50_000, kind=CodeKind.PROXY)
    second = bus.tap(None, party=0, fare=50_000, kind=CodeKind.PROXY)
    told = bus.last
    bus.annul(second)
    bus.tap(Rider(1).show(7, time_s=NOON_MS // 1000 + 5))
    other.refusal()
    desk, store = opened(tmp_path, [bus, other], [Rider(1)], staff=())
    desk.take((bus, bus.batch(1, told)))
    desk.store.know_drivers(["d-1"], 1)
    store.then = lambda: desk.store.resolve((bus.name, bus.epoch, second), Hold.PAID, desk.now_ms)
    desk.take_whole(other)
    assert desk.one("SELECT hold FROM proxy WHERE sequence = ?", second) == int(Hold.PAID)
    desk.take_whole(bus)
    goes_on(desk, bus)


def test_two_peoples_word_of_a_ride_of_a_ticket_is_kept(tmp_path: Path) -> None:
    """Finance pays a ride that two vehicles tell of, while a third comes that is cheaper."""
    buses = [Bus(f"bus-{n}-d1", epoch=20 + n) for n in (1, 2, 3)]
    tickets = printed(issue("singles"), 1)
    for n, bus in enumerate(buses):
        bus.now_ms = NOON_MS - 1_000 * n
        bus.tap(tickets[0], fare=40_000 - 1_000 * n)
    desk, store = opened(tmp_path, buses, [], tickets=tickets)
    desk.take_whole(buses[0])
    desk.take_whole(buses[1])
    paid = next(it.tap for it in desk.store.held(None, 9) if it.why is Why.CONTESTED)
    store.then = lambda: desk.store.resolve(paid, Hold.PAID, desk.now_ms)
    desk.take_whole(buses[2])
    assert desk.one("SELECT hold FROM ticket_ride WHERE device = ?", paid[0]) == int(Hold.PAID)
    assert desk.one("SELECT revision FROM ticket_ride WHERE device = ?", paid[0]) > 1
    goes_on(desk, buses[2])


@pytest.mark.parametrize("code", ["rider", "ticket"])
def test_travel_that_is_forgotten_meanwhile_does_not_come_back(tmp_path: Path, code: str) -> None:
    """Read before, committed behind it: what changed stays gone, and what is new is as of a forgotten day."""
    one, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    tickets = printed(issue("days", TicketForm.CARD, 3), 1) if code == "ticket" else []
    shown = tickets[0] if tickets else Rider(1).show(1)
    one.tap(shown)
    other.tap(shown, fare=40_000)
    desk, store = opened(tmp_path, [one, other], [Rider(1)], tickets=tickets)
    desk.take_whole(one)
    desk.now_ms += 300 * DAY_MS
    forgetting = Forgetting(desk.store, lambda: desk.now_ms, 190)
    store.then = lambda: forgetting.forget(service_day(NOON_MS) + 14)
    desk.take_whole(other)
    assert desk.rows("SELECT device FROM claim WHERE credential = ?", Rider(1).credential_id) == []
    assert desk.rows("SELECT device FROM ticket_ride WHERE rides_a_day > 0 AND ticket <> ?", bytes(8)) == []
    assert desk.payers()[-1] == "forgotten"
    goes_on(desk, other)


def test_a_record_is_listed_under_who_pays_whether_money_moves_or_not(tmp_path: Path) -> None:
    """Of a free code at two buses the one that comes second counts; in one group or in two."""
    found = []
    for together in (True, False):
        one, other = Bus("bus-1-d1"), Bus("bus-2-d1")
        one.now_ms, other.now_ms = NOON_MS + 5_000, NOON_MS
        shown = Rider(1).show(1)
        one.tap(shown, fare=0)
        other.tap(shown, fare=0)
        folder = tmp_path / str(together)
        folder.mkdir()
        desk = Desk(folder, [one, other], [Rider(1)])
        if together:
            desk.take((one, one.batch()), (other, other.batch()))
        else:
            desk.take_whole(one)
            desk.take_whole(other)
        found.append(desk.payers())
        desk.close()
    assert found[0] == found[1] == ["copied", "rider"]
