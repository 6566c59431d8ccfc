"""What every HTTP answer of ours is made of, at the backend and in a bus: security headers and problem documents.

Rules:
- an answer carries HEADERS and loads nothing from elsewhere (P19); a server may add more of them;
- every refusal and failure is application/problem+json (RFC 9457); `type` is the error's name and stable, `fix` tells a
  person the next step, `data` holds its facts as JSON;
- what a server adds to a document, and how much of what a caller sent it may repeat, is its own: in a bus nothing, for
  it may be a PIN.

It needs no HTTP server: who serves none imports none.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from protocol.errors import SavarError

MEDIA_TYPE = "application/problem+json"
HEADERS: Mapping[str, str] = {
    # Everything from this server and nothing from elsewhere (P19); no frame, no form, no plug-in.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ProblemDocument(BaseModel):
    """RFC 9457 problem document. `type` is stable and safe to compare; `fix` tells a person the next step."""

    model_config = ConfigDict(extra="forbid")
    type: str
    status: int
    detail: str
    fix: str
    data: dict[str, Any]


# As ASGI has them.
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
Document = TypeVar("Document", bound=ProblemDocument)


def words_of(name: str) -> str:
    """An error's class name as words: `NotFound` → "not found"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def fill(
    shape: type[Document],
    name: str,
    status: int,
    /,
    *,
    detail: str,
    fix: str,
    data: Mapping[str, object] | None,
    **own: str,
) -> Document:
    """A document of this shape for the error of this class name; `own`: what the shape adds."""
    facts = {key: _plain(value) for key, value in (data or {}).items()}
    kind = f"urn:savar:problem:{words_of(name).replace(' ', '-')}"
    return shape(type=kind, status=status, detail=detail, fix=fix, data=facts, **own)


def documented(meanings: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, status → meaning, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": meaning, "content": content} for status, meaning in meanings.items()}


def nearest_status(error: SavarError, table: Mapping[type[SavarError], int]) -> int | None:
    """The status of the nearest class of an error's ancestry that has one."""
    return next((table[family] for family in type(error).__mro__ if family in table), None)


def adding(headers: Mapping[str, str], send: Send) -> Send:
    """`send` that adds to an answer what it does not say itself."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            said = list(message.get("headers", ()))
            names = {name.lower() for name, _ in said}
            said += [(name.lower().encode(), value.encode()) for name, value in headers.items()
                     if name.lower().encode() not in names]  # fmt: skip
            message["headers"] = said
        await send(message)

    return sent


class SecurityHeaders:
    """ASGI middleware: these headers on every answer."""

    def __init__(self, app: App, headers: Mapping[str, str] = HEADERS) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass through."""
        await self._app(scope, receive, adding(self._headers, send) if scope["type"] == "http" else send)


def _plain(value: object) -> object:
    """A fact as JSON: bytes as hex, lists and maps through, anything unknown as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | str | None) else str(value)
