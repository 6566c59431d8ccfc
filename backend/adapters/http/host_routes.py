"""Routes for hosts: another app's server asks for its own users, within the scopes of its token (docs/PARTNERS.md)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from backend.adapters.http import bodies, dispute_models, host_models, models
from backend.adapters.http.access import Allowed, Having, ThisRider
from backend.adapters.http.cursors import Limit
from backend.adapters.http.dispute_routes import DisputeId, tap_of
from backend.adapters.http.host_access import HostedTopUp, OnceByHost, Scoped
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.problems import documented
from backend.adapters.http.receipt_routes import Before, ReceiptsBody, receipts_body
from backend.adapters.http.registration_models import ChallengeBody
from backend.adapters.http.services import Services
from backend.adapters.http.staff_models import ProposalBody
from backend.adapters.http.staff_routes import proposal_body
from backend.adapters.http.topup_routes import desk_of, waiting
from backend.core import limits
from backend.core.disputes.dispute import Reason
from backend.core.errors import NotFound
from backend.core.hosts.host import Caller, Host, Scope, scopes_of
from backend.core.ledger import debt_account, rider_account
from backend.core.payments.topup import FIRST
from backend.core.ports import Rider
from backend.core.staff.roles import Actor, Right
from protocol.limits import ALLOWANCE_UNIT_RIALS, INT63_MAX
from protocol.wire.passes import read_issued

router = APIRouter(prefix="/v1", tags=["hosts"])
_READING = documented(401, 403, 404, 422, 429, 503)
_WRITING = documented(400, 401, 403, 404, 409, 413, 422, 429, 503)
User = Annotated[str, Path(pattern=host_models.USER, description="The host's own id of the user.")]
HostName = Annotated[str, Path(pattern=host_models.HOST, description="The host's name.")]


# --- for the host's server --------------------------------------------------------------------------------------------


@router.post("/host/challenges", summary="What a user's phone signs", status_code=201, responses=_WRITING)
def host_challenge(having: Having, caller: Annotated[Caller, Depends(Scoped(Scope.REGISTER))]) -> ChallengeBody:
    """Good once, within minutes, and for this host alone. Nothing is kept of it, so it takes no Idempotency-Key."""
    return ChallengeBody(challenge=having.hosts.challenge(caller).hex(), good_for_s=limits.CHALLENGE_MS // 1000)


@router.post("/host/riders", summary="Register a user's key", status_code=201, responses=_WRITING)
def host_register(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.REGISTER))],
    once: OnceByHost,
    body: host_models.HostedRegistration,
) -> host_models.PassBody:
    """A key that is new to the city makes a rider; one that is known needs the rider's word for this host before.

    An answer that was lost comes again under its key, or with a new challenge.
    """
    return once.answer(
        having, caller, body.user, host_models.PassBody,
        lambda: _pass(having, body.user, having.hosts.register(caller, body.user, body.public_key, body.key_proof)),
    )  # fmt: skip


@router.post("/host/riders/{user}/pass", summary="A user's pass, as it is due", responses=_WRITING)
def host_pass(
    having: Having, caller: Annotated[Caller, Depends(Scoped(Scope.ISSUE))], once: OnceByHost, user: User
) -> host_models.PassBody:
    """The credential, renewed where that is due: ask whenever the app is opened with a network."""
    it = having.hosts.rider(caller, user)
    return once.answer(
        having, caller, user, host_models.PassBody, lambda: _pass(having, user, having.riders.renew(it.rider))
    )


@router.get("/host/riders/{user}/balance", summary="A user's wallet", responses=_READING)
def host_balance(
    having: Having, caller: Annotated[Caller, Depends(Scoped(Scope.READ))], user: User
) -> host_models.WalletBody:
    """Posted top-ups less posted fares. Boardings that buses still carry offline are not in it yet."""
    credential_id = having.hosts.rider(caller, user).rider.credential_id
    return host_models.WalletBody(
        user=user, balance_rials=having.store.balance(rider_account(credential_id)),
        owes_rials=-having.store.balance(debt_account(credential_id)),
    )  # fmt: skip


@router.post("/host/riders/{user}/topups", summary="Begin a user's top-up", status_code=201, responses=_WRITING)
async def host_topup(
    *,
    request: Request,
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.TOPUP))],
    once: OnceByHost,
    user: User,
    body: host_models.HostTopUpRequest,
) -> host_models.HostTopUpBody:
    """Note the top-up and ask the provider; the rider pays at `pay_url`, and only that credits him."""

    def ask() -> host_models.HostTopUpBody:
        it = having.hosts.rider(caller, user)
        having.closings.require_open(it.rider.credential_id)
        having.hosts.require_topup(caller, it, body.return_url)
        started = desk_of(having).start(it.rider.credential_id, body.amount_rials, body.provider or FIRST)
        having.hosts.begun(caller, started.topup.id, body.return_url)
        return _topup(user, bodies.topup(started.topup, started.pay_url))

    shape = host_models.HostTopUpBody
    return await waiting(request, partial(once.answer, having, caller, user, shape, ask))


@router.get("/host/riders/{user}/topups/{topup_id}", summary="How a user's top-up stands", responses=_READING)
def host_topup_state(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.SEE_TOPUP))],
    user: User,
    topup_id: HostedTopUp,
) -> host_models.HostTopUpBody:
    """One that this host began for this user. Whoever pays, and whoever comes back, the provider is asked by us."""
    it = having.hosts.rider(caller, user)
    having.hosts.require_begun(caller, topup_id)
    found = having.store.topup(topup_id)
    if found is None or found.credential_id != it.rider.credential_id:
        raise NotFound("this user has no such top-up", fix="ask for one that POST …/topups told")
    return _topup(user, bodies.topup(found))


@router.get("/host/riders/{user}/receipts", summary="A user's receipts", responses=_READING)
def host_receipts(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.TRIPS))],
    user: User,
    before: Before = None,
) -> ReceiptsBody:
    """Charged boardings since the rider is this host's, newest first, explained in Persian and English."""
    it = having.hosts.rider(caller, user)
    return receipts_body(having, it.rider, before, since_ms=it.since_ms)


@router.post("/host/riders/{user}/disputes", summary="Dispute a user's boarding", status_code=201, responses=_WRITING)
def host_dispute(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.REFUND))],
    once: OnceByHost,
    user: User,
    body: dispute_models.DisputeRequest,
) -> dispute_models.DisputeBody:
    """A boarding of the user's receipts, once each. Finance answers within 48 hours; a host decides nothing of it."""
    it = having.hosts.rider(caller, user)
    tap, reason, words = tap_of(body.tap), Reason(body.reason), body.words
    return once.answer(
        having, caller, user, dispute_models.DisputeBody,
        lambda: dispute_models.dispute_body(having.disputes.open(it.rider.credential_id, tap, reason, words)),
    )  # fmt: skip


@router.get("/host/riders/{user}/disputes", summary="A user's disputes", responses=_READING)
def host_disputes(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.SEE_REFUND))],
    user: User,
    before: Annotated[int | None, Query(ge=0, le=INT63_MAX, description="`next_before` of the page before.")] = None,
    limit: Limit = limits.PAGE_MAX,
) -> dispute_models.OwnDisputesBody:
    """Of boardings since the rider is this host's, newest first."""
    it = having.hosts.rider(caller, user)
    rows = having.disputes.of(it.rider.credential_id, before, limit)
    seen = [shown for _, shown in rows if shown.dispute.wall_ms >= it.since_ms]
    return dispute_models.OwnDisputesBody(
        disputes=[dispute_models.dispute_body(shown) for shown in seen],
        next_before=rows[-1][0] if len(rows) == limit else None,
    )


@router.get("/host/riders/{user}/disputes/{dispute_id}", summary="One of a user's disputes", responses=_READING)
def host_dispute_state(
    having: Having,
    caller: Annotated[Caller, Depends(Scoped(Scope.SEE_REFUND))],
    user: User,
    dispute_id: DisputeId,
) -> dispute_models.DisputeBody:
    """As it stands."""
    it = having.hosts.rider(caller, user)
    shown = having.disputes.own(it.rider.credential_id, dispute_id)
    if shown.dispute.wall_ms < it.since_ms:
        raise NotFound("this user has no such dispute", fix="look at GET …/disputes")
    return dispute_models.dispute_body(shown)


# --- for riders -------------------------------------------------------------------------------------------------------


@router.get(
    "/riders/{rider_id}/hosts",  # noqa: FAST003 - ThisRider takes it
    summary="Which apps have the account",
    responses=documented(401, 403, 422, 503),
)
def apps(having: Having, rider: ThisRider) -> host_models.AppsBody:
    """Those that registered the rider, and those that he allowed."""
    return _apps(having, rider)


@router.post(
    "/riders/{rider_id}/hosts/{host}",  # noqa: FAST003 - ThisRider takes the first
    summary="Allow an app",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def allow_app(having: Having, rider: ThisRider, host: HostName) -> host_models.AppsBody:
    """It may register this key for its own user then, and sees what comes from now on. Safe to repeat."""
    having.hosts.allow_host(rider, host)
    return _apps(having, rider)


@router.post(
    "/riders/{rider_id}/hosts/{host}/end",  # noqa: FAST003 - ThisRider takes the first
    summary="Take the account from an app",
    responses=documented(401, 403, 404, 413, 422, 503),
)
def end_app(having: Having, rider: ThisRider, host: HostName) -> host_models.AppsBody:
    """At once: it sees nothing of this rider any more. Wallet, pass and key stay the rider's."""
    having.hosts.end(rider, host)
    return _apps(having, rider)


# --- for the office ---------------------------------------------------------------------------------------------------


@router.post("/proposals/for/hosts", summary="Propose a host", status_code=201, responses=_WRITING)
def propose_host(
    having: Having,
    actor: Annotated[Actor, Depends(Allowed(Right.PROPOSE_HOST))],
    once: OnceOnly,
    body: host_models.HostRequest,
) -> ProposalBody:
    """Its terms from the moment on when another person has approved them. Tokens are made at the backend's machine."""
    it = Host(body.name, body.fa, body.en, tuple(body.origins), scopes_of(body.scopes), body.webhook or "")
    return once.answer(
        having, f"staff:{actor.name}", ProposalBody,
        lambda: proposal_body(having.staff.propose(actor, it, why=body.why, key=once.key)),
    )  # fmt: skip


def _pass(having: Services, user: str, rider: Rider) -> host_models.PassBody:
    units = read_issued(rider.credential).allowance_units
    return host_models.PassBody(
        user=user, credential=rider.credential.hex(), issuer_key=having.riders.issuer_key.hex(),
        allowance_rials=units * ALLOWANCE_UNIT_RIALS,
    )  # fmt: skip


def _topup(user: str, it: models.TopUpBody) -> host_models.HostTopUpBody:
    return host_models.HostTopUpBody(user=user, **it.model_dump())


def _apps(having: Services, rider: Rider) -> host_models.AppsBody:
    return host_models.AppsBody(hosts=[
        host_models.AppBody(host=it.host, fa=host.fa, en=host.en, since_ms=it.since_ms, registered=it.user is not None)
        for it, host in having.hosts.of_rider(rider)
    ])  # fmt: skip
