"""Routes for concessions: a rider renews what he has and applies for a class; the office answers, two people grant."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from backend.adapters.http import concession_models as models
from backend.adapters.http.access import Allowed, Having, RiderOrGuardian
from backend.adapters.http.cursors import Limit
from backend.adapters.http.days import day_of
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.staff_models import ProposalBody
from backend.adapters.http.staff_routes import proposal_body
from backend.core import limits
from backend.core.concessions.application import Document, Paper, Why
from backend.core.staff.roles import Actor, Right
from protocol.limits import INT63_MAX
from protocol.localtime import service_day

router = APIRouter(prefix="/v1", tags=["concessions"])
ApplicationId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Application id, 32 hex digits.")]
_ASKING = documented(400, 401, 403, 404, 409, 413, 422, 503)


@router.post(
    "/riders/{rider_id}/renew",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="Renew the credential",
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
def renew(having: Having, rider: RiderOrGuardian) -> models.RenewedBody:
    """Its next version over the same key, where it is old or another class holds by now; else as it is. Safe to repeat.

    Wallet, rides and token stay. Ask whenever there is a network: it then lasts for 120 days at least, or until a
    reduced class ends.
    """
    return models.renewed(having.riders.renew(rider), service_day(having.clock()))


@router.post(
    "/riders/{rider_id}/concessions",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="Apply for a reduced class",
    status_code=201,
    responses=_ASKING,
)
def apply(
    having: Having, rider: RiderOrGuardian, once: OnceOnly, body: models.ApplicationRequest
) -> models.ApplicationBody:  # fmt: skip
    """With references to papers, never the papers. The office answers within 48 hours; granted, the rider renews.

    A repeat under the same Idempotency-Key tells the application as it stands by then.
    """
    documents = tuple(Document(Paper(it.paper), it.issuer, it.reference) for it in body.documents)
    made = once.answer(
        having, f"rider:{rider.credential_id.hex()}", models.MadeBody,
        lambda: models.MadeBody(
            id=having.applications.apply(rider, body.rider_class, documents, body.words).application.id
        ),
    )  # fmt: skip
    return models.application_body(having.applications.own(rider.credential_id, made.id))


@router.get(
    "/riders/{rider_id}/concessions",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="The class that the rider holds, and his applications",
    responses=documented(401, 403, 422, 503),
)
def own_applications(
    having: Having,
    rider: RiderOrGuardian,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.OwnApplicationsBody:
    """Until when he has it, what he is told of its end, and each application as it stands."""
    rows = having.applications.of(rider.credential_id, before, limit)
    return models.OwnApplicationsBody(
        concession=models.class_held(rider.grant, service_day(having.clock())),
        applications=[models.application_body(it) for _, it in rows],
        next_before=rows[-1][0] if len(rows) == limit else None,
    )


@router.get(
    "/riders/{rider_id}/concessions/{application_id}",  # noqa: FAST003 - RiderOrGuardian takes the first
    summary="One of the rider's own applications",
    responses=documented(401, 403, 404, 422, 503),
)
def own_application(having: Having, rider: RiderOrGuardian, application_id: ApplicationId) -> models.ApplicationBody:
    """As it stands."""
    return models.application_body(having.applications.own(rider.credential_id, application_id))


@router.post(
    "/riders/{rider_id}/concessions/{application_id}/withdraw",  # noqa: FAST003 - RiderOrGuardian takes the first
    summary="Withdraw an application",
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
def withdraw(having: Having, rider: RiderOrGuardian, application_id: ApplicationId) -> models.ApplicationBody:
    """What it said of papers is forgotten at once."""
    return models.application_body(having.applications.withdraw(rider.credential_id, application_id))


@router.get(
    "/concessions",
    summary="What riders apply for",
    dependencies=[Depends(Allowed(Right.SEE_APPLICATIONS))],
    responses=documented(401, 403, 422, 503),
)
def applications(
    having: Having,
    after: Annotated[int, Query(ge=0, le=INT63_MAX, description="`next_after` of the page before.")] = 0,
    limit: Limit = limits.PAGE_MAX,
    answered: Annotated[bool, Query(description="Answered ones, too.")] = False,  # noqa: FBT002 - a query's
) -> models.ApplicationsBody:
    """Oldest first, so what is due next stands first."""
    rows = having.applications.listed(after, limit, open_only=not answered)
    return models.ApplicationsBody(
        applications=[models.application_body(it) for _, it in rows],
        next_after=rows[-1][0] if len(rows) == limit else None,
    )


@router.get(
    "/concessions/{application_id}",
    summary="One application",
    dependencies=[Depends(Allowed(Right.SEE_APPLICATIONS))],
    responses=documented(401, 403, 404, 422, 503),
)
def application(having: Having, application_id: ApplicationId) -> models.ApplicationBody:
    """As it stands."""
    return models.application_body(having.applications.shown(application_id))


@router.post("/concessions/{application_id}/refuse", summary="Refuse an application", responses=_ASKING)
def refuse_application(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.ANSWER_APPLICATION))],
    once: OnceOnly,
    application_id: ApplicationId,
    body: models.RefusedRequest,
) -> models.ApplicationBody:
    """Nothing is granted, and the rider reads why."""
    return once.answer(
        having, f"staff:{actor.name}", models.ApplicationBody,
        lambda: models.application_body(
            having.applications.refuse(actor, application_id, Why(body.why), body.answer, key=once.key)
        ),
    )  # fmt: skip


@router.post(
    "/proposals/for/applications",
    summary="Propose to grant an application",
    status_code=201,
    responses=_ASKING | documented(429),
)
def propose_grant(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_CONCESSION))],
    once: OnceOnly,
    body: models.GrantRequest,
) -> ProposalBody:
    """A concession as `/proposals/for/concessions` proposes one: approved, the rider has it, whatever phone he has."""
    return once.answer(
        having, f"staff:{actor.name}", ProposalBody,
        lambda: proposal_body(having.applications.propose(
            actor, body.application, day_of(body.until), body.document, why=body.why, key=once.key
        )),
    )  # fmt: skip
