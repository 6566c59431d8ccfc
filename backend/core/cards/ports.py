"""The ports for cards: what is kept, and what the API and commands ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.cards.card import Card, Ended, IssueRow
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor
from backend.core.tickets import Issue


class CardStore(Protocol):
    """Every change with its entry in the log, in one durable transaction. Raises StoreFailed."""

    def card_numbered(self, number: str) -> Card | None:
        """The card of this number, if there is one."""
        ...

    def card_issues(self, before: int | None, limit: int) -> Sequence[tuple[int, IssueRow]]:
        """Issues, newest first, with a cursor each."""
        ...

    def cards_of(self, issue: str, after: int, limit: int) -> Sequence[tuple[int, Card]]:
        """Cards of an issue in the order in which they were made, with a cursor each."""
        ...

    def issue_of_card(self, ticket_id: bytes) -> Issue | None:
        """A card's terms, and when it was blocked, as ingest asks for them."""
        ...

    def end_card(self, ticket_id: bytes, why: Ended, entry: Entry) -> Card:
        """It is blocked from `entry.at_ms` on; one that was is given back as it is, and nothing is told."""
        ...

    def replace_card(self, ticket_id: bytes, other: Card, why: Ended, entry: Entry) -> Card:
        """`other` is in its place, and it is blocked, if it was not → the card that is in its place.

        That is the one of before where it was replaced already, and then nothing is stored. Raises Refused for a ride
        that was ridden, a card that was handed in, and the last of a long chain.
        """
        ...

    def blocked_cards(self, today: int) -> Sequence[bytes]:
        """Ids of those that are blocked and whose last day is not over, for the deny list."""
        ...

    def note(self, entry: Entry) -> None:
        """An entry in the log by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Printed:
    """A card, and the text of its code: as good as the card itself."""

    card: Card
    code: str

    def __repr__(self) -> str:
        """Without the code."""
        return f"Printed({self.card.number})"


class CardDesk(Protocol):
    """What the API asks of the app."""

    def issues(self, before: int | None, limit: int) -> Sequence[tuple[int, IssueRow]]:
        """Issues, newest first, with a cursor each."""
        ...

    def cards(self, issue: str, after: int, limit: int) -> Sequence[tuple[int, Card]]:
        """Cards of an issue, with a cursor each."""
        ...

    def card(self, number: str) -> Card:
        """One card. Raises NotFound."""
        ...

    def print_issue(self, actor: Actor, issue: str, *, key: str) -> Sequence[Printed]:
        """Every live card of an issue, told in the log. Raises NotFound, Refused."""
        ...

    def print_card(self, actor: Actor, number: str, *, key: str) -> Printed:
        """One card, told in the log. Raises NotFound, Refused."""
        ...

    def block(self, actor: Actor, number: str, why: Ended, *, key: str) -> Card:
        """Blocked from now on; one that was stays as it was first. Raises NotFound."""
        ...

    def replace(self, actor: Actor, number: str, why: Ended, *, key: str) -> Card:
        """The card in its place; asked again, the same one. Raises NotFound, Refused."""
        ...
