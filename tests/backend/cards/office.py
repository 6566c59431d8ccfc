"""An office that issues cards, over a ledger with buses: whoever holds one rides by it."""

import os
from collections.abc import Sequence
from pathlib import Path

from backend.app.cards import Cards, NewCards
from backend.app.staff import Staff
from backend.core.cards.card import Card
from backend.core.cards.issue import CardIssue
from backend.core.staff.roles import Actor, Role
from backend.core.tickets import Issue
from protocol.fares.tariff import RiderClass, Tariff
from protocol.localtime import service_day
from protocol.wire.codes import read_code
from protocol.wire.keys import Signer
from protocol.wire.tickets import Ticket, open_ticket
from tests.backend.bus import ISSUER, NOON_MS, TARIFF, Bus
from tests.backend.desk import Desk
from tests.backend.tickets import Printed

TODAY = service_day(NOON_MS)
NIMA, TARA = Actor("nima", Role.OPERATIONS), Actor("tara", Role.OPERATIONS)
CLERK = Actor("sima", Role.INSPECTOR)  # at a desk


def senior(count: int = 1, *, rides: int = 2, last_day: int = TODAY + 364) -> CardIssue:
    """Cards of so many rides a day."""
    return CardIssue("senior", int(RiderClass.SENIOR), TODAY, last_day, rides, count, "list 12")


def single(count: int = 1) -> CardIssue:
    """Single rides."""
    return CardIssue("single", int(RiderClass.ADULT), TODAY, TODAY + 29, 0, count, "drawer 3")


class CardOffice(Desk):
    """Ingest, staff and cards over one ledger."""

    def __init__(
        self, folder: Path, buses: Sequence[Bus] = (), *, issuer: Signer = ISSUER, tariff: Tariff = TARIFF
    ) -> None:
        super().__init__(folder, buses, tariff=tariff)
        self.staff = Staff(
            self.store, b"", clock=lambda: self.now_ms, randomness=os.urandom, waiting=list,
            new_cards=NewCards(self.store, issuer, os.urandom),
        )  # fmt: skip
        self.cards = Cards(self.store, self.staff, issuer, clock=lambda: self.now_ms, randomness=os.urandom)

    def issue(self, it: CardIssue) -> list[Card]:
        """A clerk proposes it, another approves."""
        made = self.staff.propose(CLERK, it, why="for the desk", key="")
        self.staff.decide(TARA, made.id, made.digest, approves=True, key="")
        return [one for _, one in self.cards.cards(made.id, 0, 999)]

    def ticket(self, card: Card) -> Ticket:
        """What a door reads of it, as it is printed."""
        code = self.cards.print_card(CLERK, card.number, key="").code
        return open_ticket(read_code(code.encode()), [ISSUER.verifying])

    def told(self) -> list[tuple[str, str, str]]:
        """What the log says of cards: who, on what, how it ended."""
        rows = [it.entry for it in self.store.log(0, 999)]
        return [(it.person, it.action, it.outcome) for it in rows if it.action in ("print-cards", "end-card")]


def held(card: Card) -> Printed:
    """It, in somebody's hand before a bus of the tests."""
    terms = card.terms
    of = Issue(
        card.issue, ISSUER.verifying, terms.shape.form, terms.rider_class, 0, terms.first_day, terms.last_day,
        terms.rides_a_day,
    )  # fmt: skip
    return Printed(of, card.ticket_id)
