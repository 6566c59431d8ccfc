"""Bearer tickets at the office: what was issued, and which rides of a ticket it pays for. Pure.

Rules:
- a ticket counts that a list of issued ones names, under the key and the terms of that list; any other is a case;
- of each single ride or piece of a strip one ride is paid, of a card `rides_a_day` of each service day: the cheapest of
  them. The account of the issue pays those, `tickets:NAME`: what was sold there, and is ridden now;
- every other ride of it is a copy's: `copied` owes it, and it is held (P16: an acceptance is a fact; see `holding`). So
  a copy costs the issue nothing, and the city no concession;
- where more were ridden, on more vehicles than one, those that the issue pays are held as well (`holding`);
- which of them are paid follows from the set of rides, whatever the order in which they become known (P20). One that
  the driver took back is none;
- a card and those that took its place, one after the other, count as one ticket (`Issue.chain`): whoever has his card
  replaced again and again has no more rides of a day paid, and a single ride that a bus tells of late is paid once;
- a ride that a record tells of a time at which its card was blocked already is a copy's, whatever the others are: who
  has lost a card pays for nothing that its finder rides;
- a ride costs what it does alone: whoever holds a ticket has no journeys, and meets no cap.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from backend.core.holding import Hold
from backend.core.ledger import COPIED, COPIED_CITY, Parts, TapId, class_account, tickets_account
from protocol.localtime import service_day
from protocol.wire.keys import VerifyingKey
from protocol.wire.tickets import Ticket, TicketForm


@dataclass(frozen=True, slots=True)
class Issue:
    """The terms of one list of issued tickets, as `savar tickets make` wrote it, or of one card (`backend.core.cards`).

    Days are service days. `chain`: of a card, those that count as one with it, the first of them first, each with when
    it was blocked, in Unix milliseconds by our clock.
    """

    name: str
    issuer: VerifyingKey
    form: TicketForm
    rider_class: int
    product: int
    first_day: int
    last_day: int
    rides_a_day: int
    chain: tuple[tuple[bytes, int | None], ...] = ()

    def names(self, ticket: Ticket) -> bool:
        """Whether a ticket whose id is on the list has the list's terms."""
        return (ticket.form, ticket.rider_class, ticket.product, ticket.first_day, ticket.last_day,
                ticket.rides_a_day) == (self.form, self.rider_class, self.product, self.first_day, self.last_day,
                                        self.rides_a_day)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TicketRide:
    """One accepted tap with a proven, listed ticket: what it says, and from `annulled` on how it stands."""

    device: str
    epoch: int
    sequence: int
    ticket_id: bytes
    issue: str
    rides_a_day: int  # 0: once in all
    vehicle: str  # whose operator is paid
    wall_ms: int  # by a trusted clock, else as `chaintime` says
    rider_class: int
    rials: int  # the ticket's part, at most what was shown
    city_rials: int  # the rest of a concession's fare
    annulled: bool = False
    paid: bool = False  # the issue pays; else `copied`
    revision: int = 0  # corrections posted so far
    hold: Hold = Hold.HELD
    contested: bool = False  # copies of it rode on several vehicles

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence

    @property
    def day(self) -> int | None:
        """The service day among whose rides it counts; None where all rides of the ticket count together."""
        return service_day(self.wall_ms) if self.rides_a_day else None

    @property
    def parts(self) -> Parts:
        """Who owes how much for it, as it stands."""
        if self.annulled:
            return {}
        own, city = (
            (tickets_account(self.issue), class_account(self.rider_class)) if self.paid else (COPIED, COPIED_CITY)
        )
        return {account: rials for account, rials in ((own, self.rials), (city, self.city_rials)) if rials}


def stand_rides(
    rides: Iterable[TicketRide], *, contested: bool = False,
    ended_ms: Callable[[bytes], int | None] = lambda _: None,
) -> list[TicketRide]:  # fmt: skip
    """All rides of one ticket that count together → the same, each with who pays for it.

    Those that its issue did not pay before may be left out; then `contested` says whether those that it paid were.
    `ended_ms`: when a card was blocked, by its id.
    """
    every = list(rides)
    behind = [it for it in every if (at_ms := ended_ms(it.ticket_id)) is not None and it.wall_ms >= at_ms]
    after = {it.tap for it in behind}
    before = [it for it in every if it.tap not in after]
    ordered = sorted(before, key=lambda it: (it.annulled, it.rials, it.city_rials, it.wall_ms, it.tap))
    rode = [it for it in ordered if not it.annulled]
    too_many = any(place >= max(1, it.rides_a_day) for place, it in enumerate(rode))
    contested = contested or (too_many and len({it.vehicle for it in rode}) > 1)
    paid = [not it.annulled and place < max(1, it.rides_a_day) for place, it in enumerate(ordered)]
    return [
        *(replace(it, paid=pays, contested=pays and contested) for it, pays in zip(ordered, paid, strict=True)),
        *(replace(it, paid=False, contested=False) for it in behind),
    ]
