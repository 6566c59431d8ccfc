"""Routes for a rider who leaves: his account is closed, and what is left of it is told until it is paid."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from backend.adapters.http.access import Allowed, Having, ThisRider
from backend.adapters.http.cursors import Limit
from backend.adapters.http.models import Model
from backend.adapters.http.problems import documented
from backend.core import limits
from backend.core.closing.closing import Left
from backend.core.ledger import closed_account
from backend.core.staff.roles import Right

router = APIRouter(prefix="/v1", tags=["riders"])


class ClosingBody(Model):
    """A closed account. Until `due_ms` its money waits for rides that buses still bring."""

    credential_id: str
    closed_ms: int
    due_ms: int
    wallet_rials: int = Field(description="What waits; late rides come off it.")
    owed_rials: int = Field(description="What finance owes to its rider, and has not paid yet.")
    account: str = Field(description="Where that stands in the ledger: debit it when it is paid, by two people.")
    fa: str
    en: str


class ClosingsBody(Model):
    """By credential. Ask for the rest with `after` = `next_after`; null is the end."""

    closings: list[ClosingBody]
    next_after: str | None


@router.post(
    "/riders/{rider_id}/close",  # noqa: FAST003 - ThisRider takes it
    summary="Close the account",
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
def close(having: Having, rider: ThisRider) -> ClosingBody:
    """The credential ends at once, for good. Safe to repeat. Not while anything is owed, under way or disputed."""
    return _body(having.closings.close(rider))


@router.get(
    "/riders/{rider_id}/closing",  # noqa: FAST003 - ThisRider takes it
    summary="How the closed account stands",
    responses=documented(401, 403, 404, 422, 503),
)
def closing(having: Having, rider: ThisRider) -> ClosingBody:
    """The same token goes on reading it."""
    return _body(having.closings.of(rider.credential_id))


@router.get(
    "/closings",
    summary="Closed accounts",
    dependencies=[Depends(Allowed(Right.SEE_CLOSED))],
    responses=documented(401, 403, 422, 503),
)
def closings(
    having: Having,
    after: Annotated[str, Query(pattern="^([0-9a-f]{16})?$", description="`next_after` of the page before.")] = "",
    limit: Limit = limits.PAGE_MAX,
) -> ClosingsBody:
    """What waits, and what finance owes: paid at a bank, then posted by hand, by two people."""
    rows = having.closings.listed(bytes.fromhex(after), limit)
    last = rows[-1].closing.credential_id.hex() if len(rows) == limit else None
    return ClosingsBody(closings=[_body(it) for it in rows], next_after=last)


def _body(it: Left) -> ClosingBody:
    one = it.closing
    return ClosingBody(
        credential_id=one.credential_id.hex(), closed_ms=one.closed_ms, due_ms=one.due_ms,
        wallet_rials=it.wallet_rials, owed_rials=it.owed_rials, account=closed_account(one.credential_id),
        fa="حساب بسته است؛ مانده پس از پایان مهلت به شما پرداخت می‌شود",
        en="The account is closed; what is left is paid to you after the waiting time",
    )  # fmt: skip
