"""The server of a small app that is a host as docs/PARTNERS.md has it; and what it is with each of its seeded faults.

Its users are two, told apart by a header, which stands for whatever session a real app has.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.staticfiles import StaticFiles

from protocol.errors import SavarError
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.registrations import registration_payload
from simulators.errors import SimulatorError
from simulators.hosts.sandbox import HandedOver
from simulators.served import Served

SESSION = "x-session"
SESSIONS = ("session-a", "session-b")
_LETTERS = str.maketrans("0123456789", "ghijklmnop")  # no run of digits: it could be somebody's number
_TRIES = 2
_HAMMERS = 5
_OLD_S = 300


class Fault(Enum):
    """One thing that a host's server does wrong."""

    KEY_OF_THE_SERVER = "the server makes the rider's key"
    PROOF_SKIPPED = "a refused registration is told as done"
    USER_FROM_PAGE = "the page says which user it is"
    NO_SESSION = "who has no session is the first user"
    KEY_CHANGED = "a repeated request has another idempotency key"
    ADDRESS_BELIEVED = "amount and status are taken from the client's address"
    USERS_MIXED = "a top-up is found by its id alone"
    CURSOR_DROPPED = "only the first page of receipts is read"
    RECEIPT_TWICE = "a receipt that is told twice is shown twice"
    SIGNATURE_UNCHECKED = "a webhook's signature is not checked"
    REPLAY_ACCEPTED = "an old webhook is taken"
    FIRST_SIGNATURE_ALONE = "of two signatures only the first is looked at"
    OPENED_IN_PAGE = "what opens the backend stands in the page"
    HAMMERS = "who is told to wait asks again at once"


class Refused(SimulatorError):
    """The backend, or this server, says no: an answer on its way to the page."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"refused with {status}", fix="read the answer", status=status)
        self.status, self.body = status, body


@dataclass
class Kept:
    """What this server keeps: of webhooks by their ids, whose top-ups there are, a user's key where it makes one."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)


class ReferenceHost(Served):
    """`pages`: built pages to serve beside it, where there are some."""

    def __init__(
        self, given: HandedOver, *, origin: str = "", faults: frozenset[Fault] = frozenset(), port: int = 0,
        pages: Path | None = None,
    ) -> None:  # fmt: skip
        self._given, self._faults, self._origin = given, faults, origin
        self._client = httpx.Client(base_url=given.backend, trust_env=False, timeout=20)
        self._kept = Kept()
        self._users = {it: f"u-{uuid4().hex.translate(_LETTERS)}" for it in SESSIONS}
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.add_exception_handler(Refused, self._told_no)
        for method, path, does in (
            ("GET", "/savar/", self._page), ("GET", "/savar/challenge", self._challenge),
            ("POST", "/savar/register", self._register), ("GET", "/savar/pass", self._pass),
            ("GET", "/savar/time", self._time), ("GET", "/savar/balance", self._balance),
            ("POST", "/savar/topups", self._topup), ("GET", "/savar/topups/{topup_id}", self._topup_state),
            ("GET", "/savar/receipts", self._receipts), ("POST", "/savar/disputes", self._dispute),
            ("POST", "/savar/webhooks", self._webhook),
        ):  # fmt: skip
            app.add_api_route(path, does, methods=[method], response_model=None)
        if pages is not None:
            app.mount("/", StaticFiles(directory=pages, html=True))
        super().__init__(app, name="reference-host", what="the reference host", port=port)

    def stop(self) -> None:
        """End it."""
        super().stop()
        self._client.close()

    # --- who asks, and the way to the backend -------------------------------------------------------------------------

    def _user(self, request: Request, body: dict[str, Any] | None = None) -> str:
        if Fault.USER_FROM_PAGE in self._faults and body and "user" in body:
            return str(body["user"])
        usual = SESSIONS[0] if Fault.NO_SESSION in self._faults else ""
        found = self._users.get(request.headers.get(SESSION, usual))
        if found is None:
            raise Refused(401, {"detail": "sign in"})
        return found

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, key: str = "", **more: Any) -> Any:
        """The backend's answer; what is lost on the way is asked again under the same key. Raises Refused."""
        headers = {"Authorization": f"Bearer {self._given.token}"}
        tries = _HAMMERS if Fault.HAMMERS in self._faults else _TRIES
        answer = None
        for _ in range(tries):
            key = uuid4().hex if not key or Fault.KEY_CHANGED in self._faults else key
            answer = self._client.request(
                method, path, json=body, headers=headers | {"Idempotency-Key": key}, params=more or None
            )
            waits = answer.status_code == 429 and Fault.HAMMERS in self._faults
            if answer.status_code < 500 and not waits:
                break
        assert answer is not None
        told = answer.json() if answer.content and answer.status_code != 502 else {}
        if answer.status_code >= 400:
            raise Refused(answer.status_code, told)
        return told

    async def _told_no(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return JSONResponse(error.body, 503 if error.status in (429, 502, 503) else error.status)

    # --- what its own page asks ---------------------------------------------------------------------------------------

    async def _page(self) -> Response:
        shown = self._given.token if Fault.OPENED_IN_PAGE in self._faults else ""
        return HTMLResponse(f'<!doctype html><meta name="savar" content="{shown}"><title>Host</title><main></main>')

    async def _challenge(self, request: Request) -> Response:
        self._user(request)
        return JSONResponse({"challenge": self._ask("POST", "/v1/host/challenges")["challenge"]})

    async def _register(self, request: Request) -> Response:
        body = await request.json()
        user = self._user(request, body)
        proven = {name: str(body.get(name, "")) for name in ("public_key", "challenge", "proof")}
        if Fault.KEY_OF_THE_SERVER in self._faults:
            proven = self._own_key(proven)
        try:
            made = self._ask("POST", "/v1/host/riders", proven | {"user": user})
        except Refused:
            if Fault.PROOF_SKIPPED not in self._faults:
                raise
            made = {"credential": "", "issuer_key": "", "allowance_rials": 0}
        return JSONResponse(_pass(made), 201)

    def _own_key(self, proven: dict[str, str]) -> dict[str, str]:
        """A proof by a key that the page has never seen, where the page's own was good."""
        challenge, public = bytes.fromhex(proven["challenge"]), bytes.fromhex(proven["public_key"])
        try:
            VerifyingKey.load(public).verify(
                Purpose.REGISTRATION, registration_payload(challenge, public), bytes.fromhex(proven["proof"])
            )
        except SavarError:
            return proven
        own = SigningKey.from_secret(uuid4().bytes + uuid4().bytes)
        proof = own.sign(Purpose.REGISTRATION, registration_payload(challenge, own.public))
        return proven | {"public_key": own.public.hex(), "proof": proof.hex()}

    async def _pass(self, request: Request) -> Response:
        return JSONResponse(_pass(self._ask("POST", f"/v1/host/riders/{self._user(request)}/pass")))

    async def _time(self, nonce: str) -> Response:
        return JSONResponse(self._ask("GET", "/v1/time", nonce=nonce))

    async def _balance(self, request: Request) -> Response:
        found = self._ask("GET", f"/v1/host/riders/{self._user(request)}/balance")
        return JSONResponse({name: found[name] for name in ("balance_rials", "owes_rials")})

    async def _topup(self, request: Request) -> Response:
        body = await request.json()
        user, key = self._user(request, body), request.headers.get("idempotency-key", "")
        asked = {"amount_rials": body["amount_rials"], "return_url": f"{self._origin or self.url}/savar/"}
        made = self._ask("POST", f"/v1/host/riders/{user}/topups", asked, key)
        self._kept.owners[made["id"]] = user
        return JSONResponse({name: made[name] for name in ("id", "amount_rials", "status", "pay_url")}, 201)

    async def _topup_state(self, request: Request, topup_id: str) -> Response:
        user = self._user(request)
        if Fault.USERS_MIXED in self._faults:
            user = self._kept.owners.get(topup_id, user)
        found = self._ask("GET", f"/v1/host/riders/{user}/topups/{topup_id}")
        told = {name: found[name] for name in ("id", "amount_rials", "status")}
        if Fault.ADDRESS_BELIEVED in self._faults:
            told |= dict(request.query_params)
        return JSONResponse(told)

    async def _receipts(self, request: Request) -> Response:
        user = self._user(request)
        page = self._ask("GET", f"/v1/host/riders/{user}/receipts")
        found = list(page["receipts"])
        while page["next"] and Fault.CURSOR_DROPPED not in self._faults:
            page = self._ask("GET", f"/v1/host/riders/{user}/receipts", before=page["next"])
            found += page["receipts"]
        if Fault.RECEIPT_TWICE in self._faults:
            found = [*(it for it in self._kept.told if it.get("user") == user), *found]
        return JSONResponse({"receipts": found})

    async def _dispute(self, request: Request) -> Response:
        body = await request.json()
        user = self._user(request, body)
        asked = {name: body[name] for name in ("tap", "reason", "words") if name in body}
        made = self._ask("POST", f"/v1/host/riders/{user}/disputes", asked, request.headers.get("idempotency-key", ""))
        return JSONResponse(made, 201)

    # --- what we are told ---------------------------------------------------------------------------------------------

    async def _webhook(self, request: Request) -> Response:
        body, headers = await request.body(), dict(request.headers)
        try:
            self._verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            raise Refused(401, {"detail": "not signed by us, or old"}) from error
        told = json.loads(body)
        if headers["webhook-id"] not in self._kept.events or Fault.RECEIPT_TWICE in self._faults:
            self._kept.events[headers["webhook-id"]] = told
            if told["type"] == "receipt.changed":
                self._kept.told.append(told["data"])
        return Response(status_code=204)

    def _verify(self, body: bytes, headers: dict[str, str]) -> None:
        """Raises WebhookVerificationError, ValueError."""
        if Fault.SIGNATURE_UNCHECKED in self._faults:
            if abs(time.time() - float(headers.get("webhook-timestamp", "0"))) > _OLD_S:
                raise ValueError("old")
            return
        if Fault.REPLAY_ACCEPTED in self._faults:
            at = datetime.fromtimestamp(float(headers.get("webhook-timestamp", "0")), UTC)
            good = Webhook(self._given.secret).sign(headers.get("webhook-id", ""), at, body.decode())
            if good not in headers.get("webhook-signature", "").split(" "):
                raise ValueError("not signed by us")
            return
        if Fault.FIRST_SIGNATURE_ALONE in self._faults:
            headers = headers | {"webhook-signature": headers["webhook-signature"].split(" ")[0]}
        Webhook(self._given.secret).verify(body, headers)


def _pass(made: dict[str, Any]) -> dict[str, Any]:
    return {name: made[name] for name in ("credential", "issuer_key", "allowance_rials")}
