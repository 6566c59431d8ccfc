"""Printed cards: photocopied onto many buses, blocked, replaced, and printed by a clerk for himself."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from backend.core.cards.card import Card, Ended
from backend.core.errors import RequestError
from backend.core.limits import CARD_PRINT_MS
from backend.core.moving import VERSION_MAX
from backend.core.tickets import TicketRide
from protocol.wire.codes import write_code
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off
from tests.attacks.staff import THE_TABLES_OWN, by_anybody
from tests.attacks.worlds import OneDoor
from tests.backend.bus import FARE, ISSUER, NOON_MS, Bus
from tests.backend.cards.office import CLERK, TARA, TODAY, CardOffice, held, senior, single

CAP = 2
BUSES = 10
TIMES = 4  # on each bus


def _office(ground: Ground, *buses: Bus) -> CardOffice:
    ground.folder.joinpath("office").mkdir()
    office = CardOffice(ground.folder / "office", buses)
    ground.closing.callback(office.store.close)
    return office


def _card(office: CardOffice) -> Card:
    (card,) = office.issue(senior(rides=CAP))
    return card


def _code(office: CardOffice, card: Card) -> bytes:
    return write_code(office.ticket(card).raw).encode()


def _tell(office: CardOffice, buses: Iterable[Bus], card: Card, from_ms: int) -> None:
    """Each bus says that it carried the card so often."""
    for bus in buses:
        for n in range(TIMES):
            bus.now_ms = from_ms + n * 1_000
            bus.tap(held(card))
        office.take_whole(bus)


@attack(Surface.TICKETS, Who.FORGER, Outcome.BOUNDED, off("edge.core.tickets:_day_cap", gives(None)))
def card_photocopied_onto_ten_buses(ground: Ground) -> Outcome:
    """A senior's card of two rides a day is photocopied and shown all day on ten buses: two rides on each."""
    office = _office(ground)
    code = _code(office, _card(office))
    doors = [OneDoor(ground, name=f"bus-{n}", issuer_keys=(ISSUER.public,)) for n in range(BUSES)]
    return bounded_by(BUSES * CAP, sum(door.boards(code, n * 3_600) for door in doors for n in range(TIMES)))


def _all_are_paid(stand_rides: Callable[..., list[TicketRide]]) -> Callable[..., list[TicketRide]]:
    def believing(rides: Iterable[TicketRide], **known: Any) -> list[TicketRide]:
        return [replace(it, paid=True) for it in stand_rides(rides, **known)]

    return believing


@attack(Surface.TICKETS, Who.FORGER, Outcome.BOUNDED, off("backend.core.tickets:stand_rides", _all_are_paid))
def card_photocopied_for_the_city_to_pay(ground: Ground) -> Outcome:
    """What ten buses carried of a photocopied card is sent to the city as its senior's: it pays two rides."""
    buses = [Bus(f"bus-{n}-d1") for n in range(BUSES)]
    office = _office(ground, *buses)
    _tell(office, buses, _card(office), NOON_MS)
    return bounded_by(CAP * FARE, -office.store.balance("city:class:3"))


@attack(Surface.TICKETS, Who.FORGER, Outcome.REFUSED, off("edge.core.tickets:_denied", gives(None)))
def blocked_card_at_a_synced_bus(ground: Ground) -> Outcome:
    """A stolen card is shown on after its owner has had it blocked, and the bus has the list."""
    office = _office(ground)
    card = _card(office)
    code = _code(office, card)
    office.cards.block(CLERK, card.number, Ended.STOLEN, key="")
    deny = dict.fromkeys(office.store.blocked_cards(TODAY), VERSION_MAX)
    return refused_if(not OneDoor(ground, issuer_keys=(ISSUER.public,), deny=deny).boards(code))


@attack(Surface.TICKETS, Who.FORGER, Outcome.REFUSED, off("backend.app.tickets:GroupTickets._ended_ms", gives(None)))
def blocked_card_at_a_bus_that_has_not_heard(ground: Ground) -> Outcome:
    """A stolen card rides on where no list has come: its issue and the city pay for none of it."""
    bus = Bus()
    office = _office(ground, bus)
    card = _card(office)
    office.cards.block(CLERK, card.number, Ended.STOLEN, key="")
    _tell(office, [bus], card, NOON_MS + 1_000)
    return refused_if(office.store.balance("city:class:3") == 0)


def _of_nobody(ended: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, today: [it for it in ended(self, today) if not it]


@attack(
    Surface.TICKETS,
    Who.RIDER,
    Outcome.REFUSED,
    off("backend.adapters.ledger.cards:CardTables.blocked_cards", _of_nobody),
)
def card_that_was_said_to_be_lost(ground: Ground) -> Outcome:
    """Who has a new card for one that he said was lost rides on by both."""
    office = _office(ground)
    card = _card(office)
    code = _code(office, card)
    office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    deny = dict.fromkeys(office.store.blocked_cards(TODAY), VERSION_MAX)
    return refused_if(not OneDoor(ground, issuer_keys=(ISSUER.public,), deny=deny).boards(code))


@attack(
    Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.two_people:decide", by_anybody), THE_TABLES_OWN
)
def clerk_who_issues_to_himself(ground: Ground) -> Outcome:
    """Somebody of operations proposes ten cards for his friends and approves them himself."""
    office = _office(ground)
    made = office.staff.propose(TARA, senior(10), why="for friends", key="")
    try:
        office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
    except RequestError:
        return refused_if(not office.rows("SELECT * FROM card"))
    return refused_if(nothing_gained=False)


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.cards.card:Card.require_printable", gives(None)))
def card_printed_once_more_at_night(ground: Ground) -> Outcome:
    """A clerk prints another's card again months later, and rides by it beside its owner."""
    office = _office(ground)
    card = _card(office)
    office.now_ms += CARD_PRINT_MS
    try:
        office.cards.print_card(CLERK, card.number, key="")
    except RequestError:
        return refused_if(nothing_gained=True)
    return refused_if(nothing_gained=False)


def _alone(self: object, ticket_id: bytes) -> tuple[tuple[bytes, None], ...]:
    return ((ticket_id, None),)


@attack(Surface.STAFF, Who.CLERK, Outcome.BOUNDED, off("backend.app.tickets:GroupTickets._chain", lambda _: _alone))
def card_replaced_again_and_again(ground: Ground) -> Outcome:
    """A clerk has a friend's card of two rides a day lost five times in a day, after two rides each: the city pays two."""
    bus = Bus()
    office = _office(ground, bus)
    card = _card(office)
    for n in range(5):
        office.now_ms = bus.now_ms = NOON_MS + n * 60_000
        for _ in range(CAP):
            bus.tap(held(card))
        office.take_whole(bus)
        office.now_ms += 1_000
        card = office.cards.replace(CLERK, card.number, Ended.LOST, key="")
    return bounded_by(CAP * FARE, -office.store.balance("city:class:3"))


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.adapters.ledger.cards:_was_ridden", gives(value=False)))
def ridden_ticket_handed_in_as_torn(ground: Ground) -> Outcome:
    """A clerk replaces single rides that were ridden, and sells the new ones."""
    bus = Bus()
    office = _office(ground, bus)
    (card,) = office.issue(single())
    bus.now_ms = NOON_MS
    bus.tap(held(card))
    office.take_whole(bus)
    try:
        office.cards.replace(CLERK, card.number, Ended.DAMAGED, key="")
    except RequestError:
        return refused_if(nothing_gained=True)
    return refused_if(nothing_gained=False)
