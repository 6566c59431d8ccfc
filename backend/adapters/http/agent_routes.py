"""Routes of agents who take cash: a rider's wallet is credited, and the agent owes it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator, Field

from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.models import Model, bytes_from, text_schema
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.core import limits
from backend.core.agents.cash import CashTopUp
from backend.core.staff.roles import Actor, Right
from protocol.limits import CREDENTIAL_ID_BYTES, INT63_MAX

router = APIRouter(prefix="/v1", tags=["agents"])
Takes = Annotated[Actor, Depends(Allowed(Right.TAKE_CASH))]


class CashRequest(Model):
    """Whose wallet, and how much cash was taken."""

    credential_id: Annotated[
        bytes,
        BeforeValidator(bytes_from(CREDENTIAL_ID_BYTES)),
        text_schema(CREDENTIAL_ID_BYTES, "the rider's registration"),
    ]
    amount_rials: int = Field(ge=limits.TOPUP_MIN_RIALS, le=limits.TOPUP_MAX_RIALS, description="Whole rials.")


class CashBody(Model):
    """One top-up for cash. What the rider has and owes is not the agent's to know."""

    id: str
    credential_id: str
    amount_rials: int
    at_ms: int


class AgentBody(Model):
    """The agent's account, and what it took, newest first. Ask for the rest with `before`; null is the end."""

    owes_rials: int = Field(description="Taken and not brought to the bank yet, as two people have posted it.")
    most_rials: int = Field(description="Beyond which nothing is credited.")
    topups: list[CashBody]
    next_before: int | None = Field(le=INT63_MAX)


@router.post(
    "/agent/topups", summary="Credit a rider for cash", status_code=201,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
def take_cash(having: Having, actor: Takes, once: OnceOnly, body: CashRequest) -> CashBody:
    """At once, and the agent owes it. Takes an Idempotency-Key: told again under it, nothing is credited twice."""
    return once.answer(
        having, f"staff:{actor.name}", CashBody,
        lambda: _cash(having.agents.take(actor, body.credential_id, body.amount_rials, key=once.key)),
    )  # fmt: skip


@router.get("/agent", summary="What the agent took and owes", responses=documented(401, 403, 422, 503))
def own_account(
    having: Having,
    actor: Takes,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> AgentBody:
    """The caller's own."""
    rows = having.agents.taken(actor, before, limit)
    return AgentBody(
        owes_rials=having.agents.owes(actor), most_rials=limits.AGENT_OWES_MAX_RIALS,
        topups=[_cash(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None,
    )  # fmt: skip


def _cash(it: CashTopUp) -> CashBody:
    return CashBody(id=it.id, credential_id=it.credential_id.hex(), amount_rials=it.rials, at_ms=it.at_ms)
