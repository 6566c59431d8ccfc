"""Printed cards: issued where two people decide it, blocked, and replaced once."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.card_tables import CARD, CARD_ISSUE
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.tables import TICKET_RIDE
from backend.core.cards.card import (
    Card,
    Ended,
    Issued,
    IssueRow,
    handed_in,
    no_card,
    number_of,
    replaced_too_often,
    used_up,
)  # fmt: skip
from backend.core.cards.kinds import CardKind, Terms
from backend.core.limits import CARD_CHAIN_MAX
from backend.core.staff.log import Entry
from backend.core.tickets import Issue

_BEHIND = CARD.alias("behind")
_TERMS = tuple(CARD_ISSUE.c[name] for name in ("kind", "rider_class", "first_day", "last_day", "rides_a_day"))
_CARD = sa.select(
    *(CARD.c[name] for name in ("id", "ticket", "issue", "issuer", "made_ms", "replaces", "ended_ms", "why")), *_TERMS,
    _BEHIND.c.ticket.label("replaced_by"),
).select_from(
    CARD.join(CARD_ISSUE, CARD_ISSUE.c.name == CARD.c.issue)
    .outerjoin(_BEHIND, _BEHIND.c.replaces == CARD.c.ticket)
)  # fmt: skip


class CardTables:
    """Implements `CardStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def issue_within(self, core: sa.Connection, it: Issued, at_ms: int) -> None:
        """What two people approved, within their transaction."""
        terms = it.terms
        core.execute(CARD_ISSUE.insert(), {
            "name": it.name, "kind": terms.kind.value, "rider_class": terms.rider_class, "first_day": terms.first_day,
            "last_day": terms.last_day, "rides_a_day": terms.rides_a_day, "made_ms": at_ms,
        })  # fmt: skip
        core.execute(CARD.insert(), [
            _row(Card(ticket_id, it.name, terms, it.issuer, at_ms)) for ticket_id in it.ids
        ])  # fmt: skip

    def card_numbered(self, number: str) -> Card | None:
        """The card of this number, if there is one."""
        with self._reader.reading() as core:
            return _found(core, CARD.c.number == number)

    def issue_of_card(self, ticket_id: bytes) -> Issue | None:
        """A card's terms, and when it was blocked, as ingest asks for them."""
        with self._reader.reading() as core:
            found = _found(core, CARD.c.ticket == ticket_id)
            return None if found is None else found.as_issue(_chain(core, found))

    def card_issues(self, before: int | None, limit: int) -> Sequence[tuple[int, IssueRow]]:
        """Issues, newest first, with a cursor each."""
        cards = sa.select(sa.func.count()).where(CARD.c.issue == CARD_ISSUE.c.name).correlate(CARD_ISSUE)
        asked = sa.select(
            CARD_ISSUE.c.id, CARD_ISSUE.c.name, CARD_ISSUE.c.made_ms, *_TERMS, cards.scalar_subquery().label("cards"),
            cards.where(CARD.c.ended_ms.is_not(None)).scalar_subquery().label("ended"),
        ).order_by(CARD_ISSUE.c.id.desc()).limit(limit)  # fmt: skip
        if before is not None:
            asked = asked.where(CARD_ISSUE.c.id < before)
        with self._reader.reading() as core:
            rows = core.execute(asked).all()
        return [(row.id, IssueRow(row.name, _terms(row), row.made_ms, row.cards, row.ended)) for row in rows]

    def cards_of(self, issue: str, after: int, limit: int) -> Sequence[tuple[int, Card]]:
        """Cards of an issue in the order in which they were made, with a cursor each."""
        asked = _CARD.where(CARD.c.issue == issue, CARD.c.id > after).order_by(CARD.c.id).limit(limit)
        with self._reader.reading() as core:
            return [(row.id, _card(row)) for row in core.execute(asked)]

    def end_card(self, ticket_id: bytes, why: Ended, entry: Entry) -> Card:
        """It is blocked from `entry.at_ms` on; one that was is given back as it is, and nothing is told."""
        with self._writer.transaction() as core:
            if _end(core, ticket_id, why, entry.at_ms):
                tell(core, entry)
            found = _found(core, CARD.c.ticket == ticket_id)
        if found is None:
            raise no_card()
        return found

    def replace_card(self, ticket_id: bytes, other: Card, why: Ended, entry: Entry) -> Card:
        """`other` is in its place, and it is blocked, if it was not → the card that is in its place.

        That is the one of before where it was replaced already, and then nothing is stored. Raises Refused for a ride
        that was ridden, a card that was handed in, and the last of a long chain.
        """
        with self._writer.transaction() as core:
            _hold(core, ticket_id)  # whoever else replaces it waits from here on
            _end(core, ticket_id, why, entry.at_ms)
            known = _found(core, CARD.c.replaces == ticket_id)
            if known is not None:
                return known
            old = _found(core, CARD.c.ticket == ticket_id)
            if old is None:
                raise no_card()
            if old.why is Ended.RETURNED:
                raise handed_in()
            chain = _chain(core, old)
            if len(chain) >= CARD_CHAIN_MAX:
                raise replaced_too_often()
            if _was_ridden(core, [it for it, _ in chain]):
                raise used_up()
            core.execute(CARD.insert(), _row(other))
            tell(core, entry)
            found = _found(core, CARD.c.ticket == other.ticket_id)
        assert found is not None, "it was stored just now"
        return found

    def blocked_cards(self, today: int) -> Sequence[bytes]:
        """Ids of those that are blocked and whose last day is not over, for the deny list."""
        asked = (
            sa.select(CARD.c.ticket).join(CARD_ISSUE, CARD_ISSUE.c.name == CARD.c.issue)
            .where(CARD.c.ended_ms.is_not(None), CARD_ISSUE.c.last_day >= today).order_by(CARD.c.ended_ms, CARD.c.id)
        )  # fmt: skip
        with self._reader.reading() as core:
            return [bytes(row.ticket) for row in core.execute(asked)]


def _end(core: sa.Connection, ticket_id: bytes, why: Ended, at_ms: int) -> bool:
    """Block it; False where it was blocked, or is none."""
    live = CARD.update().where(CARD.c.ticket == ticket_id, CARD.c.ended_ms.is_(None))
    return bool(core.execute(live.values(ended_ms=at_ms, why=why.value)).rowcount)


def _hold(core: sa.Connection, ticket_id: bytes) -> None:
    """Its row is the transaction's, whether it is live or blocked."""
    core.execute(CARD.update().where(CARD.c.ticket == ticket_id).values(made_ms=CARD.c.made_ms))


def _chain(core: sa.Connection, it: Card) -> tuple[tuple[bytes, int | None], ...]:
    """The cards that count as one with it, the first of them first, and when each was blocked: CARD_CHAIN_MAX."""
    found = [(it.ticket_id, it.ended_ms)]
    before = it.replaces
    asked = sa.select(CARD.c.ticket, CARD.c.ended_ms, CARD.c.replaces)
    while before is not None and (row := core.execute(asked.where(CARD.c.ticket == before)).first()) is not None:
        found.insert(0, (bytes(row.ticket), row.ended_ms))
        before = None if row.replaces is None else bytes(row.replaces)
    while (row := core.execute(asked.where(CARD.c.replaces == found[-1][0])).first()) is not None:
        found.append((bytes(row.ticket), row.ended_ms))
    return tuple(found)


def _was_ridden(core: sa.Connection, chain: Sequence[bytes]) -> bool:
    """Whether it is used once in all, and it or one that it replaced was."""
    rode = sa.select(TICKET_RIDE.c.ticket).where(
        TICKET_RIDE.c.ticket.in_(chain), sa.text("paid"), TICKET_RIDE.c.rides_a_day == 0
    )
    return core.execute(rode.limit(1)).first() is not None


def _found(core: sa.Connection, which: sa.ColumnElement[bool]) -> Card | None:
    row = core.execute(_CARD.where(which)).first()
    return None if row is None else _card(row)


def _row(it: Card) -> dict[str, Any]:
    return {
        "ticket": it.ticket_id, "number": number_of(it.ticket_id), "issue": it.issue, "issuer": it.issuer,
        "made_ms": it.made_ms, "replaces": it.replaces, "ended_ms": None, "why": None,
    }  # fmt: skip


def _terms(row: Any) -> Terms:
    return Terms(CardKind(row.kind), row.rider_class, row.first_day, row.last_day, row.rides_a_day)


def _card(row: Any) -> Card:
    return Card(
        bytes(row.ticket), row.issue, _terms(row), bytes(row.issuer), row.made_ms,
        None if row.replaces is None else bytes(row.replaces), row.ended_ms,
        None if row.why is None else Ended(row.why), None if row.replaced_by is None else bytes(row.replaced_by),
    )  # fmt: skip
