"""Routes of signing in: a passkey by an invitation, a session by a passkey, one's sessions, a passkey for one act."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from backend.adapters.http import sign_in_models as models
from backend.adapters.http.access import (
    COOKIE,
    Allowed,
    Having,
    SessionCookie,
    address,
    open_to_all,
    require_origin,
    signed_in,
)
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.adapters.http.staff_models import MeBody
from backend.adapters.http.staff_routes import me_body
from backend.core.errors import Refused
from backend.core.limits import SESSION_IDLE_MS, SESSION_MAX_MS
from backend.core.staff.roles import Actor, Right
from backend.core.staff.sign_in_ports import SignedIn, SignInDesk
from backend.core.staff.signing_in import act_digest

router = APIRouter(prefix="/v1/staff", tags=["signing in"])
OPEN = [Depends(open_to_all), Depends(require_origin)]
_OPEN = documented(400, 403, 409, 413, 422, 429, 503)
_OWN = documented(401, 403, 409, 503)
Self = Annotated[Actor, Depends(Allowed(Right.SEE_ONESELF))]
Address = Annotated[str, Depends(address)]
SessionName = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="As /v1/staff/sessions names it.")]


def _desk(having: Services) -> SignInDesk:
    if having.sign_in is None:
        raise Refused("no passkeys are set up here", fix="name the pages' origin under [passkeys] in backend.toml")
    return having.sign_in


def _session(having: Having, request: Request, cookie: SessionCookie) -> SignedIn:
    """The session that asks. Raises Refused for a token's holder: that one has none."""
    _desk(having)
    who = signed_in(having, request, cookie)
    if who is None:
        raise Refused("a token has no session", fix="sign in with a passkey")
    return who


Mine = Annotated[SignedIn, Depends(_session)]


@router.post("/passkeys/options", summary="Begin a passkey by an invitation", responses=_OPEN, dependencies=OPEN)
def passkey_options(having: Having, where: Address, body: models.CodeRequest) -> models.OptionsBody:
    """Good for five minutes, and for this invitation."""
    return models.OptionsBody(options=_desk(having).options_to_make(body.code, where))


@router.post("/passkeys", summary="Keep a passkey", status_code=201, responses=_OPEN, dependencies=OPEN)
def add_passkey(having: Having, where: Address, body: models.MadeRequest) -> models.PasskeyAddedBody:
    """The invitation is used up with it."""
    return models.PasskeyAddedBody(name=_desk(having).make(body.code, body.made, body.label, where))


@router.post("/sign-in/options", summary="Begin to sign in", responses=_OPEN, dependencies=OPEN)
def sign_in_options(having: Having) -> models.OptionsBody:
    """The same for everybody: whoever has a passkey of this place may answer."""
    return models.OptionsBody(options=_desk(having).options_to_sign_in())


@router.post("/sign-in", summary="Sign in with a passkey", responses=_OPEN, dependencies=OPEN)
def sign_in(
    having: Having, where: Address, body: models.AssertionRequest, answer: Response, cookie: SessionCookie
) -> MeBody:
    """A new session in a cookie that no script reads. A session that the browser had before ends."""
    token, who = _desk(having).sign_in(body.assertion, where, cookie)
    answer.set_cookie(COOKIE, token, max_age=SESSION_MAX_MS // 1000, secure=True, httponly=True, samesite="strict")
    return me_body(who.actor)


@router.get("/sessions", summary="One's own sessions and passkeys", responses=_OWN)
def sessions(having: Having, _: Self, who: Mine) -> models.SessionsBody:
    """Newest first. One ends by itself half an hour after its last use, at `ends_ms` at the latest."""
    desk = _desk(having)
    names = {it.credential_id: it.name for it in desk.passkeys(who)}
    return models.SessionsBody(
        sessions=[
            models.SessionBody(
                session=it.name, passkey=names.get(it.credential_id, ""), began_ms=it.began_ms, seen_ms=it.seen_ms,
                ends_ms=min(it.seen_ms + SESSION_IDLE_MS, it.began_ms + SESSION_MAX_MS),
                current=it.token_hash == who.session.token_hash,
            )
            for it in desk.sessions(who)
        ],
        passkeys=[
            models.PasskeyBody(passkey=it.name, label=it.label, added_ms=it.added_ms) for it in desk.passkeys(who)
        ],
    )  # fmt: skip


@router.post("/sessions/end", summary="Sign out everywhere", responses=_OWN)
def end_sessions(having: Having, _: Self, who: Mine) -> models.EndedBody:
    """All of one's own sessions end, this one too."""
    return models.EndedBody(ended=_desk(having).end(who, None))


@router.post("/sessions/{session}/end", summary="End a session", responses=documented(401, 403, 404, 409, 422, 503))
def end_session(having: Having, _: Self, who: Mine, session: SessionName) -> models.EndedBody:
    """One of one's own: this one, or one that was left open elsewhere."""
    return models.EndedBody(ended=_desk(having).end(who, session))


@router.post(
    "/acts", summary="Begin an act that takes a passkey", responses=documented(400, 401, 403, 409, 413, 422, 503)
)
def act_options(having: Having, _: Self, who: Mine, body: models.ActRequest) -> models.OptionsBody:
    """For this very request, within five minutes: it is sent with the answer as `Savar-Assertion`."""
    act = act_digest(body.method, body.target, bytes.fromhex(body.body_sha256))
    return models.OptionsBody(options=_desk(having).options_to_act(who, act))
