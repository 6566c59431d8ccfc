"""Routes for disputes: a rider says that a charge is wrong, finance answers, money goes back by two people's word."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from backend.adapters.http import dispute_models as models
from backend.adapters.http.access import Allowed, Having, RiderOrGuardian
from backend.adapters.http.cursors import Limit
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.staff_models import ProposalBody
from backend.adapters.http.staff_routes import proposal_body
from backend.core import limits
from backend.core.disputes.dispute import Reason, Why
from backend.core.ledger import TapId
from backend.core.staff.roles import Actor, Right
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["disputes"])
DisputeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Dispute id, 32 hex digits.")]
_ASKING = documented(400, 401, 403, 404, 409, 413, 422, 503)


@router.post(
    "/riders/{rider_id}/disputes",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="Dispute a charged boarding",
    status_code=201,
    responses=_ASKING,
)
def open_dispute(
    having: Having, rider: RiderOrGuardian, once: OnceOnly, body: models.DisputeRequest
) -> models.DisputeBody:
    """A boarding of the rider's own receipts, once each. Finance answers within 48 hours."""
    return once.answer(
        having, f"rider:{rider.credential_id.hex()}", models.DisputeBody,
        lambda: models.dispute_body(
            having.disputes.open(rider.credential_id, tap_of(body.tap), Reason(body.reason), body.words)
        ),
    )  # fmt: skip


@router.get(
    "/riders/{rider_id}/disputes",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="The rider's own disputes",
    responses=documented(401, 403, 422, 503),
)
def own_disputes(
    having: Having,
    rider: RiderOrGuardian,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.OwnDisputesBody:
    """Newest first, each as it stands."""
    rows = having.disputes.of(rider.credential_id, before, limit)
    return models.OwnDisputesBody(
        disputes=[models.dispute_body(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.get(
    "/riders/{rider_id}/disputes/{dispute_id}",  # noqa: FAST003 - RiderOrGuardian takes the first
    summary="One of the rider's own disputes",
    responses=documented(401, 403, 404, 422, 503),
)
def own_dispute(having: Having, rider: RiderOrGuardian, dispute_id: DisputeId) -> models.DisputeBody:
    """As it stands."""
    return models.dispute_body(having.disputes.own(rider.credential_id, dispute_id))


@router.get(
    "/disputes",
    summary="What riders dispute",
    dependencies=[Depends(Allowed(Right.SEE_DISPUTES))],
    responses=documented(401, 403, 422, 503),
)
def disputes(
    having: Having,
    after: Annotated[int, Query(ge=0, le=INT63_MAX, description="`next_after` of the page before.")] = 0,
    limit: Limit = limits.PAGE_MAX,
    answered: Annotated[bool, Query(description="Answered ones, too.")] = False,  # noqa: FBT002 - a query's
) -> models.DisputesBody:
    """Oldest first, so what is due next stands first."""
    rows = having.disputes.listed(after, limit, open_only=not answered)
    return models.DisputesBody(
        disputes=[models.dispute_body(it) for _, it in rows], next_after=rows[-1][0] if len(rows) == limit else None
    )


@router.get(
    "/disputes/{dispute_id}",
    summary="One dispute",
    dependencies=[Depends(Allowed(Right.SEE_DISPUTES))],
    responses=documented(401, 403, 404, 422, 503),
)
def dispute(having: Having, dispute_id: DisputeId) -> models.DisputeBody:
    """As it stands; `savar explain` says of its tap why it cost what it did."""
    return models.dispute_body(having.disputes.shown(dispute_id))


@router.post("/disputes/{dispute_id}/refuse", summary="Refuse a dispute", responses=_ASKING)
def refuse_dispute(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.ANSWER_DISPUTE))],
    once: OnceOnly,
    dispute_id: DisputeId,
    body: models.RefusalRequest,
) -> models.DisputeBody:
    """Nothing is given back, and the rider reads why."""
    return once.answer(
        having, f"staff:{actor.name}", models.DisputeBody,
        lambda: models.dispute_body(
            having.disputes.refuse(actor, dispute_id, Why(body.why), body.answer, key=once.key)
        ),
    )  # fmt: skip


@router.post(
    "/proposals/for/refunds",
    summary="Propose what goes back of a disputed fare",
    status_code=201,
    responses=_ASKING | documented(429),
)
def propose_refund(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_REFUND))],
    once: OnceOnly,
    body: models.RefundRequest,
) -> ProposalBody:
    """Given back, and the dispute answered, when another person has approved it."""
    return once.answer(
        having, f"staff:{actor.name}", ProposalBody,
        lambda: proposal_body(having.disputes.propose(
            actor, body.dispute, body.amount_rials, body.answer, by_house=body.by_house, why=body.why, key=once.key
        )),
    )  # fmt: skip


def tap_of(text: str) -> TapId:
    """A number that no journal has names no boarding."""
    device, epoch, sequence = text.split("/")
    return device, min(int(epoch, 16), INT63_MAX), min(int(sequence), INT63_MAX)
