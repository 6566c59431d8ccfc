"""Printed tickets in the seeded city: who holds them and their photocopies, what a bus may carry, what the office pays.

A bus carries a single ride once and a card so often a day, as far as its doors could know: a door knows its own rides
while its card is its own, and the other's where both ran and heard each other ever since. The office pays for no more
than that in all, whatever copies rode on how many buses.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

from backend.core.ledger import tickets_account
from backend.core.tickets import Issue
from protocol.fares.tariff import Product, RiderClass
from protocol.limits import CREDENTIAL_ID_BYTES
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation
from protocol.wire.tickets import RIDDEN, Ticket, TicketForm, issue_ticket, open_ticket
from simulators.checkers import Posting, TapId
from simulators.seeded.people import Code
from simulators.seeded.truth import Green, Truth

if TYPE_CHECKING:
    from simulators.seeded.bus import SimDoor

SHARED_WITHIN_MS = 2_000  # the other door knows of a ride (P7)
_DAYS = 600  # longer than any run
_CARDS = 3


class Papers:
    """Everything that was printed. `issues`: as the office has its lists."""

    def __init__(self, rng: Random, issuer: SigningKey, now_ms: int) -> None:
        self._rng, self._issuer = rng, issuer
        today = service_day(now_ms)
        self.issues: dict[bytes, Issue] = {}
        self.tickets: dict[bytes, Ticket] = {}
        self._shown = 0
        self._singles = self._issue("singles", TicketForm.SINGLE, RiderClass.ADULT, (today, today + _DAYS), 0)
        seniors = self._issue("seniors", TicketForm.CARD, RiderClass.SENIOR, (today, today + _DAYS), 2)
        old = self._issue("old", TicketForm.SINGLE, RiderClass.ADULT, (today - 90, today - 3), 0)
        later = self._issue("later", TicketForm.CARD, RiderClass.STUDENT, (today + _DAYS, today + _DAYS), 1)
        self.cards = [self._print(seniors) for _ in range(_CARDS)]
        self.denied = self._print(self._singles)
        self.refused = [self.denied, self._print(old), self._print(later)]

    def _issue(self, name: str, form: TicketForm, rider_class: int, days: tuple[int, int], rides: int) -> Issue:
        return Issue(name, self._issuer.verifying, form, int(rider_class), int(Product.WALLET), *days, rides)

    def _print(self, of: Issue) -> Ticket:
        raw = issue_ticket(
            self._issuer, ticket_id=self._rng.randbytes(CREDENTIAL_ID_BYTES), form=of.form, rider_class=of.rider_class,
            product=of.product, first_day=of.first_day, last_day=of.last_day, rides_a_day=of.rides_a_day,
        )  # fmt: skip
        ticket = open_ticket(raw, [self._issuer.verifying])
        self.issues[ticket.ticket_id], self.tickets[ticket.ticket_id] = of, ticket
        return ticket

    def single(self) -> Ticket:
        """A new single ride."""
        return self._print(self._singles)

    def code(self, ticket: Ticket) -> Code:
        """It, held up once more: the same bytes, and another showing."""
        self._shown += 1
        shown = Presentation(ticket.ticket_id, self._shown, RIDDEN)
        return Code(write_code(ticket.raw).encode(), "ticket", shown)


class Watch(Protocol):
    """What the city knows of its buses."""

    truth: Truth

    def quiet_ms(self, door: "SimDoor") -> int:
        """Since when both doors of its bus run and hear each other."""
        ...


class Carried:
    """Holds every ride by a ticket against those before it on the same bus, as it is shown green."""

    def __init__(self, papers: Papers, city: Watch) -> None:
        self._papers, self._city = papers, city
        self._rode: dict[tuple[str, bytes], list[Green]] = defaultdict(list)  # by vehicle and ticket

    def board(self, door: "SimDoor", green: Green) -> None:
        """P7, P10: no more often than it was sold for."""
        ticket = self._papers.tickets.get(green.presentation.credential_id)
        if ticket is None:
            return
        rode = self._rode[green.vehicle, ticket.ticket_id]
        known = [before for before in rode if self._is_known(door, before, green.at_ms)]
        if not ticket.single_use:
            known = [before for before in known if service_day(before.at_ms) == service_day(green.at_ms)]
            known = [] if self._city.truth.wrong_clocks else known  # whose day it is, is the clocks' word
        rode.append(green)
        if len(known) >= max(1, ticket.rides_a_day):
            self._city.truth.violate(
                "P7", "tickets-ride-so-often", f"{door.plan.name} carries a ticket once more, after {len(known)} rides"
            )

    def _is_known(self, door: "SimDoor", before: Green, now_ms: int) -> bool:
        if before.destroyed:
            return False
        if before.device == door.plan.name:
            return door.changed_ms < before.at_ms
        return now_ms - before.at_ms > SHARED_WITHIN_MS and self._city.quiet_ms(door) < before.at_ms


class PaperBooks:
    """What a ledger says of rides by tickets."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self.rides: dict[TapId, tuple[bytes, str, int, bool, int]] = {
            (row[0], row[1], row[2]): (row[3], row[4], row[5], bool(row[6]), row[7])
            for row in ledger.execute(
                "SELECT device, epoch, sequence, ticket, issue, wall_ms, paid, rials FROM ticket_ride"
            )
        }

    def posted(self, greens: Iterable[Green]) -> set[tuple[str, Presentation]]:
        """Of what doors showed green, what is held as a ride by that very ticket."""
        return {
            (it.device, it.presentation)
            for it in greens
            if (ride := self.rides.get((it.device, it.epoch, it.sequence))) is not None
            and ride[0] == it.presentation.credential_id
        }

    def check(self, papers: Papers, truth: Truth, postings: Sequence[Posting]) -> None:
        """P6, P20: no ticket pays for more rides than it was sold for, none for what was never shown."""
        paid: Counter[tuple[bytes, int | None]] = Counter()
        rials: Counter[str] = Counter()
        shown = {(device, it.credential_id): most for (device, it), most in sorted(
            truth.shown_rials.items(), key=lambda row: row[1]
        )}  # fmt: skip
        doubted = {(device, it.credential_id) for device, it in truth.in_doubt}
        for (device, _, sequence), (ticket_id, issue, wall_ms, is_paid, owed) in self.rides.items():
            terms = papers.issues[ticket_id]
            if is_paid:
                paid[ticket_id, service_day(wall_ms) if terms.rides_a_day else None] += 1
                rials[tickets_account(issue)] += owed
            if owed > shown.get((device, ticket_id), -1) and (device, ticket_id) not in doubted:
                truth.violate(
                    "P20", "tickets-as-shown", f"record {sequence} of {device} takes {owed} rials of a ticket"
                )
        for (ticket_id, day), times in paid.items():
            if times > max(1, papers.issues[ticket_id].rides_a_day):
                truth.violate("P6", "tickets-pay-so-often", f"a ticket pays for {times} rides of day {day}")
        posted: Counter[str] = Counter()
        for it in postings:
            posted[it.debit] += it.rials
            posted[it.credit] -= it.rials
        for account in {*rials, *(name for name in posted if name.startswith("tickets:"))}:
            if posted[account] != rials[account]:
                truth.violate("P6", "tickets-are-posted", f"{account}: {posted[account]}, its rides {rials[account]}")
