"""Routes for guardians: two people establish one, either side or the office ends it; each reads whom it concerns."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BeforeValidator, Field

from backend.adapters.http.access import Allowed, Having, ThisRider
from backend.adapters.http.days import DAY, day_of, written
from backend.adapters.http.models import Model, bytes_from, text_schema
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.adapters.http.staff_models import ProposalBody, Words
from backend.adapters.http.staff_routes import proposal_body
from backend.core.errors import NotFound
from backend.core.guardians.guardianship import Guardianship, Held
from backend.core.staff.roles import Actor, Right
from protocol.limits import CREDENTIAL_ID_BYTES

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


@router.post("/proposals/for/guardians", summary="Propose a guardian", status_code=201, responses=_ASKING)
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


@router.post("/guardians/end", summary="End a guardianship for the office", responses=_ASKING)
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


def _held(having: Services, it: Held) -> HeldBody:
    return HeldBody(
        guardian=it.guardian.hex(), ward=it.ward.hex(), since_ms=it.since_ms, of_age=having.guardians.of_age(it),
        of_age_from=written(it.of_age_day) if it.of_age_day else None,
    )  # fmt: skip
