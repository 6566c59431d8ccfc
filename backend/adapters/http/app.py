"""The FastAPI application: routes, problems, security headers."""

from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from backend.adapters.http import (
    agent_routes,
    card_routes,
    closing_routes,
    concession_routes,
    dispute_routes,
    export_routes,
    grant_routes,
    guardian_routes,
    host_routes,
    money_case_routes,
    open_routes,
    ops_routes,
    own_settlement_routes,
    payout_routes,
    phone_routes,
    problems,
    receipt_routes,
    rider_routes,
    settlement_routes,
    sign_in_routes,
    staff_routes,
    topup_routes,
)
from backend.adapters.http.body_limit import BodyLimit
from backend.adapters.http.security import HEADERS, PASSENGER
from backend.adapters.http.services import Services
from backend.core import limits
from transport.http_answers import SecurityHeaders


def _operation_id(route: APIRoute) -> str:
    """The name of the function is the operation's name."""
    return route.name


def make_app(services: Services) -> FastAPI:
    """The API, the status page, and the pages of office and passengers. Nothing starts before it is served."""
    app = make_api()
    app.state.services = services
    app.state.provider_places = CapacityLimiter(limits.PROVIDER_CALLS_MAX)
    app.state.sms_places = CapacityLimiter(limits.SMS_CALLS_MAX)
    for name, pages, own in (("office", services.office_pages, {}), ("passenger", services.passenger_pages, PASSENGER)):
        if pages is not None:
            files = StaticFiles(directory=pages, html=True, check_dir=False)
            app.mount(f"/{name}", SecurityHeaders(files, headers=own), name=name)
    return app


def make_api() -> FastAPI:
    """The routes and their document, over no services yet."""
    # No /docs: those pages load scripts from a content network (P19). /openapi.json says the same.
    app = FastAPI(
        title="Savar backend",
        version="1",
        summary="Fares by QR code on city buses.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        # Whatever the environment says, requests are told to nobody (P18): their paths name riders.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for routes in (
        phone_routes,
        rider_routes,
        grant_routes,
        receipt_routes,
        concession_routes,
        dispute_routes,
        guardian_routes,
        card_routes,
        agent_routes,
        host_routes,
        closing_routes,
        export_routes,
        topup_routes,
        ops_routes,
        sign_in_routes,
        staff_routes,
        settlement_routes,
        payout_routes,
        money_case_routes,
        own_settlement_routes,
        open_routes,
    ):
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=open_routes.STATIC), name="static")
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, headers=HEADERS)
    _document_problems(app)
    return app


def _document_problems(app: FastAPI) -> None:
    """Put the problem document into the schemas that every route refers to."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = problems.Problem.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which no route answers with
            schemas.pop(name, None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
