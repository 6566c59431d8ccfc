"""The bearer ticket: a printed ride for who has no phone, signed by the issuer alone. Whoever holds it rides by it.

    offset  bytes  field
         0      1  kind = 3
         1      1  issuer hint: first byte of the issuer's key id
         2      8  ticket id, random
        10      1  rider class (high four bits), product (low four)
        11      2  first valid local day, days since 1970-01-01
        13      2  last valid local day
        15      1  form (high four bits), rides a day (low four)
        16     64  issuer's signature over bytes 0–15 (purpose TICKET)
        80         end; `SV1:` and base45 make 124 characters: version 5-L

Rules:
- there is no holder key, so a copy is as good as the ticket: what a copy is worth is bounded by what counts the rides,
  copies × buses × rides a day, and each ride is one person's, without companions;
- a single ride and a piece of a strip are used once in all (rides a day 0); a card has 1 to 15 rides a day;
- the purpose is another than a credential's: neither can be made from the other, and the bytes verified are the bytes
  received, before anything of them is parsed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from protocol import limits
from protocol.errors import MissingSignature, OutOfRange, UnknownVersion, WrongLength
from protocol.localtime import service_day
from protocol.wire.keys import Purpose, Signer, VerifyingKey, key_id
from protocol.wire.passes import Presentation, verify_issuer

KIND_TICKET = 3
RIDDEN = 65_535  # a phone renders 5,760 times a day
_CARD_BIT = 1 << 15
_BODY = limits.TICKET_BYTES - limits.SIGNATURE_BYTES


class TicketForm(IntEnum):
    """What is printed."""

    SINGLE = 1  # one ride
    STRIP = 2  # one piece of a strip: one ride, and its neighbours are tickets of their own
    CARD = 3  # a concession's or senior's: some rides a day


@dataclass(frozen=True, slots=True)
class Ticket:
    """A verified bearer ticket. `issuer` is the key that signed it; `raw` the 80 bytes as received."""

    issuer: VerifyingKey
    ticket_id: bytes
    rider_class: int
    product: int
    first_day: int
    last_day: int
    form: TicketForm
    rides_a_day: int  # 0: once in all
    raw: bytes

    @property
    def single_use(self) -> bool:
        """Whether one ride uses it up."""
        return not self.rides_a_day

    def of_day(self, wall_ms: int, uncertainty_s: int) -> bool:
        """Whether one of its days may be today, by a clock that is right within ± so many seconds.

        What a clock does not know is decided for the rider, but never beyond what freshness allows.
        """
        within_ms = min(uncertainty_s, limits.FRESH_WINDOW_MAX_S) * 1000
        return service_day(wall_ms + within_ms) >= self.first_day and service_day(wall_ms - within_ms) <= self.last_day


def is_ticket(raw: bytes) -> bool:
    """Whether a payload says that it is a bearer ticket."""
    return raw[:1] == bytes([KIND_TICKET])


def claimed_ticket_id(raw: bytes) -> bytes:
    """The ticket that a payload says it is, unproven: enough to look for who issued it, and for nothing else."""
    return raw[2:10]


def ridden(ticket: Ticket, second: int) -> Presentation:
    """What identifies one ride by a ticket between the doors of a bus, beside presentations of passes.

    Its last day, whether it is a card, and 15 bits of the second in which it rode, by any clock.
    """
    card = _CARD_BIT * (not ticket.single_use)
    return Presentation(ticket.ticket_id, ticket.last_day << 16 | card | second % _CARD_BIT, RIDDEN)


def is_ridden(shown: Presentation) -> bool:
    """Whether a presentation is a ride by a ticket; a phone that counts so far says it of its own pass alone."""
    return shown.counter == RIDDEN


def ridden_until(shown: Presentation) -> int:
    """The last day of the ticket that was ridden."""
    return shown.time_s >> 16


def ridden_card(shown: Presentation) -> bool:
    """Whether it was a card."""
    return bool(shown.time_s & _CARD_BIT)


def issue_ticket(
    issuer: Signer,
    *,
    ticket_id: bytes,
    form: TicketForm,
    rider_class: int,
    product: int,
    first_day: int,
    last_day: int,
    rides_a_day: int,
) -> bytes:
    """Sign a ticket → its 80 bytes. Raises OutOfRange by field; what is issued can be read."""
    for name, value, most in (
        ("rider_class", rider_class, 15), ("product", product, 15), ("first_day", first_day, 65_535),
        ("last_day", last_day, 65_535), ("rides_a_day", rides_a_day, limits.TICKET_RIDES_A_DAY_MAX),
    ):  # fmt: skip
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    if len(ticket_id) != limits.CREDENTIAL_ID_BYTES:
        raise OutOfRange("ticket id is not 8 bytes", field="ticket_id", bytes=len(ticket_id))
    body = b"".join((
        bytes([KIND_TICKET, key_id(issuer.public)[0]]), ticket_id, bytes([rider_class << 4 | product]),
        first_day.to_bytes(2, "big"), last_day.to_bytes(2, "big"), bytes([form << 4 | rides_a_day]),
    ))  # fmt: skip
    _terms(body)
    return body + issuer.sign(Purpose.TICKET, body)


def open_ticket(raw: bytes, issuers: Iterable[VerifyingKey]) -> Ticket:
    """Verify the issuer's signature over the received bytes, then parse.

    Raises UnknownVersion, MissingSignature, WrongLength, UnknownIssuer, BadSignature, HighSSignature or OutOfRange
    (a form that nobody knows, rides a day that its form does not have, days that end before they begin).
    """
    if not is_ticket(raw):
        raise UnknownVersion("not a bearer ticket", kind=raw[0] if raw else None)
    if len(raw) == _BODY:
        raise MissingSignature("ticket without the issuer's signature", bytes=len(raw))
    if len(raw) != limits.TICKET_BYTES:
        raise WrongLength("ticket is not 80 bytes", bytes=len(raw))
    issuer = verify_issuer(Purpose.TICKET, raw[:_BODY], raw[_BODY:], issuers)
    first_day, last_day, form, rides_a_day = _terms(raw)
    return Ticket(issuer, raw[2:10], raw[10] >> 4, raw[10] & 15, first_day, last_day, form, rides_a_day, raw)


def _terms(raw: bytes) -> tuple[int, int, TicketForm, int]:
    """Days, form and rides a day that fit one another. Raises OutOfRange by field."""
    first_day, last_day = int.from_bytes(raw[11:13], "big"), int.from_bytes(raw[13:15], "big")
    if last_day < first_day:
        raise OutOfRange("a ticket ends before it begins", field="last_day", first=first_day, last=last_day)
    form, rides_a_day = raw[15] >> 4, raw[15] & 15
    if form not in tuple(TicketForm):
        raise OutOfRange("a ticket of no known form", field="form", value=form)
    if (form == TicketForm.CARD) != (rides_a_day > 0):
        raise OutOfRange("a card has rides a day, and nothing else has", field="rides_a_day", value=rides_a_day)
    return first_day, last_day, TicketForm(form), rides_a_day
