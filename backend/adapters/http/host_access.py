"""Who of the hosts asks: every route for them asks for one scope, and every one that changes something for a key."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Path

from backend.adapters.http.access import Having, Token
from backend.adapters.http.models import Model
from backend.adapters.http.once import OnceOnly
from backend.adapters.http.services import Services
from backend.core.errors import NotAllowed
from backend.core.hosts.host import Caller, Scope
from backend.core.staff.errors import Unfit

M = TypeVar("M", bound=Model)
HostedTopUp = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Top-up id, 32 hex digits.")]


class Scoped:
    """A dependency: a host whose token has this scope. Raises NotSignedIn, NotAllowed, TooManyTries."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __call__(self, having: Having, token: Token) -> Caller:
        """Which host it is."""
        caller = having.hosts.caller(token)
        if caller is None:
            raise NotAllowed("this is for hosts", fix="use the host's own token, as it was handed over")
        having.hosts.allow(caller, self.scope)
        return caller


class HostOnce:
    """One request of a host under its key; keys are a user's own."""

    def __init__(self, once: OnceOnly) -> None:
        self._once = once

    def answer(self, having: Services, caller: Caller, user: str, shape: type[M], what: Callable[[], M]) -> M:
        """As `Once.answer`. Raises Unfit without a key: who asks for others asks again when a line breaks."""
        if not self._once.key:
            raise Unfit("this takes a key", fix="send an Idempotency-Key, and the same one again if unsure")
        return self._once.answer(having, f"host:{caller.name}:{user}", shape, what)


OnceByHost = Annotated[HostOnce, Depends(HostOnce)]
