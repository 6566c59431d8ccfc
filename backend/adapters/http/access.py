"""Who may: bearer tokens of riders and of the staff. Every route asks here, for one right of the table of roles.

Three kinds of routes: open to all, a rider's own (`ThisRider`; `RiderOrGuardian` and `OwnTopUp`,
which his guardians may use, too), and the staff's (`Allowed`).
"""

from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from backend.adapters.http.problems import NotSignedIn
from backend.adapters.http.services import Services
from backend.core.errors import NotAllowed
from backend.core.payments.topup import TopUp
from backend.core.ports import Rider
from backend.core.staff.roles import Actor, Right

_BEARER = HTTPBearer(auto_error=False, bearerFormat="token", description="A rider's token, or a staff person's.")
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


class Allowed:
    """A dependency: somebody of the staff whose role has this right. Raises NotSignedIn, NotAllowed."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, having: Having, token: Token) -> Actor:
        """Who it is."""
        actor = having.staff.actor(token)
        if actor is None:
            raise NotAllowed("this is for the staff", fix="use your own token, as `savar staff add` gave it to you")
        having.staff.allow(actor, self.right)
        return actor


def open_to_all() -> None:
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
