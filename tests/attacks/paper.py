"""Printed tickets: copied, forged, shown on another day."""

from protocol.fares.verdicts import TABLE
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.tickets import Ticket, TicketForm, issue_ticket
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import OneDoor, Pretender
from tests.edge.door import ISSUER, STRANGER
from tests.edge.paper import TODAY, card, code, ticket

UNTIL_MIDNIGHT = range(0, 21_600, 2_700)  # seconds from the noon of the tests


def _rides(door: OneDoor, of: Ticket) -> int:
    """Held up eight times before midnight."""
    return sum(door.boards(code(of), second) for second in UNTIL_MIDNIGHT)


@attack(Surface.TICKETS, Who.FORGER, Outcome.BOUNDED, off("edge.core.tickets:_used", gives(None)))
def photocopied_ticket(ground: Ground) -> Outcome:
    """A single ride is photocopied and ridden by everybody on two buses: one ride on each."""
    return bounded_by(2, sum(_rides(OneDoor(ground, name=name), ticket()) for name in ("bus-1", "bus-2")))


@attack(Surface.TICKETS, Who.PHONES, Outcome.BOUNDED, off("edge.core.tickets:_day_cap", gives(None)))
def card_passed_around(ground: Ground) -> Outcome:
    """A senior's card of two rides a day is passed around all day on one bus."""
    return bounded_by(2, _rides(OneDoor(ground), card(rides=2)))


@attack(Surface.TICKETS, Who.RIDER, Outcome.REFUSED, off("edge.core.tickets:_other_day", gives(None)))
def ticket_of_last_month(ground: Ground) -> Outcome:
    """A ticket whose last day has passed is shown."""
    return refused_if(not OneDoor(ground).boards(code(ticket(days=(-30, -1)))))


@attack(Surface.TICKETS, Who.FORGER, Outcome.REFUSED, off("edge.core.tickets:_denied", gives(None)))
def stolen_roll(ground: Ground) -> Outcome:
    """A stolen roll of genuine tickets is sold after the office has denied it."""
    stolen = ticket()
    return refused_if(not OneDoor(ground, deny={stolen.ticket_id: 0}).boards(code(stolen)))


@attack(Surface.TICKETS, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.TICKET))
def printed_at_home(ground: Ground) -> Outcome:
    """A forger prints tickets with the right form and a signature of his own."""
    raw = issue_ticket(
        Pretender(STRANGER, ISSUER), ticket_id=b"forged01", form=TicketForm.SINGLE, rider_class=0, product=0,
        first_day=TODAY, last_day=TODAY + 9, rides_a_day=0,
    )  # fmt: skip
    door = OneDoor(ground)
    boards = door.boards(write_code(raw).encode())
    assert TABLE[door.verdict].boards is boards
    return refused_if(not boards)
