"""Routes that anybody on the network may see: health, the status page and what feeds it. No rider is in them."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi import Path as UrlPath
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse

from backend.adapters.http import bodies, models
from backend.adapters.http.access import Having, open_to_all
from backend.adapters.http.events import EventStream
from backend.adapters.http.problems import documented
from backend.adapters.http.registration_models import TimeBody
from backend.core import limits
from backend.core.errors import NotFound
from protocol.limits import TIME_NONCE_BYTES

Digest = Annotated[str, UrlPath(pattern="^[0-9a-f]{64}$", description="SHA-256, 64 hex digits.")]
Nonce = Annotated[
    str, Query(pattern=f"^[0-9a-f]{{{2 * TIME_NONCE_BYTES}}}$", description="Random, never used before; hex.")
]
STATIC = Path(__file__).parents[2] / "static"
router = APIRouter(tags=["open"], dependencies=[Depends(open_to_all)])


@router.get("/healthz", summary="Whether the backend serves", responses=documented(503))
def healthz(having: Having) -> models.HealthBody:
    """ok when the ledger can be read."""
    having.store.counts()
    return models.HealthBody(status="ok")


@router.get("/v1/time", summary="The time, signed", responses=documented(422, 503))
def time(having: Having, nonce: Nonce) -> TimeBody:
    """Over 16 random bytes of yours, so that nobody can tell it again: a phone set wrong shows right codes by it."""
    told = having.riders.tell_time(bytes.fromhex(nonce))
    return TimeBody(time_ms=told.time_ms, signature=told.signature.hex())


@router.get("/", summary="The status page", response_class=HTMLResponse, responses=documented())
def page() -> FileResponse:
    """Boardings as they arrive, counts, devices and alarms, in Persian and English."""
    return FileResponse(STATIC / "status.html", media_type="text/html")


@router.get(
    "/v",
    summary="Where a bus's code leads any camera app",
    status_code=307,
    response_class=RedirectResponse,
    responses=documented(404) | {307: {"description": "To the passenger's app."}},
)
def scanned(having: Having) -> RedirectResponse:
    """Into the passenger's app; a browser takes along what stands behind `#`, which never comes here."""
    if having.passenger_pages is None:
        raise NotFound("this backend serves no passenger's app", fix="hold your own code before the door")
    return RedirectResponse("passenger/")  # beside it, also under a city's path


@router.get("/v1/status", summary="What the status page begins with", responses=documented(503))
def status(having: Having) -> models.StatusBody:
    """Counts, devices, open alarms, the last taps and the verdict table with its words."""
    return models.StatusBody(
        city=having.city,
        now_ms=having.clock(),
        counts=bodies.counts(having.store.counts()),
        devices=[bodies.device(row) for row in having.store.devices(having.devices())],
        alarms=[bodies.alarm(row) for row in having.store.alarms(open_only=True)],
        taps=[bodies.tap(row) for _, row in having.store.taps(None, limits.STATUS_TAPS)],
        verdicts=bodies.VERDICTS,
    )


@router.get(
    "/bundle/chunks/{digest}",
    summary="A chunk of the bundle",
    response_class=Response,
    responses=documented(404, 422) | {200: {"content": {"application/octet-stream": {}}}},
)
def chunk(having: Having, digest: Digest) -> Response:
    """Its bytes, by its SHA-256. Public, and the same for ever: whoever caches it may keep it."""
    data = having.chunk(bytes.fromhex(digest))
    if data is None:
        raise NotFound("there is no such chunk here", fix="fetch what the newest manifest names")
    headers = {"Cache-Control": f"public, max-age={limits.CHUNK_CACHE_S}, immutable"}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get(
    "/v1/events",
    summary="Live events",
    response_class=StreamingResponse,
    responses=documented(503) | {200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
)
async def events(having: Having) -> EventStream:
    """Server-sent events `boarding`, `alarm` and `counts`; a comment line when quiet. A reader that lags is cut off."""
    return EventStream(having.live.subscribe())
