"""The desk for printed cards (rules: `backend.core.cards`): what is made of an approval, printed, blocked, replaced."""

from collections.abc import Callable, Sequence
from typing import Protocol

from backend.app.staff import Staff
from backend.core.cards.card import Card, Ended, Issued, IssueRow, is_number, no_card, number_of, over
from backend.core.cards.issue import CardIssue
from backend.core.cards.ports import CardStore, Printed
from backend.core.errors import NotFound, Refused
from backend.core.limits import CARDS_PAGE
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.two_people import require
from protocol.limits import CREDENTIAL_ID_BYTES
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import Signer
from protocol.wire.tickets import issue_ticket


class CardsStore(CardStore, Protocol):
    """The parts of the store that it needs."""


class NewCards:
    """Makes the cards of an issue that two people approved; `randomness(n)` gives n random bytes."""

    def __init__(self, store: CardsStore, issuer: Signer, randomness: Callable[[int], bytes]) -> None:
        self._store, self._issuer, self._randomness = store, issuer, randomness

    def __call__(self, name: str, it: CardIssue) -> Issued:
        """Ids whose numbers no card has. Raises StoreFailed."""
        ids: dict[str, bytes] = {}
        while len(ids) < it.count:
            ticket_id = self.new_id()
            ids[number_of(ticket_id)] = ticket_id
        return Issued(name, it.terms, tuple(ids.values()), self._issuer.public)

    def new_id(self) -> bytes:
        """One whose number no card has: the numbers are fewer than the ids."""
        while True:
            ticket_id = self._randomness(CREDENTIAL_ID_BYTES)
            if self._store.card_numbered(number_of(ticket_id)) is None:
                return ticket_id


class Cards:
    """Implements `CardDesk`. `clock` gives Unix milliseconds."""

    def __init__(
        self, store: CardsStore, staff: Staff, issuer: Signer, *, clock: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._store, self._staff, self._issuer, self._clock = store, staff, issuer, clock
        self._new = NewCards(store, issuer, randomness)

    def issues(self, before: int | None, limit: int) -> Sequence[tuple[int, IssueRow]]:
        """Issues, newest first, with a cursor each."""
        return self._store.card_issues(before, limit)

    def cards(self, issue: str, after: int, limit: int) -> Sequence[tuple[int, Card]]:
        """Cards of an issue, with a cursor each."""
        return self._store.cards_of(issue, after, limit)

    def card(self, number: str) -> Card:
        """One card. Raises NotFound."""
        found = self._store.card_numbered(number) if is_number(number) else None
        if found is None:
            raise no_card()
        return found

    def print_issue(self, actor: Actor, issue: str, *, key: str) -> Sequence[Printed]:
        """Every live card of an issue, told in the log. Raises NotFound, Refused."""
        with self._staff.told(actor, Right.PRINT_CARDS.value, issue, key):
            found = self._all(issue)
            if not found:
                raise NotFound("there is no issue of this name", fix="the list of issues names them")
            require(actor, Right.PRINT_CARDS)
            live = [it for it in found if it.ended_ms is None]
            if not live:
                raise Refused("every card of this issue is blocked", fix="print those that replaced them, by number")
            made = [self._printed(it) for it in live]
            self._store.note(self._entry(actor, Right.PRINT_CARDS, issue, f"printed {len(made)}", key))
        return made

    def print_card(self, actor: Actor, number: str, *, key: str) -> Printed:
        """One card, told in the log. Raises NotFound, Refused."""
        with self._staff.told(actor, Right.PRINT_CARDS.value, number, key):
            found = self.card(number)
            require(actor, Right.PRINT_CARDS)
            made = self._printed(found)
            self._store.note(self._entry(actor, Right.PRINT_CARDS, number, "printed 1", key))
        return made

    def block(self, actor: Actor, number: str, why: Ended, *, key: str) -> Card:
        """Blocked from now on; one that was stays as it was first. Raises NotFound."""
        with self._staff.told(actor, Right.END_CARD.value, number, key):
            require(actor, Right.END_CARD)
            found = self.card(number)
            entry = self._entry(actor, Right.END_CARD, number, f"blocked: {why.value}", key)
            return self._store.end_card(found.ticket_id, why, entry)

    def replace(self, actor: Actor, number: str, why: Ended, *, key: str) -> Card:
        """The card in its place; asked again, the same one. Raises NotFound, Refused."""
        with self._staff.told(actor, Right.END_CARD.value, number, key):
            require(actor, Right.END_CARD)
            found = self.card(number)
            now_ms = self._clock()
            if found.terms.last_day < service_day(now_ms):
                raise over()
            other = Card(
                self._new.new_id(), found.issue, found.terms, self._issuer.public, now_ms, replaces=found.ticket_id
            )
            said = f"replaced by {other.number}: {why.value}"
            return self._store.replace_card(
                found.ticket_id, other, why, self._entry(actor, Right.END_CARD, number, said, key)
            )

    def _all(self, issue: str) -> list[Card]:
        found: list[Card] = []
        after = 0
        while rows := self._store.cards_of(issue, after, CARDS_PAGE):
            found += [it for _, it in rows]
            after = rows[-1][0]
        return found

    def _printed(self, it: Card) -> Printed:
        it.require_printable(self._issuer.public, self._clock())
        terms = it.terms
        raw = issue_ticket(
            self._issuer, ticket_id=it.ticket_id, form=terms.shape.form, rider_class=terms.rider_class, product=0,
            first_day=terms.first_day, last_day=terms.last_day, rides_a_day=terms.rides_a_day,
        )  # fmt: skip
        return Printed(it, write_code(raw))

    def _entry(self, actor: Actor, right: Right, on: str, outcome: str, key: str) -> Entry:
        return Entry(self._clock(), actor.name, actor.role.value, right.value, on, outcome, key)
