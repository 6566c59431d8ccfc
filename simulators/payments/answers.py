"""How a simulated provider answers, and what may come between the work and the answer."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from simulators.payments.books import Books

STALL_S = 1.5  # longer than the drill's backend waits
CALLBACK_WAIT_S = 5.0


def answer(books: Books, work: Callable[[], dict[str, Any]]) -> Response:
    """Do the work and say so, unless a fault comes between."""
    fault = books.misbehaves()
    if fault == "unavailable":
        return PlainTextResponse("try later", status_code=503)
    body = work()
    if fault == "failed_after":
        return PlainTextResponse("bad gateway", status_code=502)
    if fault == "answer_lost":
        return Response(b"{", headers={"content-length": "64"})  # uvicorn drops the connection over it
    if fault == "stalled":
        time.sleep(STALL_S)
    if fault == "odd":
        return JSONResponse({"data": {"code": "100", "status": 1}, "ResultCode": "0", "status": "1", "Data": []})
    return JSONResponse(body)


def call_back(send: Callable[[], object]) -> None:
    """The provider comes by itself; whether anybody is there, a real one does not care either."""
    with suppress(httpx.HTTPError):
        send()
