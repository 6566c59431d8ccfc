"""What an operator's, owner's or driver's own person sees: that party's statements, what it is owed, payouts to it."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backend.adapters.http import payout_models, settlement_models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.payout_routes import Before, payable_body, payout_page
from backend.adapters.http.problems import documented
from backend.adapters.http.settlement_routes import BeforeDay, Day, frozen_page, of_party
from backend.core import limits
from backend.core.errors import NotAllowed
from backend.core.settlement.parties import Party
from backend.core.staff.roles import Actor, Right

router = APIRouter(prefix="/v1/own", tags=["settlement"])
_SEEING = documented(401, 403, 404, 422, 503)


def own_party(actor: Annotated[Actor, Depends(Allowed(Right.SEE_OWN_SETTLEMENT))]) -> Party:
    """For whom the person is named. Raises NotAllowed."""
    if actor.party is None:
        raise NotAllowed(
            "you are named for no operator, owner or driver",
            fix="ask the office for another name: savar staff add NAME --role partner --for operator:NAME",
        )
    return actor.party


Own = Annotated[Party, Depends(own_party)]


@router.get("/settlements", summary="Frozen days, newest first", operation_id="own_settlements", responses=_SEEING)
def settlements(
    having: Having, _: Own, before: BeforeDay = None, limit: Limit = limits.PAGE_MAX
) -> settlement_models.FrozenDaysBody:
    """Each with its statement's hash; not each tells something of the caller."""
    return frozen_page(having, before, limit)


@router.get(
    "/settlements/{day}", summary="One's own statement of a day", operation_id="own_settlement", responses=_SEEING
)
def settlement(having: Having, own: Own, day: Day) -> settlement_models.PartyStatementBody:
    """Line by line; days before the settled one are adjustments. 404 where the day tells nothing of the caller."""
    return of_party(having, day, own)


@router.get("/payables", summary="What one is owed", operation_id="own_payables", responses=_SEEING)
def payables(having: Having, own: Own) -> payout_models.PayablesBody:
    """Empty before anything was owed; a driver is owed nothing by settlement."""
    return payout_models.PayablesBody(
        payables=[payable_body(it) for it in having.payouts.payables() if it.party == own]
    )  # fmt: skip


@router.get("/payouts", summary="Payouts to oneself, newest first", operation_id="own_payouts", responses=_SEEING)
def payouts(
    having: Having, own: Own, before: Before = None, limit: Limit = limits.PAGE_MAX
) -> payout_models.PayoutsBody:
    """What two people decided, and what the bank said of each."""
    return payout_page(having, before, limit, own)
