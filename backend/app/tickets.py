"""Rides of bearer tickets in a group of batches (rules: `backend.core.tickets`).

A ride that comes late changes who paid for those before it. Each ticket is looked at once a group, and of its rides
only those that are paid, unless one is taken back: what is not paid is dearer than they are. A card's rides are looked
at with those of the cards that it replaced, and that replaced it.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from backend.app.posted import Posted
from backend.app.proofs import ProofDesk
from backend.core.holding import posted_again, posted_first
from backend.core.ledger import Payer, TapId
from backend.core.ports import IngestStore
from backend.core.tickets import Issue, TicketRide, stand_rides
from protocol.errors import UnknownIssuer
from protocol.limits import INT63_MAX
from protocol.localtime import day_begins_ms
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import Tap
from protocol.wire.tickets import Ticket

# A ticket's id → the list of issued ones that names it, if any
FindIssue: TypeAlias = Callable[[bytes], Issue | None]
# The ticket, of cards the first of their chain, and the service day where each day counts for itself
_Together: TypeAlias = tuple[bytes, int | None]


class GroupTickets:
    """One a group; used by the ingest thread."""

    def __init__(self, store: IngestStore, proofs: ProofDesk, find_issue: FindIssue, into: Posted) -> None:
        self._store, self._proofs, self._find_issue, self._into = store, proofs, find_issue, into
        self._new: dict[_Together, dict[TapId, TicketRide]] = defaultdict(dict)
        self._turned: dict[_Together, dict[TapId, bool]] = defaultdict(dict)  # whether taken back
        self._by_tap: dict[TapId, TicketRide] = {}  # new ones

    def proven(self, tap: Tap, raw: bytes | None) -> tuple[Ticket, Issue] | Payer:
        """The ticket in what a tap has unsealed, and its issue; who pays where there is none that holds on that day."""
        found: list[Issue] = []

        def key_of(ticket_id: bytes) -> VerifyingKey | None:
            issue = self._find_issue(ticket_id)
            if issue is None:
                return None
            found.append(issue)
            return issue.issuer

        try:
            ticket = self._proofs.ticket(tap, raw, key_of)
        except UnknownIssuer:
            return Payer.UNKNOWN_CREDENTIAL
        if ticket is None:
            return Payer.NO_PROOF
        (issue,) = found
        if not issue.names(ticket):
            return Payer.UNKNOWN_CREDENTIAL
        if tap.at.trusted and not ticket.of_day(tap.at.wall_ms, tap.at.uncertainty_s):
            return Payer.STALE_PROOF
        return ticket, issue

    def at(self, tap: TapId) -> TicketRide | None:
        """One tap's ride, as it stood before this group or as it came in it."""
        return self._by_tap.get(tap) or self._store.ticket_ride_at(*tap)

    def take(self, ride: TicketRide) -> None:
        """A ride that is new."""
        self._new[self._together(ride)][ride.tap] = self._by_tap[ride.tap] = ride

    def turn(self, ride: TicketRide, *, annulled: bool) -> None:
        """One of `at` is taken back, or is not after all. The last word of the group counts."""
        self._turned[self._together(ride)][ride.tap] = annulled

    def settle(self) -> None:
        """Every ride that changes by what has come, and what is posted for that."""
        for together in dict.fromkeys((*self._new, *self._turned)):
            new, turned = self._new[together], self._turned[together]
            held = self._held(together, paid=not turned)
            paid = [it for it in held.values() if it.paid]
            self._stand(held, [*paid, *new.values()], contested=any(it.contested for it in paid))
            if turned:  # behind what rode, as riders' claims: `backend.app.claims`
                self._stand(held, [
                    replace(it, annulled=turned[it.tap]) if it.tap in turned else it for it in held.values()
                ])  # fmt: skip

    def _held(self, together: _Together, *, paid: bool) -> dict[TapId, TicketRide]:
        ticket_id, day = together
        first, last = (0, INT63_MAX) if day is None else (day_begins_ms(day), day_begins_ms(day + 1) - 1)
        return {
            it.tap: it for one, _ in self._chain(ticket_id)
            for it in self._store.ticket_rides(one, first, last, paid=paid)
        }  # fmt: skip

    def _stand(self, held: dict[TapId, TicketRide], rides: list[TicketRide], *, contested: bool = False) -> None:
        """Rides of one ticket as they stand now, over what stood, which keeps what follows."""
        for it in stand_rides(rides, contested=contested, ended_ms=self._ended_ms):
            before, after = held.get(it.tap), it
            if before is None:
                self._into.transfers += posted_first(it)
            elif it == before:
                continue
            else:
                made, revision = posted_again(before, it)
                after = replace(it, revision=revision)
                self._into.transfers += made
            held[it.tap] = self._into.ticket_rides[it.tap] = after
            if it.tap in self._by_tap and not after.annulled:
                self._into.payers[it.tap] = Payer.TICKET if after.paid else Payer.COPIED

    def _ended_ms(self, ticket_id: bytes) -> int | None:
        """When a card was blocked."""
        return dict(self._chain(ticket_id)).get(ticket_id)

    def _together(self, ride: TicketRide) -> _Together:
        return self._chain(ride.ticket_id)[0][0], ride.day

    def _chain(self, ticket_id: bytes) -> tuple[tuple[bytes, int | None], ...]:
        issue = self._find_issue(ticket_id)
        return issue.chain if issue is not None and issue.chain else ((ticket_id, None),)
