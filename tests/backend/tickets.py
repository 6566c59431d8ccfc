"""Issues of bearer tickets, and their tickets as a bus is shown them."""

from dataclasses import dataclass

from backend.core.tickets import Issue
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from protocol.wire.records import CodeKind
from protocol.wire.tickets import TicketForm, issue_ticket
from tests.backend.bus import ISSUER, NOON_MS, key

TODAY = service_day(NOON_MS)


@dataclass
class Printed:
    """One printed ticket: a rider of `Bus.tap` that has no phone."""

    issue: Issue
    ticket_id: bytes
    signer: SigningKey = ISSUER
    party: int = 0
    code_kind: CodeKind = CodeKind.BEARER_TICKET

    @property
    def rider(self) -> "Printed":
        """Whoever holds it."""
        return self

    @property
    def rider_class(self) -> int:
        """Its class."""
        return self.issue.rider_class

    @property
    def credential(self) -> bytes:
        """It without its signature."""
        return self.raw[:16]

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return self._signed(self.signer)

    def forged(self) -> bytes:
        """The same claims, signed by who has not issued it."""
        return self._signed(key("thief"))

    def _signed(self, signer: SigningKey) -> bytes:
        it = self.issue
        raw = issue_ticket(
            signer, ticket_id=self.ticket_id, form=it.form, rider_class=it.rider_class, product=it.product,
            first_day=it.first_day, last_day=it.last_day, rides_a_day=it.rides_a_day,
        )  # fmt: skip
        return raw[:1] + bytes([self.signer.id[0]]) + raw[2:] if signer is not self.signer else raw

    @property
    def account(self) -> str:
        """What its issue was sold for."""
        return f"tickets:{self.issue.name}"


def issue(name: str, form: TicketForm = TicketForm.SINGLE, rides_a_day: int = 0, *, rider_class: int = 0) -> Issue:
    """Terms for thirty days from today."""
    return Issue(name, ISSUER.verifying, form, rider_class, 0, TODAY, TODAY + 29, rides_a_day)


def printed(of: Issue, count: int) -> list[Printed]:
    """Tickets of an issue, with ids of their own."""
    return [Printed(of, f"{of.name[:6]:>6}{n:02}".encode()) for n in range(count)]
