"""Routes for concessions: a rider renews what he has."""

from fastapi import APIRouter

from backend.adapters.http import concession_models as models
from backend.adapters.http.access import Having, ThisRider
from backend.adapters.http.problems import documented
from protocol.localtime import service_day

router = APIRouter(prefix="/v1", tags=["concessions"])


@router.post(
    "/riders/{rider_id}/renew",  # noqa: FAST003 - ThisRider takes it
    summary="Renew the credential",
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
def renew(having: Having, rider: ThisRider) -> models.RenewedBody:
    """Its next version over the same key, where it is old or another class holds by now; else as it is. Safe to repeat.

    Wallet, rides and token stay. Ask whenever there is a network: it then lasts for 120 days at least, or until a
    reduced class ends.
    """
    return models.renewed(having.riders.renew(rider), service_day(having.clock()))
