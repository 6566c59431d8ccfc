"""Routes for top-ups: start, settle, and the page that a rider comes back to, by a link or by a bank's form.

Calls that wait on the payment provider take one of a few places of their own, so that a slow provider holds up nobody
else.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar
from urllib.parse import parse_qs

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from backend.adapters.http import bodies, models
from backend.adapters.http.access import Having, OwnTopUp, RiderOrGuardian, open_to_all
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.payment_page import Outcome, payment_page
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.api import TopUpDesk
from backend.core.errors import ProviderUnknown, Refused
from backend.core.payments.topup import FIRST, TopUp

T = TypeVar("T")
_APP = "../../passenger/#topup"  # from /v1/topups/callback, also under a city's path
_ID = re.compile("[0-9a-f]{32}")
router = APIRouter(prefix="/v1", tags=["top-ups"])


def desk_of(having: Services) -> TopUpDesk:
    """Who takes top-ups here. Raises Refused."""
    if having.topups is None:
        raise Refused("this city takes no top-ups here", fix="name a provider under [payments] in backend.toml")
    return having.topups


async def waiting(request: Request, what: Callable[[], T]) -> T:
    """Run what waits on the provider in a thread, a few at once."""
    places: CapacityLimiter = request.app.state.provider_places
    return await anyio.to_thread.run_sync(what, limiter=places)


@router.post(
    "/riders/{rider_id}/topups",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="Start a top-up",
    status_code=201,
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
async def start(
    request: Request, having: Having, rider: RiderOrGuardian, once: OnceOnly, body: models.TopUpRequest
) -> models.TopUpBody:
    """Note the top-up and ask the provider. The rider then pays at `pay_url`.

    A repeat makes another, unpaid one; under the same Idempotency-Key it is the same one.
    """
    desk = desk_of(having)

    def ask() -> models.TopUpBody:
        having.closings.require_open(rider.credential_id)
        started = desk.start(rider.credential_id, body.amount_rials, body.provider or FIRST)
        return bodies.topup(started.topup, started.pay_url)

    caller = f"rider:{rider.credential_id.hex()}"
    return await waiting(request, partial(once.answer, having, caller, models.TopUpBody, ask))


@router.post(
    "/topups/{topup_id}/settle",  # noqa: FAST003 - OwnTopUp takes it
    summary="Ask whether a top-up is paid",
    responses=documented(401, 403, 409, 422, 503),
)
async def settle(request: Request, having: Having, mine: OwnTopUp) -> models.TopUpBody:
    """Verify with the provider and credit once. 503 means that nothing is known yet: ask again. Safe to repeat."""
    return bodies.topup(await waiting(request, partial(desk_of(having).settle, mine.id)))


@router.get(
    "/topups/callback",
    dependencies=[Depends(open_to_all)],
    summary="Where the provider sends the rider's browser",
    response_class=HTMLResponse,
    responses=documented(409, 422, 503)
    | {404: {"description": "A page: no such payment.", "content": {"text/html": {}}}},
)
async def callback(
    request: Request,
    having: Having,
    authority: Annotated[str, Query(alias="Authority", pattern=rf"^[A-Za-z0-9_-]{{1,{limits.AUTHORITY_MAX_CHARS}}}$")],
    status: Annotated[str, Query(alias="Status", max_length=16, description="OK or NOK; a hint, never proof.")] = "",  # noqa: ARG001
) -> HTMLResponse:
    """A page in Persian and English that says how it stands. The provider is asked; the address is not believed."""
    return await _page(request, having, lambda: having.store.topup_by_authority(authority))


@router.post(
    "/topups/callback",
    dependencies=[Depends(open_to_all)],
    summary="Where a bank's form sends the rider's browser",
    response_class=HTMLResponse,
    responses=documented(409, 413, 503)
    | {404: {"description": "A page: no such payment.", "content": {"text/html": {}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {"ResNum": {"type": "string", "description": "The top-up's id."}},
                        "required": ["ResNum"],
                    }
                }
            },
        },
    },
)
async def form_callback(request: Request, having: Having) -> HTMLResponse:
    """The same page for a form. Of its fields only `ResNum` is read, to know which top-up to ask the bank about."""
    fields = parse_qs((await request.body()).decode("ascii", "replace"))
    topup_id = fields.get("ResNum", [""])[0]
    return await _page(request, having, lambda: having.store.topup(topup_id) if _ID.fullmatch(topup_id) else None)


async def _page(request: Request, having: Services, find: Callable[[], TopUp | None]) -> HTMLResponse:
    desk = desk_of(having)

    def ask() -> tuple[Outcome, TopUp | None]:
        topup = find()
        if topup is None:
            return Outcome.UNKNOWN, None
        try:
            topup = desk.settle(topup.id)
        except ProviderUnknown:
            return Outcome.PENDING, topup
        return Outcome(bodies.topup_status(topup)), topup

    outcome, topup = await waiting(request, ask)
    app = None if having.passenger_pages is None else _APP
    if topup is not None:
        app = having.hosts.way_back(topup.id) or app
    page = payment_page(outcome, topup.rials if topup else None, app)
    return HTMLResponse(page, 404 if outcome is Outcome.UNKNOWN else 200)
