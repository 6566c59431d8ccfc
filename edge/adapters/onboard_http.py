"""The on-board HTTP API and its pages, by FastAPI: for the driver's terminal and the riders' panels, in the bus only.

    GET  /v1/state, /v1/live                  the whole state, once and as server-sent events
    GET  /v1/lines                            every line that the bus may serve
    GET  /v1/doors/{door}, …/live             a rider's panel
    POST /v1/sign-in, /v1/serve, …            the driver's acts; the token travels in a cookie no script can read
    GET  /                                    the built pages

Rules: nothing is decided here; every state is sent whole, so a page that missed one has lost nothing; a page of another
origin can neither read nor order (same-site cookie, JSON bodies, no CORS).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Cookie, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator
from starlette.responses import StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.adapters.onboard_problems import documented, install, problem
from edge.core.desk import REPORTS
from edge.core.errors import NoSuchDoor, PagesMissing
from edge.core.limits import PROXY_PERSONS_MAX, TERMINAL_BEAT_S, TERMINAL_BODY_MAX_BYTES
from edge.core.lines import LineView
from edge.core.onboard import OnBoard, PanelView, View
from edge.core.ports import Clock
from protocol import limits
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import Instant
from transport.http_answers import HEADERS, adding

COOKIE = "savar-driver"
_BADGE_MAX_CHARS = 200  # a badge with the longest number is 109 bytes: 168 characters
_STRICT = ConfigDict(extra="forbid", frozen=True)
_VIEW, _PANEL = TypeAdapter(View), TypeAdapter(PanelView)
router = APIRouter(prefix="/v1")
_REFUSALS = documented(401, 409, 422, 503)
_ASKED: dict[int | str, dict[str, Any]] = {202: {"description": "The other door is asked; its record will say so."}}


class SignIn(BaseModel):
    """Who, and by what: PIN, badge (the text of its code), a badge that the door's camera has just read.

    Never logged, never repeated.
    """

    model_config = _STRICT
    number: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,32}$")
    pin: str | None = Field(
        default=None, min_length=limits.PIN_MIN_DIGITS, max_length=limits.PIN_MAX_DIGITS, repr=False
    )
    badge: str | None = Field(default=None, min_length=1, max_length=_BADGE_MAX_CHARS, repr=False)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.number is None and self.badge is None:
            raise ValueError("a number or a badge says who signs in")
        return self


class Line(BaseModel):
    """A line of the bus's list and a direction of it."""

    model_config = _STRICT
    route: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    direction: int = Field(ge=0, le=1)


class FreeRideOrder(BaseModel):
    """Why everybody rides free; null ends it."""

    model_config = _STRICT
    cause: FreeCause | None


class ProxyOrder(BaseModel):
    """How many ride besides the one whom the driver boards."""

    model_config = _STRICT
    companions: int = Field(ge=0, lt=PROXY_PERSONS_MAX)


class AnnulOrder(BaseModel):
    """Which boarding is taken back, and why."""

    model_config = _STRICT
    door: int = Field(ge=0, le=255)
    sequence: int = Field(ge=1, le=limits.INT63_MAX)
    reason: AnnulReason


class Report(BaseModel):
    """What happened: SOS, or an incident."""

    model_config = _STRICT
    kind: EventKind

    @field_validator("kind")
    @classmethod
    def _reported(cls, kind: EventKind) -> EventKind:
        if kind not in REPORTS:
            raise ValueError("a free ride begins and ends by its own order")
        return kind


class _Asked:
    """What a request needs of its app: the bus, the time, and the token of who asks."""

    def __init__(self, request: Request, token: Annotated[str, Cookie(alias=COOKIE)] = "") -> None:
        self.bus: OnBoard = request.app.state.bus
        self.clock: Clock = request.app.state.clock
        self.token = token
        self.here = _same_device(request)

    @property
    def now(self) -> Instant:
        """Read once per request."""
        return self.clock.read()


def _same_device(request: Request) -> bool:
    """Whether the page runs on this device: it comes over loopback, or from the very address that it calls."""
    server = request.scope.get("server")
    if request.client is None:
        return False
    try:
        called_from = ip_address(request.client.host)
    except ValueError:  # no address: a test's caller
        return False
    return called_from.is_loopback or (server is not None and request.client.host == server[0])


Asked = Annotated[_Asked, Depends()]


@router.get("/state")
def state(asked: Asked) -> View:
    """The whole state."""
    return asked.bus.view(asked.token, asked.now, here=asked.here)


@router.get("/live", response_class=StreamingResponse)
async def live(asked: Asked) -> StreamingResponse:
    """The whole state after every change and every few seconds; each event's data is what /v1/state answers."""
    return _stream(asked, lambda: _VIEW.dump_json(asked.bus.view(asked.token, asked.now, here=asked.here)))


@router.get("/lines")
def lines(asked: Asked) -> tuple[LineView, ...]:
    """Every line that this bus may serve: for the screen that chooses one. The likely ones stand in the state."""
    return asked.bus.lines()


@router.get("/doors/{door}", responses=documented(404))
def panel(door: int, asked: Asked) -> PanelView:
    """The rider's panel of a door."""
    return _panel(asked, door)


@router.get("/doors/{door}/live", response_class=StreamingResponse, responses=documented(404))
async def panel_live(door: int, asked: Asked) -> StreamingResponse:
    """The same after every change."""
    _panel(asked, door)
    return _stream(asked, lambda: _PANEL.dump_json(_panel(asked, door)))


def _panel(asked: _Asked, door: int) -> PanelView:
    found = asked.bus.panel(door, asked.now)
    if found is None:
        raise NoSuchDoor("this bus has no such door", fix="correct the panel's address", door=door)
    return found


@router.post("/sign-in", status_code=204, response_class=Response, responses=documented(403, 409, 422, 429, 503))
def sign_in(order: SignIn, asked: Asked) -> Response:
    """Begin a shift, or come back to it. The token comes as a cookie."""
    token = asked.bus.sign_in(order.number or "", order.pin or "", asked.now, code=order.badge or "", here=asked.here)
    answer = Response(status_code=204)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
    return answer


@router.post("/serve", status_code=204, response_class=Response, responses=_REFUSALS)
def serve(order: Line, asked: Asked) -> None:
    """Choose line and direction, for all doors."""
    asked.bus.serve(asked.token, order.route, order.direction, asked.now)


@router.post("/free-ride", status_code=204, response_class=Response, responses=_REFUSALS)
def free_ride(order: FreeRideOrder, asked: Asked) -> None:
    """Begin or end a free ride, at all doors."""
    asked.bus.free_ride(asked.token, order.cause, asked.now)


@router.post("/proxy", status_code=204, response_class=Response, responses=_REFUSALS)
def proxy(order: ProxyOrder, asked: Asked) -> None:
    """Board somebody on the driver's float."""
    asked.bus.proxy(asked.token, order.companions, asked.now)


@router.post("/annul", status_code=204, response_class=Response, responses=_REFUSALS | _ASKED)
def annul(order: AnnulOrder, asked: Asked) -> Response:
    """Take a boarding back. 202: its door is asked, and the state says when it has."""
    done = asked.bus.annul(asked.token, order.door, order.sequence, order.reason, asked.now)
    return Response(status_code=204 if done else 202)


@router.post("/report", status_code=204, response_class=Response, responses=_REFUSALS)
def report(order: Report, asked: Asked) -> None:
    """Report what happened. An SOS needs no driver and no stop."""
    asked.bus.report(asked.token, order.kind, asked.now)


@router.post("/end", status_code=204, response_class=Response, responses=_REFUSALS)
def end(asked: Asked) -> None:
    """End the shift."""
    asked.bus.end(asked.token, asked.now)


@router.post("/leave", status_code=204, response_class=Response, responses=_REFUSALS)
def leave(asked: Asked) -> None:
    """Close the total."""
    asked.bus.leave(asked.token, asked.now)


def _stream(asked: _Asked, data: Callable[[], bytes]) -> StreamingResponse:
    asked.bus.watch(lambda: None, here=asked.here)()  # too many are refused by a status here; later only by silence

    async def events() -> AsyncIterator[bytes]:
        changed, loop = asyncio.Event(), asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(changed.set)

        unwatch = asked.bus.watch(told, here=asked.here)
        try:
            yield b"retry: 1000\n\n"
            while True:
                changed.clear()
                yield b"data: " + data() + b"\n\n"
                try:
                    await asyncio.wait_for(changed.wait(), TERMINAL_BEAT_S)
                except TimeoutError:
                    continue  # the beat: spans in the state have moved on
        finally:
            unwatch()

    return StreamingResponse(events(), media_type="text/event-stream")


class _Guard:
    """ASGI middleware: security headers on every answer, a bound on every body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, or refuse a body that is no order's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = adding(HEADERS, send)
        declared = dict(scope["headers"])
        length = declared.get(b"content-length", b"0")
        if b"transfer-encoding" in declared or not length.isdigit() or int(length) > TERMINAL_BODY_MAX_BYTES:
            refusal = problem("TooLarge", 413, detail="no order is so long", fix="see /openapi.json")
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _operation_id(route: APIRoute) -> str:
    return route.name


def make_api() -> FastAPI:
    """The API without a bus: enough for its OpenAPI document."""
    app = FastAPI(
        title="Savar on board", version="1", summary="The driver's terminal and the riders' panels of one bus.",
        docs_url=None, redoc_url=None, redirect_slashes=False, generate_unique_id_function=_operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )  # fmt: skip
    app.include_router(router)
    install(app)
    app.add_middleware(_Guard)
    return app


def make_app(bus: OnBoard, clock: Clock, pages: Path, also: APIRouter | None = None) -> FastAPI:
    """The API and the pages over this bus, and routes of who simulates one. Raises PagesMissing."""
    if not (pages / "index.html").is_file():
        raise PagesMissing(f"no pages in {pages}", fix="make web builds them")
    app = make_api()
    app.state.bus, app.state.clock = bus, clock
    if also is not None:
        app.include_router(also)
    app.mount("/", StaticFiles(directory=pages, html=True), name="pages")
    return app
