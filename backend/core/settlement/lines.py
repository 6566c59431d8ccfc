"""What came in for a vehicle's rides, by who paid: the lines that a settlement tells apart. Pure.

riders      wallets, each ride with its rider's own proof (P20), less what was given back of it; what the house gave
            back in the owner's place stands here too, so that parts come to the same rial
city        what the city adds for its classes, where a rider paid
tickets     bearer tickets: their issue pays; whoever holds one rides, so it is capped
proxies     keyed in by drivers, whose float pays: no rider's proof, so it is capped
decided     what two people paid of what was held, and what ledgers paid before anything was
by hand     what two people posted by hand, whatever account is on the other side
held        no proof stands behind it (`backend.core.holding`): not paid, until it is proven or two people decide
"""

from dataclasses import dataclass
from enum import Enum

from backend.core.ledger import COPIED, COPIED_CITY, REFUNDS, SUSPENSE
from protocol.errors import OutOfRange

RIDERS = "riders"  # stands for every wallet: a settlement names no rider (P18)
_CITY, _DRIVER, _TICKETS = "city:class:", "driver:", "tickets:"


class Line(Enum):
    """One line of a settlement."""

    RIDERS = "riders"
    CITY = "city"
    TICKETS = "tickets"
    PROXIES = "proxies"
    DECIDED = "decided"
    BY_HAND = "by-hand"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Income:
    """What one payer's account gave for one vehicle's rides of one service day, corrections taken off.

    `payer`: an account's name, or `riders`. `rials` is negative where more was given back than came. `entries`: of the
    ledger.
    """

    vehicle: str
    line: Line
    payer: str
    of_day: int
    rials: int
    entries: int


def line_of(payer: str, *, held: bool = False, by_hand: bool = False) -> Line:
    """The line of what one payer gave. Raises OutOfRange for a tap's entry from an account that pays for no ride."""
    if held:
        return Line.HELD
    if by_hand:
        return Line.BY_HAND
    if payer in (RIDERS, REFUNDS):
        return Line.RIDERS
    if payer in (COPIED, COPIED_CITY, SUSPENSE):
        return Line.DECIDED
    for begins, line in ((_CITY, Line.CITY), (_DRIVER, Line.PROXIES), (_TICKETS, Line.TICKETS)):
        if payer.startswith(begins):
            return line
    raise OutOfRange("this account pays for no ride", field="payer", account=payer)
