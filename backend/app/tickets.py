"""Rides of bearer tickets in a group of batches (rules: `backend.core.tickets`).

What waits in the group stands over what the store holds. A ride that comes late changes who paid for those before it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from backend.app.posted import Posted
from backend.app.proofs import ProofDesk
from backend.core.ledger import Payer, TapId, correct, operator_account, post
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
_Together: TypeAlias = tuple[bytes, int | None]  # ticket, and service day where each day counts for itself


class GroupTickets:
    """One a group; used by the ingest thread."""

    def __init__(self, store: IngestStore, proofs: ProofDesk, find_issue: FindIssue) -> None:
        self._store, self._proofs, self._find_issue = store, proofs, find_issue
        self._rides: dict[_Together, dict[TapId, TicketRide]] = {}
        self._paid: dict[_Together, dict[TapId, TicketRide]] = {}  # of those, what the issue pays
        self._by_tap: dict[TapId, TicketRide] = {}  # those that changed in this group

    def proven(self, tap: Tap) -> tuple[Ticket, Issue] | Payer:
        """The ticket in a tap and its issue; who pays where there is none that holds on that day."""
        found: list[Issue] = []

        def key_of(ticket_id: bytes) -> VerifyingKey | None:
            issue = self._find_issue(ticket_id)
            if issue is None:
                return None
            found.append(issue)
            return issue.issuer

        try:
            ticket = self._proofs.ticket(tap, key_of)
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
        """One tap's ride as it stands."""
        return self._by_tap.get(tap) or self._store.ticket_ride_at(*tap)

    def take(self, ride: TicketRide, into: Posted) -> Payer:
        """A ride that is new → who pays for it now."""
        self._settle(ride, into, is_new=True)
        return Payer.TICKET if self._by_tap[ride.tap].paid else Payer.COPIED

    def turn(self, ride: TicketRide, into: Posted, *, annulled: bool) -> None:
        """A ride is taken back, or is not after all."""
        self._settle(replace(ride, annulled=annulled), into, is_new=False)

    def _settle(self, ride: TicketRide, into: Posted, *, is_new: bool) -> None:
        """One more ride meets those that are paid: what is not is dearer than they are. One that turns meets all."""
        held, paid = self._with(ride)
        for it in stand_rides({**(paid if is_new else held), ride.tap: ride}.values()):
            operator = operator_account(it.vehicle)
            after = it
            if is_new and it.tap == ride.tap:
                into.transfers += post(it.tap, operator, it.parts)
            elif it == held[it.tap]:
                continue
            else:
                made, revision = correct(it.tap, operator, held[it.tap].parts, it.parts, it.revision)
                after = replace(it, revision=revision)
                into.transfers += made
            held[it.tap] = self._by_tap[it.tap] = into.ticket_rides[it.tap] = after
            paid.pop(it.tap, None)
            if after.paid:
                paid[it.tap] = after

    def _with(self, ride: TicketRide) -> tuple[dict[TapId, TicketRide], dict[TapId, TicketRide]]:
        """Every ride that counts together with this one, and those that are paid: asked of the store once a group."""
        together = (ride.ticket_id, ride.day)
        if together not in self._rides:
            first, last = (0, INT63_MAX) if ride.day is None else _span_ms(ride.day)
            found = self._store.ticket_rides(ride.ticket_id, first, last)
            self._rides[together] = {it.tap: it for it in found}
            self._paid[together] = {it.tap: it for it in found if it.paid}
        return self._rides[together], self._paid[together]


def _span_ms(day: int) -> tuple[int, int]:
    return day_begins_ms(day), day_begins_ms(day + 1) - 1
