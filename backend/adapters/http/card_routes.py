"""Routes of printed cards: two people issue them; somebody of the office prints, blocks and replaces one."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from backend.adapters.http import card_models as models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.days import day_of
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.staff_models import ProposalBody
from backend.adapters.http.staff_routes import proposal_body
from backend.adapters.paper.card_pdf import Paper, cards_pdf
from backend.core import limits
from backend.core.cards.card import Ended
from backend.core.cards.issue import CardIssue
from backend.core.cards.ports import Printed
from backend.core.staff.roles import Actor, Right
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["cards"])
Number = Annotated[str, Path(pattern="^[0-9]{12}$", description="The twelve digits that are printed on the card.")]
IssueName = Annotated[str, Path(pattern="^[a-z0-9-]{1,32}$", description="The issue's name, as the list tells it.")]
Sees = Annotated[Actor, Depends(Allowed(Right.SEE_CARDS))]
Prints = Annotated[Actor, Depends(Allowed(Right.PRINT_CARDS))]
Ends = Annotated[Actor, Depends(Allowed(Right.END_CARD))]
OnPaper = Annotated[Paper, Query(description="`card`: a page a card of 85.6 × 54 mm; `sheet`: ten on A4 to cut.")]
_SEEING = documented(401, 403, 404, 422, 503)
_DOING = documented(400, 401, 403, 404, 409, 413, 422, 429, 503)
_PRINTING = _DOING | {200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}}


@router.post("/proposals/for/cards", summary="Propose an issue of cards", status_code=201, responses=_DOING)
def propose_cards(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_CARDS))],
    once: OnceOnly,
    body: models.CardsRequest,
) -> ProposalBody:
    """There are these cards when another person has approved it; then they are printed."""
    it = CardIssue(
        body.kind, body.rider_class, day_of(body.first_day), day_of(body.until), body.rides_a_day, body.count,
        body.document,
    )  # fmt: skip
    return once.answer(
        having, f"staff:{actor.name}", ProposalBody,
        lambda: proposal_body(having.staff.propose(actor, it, why=body.why, key=once.key)),
    )  # fmt: skip


@router.get("/cards/issues", summary="Issues of cards, newest first", responses=_SEEING)
def issues(
    having: Having,
    _: Sees,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.IssuesBody:
    """With their terms, and how many of each are blocked."""
    rows = having.cards.issues(before, limit)
    return models.IssuesBody(
        issues=[models.issue_body(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.get("/cards/issues/{issue}", summary="The cards of one issue", responses=_SEEING)
def cards(
    having: Having,
    _: Sees,
    issue: IssueName,
    after: Annotated[int, Query(ge=0, le=INT63_MAX, description="`next_after` of the page before.")] = 0,
    limit: Limit = limits.PAGE_MAX,
) -> models.CardsBody:
    """By number; an issue that there is not has none."""
    rows = having.cards.cards(issue, after, limit)
    return models.CardsBody(
        cards=[models.card_body(it) for _, it in rows], next_after=rows[-1][0] if len(rows) == limit else None
    )


@router.get("/cards/{number}", summary="One card", responses=_SEEING)
def card(having: Having, _: Sees, number: Number) -> models.CardBody:
    """What it is, and whether it is blocked or replaced."""
    return models.card_body(having.cards.card(number))


@router.post(
    "/cards/issues/{issue}/print", summary="Print an issue", response_class=Response, responses=_PRINTING
)  # fmt: skip
def print_issue(having: Having, actor: Prints, issue: IssueName, paper: OnPaper = Paper.SHEET) -> Response:
    """Every live card of it as a PDF: as good as the cards. Within three days of being made; each time is logged."""
    return _pdf(having.cards.print_issue(actor, issue, key=""), paper, having.city)


@router.post("/cards/{number}/print", summary="Print one card", response_class=Response, responses=_PRINTING)
def print_card(having: Having, actor: Prints, number: Number, paper: OnPaper = Paper.CARD) -> Response:
    """As a PDF: as good as the card. Within three days of being made; each time is logged."""
    return _pdf([having.cards.print_card(actor, number, key="")], paper, having.city)


@router.post("/cards/{number}/block", summary="Block a card", responses=_DOING)
def block(
    having: Having, actor: Ends, once: OnceOnly, number: Number, body: models.EndCardRequest
) -> models.CardBody:  # fmt: skip
    """At once here; at a bus once it has the next bundle. Safe to repeat: it stays as it was blocked first."""
    return once.answer(
        having, f"staff:{actor.name}", models.CardBody,
        lambda: models.card_body(having.cards.block(actor, number, Ended(body.why), key=once.key)),
    )  # fmt: skip


@router.post("/cards/{number}/replace", summary="Replace a card", responses=_DOING)
def replace(
    having: Having, actor: Ends, once: OnceOnly, number: Number, body: models.EndCardRequest
) -> models.CardBody:  # fmt: skip
    """Another card with what this one had left; this one is blocked. Safe to repeat: a card is replaced once."""
    return once.answer(
        having, f"staff:{actor.name}", models.CardBody,
        lambda: models.card_body(having.cards.replace(actor, number, Ended(body.why), key=once.key)),
    )  # fmt: skip


def _pdf(made: Sequence[Printed], paper: Paper, city: str) -> Response:
    return Response(
        cards_pdf(made, paper, city), media_type="application/pdf", headers={"Cache-Control": "no-store"}
    )  # fmt: skip
