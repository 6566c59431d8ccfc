"""A card and those in its place are one card for who pays; one person makes no card out of one that nobody misses."""

from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from backend.app.approvals import StoredApprovals
from backend.core.cards.card import Card, Ended
from backend.core.errors import Refused
from backend.core.limits import CARD_CHAIN_MAX, CARD_DAYS_MAX
from backend.core.moving import VERSION_MAX
from backend.core.staff.errors import Unfit
from backend.core.staff.subjects import Release
from tests.backend.bus import NOON_MS, Bus
from tests.backend.cards.office import CLERK, NIMA, TARA, TODAY, CardOffice, held, senior, single

databases = pytest.mark.databases
HOUR_MS = 3_600_000


def ride(bus: Bus, card: Card, at_ms: int) -> None:
    bus.now_ms = at_ms
    bus.tap(held(card))


@databases
@pytest.mark.parametrize("first", ["old", "new"])
def test_a_single_ride_that_a_bus_tells_of_late_and_its_replacement_are_paid_once(tmp_path: Path, first: str) -> None:
    """It was ridden where no network was, said to be torn, and its replacement was ridden: whoever tells first."""
    away, near = Bus("bus-1-d1"), Bus("bus-2-d1")
    office = CardOffice(tmp_path, [away, near])
    (card,) = office.issue(single())
    ride(away, card, NOON_MS)
    office.now_ms = NOON_MS + HOUR_MS
    new = office.cards.replace(CLERK, card.number, Ended.DAMAGED, key="")
    ride(near, new, NOON_MS + 2 * HOUR_MS)
    for bus in (away, near) if first == "old" else (near, away):
        office.take_whole(bus)
    assert sorted(it for (it,) in office.rows("SELECT paid FROM ticket_ride")) == [0, 1]
    with pytest.raises(Refused):
        office.cards.replace(CLERK, new.number, Ended.DAMAGED, key="")


@databases
def test_who_has_his_card_replaced_again_and_again_has_no_more_rides_paid(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(senior(rides=2))
    at_ms = NOON_MS
    for _ in range(5):
        ride(bus, card, at_ms)
        ride(bus, card, at_ms + 1_000)
        office.take_whole(bus)
        at_ms += 60_000
        office.now_ms = at_ms
        card = office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    assert sum(it for (it,) in office.rows("SELECT paid FROM ticket_ride")) == 2
    assert office.rows("SELECT count(*) FROM ticket_ride") == [(10,)]


@databases
def test_a_ride_of_the_old_card_that_is_taken_back_lets_one_of_the_new_in_its_place(tmp_path: Path) -> None:
    bus = Bus()
    office = CardOffice(tmp_path, [bus])
    (card,) = office.issue(senior(rides=1))
    bus.begin_shift("d-1", "s-1")
    ride(bus, card, NOON_MS)
    tap = bus.last
    office.now_ms = NOON_MS + 1_000
    new = office.cards.replace(CLERK, card.number, Ended.DAMAGED, key="")
    ride(bus, new, NOON_MS + 2_000)
    office.take_whole(bus)
    assert office.rows("SELECT annulled, paid FROM ticket_ride ORDER BY sequence") == [(0, 1), (0, 0)]
    bus.now_ms = NOON_MS + 3_000
    bus.annul(tap)
    office.take_whole(bus)
    assert office.rows("SELECT annulled, paid FROM ticket_ride ORDER BY sequence") == [(1, 0), (0, 1)]


@databases
def test_a_card_that_was_handed_in_is_not_replaced_by_one_person(tmp_path: Path) -> None:
    """Nobody would see amber: who replaced it would have made himself a card."""
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    office.cards.block(CLERK, card.number, Ended.RETURNED, key="")
    with pytest.raises(Refused):
        office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    assert office.rows("SELECT count(*) FROM card") == [(1,)]


@databases
def test_a_chain_of_replacements_has_an_end(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior())
    for _ in range(CARD_CHAIN_MAX - 1):
        card = office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    with pytest.raises(Refused):
        office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    assert office.cards.card(card.number).ended_ms is None  # nothing was done


@databases
def test_two_clerks_who_replace_one_blocked_card_at_once_are_told_the_same_card(tmp_path: Path) -> None:
    """At two desks, over connections of their own; neither is told that the ledger refuses it."""
    desks = (CardOffice(tmp_path), CardOffice(tmp_path))
    for card in desks[0].issue(senior(12)):
        desks[0].cards.block(CLERK, card.number, Ended.LOST, key="")
        start, told = Barrier(2), list[str]()

        def replaced(desk: CardOffice, number: str = card.number, start: Barrier = start) -> str:
            start.wait()
            return desk.cards.replace(CLERK, number, Ended.LOST, key="").number

        threads = [Thread(target=lambda it=it, told=told: told.append(replaced(it))) for it in desks]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(told) == 2
        assert len(set(told)) == 1


@databases
def test_cards_of_the_next_century_are_not_issued(tmp_path: Path) -> None:
    office = CardOffice(tmp_path)
    far = TODAY + CARD_DAYS_MAX
    with pytest.raises(Unfit):
        office.staff.propose(CLERK, replace(senior(), first_day=far, last_day=far), why="far", key="")
    office.staff.propose(CLERK, replace(senior(), first_day=far - 1, last_day=far - 1), why="near", key="")


@databases
def test_a_replaced_card_leaves_the_announced_list_by_two_people_also_when_its_last_day_is_over(tmp_path: Path) -> None:
    """A door without a trusted clock refuses it by the list alone (tests/edge/test_tickets)."""
    office = CardOffice(tmp_path)
    (card,) = office.issue(senior(last_day=TODAY + 1))
    office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    office.store.keep_announced(b"m", dict.fromkeys(office.store.blocked_cards(TODAY), VERSION_MAX))
    office.now_ms += 900 * 24 * HOUR_MS
    assert office.store.blocked_cards(TODAY + 900) == []  # named for no new list; the announced one still has it
    assert office.store.announced_denials() == {card.ticket_id: VERSION_MAX}
    approvals = StoredApprovals(office.store, {}, lambda: office.now_ms)
    assert not approvals.release(card.ticket_id, VERSION_MAX)
    asked = office.staff.propose(NIMA, Release(card.ticket_id, VERSION_MAX), why="its last day is over", key="")
    assert not approvals.release(card.ticket_id, VERSION_MAX)
    office.staff.decide(TARA, asked.id, asked.digest, approves=True, key="")
    assert approvals.release(card.ticket_id, VERSION_MAX)
