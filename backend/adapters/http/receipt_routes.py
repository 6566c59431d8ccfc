"""A rider's receipts: each charged boarding with its line, stop, class, cap and tariff, in Persian and English."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from backend.adapters.http.access import Having, RiderOrGuardian
from backend.adapters.http.models import Model
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.disputes.dispute import Dispute
from backend.core.disputes.words import STATES
from backend.core.explaining.facts import Reason, Step
from backend.core.explaining.ports import ReceiptPlace
from backend.core.explaining.receipts import Receipt
from backend.core.explaining.words import said
from backend.core.ports import Rider
from protocol.limits import INT63_MAX, NAME_MAX_CHARS

router = APIRouter(prefix="/v1/riders", tags=["riders"])
_PLACE = re.compile(rf"([0-9]{{1,19}})/([a-z0-9-]{{1,{NAME_MAX_CHARS}}})/([0-9a-f]{{1,16}})/([0-9]{{1,19}})")
Before = Annotated[
    str | None, Query(pattern=f"^{_PLACE.pattern}$", description="`next` of the answer before; without: the newest.")
]  # fmt: skip


class SaidBody(Model):
    """One thing that is so."""

    code: str
    fa: str
    en: str


class StepBody(SaidBody):
    """One rule of the fare, and by how much it changes what is paid."""

    rials: int


class DisputedBody(SaidBody):
    """A dispute of this boarding: `code` is its state. `/disputes/ID` has all of it."""

    id: str
    due_ms: int
    given_rials: int


class ReceiptBody(Model):
    """One charged boarding. `line` and `stop` are null where they are not known, and `where` says why."""

    tap: str = Field(description="Device, journal in hexadecimal digits, sequence: what `savar explain` is asked.")
    wall_ms: int
    vehicle: str
    door: int
    line: str | None
    stop: str | None
    rider_class: int
    tariff: int
    decree: str | None = Field(description="Of the tariff; null where no approval of it is held, as of the first one.")
    shown_rials: int = Field(description="What the door showed; never less than what is charged.")
    charged_rials: int = Field(description="What the steps add up to.")
    city_rials: int
    where: list[SaidBody]
    steps: list[StepBody]
    office: list[SaidBody]
    dispute: DisputedBody | None = Field(description="What the rider said of it, if anything, and how that stands.")


class ReceiptsBody(Model):
    """Newest first. `next`: where the older ones go on; null at the end."""

    receipts: list[ReceiptBody]
    next: str | None


@router.get(
    "/{rider_id}/receipts",  # noqa: FAST003 - RiderOrGuardian takes it
    summary="Why each of the rider's boardings cost what it did",
    responses=documented(401, 403, 422, 503),
)
def rider_receipts(having: Having, rider: RiderOrGuardian, before: Before = None) -> ReceiptsBody:
    """Charged boardings, newest first, explained in Persian and English. What buses still carry is not in it yet."""
    return receipts_body(having, rider, before)


def receipts_body(having: Services, rider: Rider, before: str | None, *, since_ms: int = 0) -> ReceiptsBody:
    """A page of a rider's receipts; `since_ms`: of no boarding before that."""
    found = having.receipts.of(rider.credential_id, _place(before), limits.RECEIPTS_PAGE)
    seen = [it for it in found if it.wall_ms >= since_ms]
    more = len(seen) == limits.RECEIPTS_PAGE
    return ReceiptsBody(receipts=[_body(it) for it in seen], next=_named(seen[-1].place) if more else None)


def _place(text: str | None) -> ReceiptPlace | None:
    found = None if text is None else _PLACE.fullmatch(text)
    if found is None:
        return None
    wall_ms, device, epoch, sequence = found.groups()
    return min(int(wall_ms), INT63_MAX), device, min(int(epoch, 16), INT63_MAX), min(int(sequence), INT63_MAX)


def _named(place: ReceiptPlace) -> str:
    wall_ms, device, epoch, sequence = place
    return f"{wall_ms}/{device}/{epoch:x}/{sequence}"


def _said(it: Reason) -> dict[str, Any]:
    return {"code": it.code.value, "fa": said(it, "fa"), "en": said(it, "en")}


def _step(it: Step) -> StepBody:
    return StepBody(rials=it.rials, **_said(it.reason))


def _disputed(it: Dispute) -> DisputedBody:
    fa, en = STATES[it.state]
    return DisputedBody(id=it.id, due_ms=it.due_ms, given_rials=it.given_rials, code=it.state.value, fa=fa, en=en)


def _body(it: Receipt) -> ReceiptBody:
    return ReceiptBody(
        tap=it.tap, wall_ms=it.wall_ms, vehicle=it.vehicle, door=it.door, line=it.line, stop=it.stop,
        rider_class=it.rider_class, tariff=it.tariff, decree=it.decree or None,
        shown_rials=it.shown_rials, charged_rials=it.charged_rials,
        city_rials=it.city_rials, where=[SaidBody(**_said(one)) for one in it.where],
        steps=[_step(one) for one in it.steps], office=[SaidBody(**_said(one)) for one in it.office],
        dispute=None if it.dispute is None else _disputed(it.dispute),
    )  # fmt: skip
