"""Routes of money that needs a person: what the books disagree about, and what is held for owners."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backend.adapters.http import money_case_models as models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.core import limits
from backend.core.ledger import TapId
from backend.core.reconciliation.classes import ABOUT
from backend.core.reconciliation.discrepancies import Kept
from backend.core.staff.errors import Unfit
from backend.core.staff.roles import Actor, Right
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["money"])
Sees = Annotated[Actor, Depends(Allowed(Right.SEE_MONEY_CASES))]
_SEEING = documented(401, 403, 422, 503)
_TAP = "^[a-z0-9-]{1,32}/[0-9]{1,19}/[0-9]{1,19}$"


@router.get("/discrepancies", summary="What does not match", responses=_SEEING)
def discrepancies(
    having: Having,
    _: Sees,
    after: Annotated[str | None, Query(max_length=limits.DISCREPANCY_NAME_MAX_CHARS)] = None,
    limit: Limit = limits.PAGE_MAX,
    *,
    open_only: bool = True,
) -> models.DiscrepanciesBody:
    """As the last `savar reconcile` found it, each with what it means and what to do next."""
    rows = having.money_cases.discrepancies(open_only=open_only, after=after, most=limit)
    return models.DiscrepanciesBody(
        discrepancies=[_discrepancy(it) for it in rows], next_after=rows[-1].it.name if len(rows) == limit else None
    )


@router.post(
    "/discrepancies/resolve",
    summary="Say why a discrepancy needs no more acting",
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
def resolve(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.RESOLVE_DISCREPANCY))],
    once: OnceOnly,
    body: models.ResolutionRequest,
) -> models.DiscrepancyBody:
    """An entry of its own beside what was found, under the caller's name; it moves no money."""
    return once.answer(
        having, f"staff:{actor.name}", models.DiscrepancyBody,
        lambda: _discrepancy(having.money_cases.resolve(actor, body.name, why=body.why, key=once.key)),
    )  # fmt: skip


@router.get("/held", summary="What is held for owners, by vehicle and reason", responses=_SEEING)
def held(having: Having, _: Sees) -> models.HeldSumsBody:
    """Nobody is paid it until it is proven, or two people decide."""
    return models.HeldSumsBody(
        held=[
            models.HeldSumBody(
                vehicle=it.vehicle, why=it.why.value, taps=it.taps, amount_rials=it.rials, oldest_ms=it.oldest_ms
            )
            for it in having.money_cases.held_sums()
        ]
    )


@router.get("/held/taps", summary="Taps whose money is held", responses=_SEEING)
def held_taps(
    having: Having,
    _: Sees,
    after: Annotated[str | None, Query(pattern=_TAP, description="`next_after` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.HeldTapsBody:
    """What `POST /v1/proposals/for/held` names."""
    rows = having.money_cases.held(None if after is None else _tap(after), limit)
    return models.HeldTapsBody(
        taps=[
            models.HeldTapBody(
                device=it.device, epoch=str(it.epoch), sequence=it.sequence, vehicle=it.vehicle, wall_ms=it.wall_ms,
                why=it.why.value, amount_rials=it.rials,
            )
            for it in rows
        ],
        next_after="/".join(map(str, rows[-1].tap)) if len(rows) == limit else None,
    )  # fmt: skip


def _tap(text: str) -> TapId:
    device, epoch, sequence = text.split("/")
    tap = device, int(epoch), int(sequence)
    if max(tap[1:]) > INT63_MAX:
        raise Unfit("no tap has such a number", fix="take `next_after` as the page before named it")
    return tap


def _discrepancy(it: Kept) -> models.DiscrepancyBody:
    about = ABOUT[it.it.of]
    return models.DiscrepancyBody.model_validate({
        "name": it.it.name, "of": it.it.of.value, "meaning": about.meaning, "next_step": about.fix,
        "owner": about.owner.value, "amount_rials": it.it.rials, "since_ms": it.it.since_ms,
        "opened_ms": it.opened_ms, "due_ms": it.due_ms, "state": it.last.value, "who": it.who, "why": it.why,
        "at_ms": it.at_ms, "facts": dict(it.it.facts),
    })  # fmt: skip
