"""A payment provider of Zarinpal's shape, on loopback: request, pay page, verify, and a statement of what was paid.

POST /pg/v4/payment/request.json   {merchant_id, amount, currency, callback_url, …} → {data: {code, authority}}
GET  /pg/StartPay/{authority}      pays, and redirects to callback_url?Authority=…&Status=OK
POST /pg/v4/payment/verify.json    {merchant_id, amount, authority} → 100, again 101, -50 other amount, -51 not paid
GET  /statement.csv                authority,amount_rials,paid_at
"""

import csv
import io
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.errors import ProviderNotStarted

OK, AGAIN, OTHER_AMOUNT, NOT_PAID, UNKNOWN, WRONG_MERCHANT = 100, 101, -50, -51, -54, -11
START_WAIT_S = 10.0
CALLBACK_WAIT_S = 5.0


class PaymentRequest(BaseModel):
    """What a merchant asks for; rials."""

    model_config = ConfigDict(extra="forbid")
    merchant_id: str
    amount: int = Field(gt=0)
    currency: str = Field(pattern="^IRR$")
    callback_url: str
    description: str


class PaymentCheck(BaseModel):
    """What a merchant wants verified."""

    model_config = ConfigDict(extra="forbid")
    merchant_id: str
    amount: int
    authority: str


@dataclass(slots=True)
class Payment:
    """One payment at the provider."""

    rials: int
    callback_url: str
    paid_at: datetime | None = None
    verified: bool = False


@dataclass(slots=True)
class Faults:
    """What goes wrong, as chances (0–1) drawn from a seeded generator."""

    unavailable: float = 0.0  # a 503, and nothing was done
    failed_after: float = 0.0  # a 502, and the work was done all the same
    answer_lost: float = 0.0  # the connection ends within the answer, the work was done
    double_callback: float = 0.0  # the provider calls back by itself, before the rider's browser does


class ProviderDesk:
    """The provider's books; its own rules, nothing of ours."""

    def __init__(self, merchant: str, seed: int, faults: Faults, now: Callable[[], datetime]) -> None:
        self._merchant = merchant
        self._rng = Random(f"provider {seed}")  # noqa: S311 - a simulation replays from its seed
        self._now = now
        self._lock = threading.Lock()
        self.faults = faults
        self.payments: dict[str, Payment] = {}

    def fails(self, chance: float) -> bool:
        """Whether a fault of this chance happens now."""
        with self._lock:
            return self._rng.random() < chance

    def request(self, asked: PaymentRequest) -> dict[str, Any]:
        """Note a payment to come."""
        if asked.merchant_id != self._merchant:
            return {"code": WRONG_MERCHANT}
        with self._lock:
            authority = f"A{self._rng.getrandbits(140):035X}"
            self.payments[authority] = Payment(asked.amount, asked.callback_url)
        return {"code": OK, "authority": authority}

    def pay(self, authority: str) -> str | None:
        """The rider pays → where the browser goes next; None for a payment nobody asked for."""
        with self._lock:
            payment = self.payments.get(authority)
            if payment is None:
                return None
            payment.paid_at = payment.paid_at or self._now()
        return f"{payment.callback_url}?{urlencode({'Authority': authority, 'Status': 'OK'})}"

    def verify(self, check: PaymentCheck) -> dict[str, Any]:
        """Hand a paid payment over, once; later calls say that it was."""
        with self._lock:
            payment = self.payments.get(check.authority)
            if payment is None or check.merchant_id != self._merchant:
                return {"code": UNKNOWN}
            if payment.paid_at is None:
                return {"code": NOT_PAID}
            if payment.rials != check.amount:
                return {"code": OTHER_AMOUNT}
            code = AGAIN if payment.verified else OK
            payment.verified = True
        return {"code": code, "ref_id": int(check.authority[1:12], 16)}

    def statement(self) -> str:
        """Everything that was paid, as CSV."""
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(("authority", "amount_rials", "paid_at"))
        with self._lock:
            for authority, payment in self.payments.items():
                if payment.paid_at is not None:
                    rows.writerow((authority, payment.rials, payment.paid_at.isoformat()))
        return out.getvalue()


def make_provider(desk: ProviderDesk) -> FastAPI:
    """The provider's HTTP face."""
    app = FastAPI(title="simulated payment provider", openapi_url=None)

    @app.post("/pg/v4/payment/request.json")
    def request(asked: PaymentRequest) -> Response:
        return _answer(desk, lambda: desk.request(asked))

    @app.post("/pg/v4/payment/verify.json")
    def verify(check: PaymentCheck) -> Response:
        return _answer(desk, lambda: desk.verify(check))

    @app.get("/pg/StartPay/{authority}")
    def start_pay(authority: str) -> Response:
        onward = desk.pay(authority)
        if onward is None:
            return PlainTextResponse("no such payment", status_code=404)
        if desk.fails(desk.faults.double_callback):
            with suppress(httpx.HTTPError):  # a real provider does not care either
                httpx.get(onward, trust_env=False, timeout=CALLBACK_WAIT_S)
        return RedirectResponse(onward)

    @app.get("/statement.csv")
    def statement() -> Response:
        return PlainTextResponse(desk.statement(), media_type="text/csv")

    return app


def _answer(desk: ProviderDesk, work: Callable[[], dict[str, Any]]) -> Response:
    """Do the work and say so, unless a fault comes between."""
    if desk.fails(desk.faults.unavailable):
        return PlainTextResponse("try later", status_code=503)
    data = work()
    if desk.fails(desk.faults.failed_after):
        return PlainTextResponse("bad gateway", status_code=502)
    if desk.fails(desk.faults.answer_lost):
        return Response(b"{", headers={"content-length": "64"})  # uvicorn drops the connection over it
    return JSONResponse({"data": data, "errors": []})


class PaymentServer:
    """The provider on a free loopback port, in a thread."""

    def __init__(
        self, *, merchant: str, seed: int, faults: Faults | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.desk = ProviderDesk(merchant, seed, faults or Faults(), now)
        config = uvicorn.Config(
            make_provider(self.desk), host="127.0.0.1", port=0, log_level="critical", lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="payment-provider", daemon=True)
        self.url = ""

    def start(self) -> None:
        """Return when it answers. Raises ProviderNotStarted."""
        self._thread.start()
        until = time.monotonic() + START_WAIT_S
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise ProviderNotStarted("the simulated payment provider did not start", fix="try again")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def statement(self) -> str:
        """Everything that was paid, as CSV."""
        return self.desk.statement()

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join()
