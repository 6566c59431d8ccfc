"""Errors of the on-board API as problem documents (RFC 9457): `type` names the error, `fix` the next step.

What a caller sent is never repeated: it may be a PIN.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from edge.core.errors import (
    BadgeRefused,
    BadgeWanted,
    DriverError,
    LocalError,
    NoSuchDoor,
    NotSignedIn,
    PinWait,
    PinWanted,
    TooManyPages,
    WrongPin,
)
from protocol.errors import SavarError
from transport import http_answers
from transport.http_answers import MEDIA_TYPE, ProblemDocument, fill, nearest_status

log = logging.getLogger(__name__)
# The nearest class of an error's ancestry decides.
_STATUS: dict[type[SavarError], int] = {
    WrongPin: 403,
    BadgeRefused: 403,
    PinWanted: 403,
    BadgeWanted: 403,
    PinWait: 429,
    NotSignedIn: 401,
    NoSuchDoor: 404,
    TooManyPages: 503,
    DriverError: 409,
    LocalError: 503,
}


class Problem(ProblemDocument):
    """What this API adds: `name`, the error's class: what a page finds its own words by."""

    name: str


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for OpenAPI."""
    return http_answers.documented(dict.fromkeys(statuses, "Refused or failed; `fix` says what next."))


def problem(name: str, status: int, *, detail: str, fix: str, data: Mapping[str, object] | None = None) -> JSONResponse:
    """One problem document."""
    document = fill(Problem, name, status, detail=detail, fix=fix, data=data, name=name)
    return JSONResponse(document.model_dump(), status, media_type=MEDIA_TYPE)


async def _savar_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SavarError)
    status = nearest_status(error, _STATUS) or 400
    if status == 503:
        log.error("%s: %s %s", error.name, error, error.data)
    return problem(error.name, status, detail=error.message, fix=error.fix or "call the control room", data=error.data)


async def _validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    where = ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors()[:3])
    return problem("ValidationFailed", 422, detail=f"wrong: {where}", fix="see /openapi.json")


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem("HttpError", error.status_code, detail=error.detail, fix="see /openapi.json")


def install(app: FastAPI) -> None:
    """Answer every named error of the app as a problem document, and put its schema into the API's document."""
    app.add_exception_handler(SavarError, _savar_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http_error)
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
