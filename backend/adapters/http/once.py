"""Idempotency keys: a request that creates or moves something, told again under its key, gets the answer of the first.

As the IETF's draft of the header `Idempotency-Key` has it:
- a key is a caller's own: two callers may use the same one;
- the same key and the same request: the same answer, and nothing is done again; while the first is under way, 409;
- the same key and another request: 422, and nothing is done;
- a request that was refused or failed leaves its key free: what mended it may be asked under it;
- an answer with what somebody may take back is not kept: what is, names it, and it is read anew (`MadeBody`);
- an answer is kept for a day, and of each caller the newest thousand (`limits`).
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request

from backend.adapters.http.models import Model
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.errors import RequestError
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import require_words

M = TypeVar("M", bound=Model)


class KeyReused(Unfit):
    """The idempotency key was used for another request."""


class KeyInUse(RequestError):
    """The first request under this idempotency key has no answer yet."""


class Once:
    """One request: its key, empty if it has none, and the digest of what it asks."""

    def __init__(self, key: str, digest: bytes) -> None:
        self.key, self._digest = key, digest

    def answer(self, having: Services, caller: str, shape: type[M], what: Callable[[], M]) -> M:
        """What `what` gives, or gave when it was asked first. Raises KeyReused, KeyInUse, and as `what` does."""
        if not self.key:
            return what()
        known = having.once.begin_once(caller, self.key, self._digest, having.clock())
        if known is not None:
            if known.digest != self._digest:
                raise KeyReused("this key was used for another request", fix="use a new Idempotency-Key")
            if known.answer is None:
                raise KeyInUse("the first request under this key has no answer yet", fix="ask again in a minute")
            return shape.model_validate_json(known.answer)
        done: M | None = None
        try:
            done = what()
        finally:
            having.once.end_once(caller, self.key, None if done is None else done.model_dump_json())
        return done


async def _once(
    request: Request,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            pattern=rf"^[A-Za-z0-9_-]{{0,{limits.IDEMPOTENCY_KEY_MAX_CHARS}}}$",
            description="Made by the caller, e.g. a UUID: told again with the same body, the same answer comes again.",
        ),
    ] = "",
) -> Once:
    try:
        require_words("Idempotency-Key", key)
    except Unfit as error:
        raise KeyReused(error.message, fix="draw it at random") from error
    body = await request.body()
    asked = b"\n".join((request.method.encode(), request.url.path.encode(), sha256(body).digest()))
    return Once(key, sha256(asked).digest())


OnceOnly = Annotated[Once, Depends(_once)]
