"""Who may: bearer tokens of riders and of the staff, and the staff's sessions. Every route asks for one right.

Three kinds of routes: open to all, a rider's own (`ThisRider`; `RiderOrGuardian` and `OwnTopUp`,
which his guardians may use, too), and the staff's (`Allowed`).

What asks nobody is a coroutine: a plain function of it would wait for a thread of its own, at each request.

A session's cookie counts where no bearer token is sent. Browsers send it by themselves, so whatever changes something
has to come from our own pages (`Origin`). What is of `FRESH` has to bring a passkey's answer to this very request.
"""

import re
from dataclasses import fields
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from backend.adapters.http.problems import NotSignedIn
from backend.adapters.http.services import Services
from backend.adapters.http.sign_in_models import PART, bytes_of
from backend.core.errors import NotAllowed
from backend.core.payments.topup import TopUp
from backend.core.ports import Rider
from backend.core.staff.errors import BadPasskey
from backend.core.staff.roles import Actor, Right
from backend.core.staff.sign_in_ports import SignedIn
from backend.core.staff.signing_in import FRESH, Assertion, act_digest

_BEARER = HTTPBearer(auto_error=False, bearerFormat="token", description="A rider's token, or a staff person's.")
COOKIE = "__Host-savar"  # browsers take this name with Secure, without a domain and for the whole host alone
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, description="A staff person's session.")
_READS = ("GET", "HEAD")
_ASSERTION = "savar-assertion"
_SIGN_IN = "send `Authorization: Bearer TOKEN`"

RiderId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Credential id, 16 hex digits.")]
TopUpId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Top-up id, 32 hex digits.")]


async def services(request: Request) -> Services:
    """What the app was made with."""
    found: Services = request.app.state.services
    return found


Having = Annotated[Services, Depends(services)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def _told(bearer: HTTPAuthorizationCredentials | None) -> str:
    """Raises NotSignedIn."""
    if bearer is None:
        raise NotSignedIn("this needs a bearer token", fix=_SIGN_IN)
    return bearer.credentials


async def bearer_token(bearer: Bearer) -> str:
    """The bearer token. Raises NotSignedIn."""
    return _told(bearer)


Token = Annotated[str, Depends(bearer_token)]


SessionCookie = Annotated[str | None, Depends(_COOKIE)]


def address(request: Request) -> str:
    """Where the caller is, by his connection or what a proxy on this machine says of it."""
    return "" if request.client is None else request.client.host


async def require_origin(having: Having, request: Request) -> None:
    """Return where no browser says that another site's page asks. Raises NotAllowed."""
    origin = request.headers.get("origin")
    if having.sign_in is not None and origin is not None and origin != having.sign_in.origin:
        raise NotAllowed("this is for our own pages", fix=f"open {having.sign_in.origin}/office/")


def signed_in(having: Services, request: Request, cookie: str | None) -> SignedIn | None:
    """Whose session the cookie holds; None without one, or beside a bearer token. Raises NotSignedIn, NotAllowed."""
    if cookie is None or having.sign_in is None or "authorization" in request.headers:
        return None
    who = having.sign_in.of(cookie)
    if who is None:
        raise NotSignedIn("the session is over", fix="sign in again")
    if request.method not in _READS and request.headers.get("origin") != having.sign_in.origin:
        raise NotAllowed("this is for our own pages", fix=f"open {having.sign_in.origin}/office/")
    return who


def session(having: Having, request: Request, cookie: SessionCookie) -> SignedIn | None:
    """`signed_in`, as a dependency."""
    return signed_in(having, request, cookie)


async def answered(request: Request) -> tuple[str | None, bytes]:
    """What a passkey is said to have answered to this request, and which request this is."""
    told = request.headers.get(_ASSERTION)
    if told is None:
        return None, b""
    query = request.url.query
    target = f"{request.url.path}?{query}" if query else request.url.path
    return told, act_digest(request.method, target, sha256(await request.body()).digest())


def _assertion(told: str) -> Assertion:
    """Raises BadPasskey."""
    parts = told.split(".")
    if len(parts) != len(fields(Assertion)) or not all(re.fullmatch(PART, it) and len(it) % 4 != 1 for it in parts):
        raise BadPasskey(
            "Savar-Assertion is not id.client_data.authenticator_data.signature, each in base64url", fix="send it so"
        )
    return Assertion(*map(bytes_of, parts))


class Allowed:
    """A dependency: somebody of the staff whose role has this right, and a passkey where that takes one.

    Raises NotSignedIn, NotAllowed, and as `SignInDesk.require_fresh`.
    """

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(
        self,
        having: Having,
        bearer: Bearer,
        who: Annotated[SignedIn | None, Depends(session)],
        answer: Annotated[tuple[str | None, bytes], Depends(answered)],
    ) -> Actor:
        """Who it is."""
        actor = having.staff.actor(_told(bearer)) if who is None else who.actor
        if actor is None:
            raise NotAllowed("this is for the staff", fix="use your own token, as `savar staff add` gave it to you")
        having.staff.allow(actor, self.right)
        if self.right in FRESH and having.sign_in is not None:
            told, act = answer
            having.sign_in.require_fresh(actor, who, act, None if told is None else _assertion(told))
        return actor


async def open_to_all() -> None:
    """A dependency that says so: what anybody on the network may see."""


def this_rider(having: Having, rider_id: RiderId, token: Token) -> Rider:
    """The rider of the path, proven by his own token; a guardian is told so. Raises NotSignedIn, NotAllowed."""
    return having.guardians.himself(bytes.fromhex(rider_id), token)


def rider_or_guardian(having: Having, rider_id: RiderId, token: Token) -> Rider:
    """The rider of the path, proven by his own token or one of his guardians'. Raises NotSignedIn, NotAllowed."""
    return having.guardians.acting_for(bytes.fromhex(rider_id), token)


def own_topup(having: Having, topup_id: TopUpId, token: Token) -> TopUp:
    """The top-up of the path, for rider and guardians. Raises NotSignedIn, NotAllowed for another's and for none."""
    topup = having.store.topup(topup_id)
    if topup is None:
        raise NotAllowed("the token is not for this top-up", fix="use the token of the rider who started it")
    having.guardians.acting_for(topup.credential_id, token)
    return topup


ThisRider = Annotated[Rider, Depends(this_rider)]
# What a guardian may do is what asks for this.
RiderOrGuardian = Annotated[Rider, Depends(rider_or_guardian)]
OwnTopUp = Annotated[TopUp, Depends(own_topup)]
