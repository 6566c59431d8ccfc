"""Routes for guardians: two people establish one, either side or the office ends it; each reads whom it concerns."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BeforeValidator, Field

from backend.adapters.http.access import Allowed, Having, ThisRider
from backend.adapters.http.cursors import Limit
from backend.adapters.http.days import DAY, day_of, written
from backend.adapters.http.models import Model, bytes_from, text_schema
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.adapters.http.staff_models import ProposalBody, Words
from backend.adapters.http.staff_routes import proposal_body
from backend.core import limits
from backend.core.errors import NotFound
from backend.core.guardians.giving import Given
from backend.core.guardians.guardianship import Guardianship, Held
from backend.core.staff.roles import Actor, Right
from protocol.limits import CREDENTIAL_ID_BYTES, INT63_MAX

router = APIRouter(prefix="/v1", tags=["guardians"])
Other = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The other side's credential id, 16 hex digits.")]
_Guardian = Annotated[
    bytes,
    BeforeValidator(bytes_from(CREDENTIAL_ID_BYTES)),
    text_schema(CREDENTIAL_ID_BYTES, "the guardian's credential"),
]
_Ward = Annotated[
    bytes, BeforeValidator(bytes_from(CREDENTIAL_ID_BYTES)), text_schema(CREDENTIAL_ID_BYTES, "the ward's credential")
]
_ASKING = documented(400, 401, 403, 404, 409, 413, 422, 503)


class GuardianRequest(Model):
    """Who is to hold whose account. `document`: where the office keeps what was shown; no copy of it."""

    guardian: _Guardian
    ward: _Ward
    of_age_from: Annotated[str, Field(pattern=DAY)] | None = Field(
        description="The day from which the ward is of age, Jalali, 1411-07-01; null where the ward is."
    )
    document: Words
    why: Words


class EndRequest(Model):
    """Which guardianship ends, and why."""

    guardian: _Guardian
    ward: _Ward
    why: Words


class HeldBody(Model):
    """One guardianship. `of_age`: either side may end it; before that only the office."""

    guardian: str
    ward: str
    since_ms: int
    of_age: bool
    of_age_from: str | None = Field(description="Jalali, 1411-07-01; null where the ward was of age from the first.")


class GuardiansBody(Model):
    """Who holds this rider's account, and whose accounts he holds. Both are few."""

    guardians: list[HeldBody]
    wards: list[HeldBody]


class GiveRequest(Model):
    """How much a ward is given."""

    amount_rials: int = Field(gt=0, le=limits.WARD_WALLET_MAX_RIALS, description="Whole rials.")


class GivenBody(Model):
    """One top-up from a guardian's wallet. `debt_rials` of it have paid what the ward owed."""

    id: str
    guardian: str
    ward: str
    amount_rials: int
    debt_rials: int
    at_ms: int


class GivenOnesBody(Model):
    """Newest first, given and got. Ask for the rest with `before` = `next_before`; null is the end."""

    ward_topups: list[GivenBody]
    next_before: int | None


@router.get(
    "/riders/{rider_id}/guardians",  # noqa: FAST003 - ThisRider takes it
    summary="The rider's guardians and wards",
    responses=documented(401, 403, 422, 503),
)
def guardians(having: Having, rider: ThisRider) -> GuardiansBody:
    """By credential. A guardian uses the ward's own routes with his own token."""
    return _both(having, rider.credential_id)


@router.post(
    "/riders/{rider_id}/guardians/{other_id}/end",  # noqa: FAST003 - ThisRider takes the first
    summary="End a guardianship",
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
def end_own(having: Having, rider: ThisRider, other_id: Other) -> GuardiansBody:
    """By the ward who is of age, or by the guardian of one who is; what is left is told."""
    having.guardians.end(rider.credential_id, bytes.fromhex(other_id))
    return _both(having, rider.credential_id)


@router.post(
    "/riders/{rider_id}/wards/{other_id}/topups",  # noqa: FAST003 - ThisRider takes the first
    summary="Top a ward up from the own wallet",
    status_code=201,
    responses=_ASKING,
)
def give(having: Having, rider: ThisRider, other_id: Other, once: OnceOnly, body: GiveRequest) -> GivenBody:
    """Posted at once: what the ward owes is paid first. A repeat gives again; under the same Idempotency-Key never.

    By a provider a guardian tops up as the ward does, `/riders/{rider_id}/topups` with the ward's id.
    """
    guardian, ward = rider.credential_id, bytes.fromhex(other_id)
    return once.answer(
        having, f"rider:{guardian.hex()}", GivenBody,
        lambda: _given(having.guardians.give(guardian, ward, body.amount_rials, key=once.key)),
    )  # fmt: skip


@router.get(
    "/riders/{rider_id}/ward-topups",  # noqa: FAST003 - ThisRider takes it
    summary="What the rider gave his wards, and was given",
    responses=documented(401, 403, 422, 503),
)
def ward_topups(
    having: Having,
    rider: ThisRider,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> GivenOnesBody:
    """Newest first."""
    rows = having.guardians.given_or_got(rider.credential_id, before, limit)
    return GivenOnesBody(
        ward_topups=[_given(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.post(
    "/proposals/for/guardians", summary="Propose a guardian", status_code=201, responses=_ASKING | documented(429)
)
def propose_guardian(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_GUARDIAN))],
    once: OnceOnly,
    body: GuardianRequest,
) -> ProposalBody:
    """Approved, the guardian's token opens the ward's account, as far as the ward's own routes say."""
    of_age_day = 0 if body.of_age_from is None else day_of(body.of_age_from)
    it = Guardianship(body.guardian, body.ward, of_age_day, body.document)
    for who in (body.guardian, body.ward):
        if having.store.rider(who) is None:
            raise NotFound("there is no such credential", fix="ask both for their registration, 16 hexadecimal digits")
    return once.answer(
        having, f"staff:{actor.name}", ProposalBody,
        lambda: proposal_body(having.staff.propose(actor, it, why=body.why, key=once.key)),
    )  # fmt: skip


@router.post("/guardians/end", summary="End a guardianship for the office", responses=_ASKING | documented(429))
def end_by_office(
    having: Having, actor: Annotated[Actor, Depends(Allowed(Right.END_GUARDIAN))], once: OnceOnly, body: EndRequest
) -> GuardiansBody:
    """By one of operations, at once: it takes rights away, and two people may give them back. The ward's are told."""

    def end() -> GuardiansBody:
        having.guardians.end_by_office(actor, body.guardian, body.ward, why=body.why, key=once.key)
        return _both(having, body.ward)

    return once.answer(having, f"staff:{actor.name}", GuardiansBody, end)


def _both(having: Services, credential_id: bytes) -> GuardiansBody:
    return GuardiansBody(
        guardians=[_held(having, it) for it in having.guardians.guardians_of(credential_id)],
        wards=[_held(having, it) for it in having.guardians.wards_of(credential_id)],
    )


def _given(it: Given) -> GivenBody:
    return GivenBody(
        id=it.id, guardian=it.guardian.hex(), ward=it.ward.hex(), amount_rials=it.rials, debt_rials=it.debt_rials,
        at_ms=it.at_ms,
    )  # fmt: skip


def _held(having: Services, it: Held) -> HeldBody:
    return HeldBody(
        guardian=it.guardian.hex(), ward=it.ward.hex(), since_ms=it.since_ms, of_age=having.guardians.of_age(it),
        of_age_from=written(it.of_age_day) if it.of_age_day else None,
    )  # fmt: skip
