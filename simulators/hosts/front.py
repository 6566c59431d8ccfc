"""What stands before the backend while a host is held against the suite: it notes what was asked, and loses answers.

All but receipts is the backend's own answer. Receipts are told from a list, in pages as the backend makes them, for in
a sandbox nobody rides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import Response

from backend.adapters.http.receipt_routes import ReceiptBody, ReceiptsBody
from backend.core.limits import RECEIPTS_PAGE
from simulators.served import Served

_TIMEOUT_S = 20.0
_PASSED_ON = ("authorization", "idempotency-key", "content-type")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the host, and what it was answered."""

    method: str
    path: str
    key: str
    body: Mapping[str, Any]
    status: int
    answer: Mapping[str, Any]

    @property
    def user(self) -> str:
        """Whom it is about."""
        parts = self.path.split("/")
        return parts[4] if self.path.startswith("/v1/host/riders/") else str(self.body.get("user", ""))


class Front(Served):
    """`backend`: where it passes on. `lose`: answers to come of which the host hears nothing; `slow`: 429s to give."""

    def __init__(self, backend: str, *, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.receipts: dict[str, Sequence[ReceiptBody]] = {}
        self.lose = self.slow = 0
        self._client = httpx.Client(base_url=backend, trust_env=False, timeout=_TIMEOUT_S)
        app = FastAPI()
        app.add_api_route("/{path:path}", self._any, methods=["GET", "POST"])
        super().__init__(app, name="front", what="what stands before the backend", port=port)

    async def _any(self, request: Request) -> Response:
        raw = await request.body()
        body = json.loads(raw) if raw else {}
        path = request.url.path
        headers = {name: value for name, value in request.headers.items() if name in _PASSED_ON}
        if self.slow:
            self.slow -= 1
            self._note(request, body, 429, {})
            return Response(status_code=429, headers={"Retry-After": "1"})
        given = self._client.request(
            request.method, path, params=dict(request.query_params), content=raw, headers=headers
        )
        answer = given.json() if given.content else {}
        if given.status_code == 200 and path.endswith("/receipts"):
            user = path.split("/")[4]
            answer = self._page(user, request.query_params.get("before")).model_dump()
        self._note(request, body, given.status_code, answer)
        if self.lose and request.method == "POST":
            self.lose -= 1
            return Response(status_code=502)
        return Response(json.dumps(answer), given.status_code, media_type=given.headers.get("content-type"))

    def _note(self, request: Request, body: Mapping[str, Any], status: int, answer: Mapping[str, Any]) -> None:
        key = request.headers.get("idempotency-key", "")
        self.asked.append(Asked(request.method, request.url.path, key, body, status, answer))

    def _page(self, user: str, before: str | None) -> ReceiptsBody:
        rows = self.receipts.get(user, ())
        begins = 0 if before is None else int(before.rpartition("/")[2])
        page = rows[begins : begins + RECEIPTS_PAGE]
        ends = begins + len(page)
        more = f"{page[-1].wall_ms}/bus-1-d1/7/{ends}" if page and len(page) == RECEIPTS_PAGE else None
        return ReceiptsBody(receipts=list(page), next=more)

    def stop(self) -> None:
        """End it."""
        super().stop()
        self._client.close()
