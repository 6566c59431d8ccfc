"""The memory of used tickets: bounded, counted where it forgets, and young where in doubt."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.accepted import RecordId
from edge.core.limits import CARD_RIDE_KEPT_MS, TICKETS_KEPT_STEP
from edge.core.used_tickets import UsedTickets
from protocol.wire.records import ClockQuality
from tests.edge.door import at
from tests.edge.paper import DAY_S, card, ride_of, ticket

PAPER = [*(card(n) for n in (1, 2, 3)), *(ticket(n) for n in (4, 5, 6))]


def names(of: UsedTickets, now_s: float = 0) -> list[int]:
    _, gone = of.unkept(at(now_s))
    of.kept(0, len(gone))
    return [record.sequence for record in gone]


def record(n: int) -> RecordId:
    return RecordId(11, n)


def test_when_it_is_full_the_oldest_is_forgotten_counted_and_said_once() -> None:
    """P15: the rider is carried."""
    memory = UsedTickets(most=2)
    for n in (1, 2, 3):
        memory.note(ride_of(ticket(n), n), record(n), at(n))
    assert (len(memory), memory.forgotten) == (2, 1)
    assert [memory.rides(ticket(n).ticket_id) for n in (1, 2, 3)] == [0, 1, 1]
    assert (names(memory, 4), names(memory, 4)) == ([1], [])


def test_what_is_past_its_last_day_goes_first_and_is_not_counted() -> None:
    memory = UsedTickets(most=2)
    for n, last in ((1, 29), (2, 0), (3, 29)):
        memory.note(ride_of(ticket(n, days=(0, last)), n), record(n), at(n + DAY_S))
    assert (memory.forgotten, names(memory, DAY_S)) == (0, [2])


def test_without_a_trusted_clock_nothing_is_past() -> None:
    memory = UsedTickets(most=1)
    blind = at(DAY_S, quality=ClockQuality.UNTRUSTED)
    for n, last in ((1, 29), (2, 0)):
        memory.note(ride_of(ticket(n, days=(0, last)), n), record(n), blind)
    assert (memory.forgotten, memory.rides(ticket(2).ticket_id)) == (1, 1)


def test_cards_go_before_no_single_ride_of_a_day_that_may_still_be() -> None:
    """Singles are many and old; a card's rides of today are few and asked for."""
    memory = UsedTickets(most=2)
    memory.note(ride_of(card(1), 0), record(1), at())
    memory.note(ride_of(ticket(2), 1), record(2), at(1))
    memory.note(ride_of(card(1), 300), record(3), at(300))
    assert names(memory, 300) == [2]
    memory.note(ride_of(card(1), 600), record(4), at(600))
    assert (memory.rides(card(1).ticket_id), memory.forgotten) == (2, 2)


def test_a_cards_ride_is_forgotten_after_two_days_and_a_single_one_is_not() -> None:
    """P18: plain ids stay no longer than they are asked for."""
    memory = UsedTickets()
    memory.note(ride_of(card(1), 0), record(1), at())
    memory.note(ride_of(ticket(2), 0), record(2), at())
    after_s = CARD_RIDE_KEPT_MS / 1000
    assert names(memory, after_s) == []
    assert names(memory, after_s + 1) == [1]
    assert names(memory, 300 * DAY_S) == []
    assert (memory.rides(ticket(2).ticket_id), memory.forgotten) == (1, 0)


def test_over_a_restart_ages_come_from_the_wall_clock_and_in_doubt_a_ride_is_young() -> None:
    old, unknown, future = ride_of(card(1), -3 * DAY_S), ride_of(card(2), 0, trusted=False), ride_of(card(3), 5_000)
    memory = UsedTickets()
    memory.load([(record(2), unknown), (record(1), old), (record(3), future)], at(), epoch=11)
    assert names(memory) == [1]
    assert memory.rides_today(card(2).ticket_id, at(DAY_S - 1)) == 1
    assert memory.rides_today(card(2).ticket_id, at(DAY_S + 1)) == 0
    blind = UsedTickets()
    blind.load([(record(1), old)], at(quality=ClockQuality.UNTRUSTED), epoch=11)
    assert blind.rides(card(1).ticket_id) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9 * DAY_S)), max_size=40), st.integers(1, 9))
def test_it_never_holds_more_than_its_bound(rides: list[tuple[int, int]], most: int) -> None:
    memory = UsedTickets(most)
    for n, seconds in sorted(rides, key=lambda it: it[1]):
        memory.note(ride_of(PAPER[n], seconds), record(seconds % 7), at(seconds))
        assert len(memory) <= most
        assert sum(memory.rides(it.ticket_id) for it in PAPER) == len(memory)


def test_a_ride_that_is_told_again_is_one_and_one_record_of_two_rides_is_two() -> None:
    """P11: a card that was rolled back gives its record to another ride."""
    memory = UsedTickets()
    for n in (1, 1, 2):
        memory.note(ride_of(card(n), 0), record(1), at())
    memory.told(ride_of(ticket(1), 0), record(1), at(), 0)  # nobody prints that; a door that lies tells it
    assert [memory.rides(card(n).ticket_id) for n in (1, 2)] == [2, 1]
    memory.unkept(at(9 * DAY_S))
    assert len(memory) == 1


def test_a_door_that_lies_pushes_out_nothing_of_ours() -> None:
    """Each door has a bound of its own, and what it tells goes to the card in steps."""
    memory = UsedTickets(most=2)
    memory.note(ride_of(ticket(1), 0), record(1), at())
    for n in range(2, 900):
        memory.told(ride_of(ticket(n % 90), 0), RecordId(12, n), at(), 0)
    assert (memory.rides(ticket(1).ticket_id), len(memory)) == (1, 3)
    told, gone = memory.unkept(at())
    assert (len(told), len(gone)) == (2, 2)
    patient = UsedTickets()
    for n in range(300):
        patient.told(ride_of(ticket(n % 90), 0), RecordId(12, n), at(), 0)
    steps = []
    while (told := patient.unkept(at())[0]) and len(steps) < 9:
        patient.kept(len(told), 0)
        steps.append(len(told))
    assert steps == [TICKETS_KEPT_STEP, 300 - TICKETS_KEPT_STEP]


def test_what_is_past_is_looked_for_once_a_day() -> None:
    """A memory that is full costs a tap no walk through it each time."""
    memory = UsedTickets(most=3)
    for n, last in ((1, 29), (2, 29), (3, 29), (4, 29), (5, 0)):
        memory.note(ride_of(ticket(n, days=(0, last)), n), record(n), at(n + DAY_S))
    assert names(memory, DAY_S) == [1, 2]
    memory.note(ride_of(ticket(6), 0), record(6), at(2 * DAY_S))
    assert names(memory, 2 * DAY_S) == [5]


def test_over_a_restart_our_own_rides_are_still_ours() -> None:
    """And the other door's theirs, whose bound they fill."""
    memory = UsedTickets(most=2)
    memory.load([(record(1), ride_of(ticket(1), 0)), (RecordId(12, 1), ride_of(ticket(2), 0))], at(), epoch=11)
    for n in (3, 4):
        memory.told(ride_of(ticket(n), 0), RecordId(12, n), at(), 0)
    assert [memory.rides(ticket(n).ticket_id) for n in (1, 2, 3, 4)] == [1, 0, 1, 1]


def test_what_is_told_again_is_neither_younger_nor_written_twice() -> None:
    memory = UsedTickets()
    unknown = ride_of(card(1), 0, trusted=False)
    for seconds in (0, DAY_S - 9):
        memory.told(unknown, record(1), at(seconds), 0)
    assert len(memory.unkept(at())[0]) == 1
    assert memory.rides_today(card(1).ticket_id, at(DAY_S + 1)) == 0
