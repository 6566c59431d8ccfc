"""Errors as problem documents (RFC 9457): one mapping from error families to statuses, one shape for everything.

Rules:
- every refusal and failure, FastAPI's own included, is application/problem+json with type, title, status, detail, fix
  and data;
- what a caller sent is never repeated, and what broke inside is never told: it is in the log.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from backend.adapters.http.security import HEADERS
from backend.core.errors import NotAllowed, NotFound, RequestError, StoreFailed, StoreForeign
from backend.core.payments.statement import BadStatement
from backend.core.staff.errors import BadPasskey, TooManyTries, Unfit
from protocol.errors import BadKey, Fault, SavarError, TooLarge
from transport import http_answers
from transport.http_answers import MEDIA_TYPE, ProblemDocument, fill, nearest_status, words_of

LOG = logging.getLogger(__name__)


class NotSignedIn(NotAllowed):
    """The request carries no bearer token."""


class Unreadable(RequestError):
    """The body is not text in UTF-8."""


# The nearest class of an error's ancestry decides; a family without a row is decided by whose fault it is.
_STATUS: dict[type[SavarError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    RequestError: 409,
    TooLarge: 413,
    Unreadable: 400,
    BadStatement: 422,
    BadKey: 422,
    BadPasskey: 422,
    TooManyTries: 429,
    Unfit: 422,
}
_FAULT_STATUS = {Fault.PEER: 400, Fault.PROOF: 403, Fault.LOCAL: 503, Fault.OPERATOR: 503}
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_HTTP_NAME = {404: "NotFound", 405: "MethodNotAllowed", 413: "ContentTooLarge"}
_HTTP_FIX = {
    403: "prove it with the right key or token",
    404: "look at /openapi.json for what there is",
    405: "look at /openapi.json for what this path answers",
    413: "send less at once",
}
_MEANING = {
    400: "The request breaks the contract.",
    401: "No bearer token.",
    403: "The token or the proof is not good for this.",
    404: "There is no such thing.",
    409: "Understood and refused; `fix` says what would be taken.",
    413: "Too many bytes.",
    422: "A field is wrong; `data.errors` names it.",
    429: "Too many failed, or were asked for, of late; `data.wait_ms` says how long to wait.",
    500: "A defect of ours; it is logged.",
    503: "Something of ours, the payment provider, or who sends messages does not answer; nothing was lost.",
}


class Problem(ProblemDocument):
    """What this API adds: `title`, the error's name in words."""

    title: str


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route for OpenAPI; 500 always."""
    return http_answers.documented({status: _MEANING[status] for status in (*statuses, 500)})


def status_of(error: SavarError) -> int:
    """The HTTP status of a named error."""
    found = nearest_status(error, _STATUS)
    return _FAULT_STATUS[error.fault] if found is None else found


def problem(
    name: str,
    status: int,
    *,
    detail: str,
    fix: str,
    data: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem document. `name` is the error's class name, `NotFound`."""
    title = words_of(name).capitalize()
    document = fill(Problem, name, status, detail=detail, fix=fix, data=data, title=title)
    return JSONResponse(document.model_dump(), status, headers, MEDIA_TYPE)


def _fix_for(status: int) -> str:
    """The next step where the error itself names none: those of the contract do not know who calls."""
    return _HTTP_FIX.get(status, "correct the request")


async def _savar_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SavarError)
    status = status_of(error)
    if error.fault in (Fault.LOCAL, Fault.OPERATOR):
        LOG.error("%s: %s %s", error.name, error, error.data)
    headers = _headers(error, status)
    if isinstance(error, StoreFailed | StoreForeign):  # paths, hosts, a database's words: for the log
        return problem(
            error.name, status, detail="the ledger does not answer", fix="try again in a minute", headers=headers
        )
    return problem(
        error.name, status, detail=error.message, fix=error.fix or _fix_for(status), data=error.data, headers=headers
    )


def _headers(error: SavarError, status: int) -> dict[str, str] | None:
    if isinstance(error, TooManyTries):
        return {"Retry-After": str(-(-error.wait_ms // 1000))}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "60"} if status == 503 else None


async def _validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
    status = 400 if any(one["type"] == "json_invalid" for one in error.errors()) else 422
    return problem(
        "ValidationFailed",
        status,
        detail="; ".join(f"{one['where']}: {one['what']}" for one in found[:3]),
        fix="correct what data.errors names; /openapi.json has every field",
        data={"errors": found},
    )


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """404 and 405 of the router, 413 of a body that grew too large."""
    assert isinstance(error, HTTPException)
    name = _HTTP_NAME.get(error.status_code, "HttpError")
    headers = error.headers
    if error.status_code == 405 and (allowed := _methods(request)):
        headers = {**(headers or {}), "Allow": ", ".join(allowed)}
    return problem(name, error.status_code, detail=error.detail, fix=_fix_for(error.status_code), headers=headers)


def _methods(request: Request) -> list[str]:
    """Every method that some route answers at this path: the router names those of the first route alone."""
    return sorted(
        method for method in _METHODS
        if any(it.matches({**request.scope, "method": method})[0] is Match.FULL for it in request.app.router.routes)
    )  # fmt: skip


async def _defect(_request: Request, _error: Exception) -> JSONResponse:
    """Anything unnamed: a defect. Starlette raises it again for the log; the caller learns nothing of our inside."""
    return problem(
        "InternalError",
        500,
        detail="a defect of ours; it is logged",
        fix="try again; if it stays, tell operations",
        headers=HEADERS,
    )


def install(app: FastAPI) -> None:
    """Answer every error of the app as a problem document."""
    app.add_exception_handler(SavarError, _savar_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)
