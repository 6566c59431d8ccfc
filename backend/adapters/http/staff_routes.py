"""Routes of the office's people: who they are, what two of them decide, the log of what they did."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from backend.adapters.http import staff_models as models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.days import day_of
from backend.adapters.http.once import Once, OnceOnly
from backend.adapters.http.payout_models import PayoutRequest
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.errors import NotFound
from backend.core.staff.log import Logged
from backend.core.staff.roles import MAY, Actor, Person, Right
from backend.core.staff.subjects import Concession, HeldMoney, Move, PayOut, Posting, Release, Subject, read
from backend.core.staff.two_people import Proposal
from protocol.limits import INT63_MAX

router = APIRouter(prefix="/v1", tags=["staff"])
ProposalId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Proposal id, 32 hex digits.")]
_PROPOSING = documented(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("/staff/me", summary="Whose token this is", responses=documented(401, 403, 503))
def me(actor: Annotated[Actor, Depends(Allowed(Right.SEE_ONESELF))]) -> models.MeBody:
    """Name, role, and what the role may."""
    return me_body(actor)


def me_body(actor: Actor) -> models.MeBody:
    """Who somebody is."""
    rights = sorted(right.value for right in MAY[actor.role])
    return models.MeBody.model_validate(
        {
            "name": actor.name, "role": actor.role.value, "named": actor.named, "rights": rights,
            "party": None if actor.party is None else str(actor.party),
        }
    )  # fmt: skip


@router.get(
    "/staff",
    summary="The people of the staff",
    dependencies=[Depends(Allowed(Right.SEE_STAFF))],
    responses=documented(401, 403, 422, 503),
)
def people(
    having: Having,
    after: Annotated[str, Query(pattern="^[a-z0-9-]{0,32}$", description="`next_after` of the page before.")] = "",
    limit: Limit = limits.PAGE_MAX,
) -> models.PeopleBody:
    """By name, those who left too: they are named and ended by `savar staff`, at the backend's own machine."""
    rows = having.office.people(after, limit)
    return models.PeopleBody(
        people=[_person(row) for row in rows], next_after=rows[-1].name if len(rows) == limit else None
    )


@router.get(
    "/staff/log",
    summary="What the staff did",
    dependencies=[Depends(Allowed(Right.SEE_LOG))],
    responses=documented(401, 403, 422, 503),
)
def log(
    having: Having,
    after: Annotated[int, Query(ge=0, le=INT63_MAX, description="`next_after` of the page before.")] = 0,
    limit: Limit = limits.PAGE_MAX,
) -> models.LogBody:
    """Entries in order, each with its hash. Reading them is an entry too."""
    rows = having.office.log(after, limit)
    return models.LogBody(
        entries=[_entry(row) for row in rows], next_after=rows[-1].number if len(rows) == limit else None
    )


@router.get(
    "/proposals",
    summary="Proposals, newest first",
    dependencies=[Depends(Allowed(Right.SEE_PROPOSALS))],
    responses=documented(401, 403, 422, 503),
)
def proposals(
    having: Having,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.ProposalsBody:
    """What waits for a second person, and what became of the others."""
    rows = having.staff.proposals(before, limit)
    return models.ProposalsBody(
        proposals=[proposal_body(it) for _, it in rows], next_before=rows[-1][0] if len(rows) == limit else None
    )


@router.get(
    "/proposals/{proposal_id}",
    summary="One proposal",
    dependencies=[Depends(Allowed(Right.SEE_PROPOSALS))],
    responses=documented(401, 403, 404, 422, 503),
)
def proposal(having: Having, proposal_id: ProposalId) -> models.ProposalBody:
    """As it stands now."""
    return proposal_body(having.staff.proposal(proposal_id))


def _propose(having: Services, actor: Actor, once: Once, it: Subject, why: str) -> models.ProposalBody:
    return once.answer(
        having, f"staff:{actor.name}", models.ProposalBody,
        lambda: proposal_body(having.staff.propose(actor, it, why=why, key=once.key)),
    )  # fmt: skip


@router.post("/proposals/for/postings", summary="Propose a transfer by hand", status_code=201, responses=_PROPOSING)
def propose_posting(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_POSTING))],
    once: OnceOnly,
    body: models.PostingRequest,
) -> models.ProposalBody:
    """Posted once, when another person has approved it."""
    return _propose(having, actor, once, Posting(body.debit, body.credit, body.amount_rials), body.why)


@router.post("/proposals/for/tariffs", summary="Propose the tariff that waits", status_code=201, responses=_PROPOSING)
def propose_tariff(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_TARIFF))],
    once: OnceOnly,
    body: models.TariffRequest,
) -> models.ProposalBody:
    """The one in the backend's bundle folder. It is announced to the buses when another person has approved it."""
    return _propose(having, actor, once, having.staff.waiting_tariff(body.tariff, body.decree), body.why)


@router.post("/proposals/for/concessions", summary="Propose a concession", status_code=201, responses=_PROPOSING)
def propose_concession(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_CONCESSION))],
    once: OnceOnly,
    body: models.ConcessionRequest,
) -> models.ProposalBody:
    """Whoever holds this key has the class, new or registered already, when another person has approved it."""
    it = Concession(body.public_key, body.rider_class, body.document, day_of(body.until))
    return _propose(having, actor, once, it, body.why)


@router.post("/proposals/for/releases", summary="Propose a release", status_code=201, responses=_PROPOSING)
def propose_release(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_RELEASE))],
    once: OnceOnly,
    body: models.ReleaseRequest,
) -> models.ProposalBody:
    """A bundle without it on the deny list is announced, once, when another person has approved it."""
    return _propose(having, actor, once, Release(body.credential_id, body.version), body.why)


@router.post("/proposals/for/held", summary="Propose what becomes of held money", status_code=201, responses=_PROPOSING)
def propose_held(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_HELD))],
    once: OnceOnly,
    body: models.HeldRequest,
) -> models.ProposalBody:
    """Paid to the owner, or written off, when another person has approved it; `savar ledger held` lists it."""
    return _propose(having, actor, once, HeldMoney(body.device, int(body.epoch), body.sequence, body.pays), body.why)


@router.post("/proposals/for/payouts", summary="Propose a payout", status_code=201, responses=_PROPOSING)
def propose_payout(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_PAYOUT))],
    once: OnceOnly,
    body: PayoutRequest,
) -> models.ProposalBody:
    """Held for that bank account when another person has approved it, and posted with the bank's word."""
    return _propose(having, actor, once, PayOut(body.role, body.name, body.amount_rials, body.iban), body.why)


@router.post("/proposals/for/moves", summary="Propose a credential's move", status_code=201, responses=_PROPOSING)
def propose_move(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_MOVE))],
    once: OnceOnly,
    body: models.MoveRequest,
) -> models.ProposalBody:
    """For a lost phone: approved, whoever registers with this key has the credential, and the old one ends."""
    if having.store.rider(body.credential_id) is None:
        raise NotFound("there is no such credential", fix="ask the rider for his registration, 16 hexadecimal digits")
    return _propose(having, actor, once, Move(body.credential_id, body.public_key, body.document), body.why)


@router.post("/proposals/{proposal_id}/approve", summary="Approve a proposal", responses=_PROPOSING)
def approve(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.DECIDE))],
    once: OnceOnly,
    proposal_id: ProposalId,
    body: models.DecisionRequest,
) -> models.ProposalBody:
    """By another person than who proposed it, whose role may; carried out with that, once."""
    return _decide(having, actor, once, proposal_id, body.digest, approves=True)


@router.post("/proposals/{proposal_id}/refuse", summary="Refuse a proposal", responses=_PROPOSING)
def refuse(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.DECIDE))],
    once: OnceOnly,
    proposal_id: ProposalId,
    body: models.DecisionRequest,
) -> models.ProposalBody:
    """By another person than who proposed it, whose role may."""
    return _decide(having, actor, once, proposal_id, body.digest, approves=False)


def _decide(
    having: Services, actor: Actor, once: Once, proposal_id: str, digest: str, *, approves: bool
) -> models.ProposalBody:
    return once.answer(
        having, f"staff:{actor.name}", models.ProposalBody,
        lambda: proposal_body(
            having.staff.decide(actor, proposal_id, bytes.fromhex(digest), approves=approves, key=once.key)
        ),
    )  # fmt: skip


def proposal_body(it: Proposal) -> models.ProposalBody:
    """As every route tells one."""
    return models.ProposalBody.model_validate({
        "id": it.id, "kind": it.kind.value, "state": it.state.value, "content": dict(read(it.kind, it.content).words()),
        "digest": it.digest.hex(), "why": it.why, "proposer": it.proposer, "proposed_ms": it.proposed_ms,
        "until_ms": it.until_ms, "decided_by": it.decided_by, "decided_ms": it.decided_ms,
    })  # fmt: skip


def _person(row: Person) -> models.PersonBody:
    return models.PersonBody.model_validate(
        {
            "name": row.name, "role": row.role.value, "added_ms": row.added_ms, "ended_ms": row.ended_ms,
            "party": None if row.party is None else str(row.party),
        }
    )  # fmt: skip


def _entry(row: Logged) -> models.EntryBody:
    it = row.entry
    return models.EntryBody(
        number=row.number, at_ms=it.at_ms, person=it.person, role=it.role, action=it.action, on=it.on,
        outcome=it.outcome, key=it.key, hash=row.hash.hex(),
    )  # fmt: skip
