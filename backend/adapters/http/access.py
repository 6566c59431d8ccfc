"""Who may: bearer tokens of riders and of operations."""

import hmac
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from backend.adapters.http.problems import NotSignedIn
from backend.adapters.http.services import Services
from backend.core.errors import NotAllowed
from backend.core.payments.topup import TopUp
from backend.core.ports import Rider

_BEARER = HTTPBearer(auto_error=False, bearerFormat="token", description="A rider's or the operations token.")
_SIGN_IN = "send `Authorization: Bearer TOKEN`"

RiderId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Credential id, 16 hex digits.")]
TopUpId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Top-up id, 32 hex digits.")]


def services(request: Request) -> Services:
    """What the app was made with."""
    found: Services = request.app.state.services
    return found


Having = Annotated[Services, Depends(services)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def bearer_token(bearer: Bearer) -> str:
    """The bearer token. Raises NotSignedIn."""
    if bearer is None:
        raise NotSignedIn("this needs a bearer token", fix=_SIGN_IN)
    return bearer.credentials


Token = Annotated[str, Depends(bearer_token)]


def _is_ops(having: Services, token: str) -> bool:
    return hmac.compare_digest(sha256(token.encode()).digest(), having.ops_token_hash)


def ops_only(having: Having, token: Token) -> None:
    """Return for the operations token. Raises NotSignedIn, NotAllowed."""
    if not _is_ops(having, token):
        raise NotAllowed("this is for operations", fix="use the operations token (keys/ops.token)")


def is_staff(having: Having, bearer: Bearer) -> bool:
    """Whether the operations token came along. Raises NotAllowed for a token that is another one."""
    if bearer is None:
        return False
    if not _is_ops(having, bearer.credentials):
        raise NotAllowed("this token is not the operations token", fix="register without a token, or with that one")
    return True


def this_rider(having: Having, rider_id: RiderId, token: Token) -> Rider:
    """The rider of the path, proven by token. Raises NotSignedIn, NotAllowed."""
    return having.riders.authenticate(bytes.fromhex(rider_id), token)


def own_topup(having: Having, topup_id: TopUpId, token: Token) -> TopUp:
    """The top-up of the path, for its rider. Raises NotSignedIn, and NotAllowed for another's and for none alike."""
    topup = having.store.topup(topup_id)
    if topup is None:
        raise NotAllowed("the token is not for this top-up", fix="use the token of the rider who started it")
    having.riders.authenticate(topup.credential_id, token)
    return topup


ThisRider = Annotated[Rider, Depends(this_rider)]
OwnTopUp = Annotated[TopUp, Depends(own_topup)]
