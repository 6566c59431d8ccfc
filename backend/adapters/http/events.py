"""A live subscription as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from backend.core.api import Subscription

_HEARTBEAT = b": quiet\n\n"
_END_S = 1.0
_BEGIN = b"retry: 2000\n\n"  # milliseconds until a browser reconnects


class EventStream(StreamingResponse):
    """Ends with its subscription, also while the browser takes no more bytes, and always closes it."""

    media_type = "text/event-stream"

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        super().__init__(_frames(subscription), headers={"X-Accel-Buffering": "no"}, media_type=self.media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the browser leaves or the subscription ends."""
        streaming = asyncio.create_task(super().__call__(scope, receive, send))
        ended = asyncio.create_task(self._subscription.ended())
        try:
            await asyncio.wait({streaming, ended}, return_when=asyncio.FIRST_COMPLETED)
            # A browser that reads gets its proper end; one that does not is left waiting in `send` and is cancelled.
            await asyncio.wait({streaming}, timeout=_END_S)
        finally:
            self._subscription.close()
            streaming.cancel()
            ended.cancel()
            await asyncio.wait({streaming, ended})
        if not streaming.cancelled():
            await streaming


async def _frames(subscription: Subscription) -> AsyncIterator[bytes]:
    yield _BEGIN
    async for event in subscription:
        yield _HEARTBEAT if event is None else f"event: {event.kind}\ndata: {event.json}\n\n".encode()
