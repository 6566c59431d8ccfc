"""Routes for the office: devices, taps, alarms, cases, statements. What each asks of a role, `roles` says."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool

from backend.adapters.http import bodies, cursors, models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import CaseCursor, Limit
from backend.adapters.http.problems import Unreadable, documented
from backend.core import limits
from backend.core.errors import Refused
from backend.core.payments.topup import FIRST
from backend.core.staff.roles import Right
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["operations"])
_FLEET = [Depends(Allowed(Right.SEE_FLEET))]


@router.get(
    "/devices", summary="Validators and how they stand", dependencies=_FLEET, responses=documented(401, 403, 422, 503)
)
def devices(
    having: Having,
    after: Annotated[str, Query(pattern="^[a-z0-9-]{0,32}$", description="`next_after` of the page before.")] = "",
    limit: Limit = limits.PAGE_MAX,
) -> models.DevicesBody:
    """Last seen, online, held sequence, backlog, cameras and the worst current problem; by name."""
    known = sorted((it for it in having.devices() if it.name > after), key=lambda it: it.name)[:limit]
    return models.DevicesBody(
        devices=[bodies.device(row) for row in having.store.devices(known)],
        next_after=known[-1].name if len(known) == limit else None,
    )


@router.get("/taps", summary="Taps, newest first", dependencies=_FLEET, responses=documented(401, 403, 422, 503))
def taps(
    having: Having,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=limits.TAPS_PAGE_MAX)] = limits.TAPS_PAGE_MAX,
) -> models.TapsBody:
    """A page of taps without any rider in them."""
    rows = having.store.taps(before, limit)
    return models.TapsBody(
        taps=[bodies.tap(row) for _, row in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.get("/alarms", summary="Alarms, newest first", dependencies=_FLEET, responses=documented(401, 403, 422, 503))
def alarms(
    having: Having,
    *,
    open_only: Annotated[bool, Query(description="Only those not ended.")] = False,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.AlarmsBody:
    """What a person should look at, or had to."""
    rows = having.store.alarms(open_only=open_only, before=before, limit=limit)
    return models.AlarmsBody(
        alarms=[bodies.alarm(row) for row in rows], next_before=rows[-1].id if len(rows) == limit else None
    )


@router.get(
    "/cases",
    summary="Cases, newest day first",
    dependencies=[Depends(Allowed(Right.SEE_CASES))],
    responses=documented(401, 403, 422, 503),
)
def cases(having: Having, after: CaseCursor, limit: Limit = limits.PAGE_MAX) -> models.CasesBody:
    """Hints for a person about drivers, buses and devices. They name drivers, and so stand on no open page."""
    rows = having.cases(after, limit)
    last = rows[-1].case if len(rows) == limit else None
    return models.CasesBody(
        cases=[bodies.case(it) for it in rows],
        next_after=None if last is None else cursors.of_case((last.day, last.kind.value, last.subject)),
        days_due=[*having.days_due()],
    )


@router.post(
    "/statements",
    summary="Compare a provider's statement with our books",
    dependencies=[Depends(Allowed(Right.COMPARE_STATEMENT))],
    responses=documented(400, 401, 403, 409, 413, 422, 503),
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
    },
)
async def statements(
    request: Request,
    having: Having,
    provider: Annotated[str, Query(pattern="^[a-z0-9-]{1,32}$", description="Its name in backend.toml.")] = FIRST,
) -> models.ReconciliationBody:
    """CSV of whole local days, header `authority,amount_rials,paid_at` (ISO 8601 with offset).

    It moves no money; providers are asked about what differs.
    """
    if having.topups is None:
        raise Refused("this city takes no top-ups here", fix="name a provider under [payments] in backend.toml")
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Unreadable("the statement is not UTF-8 text", fix="export it as CSV in UTF-8") from error
    return bodies.reconciliation(await run_in_threadpool(having.topups.reconcile, text, provider))
