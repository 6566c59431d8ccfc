"""A bus remembers as one: what was spent and which graces were used at one door count at the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import Instant
from tests.edge.door import FARE, Rider, at
from tests.edge.pair import Door, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    made.plug()
    made.talk(at())
    yield made
    for door in (made.front, made.rear):
        door.copies.close()  # type: ignore[attr-defined]


def shown(door: Door, rider: Rider, now: Instant, **changes: int) -> tuple[Verdict, Reason, int]:
    door.board(rider, now, **changes)
    it = door.panel.shown[-1]
    return it.verdict, it.reason, it.fare_rials


def test_the_emergency_ride_is_one_a_bus_not_one_a_door(pair: Pair) -> None:
    """R11: four units are 200,000 rials, and fifteen companions cost more."""
    assert shown(pair.front, Rider(1), at(), party=15)[1] is Reason.EMERGENCY_RIDE
    pair.talk(at(1))
    assert shown(pair.rear, Rider(1), at(200), party=15, counter=2)[:2] == (Verdict.DENIED, Reason.ALLOWANCE_SPENT)


def test_a_phone_set_wrong_rides_once_a_bus_and_day(pair: Pair) -> None:
    """R7."""
    assert shown(pair.front, Rider(1), at(), ahead_s=1_800)[0] is Verdict.PHONE_CLOCK_WRONG
    pair.talk(at(1))
    assert shown(pair.rear, Rider(1), at(200), ahead_s=1_800, counter=2)[0] is Verdict.CODE_EXPIRED
    tomorrow = at(86_400)
    assert shown(pair.rear, Rider(1), tomorrow, ahead_s=1_800, counter=3)[0] is Verdict.PHONE_CLOCK_WRONG


def test_companions_who_came_later_count_at_the_other_door_too(pair: Pair) -> None:
    """R11: their boarding adds nothing to a journey, and it cost something all the same."""
    assert shown(pair.front, Rider(1), at())[2] == FARE
    assert shown(pair.front, Rider(1), at(5), party=1, counter=2)[0] is Verdict.PARTY_EXTENDED
    pair.talk(at(6))
    assert shown(pair.rear, Rider(1), at(200), party=1, counter=3)[1] is Reason.EMERGENCY_RIDE


def test_what_was_spent_next_door_is_risked_until_a_receipt_for_that_doors_journal(pair: Pair) -> None:
    """R11: also when the bus is heard again at this door, and only up to the record that the receipt names."""
    spent = pair.rear.station.boarding._memory.daybook.spent
    shown(pair.front, Rider(1), at(), party=1)
    pair.talk(at(1))
    pair.rear.station.message_came(pair.rear.receipt(pair.rear.journal.head.sequence, at(2)))
    pair.talk(at(2))
    assert spent(Rider(1).credential_id) == 2 * FARE
    pair.front.station.message_came(pair.front.receipt(2, at(3)))
    pair.talk(at(3))
    assert spent(Rider(1).credential_id) == 2 * FARE, "the day key's record, not the tap's"
    pair.front.station.message_came(pair.front.receipt(3, at(4)))
    pair.talk(at(4))
    assert spent(Rider(1).credential_id) == 0


def test_a_copy_that_the_courier_carried_is_seen_too(pair: Pair) -> None:
    """The front door has no network of its own: the receipt for its journal comes here."""
    shown(pair.front, Rider(1), at())
    pair.talk(at(1))
    pair.rear.station.message_came(pair.front.receipt(3, at(2)))
    pair.rear.step(at(2))
    assert pair.rear.station.boarding._memory.daybook.spent(Rider(1).credential_id) == 0


def test_a_door_that_restarts_knows_what_its_window_says(pair: Pair) -> None:
    """R7, R11: what was spent and used up within the window is not forgotten; what a receipt covers is not risked."""
    shown(pair.front, Rider(1), at(), party=15)
    shown(pair.front, Rider(2), at(), ahead_s=1_800)
    shown(pair.front, Rider(3), at())
    again = pair.restart(pair.front, at(10))
    assert shown(again, Rider(1), at(200), party=15, counter=2)[1] is Reason.ALLOWANCE_SPENT
    assert shown(again, Rider(2), at(200), ahead_s=1_800, counter=2)[0] is Verdict.CODE_EXPIRED
    again.station.boarding.heard(at(201).wall_ms, through=again.journal.head.sequence)
    assert again.station.boarding._memory.daybook.spent(Rider(3).credential_id) == 0
