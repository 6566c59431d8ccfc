"""A bound on every request body. FastAPI's own bound answers in plain text, not with a problem document."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.adapters.http.problems import problem
from backend.core import limits

TOO_LARGE = 413
_LARGER = {"/v1/statements": limits.STATEMENT_BYTES_MAX}
_CLOSE = {"Connection": "close"}  # the rest is not read, so the connection cannot serve another request


class BodyLimit:
    """ASGI middleware: a body that declares too much is not read; one that grows past its limit ends in 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, counting."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = _LARGER.get(scope["path"], limits.REQUEST_BYTES_MAX)
        detail = f"the body is longer than {most} bytes"
        if int(dict(scope["headers"]).get(b"content-length", b"0")) > most:
            refusal = problem("ContentTooLarge", TOO_LARGE, detail=detail, fix="send less at once", headers=_CLOSE)
            await refusal(scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(TOO_LARGE, detail, _CLOSE)
            return message

        await self._app(scope, counting, send)
