"""Printed tickets before a test door."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.app.boarding import Boarding
from edge.core.accepted import Accepted
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.records import Instant
from protocol.wire.sister import FreshBoarding
from protocol.wire.tickets import Ticket, TicketForm, issue_ticket, open_ticket, ridden
from tests.edge.door import ISSUER, NOON_MS, MemoryJournal, RememberingPanel, at, boarding, paid, told

TODAY = service_day(NOON_MS)
DAY_S = 86_400
MIDNIGHT_S = round((day_begins_ms(TODAY + 1) - NOON_MS) / 1000)  # the next, in seconds of `at`
USED = (Verdict.BEARER_DENIED, Reason.TICKET_USED)
OTHER_DAY = (Verdict.BEARER_DENIED, Reason.TICKET_DAY)
DAY_CAP = (Verdict.BEARER_DENIED, Reason.DAY_CAP)
PAID_HERE = (Verdict.ALREADY_PAID, Reason.SAME_DOOR)
PAID_THERE = (Verdict.ALREADY_PAID, Reason.OTHER_DOOR)
TAKEN = (Verdict.ACCEPTED, Reason.NONE)


def ticket(number: int = 1, *, form: TicketForm = TicketForm.SINGLE, rides: int = 0, rider_class: int = 0,
           product: int = 0, days: tuple[int, int] = (0, 29), issuer: SigningKey = ISSUER) -> Ticket:  # fmt: skip
    """One of these terms; `days` from today."""
    raw = issue_ticket(
        issuer, ticket_id=b"ticket%02d" % number, form=form, rider_class=rider_class, product=product,
        first_day=TODAY + days[0], last_day=TODAY + days[1], rides_a_day=rides,
    )  # fmt: skip
    return open_ticket(raw, [issuer.verifying])


def card(number: int = 1, rides: int = 2, **terms: object) -> Ticket:
    """A card of two rides a day."""
    return ticket(number, form=TicketForm.CARD, rides=rides, **terms)  # type: ignore[arg-type]


def code(of: Ticket) -> bytes:
    """The text in its QR."""
    return write_code(of.raw).encode()


def ride_of(of: Ticket, seconds: float, *, trusted: bool = True, **changes: object) -> Accepted:
    """A ride by it, as a door notes it."""
    now = at(seconds)
    return paid(ridden(of, now.mono_ms // 1000), **({"wall_ms": now.wall_ms if trusted else 0} | changes))


def rode_there(of: Ticket, seconds: float, *, sequence: int = 3, **changes: object) -> FreshBoarding:
    """What the other door tells of a ride by it."""
    now = at(seconds)
    return told(ridden(of, now.mono_ms // 1000), sequence=sequence, **({"wall_ms": now.wall_ms} | changes))


@dataclass
class PaperDoor:
    """Door 1 of a bus, and what it answers to paper."""

    journal: MemoryJournal
    service: Boarding
    panel: RememberingPanel

    def show(self, of: Ticket, seconds: float = 0, **clock: object) -> tuple[Verdict, Reason]:
        """Held up at this second of the test's day → the answer."""
        self.at = at(seconds, **clock)  # type: ignore[arg-type]
        outcome = self.service.present(code(of), self.at, settled=True)
        assert outcome is not None
        return outcome.showing.verdict, outcome.showing.reason

    def shows(self, of: Ticket, *seconds: float) -> Sequence[tuple[Verdict, Reason]]:
        """Held up again and again."""
        return [self.show(of, second) for second in seconds]


def door(journal: MemoryJournal | None = None, now: Instant | None = None, **changes: object) -> PaperDoor:
    """A door that has begun; over the journal of another one it is that one after a restart."""
    panel, held = RememberingPanel(), journal or MemoryJournal()
    service = boarding(held, panel, **changes)
    service.begin(now or at())
    return PaperDoor(held, service, panel)
