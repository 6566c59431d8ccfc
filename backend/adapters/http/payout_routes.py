"""Routes of paying out: who is owed what, payouts, and what the bank says became of them.

A payout is proposed and approved as everything is that takes two people (`staff_routes`).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from backend.adapters.http import payout_models as models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.once import Once, OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.paying.payout import Payable, Payout
from backend.core.settlement.parties import Party
from backend.core.staff.roles import Actor, Right
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["settlement"])
Sees = Annotated[Actor, Depends(Allowed(Right.SEE_SETTLEMENT))]
Ends = Annotated[Actor, Depends(Allowed(Right.END_PAYOUT))]
PayoutId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Payout id, 32 hex digits.")]
Before = Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")]
_SEEING = documented(401, 403, 422, 503)
_ENDING = documented(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("/payables", summary="What operators and owners are owed", responses=_SEEING)
def payables(having: Having, _: Sees) -> models.PayablesBody:
    """By account, with what is on its way to each."""
    return models.PayablesBody(payables=[payable_body(it) for it in having.payouts.payables()])


@router.get("/payouts", summary="Payouts, newest first", responses=_SEEING)
def payouts(
    having: Having,
    _: Sees,
    before: Before = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.PayoutsBody:
    """Those that two people decided, and what became of each."""
    return payout_page(having, before, limit)


def payout_page(having: Services, before: int | None, limit: int, party: Party | None = None) -> models.PayoutsBody:
    """A page of all payouts, or of one party's."""
    rows = having.payouts.payouts(before, limit, party)
    return models.PayoutsBody(
        payouts=[_payout(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.post("/payouts/{payout_id}/paid", summary="The bank has booked a payout", responses=_ENDING)
def paid(
    having: Having, actor: Ends, once: OnceOnly, payout_id: PayoutId, body: models.BankWordRequest
) -> models.PayoutBody:
    """It is posted: owed no more. Safe to repeat."""
    return _end(having, actor, once, payout_id, body.reference, paid=True)


@router.post("/payouts/{payout_id}/returned", summary="The bank has sent a payout back", responses=_ENDING)
def returned(
    having: Having, actor: Ends, once: OnceOnly, payout_id: PayoutId, body: models.BankWordRequest
) -> models.PayoutBody:
    """It is owed again. Safe to repeat."""
    return _end(having, actor, once, payout_id, body.reference, paid=False)


def _end(
    having: Services, actor: Actor, once: Once, payout_id: str, reference: str, *, paid: bool
) -> models.PayoutBody:
    return once.answer(
        having, f"staff:{actor.name}", models.PayoutBody,
        lambda: _payout(having.payouts.end(actor, payout_id, paid=paid, reference=reference, key=once.key)),
    )  # fmt: skip


def _payout(it: Payout) -> models.PayoutBody:
    return models.PayoutBody.model_validate({
        "id": it.id, "role": it.party.role.value, "name": it.party.name, "amount_rials": it.rials, "iban": it.iban,
        "state": it.state.value, "proposer": it.proposer, "approver": it.approver, "approved_ms": it.approved_ms,
        "ended_ms": it.ended_ms,
    })  # fmt: skip


def payable_body(it: Payable) -> models.PayableBody:
    """What one party is owed."""
    return models.PayableBody.model_validate({
        "role": it.party.role.value, "name": it.party.name, "owed_rials": it.owed_rials,
        "on_its_way_rials": it.on_its_way_rials,
    })  # fmt: skip
