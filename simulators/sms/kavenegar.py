"""Kavenegar's verify/lookup over HTTP as it is documented (`backend.adapters.sms.kavenegar`), and its own truth.

What it really sent is in `messages`, whatever it answered. `misbehave` says what becomes of the next questions:

- `refused-number`, `no-credit`, `no-template`, `wrong-key`, `busy`: a documented code, and nothing is sent;
- `late`: sent, and the answer comes when nobody waits any more; `slow`: sent, and the answer takes its time;
- `lost`: sent, and the connection ends within the answer; `failed-after`: sent, and a 502;
- `odd`: sent, and JSON of another shape; `endless`: sent, and an answer without an end.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from simulators.served import Served

DELAYS_S = {"late": 1.5, "slow": 0.2}  # beyond and within what a test's backend waits
OK, BUSY, NO_NUMBER, NO_KEY, NO_CREDIT, NO_TEMPLATE, NO_PARAMETERS = 200, 409, 411, 403, 418, 424, 400
REFUSALS = {
    "refused-number": NO_NUMBER, "no-credit": NO_CREDIT, "no-template": NO_TEMPLATE, "wrong-key": NO_KEY, "busy": BUSY,
}  # fmt: skip
AFTER_IT_WAS_SENT = ("late", "slow", "lost", "failed-after", "odd", "endless")


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that went out."""

    number: str
    code: str
    template: str


class SmsServer(Served):
    """On a free loopback port, in a thread. `key` and `templates`: what it takes."""

    def __init__(self, *, key: str, templates: tuple[str, ...]) -> None:
        self._key, self._templates = key, templates
        self._lock = threading.Lock()
        self._messages: list[Sent] = []
        self._to_come: deque[str] = deque()
        super().__init__(self._app(), name="sms", what="the simulated sender of messages")

    def misbehave(self, *kinds: str) -> None:
        """Of the next questions, one each; behind them it behaves."""
        for kind in kinds:
            if kind not in REFUSALS and kind not in AFTER_IT_WAS_SENT:
                raise ValueError(kind)
        with self._lock:
            self._to_come.extend(kinds)

    @property
    def messages(self) -> list[Sent]:
        """All that went out, oldest first."""
        with self._lock:
            return [*self._messages]

    def _app(self) -> FastAPI:
        app = FastAPI(title="simulated Kavenegar", openapi_url=None)

        @app.post("/v1/{key}/verify/lookup.json")
        async def lookup(key: str, request: Request) -> Response:
            fields = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            return await anyio.to_thread.run_sync(self._answer, key, fields)

        return app

    def _answer(self, key: str, fields: dict[str, str]) -> Response:
        with self._lock:
            kind = self._to_come.popleft() if self._to_come else ""
        status = REFUSALS.get(kind) or self._wrong(key, fields)
        if status is not None:
            return JSONResponse(_said(status, None), status_code=status)
        it = Sent(fields["receptor"], fields["token"], fields["template"])
        with self._lock:
            self._messages.append(it)
            number = len(self._messages)
        if kind in DELAYS_S:
            time.sleep(DELAYS_S[kind])
        return _spoilt(kind, _said(OK, [_entry(it, number)]))

    def _wrong(self, key: str, fields: dict[str, str]) -> int | None:
        if key != self._key:
            return NO_KEY
        if set(fields) != {"receptor", "token", "template"}:
            return NO_PARAMETERS
        if fields["template"] not in self._templates:
            return NO_TEMPLATE
        return None if fields["receptor"].isdecimal() else NO_NUMBER


def _entry(it: Sent, number: int) -> dict[str, Any]:
    """What it tells of a message."""
    return {
        "messageid": number, "message": f"{it.template}: {it.code}", "status": 5, "statustext": "ارسال به مخابرات",
        "sender": "10004346", "receptor": it.number, "date": 1_790_000_000, "cost": 1_500,
    }  # fmt: skip


def _said(status: int, entries: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {"return": {"status": status, "message": "تایید شد" if status == OK else "انجام نشد"}, "entries": entries}


def _spoilt(kind: str, body: dict[str, Any]) -> Response:
    """The answer behind a message that went out."""
    if kind == "failed-after":
        return PlainTextResponse("bad gateway", status_code=502)
    if kind == "lost":
        return Response(b"{", headers={"content-length": "64"})  # uvicorn drops the connection over it
    if kind == "odd":
        return JSONResponse({"return": {"status": "200"}, "entries": {}})
    if kind == "endless":
        return StreamingResponse(_endless(), media_type="application/json")
    return JSONResponse(body)


def _endless() -> Iterator[bytes]:
    """Until whoever asked has had enough."""
    while True:
        yield b" " * 4_096
