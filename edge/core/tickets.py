"""The rules for a bearer ticket at the door. Pure.

To the rules that it shares with a pass a ticket is one without companions, whose every ride is a presentation of its
own (`ridden`). It has no phone, so nothing of it is fresh or copied, no allowance, and no journeys. In this order:
 R2  training, R3 free rides, as a pass: a free ride uses no ticket up;
 R4  on the deny list, under any version: denied;
 R8  ridden on this bus within the repeat window: *already paid*; a nervous rider is no thief;
 T1  none of its days is today, as far as this clock can tell: not of this day. Without a trusted clock nobody knows;
 T2  a single ride or a piece of a strip that this bus has carried: used;
 T3  a card whose rides of today this bus has carried: the day's cap;
 R9  a product that is of no use on this line;
 T4  everything else is accepted at its class's price, without a trusted clock on grace.
A denial is *show the driver* (BEARER_DENIED) with the reason's own words: who holds the paper may be an old man to whom
somebody sold a copy.
"""

from dataclasses import dataclass, field

from edge.core.asked import Asked, Decision, Door
from edge.core.fares import wrong_line
from edge.core.orders import free, training
from edge.core.repeats import repeated
from protocol.fares.pricing import Price, price
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import CodeKind, Instant
from protocol.wire.riders import RiderRow
from protocol.wire.short_passes import ShortPass
from protocol.wire.tickets import Ticket, ridden


@dataclass
class AskedTicket(Asked):
    """A proven ticket before a door."""

    ticket: Ticket = field(kw_only=True)

    @property
    def kind(self) -> CodeKind:
        """For the record."""
        return CodeKind.BEARER_TICKET

    def priced(self) -> Price:
        """Alone: whoever holds it has no journeys."""
        return price(self.tariff, self.ride())


def decide_ticket(ticket: Ticket, door: Door, now: Instant) -> Decision:
    """Ask the rules in their order."""
    row = RiderRow(ticket.ticket_id, b"", 0, ticket.rider_class, ticket.product, ticket.last_day, 0)
    shown = ridden(ticket, now.mono_ms // 1000)
    code = ShortPass(row, shown.time_s, shown.counter, 0, ticket.raw)
    asked = AskedTicket(code, door, now, ticket=ticket)
    rules = (training, free, _denied, repeated, _other_day, _used, _day_cap, wrong_line)
    answers = (rule(asked) for rule in rules)
    return next((answer for answer in answers if answer is not None), None) or _accepted(asked)


def _denied(asked: AskedTicket) -> Decision | None:
    if asked.ticket.ticket_id in asked.door.bundle.deny:
        return asked.refuse(Verdict.BEARER_DENIED, Reason.DENY_LIST)
    return None


def _other_day(asked: AskedTicket) -> Decision | None:
    if asked.wall_ms is None or asked.ticket.of_day(asked.wall_ms, asked.now.uncertainty_s):
        return None
    return asked.refuse(Verdict.BEARER_DENIED, Reason.TICKET_DAY)


def _used(asked: AskedTicket) -> Decision | None:
    if asked.ticket.single_use and asked.door.tickets.rides(asked.ticket.ticket_id):
        return asked.refuse(Verdict.BEARER_DENIED, Reason.TICKET_USED)
    return None


def _day_cap(asked: AskedTicket) -> Decision | None:
    ticket = asked.ticket
    if ticket.single_use or asked.door.tickets.rides_today(ticket.ticket_id, asked.now) < ticket.rides_a_day:
        return None
    return asked.refuse(Verdict.BEARER_DENIED, Reason.DAY_CAP)


def _accepted(asked: AskedTicket) -> Decision:
    cost = asked.cost
    if asked.wall_ms is None:
        return asked.accept(Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK, cost)
    return asked.accept(Verdict.ACCEPTED_CONCESSION if cost.city_rials else Verdict.ACCEPTED, Reason.NONE, cost)
