"""Bodies about printed cards. No code is in any of them: that is in the PDF alone."""

from typing import Annotated, Literal

from pydantic import Field

from backend.adapters.http.days import DAY, written
from backend.adapters.http.models import Model
from backend.adapters.http.staff_models import Words
from backend.core import limits
from backend.core.cards.card import Card, IssueRow, number_of
from protocol.limits import INT63_MAX

KindName = Literal["concession", "senior", "school", "single", "strip"]
WhyName = Literal["lost", "stolen", "copied", "damaged", "returned"]


class CardsRequest(Model):
    """So many cards of one kind. `document`: where the office keeps who gets them, or what was shown; no copy of it."""

    kind: KindName
    rider_class: int = Field(ge=0, le=15)
    first_day: Annotated[str, Field(pattern=DAY, description="Their first day, Jalali, 1405-09-10.")]
    until: Annotated[str, Field(pattern=DAY, description="Their last day, Jalali, 1406-06-31; within two years.")]
    rides_a_day: int = Field(ge=0, le=15, description="On each bus; 0 of a single ride and of a piece of a strip.")
    count: int = Field(ge=1, le=limits.CARDS_AN_ISSUE_MAX)
    document: Words
    why: Words


class EndCardRequest(Model):
    """Why a card is blocked or replaced."""

    why: WhyName


class TermsBody(Model):
    """What all cards of an issue have in common."""

    kind: KindName
    rider_class: int
    first_day: str
    until: str
    rides_a_day: int


class IssueBody(TermsBody):
    """One issue; its name is that of the proposal that two people decided."""

    name: str
    made_ms: int
    cards: int = Field(description="With those that replaced others.")
    blocked: int


class IssuesBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    issues: list[IssueBody]
    next_before: int | None = Field(le=INT63_MAX)


class CardBody(TermsBody):
    """One card, by the number that is printed on it."""

    number: str
    issue: str
    made_ms: int
    blocked_ms: int | None
    blocked_why: WhyName | None
    replaces: str | None = Field(description="The number of the card whose place it took.")
    replaced_by: str | None


class CardsBody(Model):
    """In the order in which they were made. Ask for the rest with `after` = `next_after`; null is the end."""

    cards: list[CardBody]
    next_after: int | None = Field(le=INT63_MAX)


def card_body(it: Card) -> CardBody:
    """As every route tells one."""
    terms = it.terms
    return CardBody.model_validate({
        "kind": terms.kind.value, "rider_class": terms.rider_class, "first_day": written(terms.first_day),
        "until": written(terms.last_day), "rides_a_day": terms.rides_a_day, "number": it.number, "issue": it.issue,
        "made_ms": it.made_ms, "blocked_ms": it.ended_ms, "blocked_why": None if it.why is None else it.why.value,
        "replaces": None if it.replaces is None else number_of(it.replaces),
        "replaced_by": None if it.replaced_by is None else number_of(it.replaced_by),
    })  # fmt: skip


def issue_body(it: IssueRow) -> IssueBody:
    """As the list tells one."""
    terms = it.terms
    return IssueBody.model_validate({
        "kind": terms.kind.value, "rider_class": terms.rider_class, "first_day": written(terms.first_day),
        "until": written(terms.last_day), "rides_a_day": terms.rides_a_day, "name": it.name, "made_ms": it.made_ms,
        "cards": it.cards, "blocked": it.ended,
    })  # fmt: skip
