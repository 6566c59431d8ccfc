"""Routes for a rider's phone: register, wallet, rides."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backend.adapters.http import cursors, models, registration_models
from backend.adapters.http.access import Having, RiderOrGuardian, ThisRider, open_to_all
from backend.adapters.http.cursors import RideCursor
from backend.adapters.http.problems import documented
from backend.core import limits
from backend.core.ledger import rider_account

router = APIRouter(prefix="/v1/riders", tags=["riders"])


@router.post(
    "/challenges",
    dependencies=[Depends(open_to_all)],
    summary="What to sign before registering or moving",
    status_code=201,
    responses=documented(413, 503),
)
def challenge(having: Having) -> registration_models.ChallengeBody:
    """A proof that was seen must not be one for ever: each answers a challenge of ours, within minutes and once."""
    return registration_models.ChallengeBody(
        challenge=having.riders.challenge().hex(), good_for_s=limits.CHALLENGE_MS // 1000
    )


@router.post(
    "",
    dependencies=[Depends(open_to_all)],
    summary="Register a key, or recover with it",
    status_code=201,
    responses=documented(400, 403, 409, 413, 422, 503),
)
def register(having: Having, body: registration_models.Registration) -> registration_models.RegisteredBody:
    """Proof of possession in, credential and token out. The same key gets the same credential again.

    So it is safe to repeat, with a new challenge. A repeat gives a new token and ends the old one; so it takes no
    Idempotency-Key: an answer with a token is kept nowhere. A class other than 0 needs a concession for this key,
    which two people of the staff have granted. A repeat renews, too, where the credential is old or another class
    holds by now (`renew`).
    """
    found = having.riders.register(body.public_key, body.key_proof, body.rider_class)
    return registration_models.registered_body(found, having.riders.issuer_key)


@router.post(
    "/{rider_id}/move",  # noqa: FAST003 - ThisRider takes it
    summary="Move the credential to another phone",
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
def move(having: Having, rider: ThisRider, body: registration_models.ProvenKey) -> registration_models.RegisteredBody:
    """The same credential in its next version, over the new phone's key; the old phone's, and this token, end with it.

    Wallet, debt, class, caps and rides stay. An answer that was lost comes again by registering with the new key. A
    guardian's token does not do it: for a ward's lost phone two people of the office do.
    """
    found = having.riders.move(rider, body.public_key, body.key_proof)
    return registration_models.registered_body(found, having.riders.issuer_key)


@router.get(
    "/{rider_id}/balance",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="What the wallet holds",
    responses=documented(401, 403, 422, 503),
)
def balance(having: Having, rider: RiderOrGuardian) -> models.BalanceBody:
    """Posted top-ups less posted fares. Boardings that buses still carry offline are not in it yet."""
    return models.BalanceBody(
        credential_id=rider.credential_id.hex(), balance_rials=having.store.balance(rider_account(rider.credential_id))
    )


@router.get(
    "/{rider_id}/taps",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="The rider's own charged boardings",
    responses=documented(401, 403, 422, 503),
)
def rider_taps(
    having: Having,
    rider: RiderOrGuardian,
    before: RideCursor,
    limit: Annotated[int, Query(ge=1, le=limits.RIDER_TAPS_MAX)] = limits.RIDER_TAPS_MAX,
) -> models.RiderTapsBody:
    """The charged boardings, newest first."""
    rows = having.store.rider_taps(rider.credential_id, limit, before)
    return models.RiderTapsBody(
        next_before=cursors.of_ride((rows[-1].wall_ms, rows[-1].row)) if len(rows) == limit else None,
        taps=[
            models.RiderTapBody(
                wall_ms=row.wall_ms, vehicle=row.vehicle, door=row.door, verdict=row.verdict, charged_rials=row.rials
            )
            for row in rows
        ],
    )
