"""Zarinpal's face over a provider's books, API v4 as it is documented (`backend.adapters.payments.zarinpal`)."""

from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.payments.answers import CALLBACK_WAIT_S, answer, call_back
from simulators.payments.books import Books, Payment

OK, AGAIN, OTHER_AMOUNT, NOT_PAID, NOT_YOURS, UNKNOWN, WRONG_MERCHANT = 100, 101, -50, -51, -53, -54, -11
NOT_SUCCESSFUL = -61
_STATUS = {"asked": "IN_BANK", "failed": "FAILED", "paid": "PAID", "verified": "VERIFIED", "reversed": "REVERSED"}


class Merchant(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")
    merchant_id: str


class PaymentRequest(Merchant):
    """What a merchant asks for; rials."""

    amount: int = Field(gt=0)
    currency: str = Field(pattern="^IRR$")
    callback_url: str
    description: str


class Named(Merchant):
    """Which payment."""

    authority: str


class PaymentCheck(Named):
    """What a merchant wants verified."""

    amount: int


def said(code: int, **data: object) -> dict[str, Any]:
    """An answer as it is documented: below zero under `errors`."""
    if code < 0:
        return {"data": [], "errors": {"code": code, "message": "refused", "validations": []}}
    return {"data": {"code": code, "message": "Success", **data}, "errors": []}


class Desk:
    """What it answers to each call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def _find(self, asked: Named) -> Payment | int:
        if asked.merchant_id != self._books.merchant:
            return NOT_YOURS
        return self._books.find(token=asked.authority) or UNKNOWN

    def request(self, asked: PaymentRequest) -> dict[str, Any]:
        """Note a payment to come."""
        if asked.merchant_id != self._books.merchant:
            return said(WRONG_MERCHANT)
        return said(OK, authority=self._books.ask(asked.amount, asked.callback_url).token, fee=0)

    def verify(self, check: PaymentCheck) -> dict[str, Any]:
        """Hand a paid payment over, once; later calls say that it was."""
        it = self._find(check)
        if isinstance(it, int):
            return said(it)
        if it.state not in ("paid", "verified"):
            return said(NOT_PAID)
        before = self._books.verify(it.token, check.amount)
        return said(OTHER_AMOUNT) if before is None else said(AGAIN if before else OK, ref_id=it.number, fee=0)

    def inquiry(self, asked: Named) -> dict[str, Any]:
        """How it stands."""
        it = self._find(asked)
        return said(it) if isinstance(it, int) else said(OK, status=_STATUS[it.state])

    def unverified(self, asked: Merchant) -> dict[str, Any]:
        """What is paid and nobody has verified."""
        if asked.merchant_id != self._books.merchant:
            return said(WRONG_MERCHANT)
        held = self._books.unverified()
        return said(OK, authorities=[
            {"authority": it.token, "amount": it.paid_rials, "callback_url": it.callback_url, "referer": "", "date": ""}
            for it in held
        ])  # fmt: skip

    def reverse(self, asked: Named) -> dict[str, Any]:
        """Give it back."""
        it = self._find(asked)
        if isinstance(it, int):
            return said(it)
        return said(OK) if self._books.reverse(it.token) else said(NOT_SUCCESSFUL)


def make_zarinpal(books: Books) -> FastAPI:
    """Its HTTP face."""
    app = FastAPI(title="simulated Zarinpal", openapi_url=None)
    desk = Desk(books)

    @app.post("/pg/v4/payment/request.json")
    def request(asked: PaymentRequest) -> Response:
        return answer(books, lambda: desk.request(asked))

    @app.post("/pg/v4/payment/verify.json")
    def verify(check: PaymentCheck) -> Response:
        return answer(books, lambda: desk.verify(check))

    @app.post("/pg/v4/payment/inquiry.json")
    def inquiry(asked: Named) -> Response:
        return answer(books, lambda: desk.inquiry(asked))

    @app.post("/pg/v4/payment/unVerified.json")
    def unverified(asked: Merchant) -> Response:
        return answer(books, lambda: desk.unverified(asked))

    @app.post("/pg/v4/payment/reverse.json")
    def reverse(asked: Named) -> Response:
        return answer(books, lambda: desk.reverse(asked))

    @app.get("/pg/StartPay/{authority}")
    def start_pay(authority: str) -> Response:
        return _paid(books.pay(authority))

    @app.get("/statement.csv")
    def statement() -> Response:
        return PlainTextResponse(books.statement(), media_type="text/csv")

    return app


def _paid(it: Payment | None) -> Response:
    """Where the rider's browser goes from the bank."""
    if it is None:
        return PlainTextResponse("no such payment", status_code=404)
    if it.fate.no_callback:
        return PlainTextResponse("paid; the way back is lost")
    onward = f"{it.callback_url}?{urlencode({'Authority': it.token, 'Status': 'NOK' if it.failed else 'OK'})}"
    if it.fate.double_callback:
        call_back(lambda: httpx.get(onward, trust_env=False, timeout=CALLBACK_WAIT_S))
    return RedirectResponse(onward)
