"""The kinds of cards, and what each may say. Pure.

Rules:
- a kind is a form of bearer ticket, the classes that it may be of, and the most rides a day;
- what a photocopy is worth follows from that alone: buses reached × rides a day × fare, and of a single ride or a piece
  of a strip, buses reached × fare. So no card of rides a day is an adult's, and no kind has more rides than its riders;
- a card has a last day, at most CARD_DAYS_MAX ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from backend.core.limits import CARD_DAYS_MAX, CARD_RIDES_A_DAY_MAX, CARDS_AN_ISSUE_MAX
from backend.core.staff.errors import Unfit
from protocol.fares.tariff import RiderClass
from protocol.wire.tickets import TicketForm


class CardKind(Enum):
    """What is printed on it, large. The value stands in the ledger."""

    CONCESSION = "concession"
    SENIOR = "senior"
    SCHOOL = "school"
    SINGLE = "single"
    STRIP = "strip"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind may be. `rides_a_day`: the most; 0: it is used once in all."""

    form: TicketForm
    classes: frozenset[RiderClass]
    rides_a_day: int


_ADULTS = frozenset({RiderClass.ADULT})
SHAPES: Mapping[CardKind, Shape] = MappingProxyType({
    CardKind.CONCESSION: Shape(
        TicketForm.CARD, frozenset({RiderClass.DISABLED, RiderClass.VETERAN, RiderClass.STAFF}), CARD_RIDES_A_DAY_MAX
    ),
    CardKind.SENIOR: Shape(TicketForm.CARD, frozenset({RiderClass.SENIOR}), CARD_RIDES_A_DAY_MAX),
    CardKind.SCHOOL: Shape(TicketForm.CARD, frozenset({RiderClass.STUDENT, RiderClass.CHILD}), CARD_RIDES_A_DAY_MAX),
    CardKind.SINGLE: Shape(TicketForm.SINGLE, _ADULTS, 0),
    CardKind.STRIP: Shape(TicketForm.STRIP, _ADULTS, 0),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What all cards of an issue have in common. Days are service days, since 1970-01-01. Raises Unfit."""

    kind: CardKind
    rider_class: int
    first_day: int
    last_day: int
    rides_a_day: int

    def __post_init__(self) -> None:
        shape = SHAPES[self.kind]
        if self.rider_class not in shape.classes:
            able = ", ".join(f"{int(it)} ({it.word})" for it in sorted(shape.classes))
            raise Unfit(f"a card of kind {self.kind.value} is not of this class", fix=f"name one of {able}")
        if not min(shape.rides_a_day, 1) <= self.rides_a_day <= shape.rides_a_day:
            most = f"1 to {shape.rides_a_day}" if shape.rides_a_day else "0: it is used once"
            raise Unfit(f"a card of kind {self.kind.value} has not so many rides a day", fix=f"name {most}")
        if not self.first_day <= self.last_day < self.first_day + CARD_DAYS_MAX:
            raise Unfit("these are no days of a card", fix=f"name a last day within {CARD_DAYS_MAX} days of the first")

    @property
    def shape(self) -> Shape:
        """What its kind may be."""
        return SHAPES[self.kind]

    def require_to_come(self, today: int) -> None:
        """Return where its last day is to come, and within CARD_DAYS_MAX. Raises Unfit."""
        if self.last_day < today:
            raise Unfit("the last day of these cards is over", fix="name a day to come; look at the year")
        if self.last_day >= today + CARD_DAYS_MAX:
            raise Unfit("the last day of these cards is too far", fix=f"name one within {CARD_DAYS_MAX} days of today")


def require_count(count: int) -> None:
    """Return for so many cards as one issue has. Raises Unfit."""
    if not 1 <= count <= CARDS_AN_ISSUE_MAX:
        raise Unfit(f"{count} cards are no issue", fix=f"name 1 to {CARDS_AN_ISSUE_MAX}; several issues may follow")
