"""One card of an issue: its number, how it ends, and what takes its place. Pure.

state     what comes                       becomes
live      it is reported lost or stolen    blocked: at once here, and on the deny list of the next bundle
live      it is replaced                   blocked, and another card of its issue is in its place
blocked   it is replaced                   stays blocked, and another card is in its place
blocked   it is blocked again              stays as it was first blocked
replaced  it is replaced again             the same other card: a card is replaced once

Rules:
- who has the code has the card, so the ledger keeps the id and no code; the code follows from id, terms and the
  issuer's key, and is made only to be printed;
- `number` is what people say over the phone: ten digits of the id and two that check them (ISO 7064, MOD 97-10), so no
  slip of one digit, and no two digits that changed places, names another card. It opens nothing;
- a card that takes another's place has its issue and its terms: the days that it had left, and the same last day. A
  single ride or a piece of a strip that was ridden has nothing left, and is not replaced. All of such a chain count as
  one for who pays (`backend.core.tickets`), and it has at most CARD_CHAIN_MAX cards;
- a card that was handed in is not replaced by one person: nobody would see that another rides in its place;
- a card is printed within CARD_PRINT_MS of being made, and each time is told in the log. Later it is replaced;
- from the moment when it is blocked no ride of it is its issue's: `backend.core.tickets` counts it as a copy's.
"""

from dataclasses import dataclass
from enum import Enum

from backend.core.cards.kinds import Terms
from backend.core.errors import NotFound, Refused
from backend.core.limits import CARD_PRINT_MS
from backend.core.tickets import Issue
from protocol.wire.keys import VerifyingKey

NUMBER_DIGITS = 12
_NAMES = 10**10  # of ids, without the two digits that check
_MODULUS = 97


class Ended(Enum):
    """Why a card ended. The value stands in the ledger."""

    LOST = "lost"
    STOLEN = "stolen"
    COPIED = "copied"
    DAMAGED = "damaged"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Card:
    """One card. Times in Unix milliseconds. `issuer`: the public key whose signature its code has.

    `replaces`, `replaced_by`: the ids of those before and behind it.
    """

    ticket_id: bytes
    issue: str
    terms: Terms
    issuer: bytes
    made_ms: int
    replaces: bytes | None = None
    ended_ms: int | None = None
    why: Ended | None = None
    replaced_by: bytes | None = None

    @property
    def number(self) -> str:
        """Twelve digits."""
        return number_of(self.ticket_id)

    def as_issue(self, chain: tuple[tuple[bytes, int | None], ...]) -> Issue:
        """Its terms as ingest asks for them, with the cards that count as one with it."""
        it = self.terms
        return Issue(
            self.issue, VerifyingKey.load(self.issuer), it.shape.form, it.rider_class, 0, it.first_day, it.last_day,
            it.rides_a_day, chain,
        )  # fmt: skip

    def require_printable(self, issuer: bytes, now_ms: int) -> None:
        """Return where its code may still be made. Raises Refused."""
        if self.ended_ms is not None:
            raise Refused("this card is blocked", fix="print the one that replaced it, or replace it")
        if now_ms >= self.made_ms + CARD_PRINT_MS:
            raise Refused("this card was made too long ago to be printed again", fix="replace it: that prints another")
        if self.issuer != issuer:
            raise Refused("the issuer's key is another one by now", fix="replace it: that prints another")


@dataclass(frozen=True, slots=True)
class Issued:
    """What an approval of an issue puts into the ledger. `ids`: of its cards; `issuer`: who signs them."""

    name: str
    terms: Terms
    ids: tuple[bytes, ...]
    issuer: bytes


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One issue, for a list: how many cards it has, those in others' places with them, and how many ended."""

    name: str
    terms: Terms
    made_ms: int
    cards: int
    ended: int


def number_of(ticket_id: bytes) -> str:
    """What a card of this id is called over the phone: twelve digits, the last two of which check the others."""
    name = int.from_bytes(ticket_id, "big") % _NAMES
    return f"{name:010}{_MODULUS + 1 - name * 100 % _MODULUS:02}"


def is_number(text: str) -> bool:
    """Whether these are twelve digits that check."""
    return len(text) == NUMBER_DIGITS and text.isascii() and text.isdecimal() and int(text) % _MODULUS == 1


def grouped(number: str) -> str:
    """As it is printed and said, by fours."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def no_card() -> NotFound:
    """What is said where no card has the number."""
    return NotFound("there is no card of this number", fix="read its twelve digits again")


def used_up() -> Refused:
    """What is said of a single ride that was ridden."""
    return Refused("this ride was ridden already: there is nothing to replace", fix="sell a new one")


def handed_in() -> Refused:
    """What is said of a card that was returned."""
    return Refused("this card was handed in: one person cannot replace it", fix="propose a new one; another approves")


def replaced_too_often() -> Refused:
    """What is said of the last card of a long chain."""
    return Refused("this card was replaced too often", fix="propose a new one; another approves")


def over() -> Refused:
    """What is said of a card whose last day has passed."""
    return Refused("the last day of this card is over", fix="issue a new one")
