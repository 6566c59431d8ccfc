"""A bank gateway's face over a provider's books, in the shape of Saman's (`backend.adapters.payments.bank_gateway`)."""

from html import escape
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.payments.answers import CALLBACK_WAIT_S, answer, call_back
from simulators.payments.books import Books, Payment

DONE, AGAIN, REVERSED, NO_SUCH, NO_TERMINAL, NO_TOKEN = 0, 2, 5, -2, -105, 10
_STATES = {"asked": (0, "InProgress"), "failed": (3, "Failed")}  # and all others (2, "OK"): it does not tell more
_VERIFY = "/verifyTxnRandomSessionkey/ipg"


class TokenRequest(BaseModel):
    """What a merchant asks for; rials."""

    model_config = ConfigDict(extra="forbid")
    action: str = Field(pattern="^token$")
    TerminalId: str
    Amount: int = Field(gt=0)
    ResNum: str = Field(max_length=50)
    RedirectUrl: str


class Receipt(BaseModel):
    """Which payment, by its token."""

    model_config = ConfigDict(extra="forbid")
    TerminalNumber: int
    Token: str


class Transaction(BaseModel):
    """Which money."""

    model_config = ConfigDict(extra="forbid")
    TerminalNumber: int
    RefNum: str


class Desk:
    """What it answers to each call."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def token(self, asked: TokenRequest) -> dict[str, Any]:
        """Note a payment to come."""
        if asked.TerminalId != self._books.merchant:
            return {"status": -1, "errorCode": "12", "errorDesc": "TerminalNotFound"}
        return {"status": 1, "token": self._books.ask(asked.Amount, asked.RedirectUrl, asked.ResNum).token}

    def receipt(self, asked: Receipt) -> dict[str, Any]:
        """How it stands, by its token; that it went back it does not tell."""
        it = self._books.find(token=asked.Token)
        if it is None or str(asked.TerminalNumber) != self._books.merchant:
            return {"HasError": True, "ErrorCode": NO_TOKEN, "ErrorMessage": "TokenNotFound", "Data": None}
        status, state = _STATES.get(it.state, (2, "OK"))
        paid = {"RefNum": it.ref, "Amount": it.paid_rials, "AffectiveAmount": it.paid_rials} if status == 2 else {}
        data = {"Status": status, "State": state, "Token": it.token, "ResNum": it.order, **paid}
        return {"HasError": False, "ErrorCode": 0, "ErrorMessage": "", "Data": data}

    def verify(self, asked: Transaction) -> dict[str, Any]:
        """Hand a paid payment over; as often as it is asked, for whoever names it."""
        it = self._find(asked)
        if isinstance(it, int):
            return _said(it)
        if it.state == "reversed":
            return _said(REVERSED)
        before = self._books.verify(it.token, it.paid_rials)
        return _said(NO_SUCH) if before is None else _said(AGAIN if before else DONE, it)

    def reverse(self, asked: Transaction) -> dict[str, Any]:
        """Give it back."""
        it = self._find(asked)
        if isinstance(it, int):
            return _said(it)
        if it.state == "reversed":
            return _said(REVERSED)
        return _said(DONE, it) if self._books.reverse(it.token) else _said(NO_SUCH)

    def _find(self, asked: Transaction) -> Payment | int:
        if str(asked.TerminalNumber) != self._books.merchant:
            return NO_TERMINAL
        return self._books.find(ref=asked.RefNum) or NO_SUCH


def _said(code: int, it: Payment | None = None) -> dict[str, Any]:
    detail = None if it is None else {
        "RRN": str(it.number), "RefNum": it.ref, "MaskedPan": "621986****8080", "TerminalNumber": 0,
        "OrginalAmount": it.paid_rials, "AffectiveAmount": it.paid_rials, "StraceNo": str(it.number),
    }  # fmt: skip
    return {
        "TransactionDetail": detail, "ResultCode": code, "ResultDescription": "", "Success": code in (DONE, AGAIN)
    }  # fmt: skip


def form_of(it: Payment) -> dict[str, str]:
    """What the rider's browser carries back."""
    status, state = (3, "Failed") if it.failed else (2, "OK")
    return {
        "State": state, "Status": str(status), "ResNum": it.order, "RefNum": "" if it.failed else it.ref,
        "Token": it.token, "Amount": str(it.paid_rials), "TraceNo": str(it.number),
    }  # fmt: skip


def make_bank(books: Books) -> FastAPI:
    """Its HTTP face."""
    app = FastAPI(title="simulated bank gateway", openapi_url=None)
    desk = Desk(books)

    @app.post("/onlinepg/onlinepg")
    def token(asked: TokenRequest) -> Response:
        return answer(books, lambda: desk.token(asked))

    @app.post("/verifyTxnRandomSessionkey/api/v2/ipg/payment/receipt")
    def receipt(asked: Receipt) -> Response:
        return answer(books, lambda: desk.receipt(asked))

    @app.post(f"{_VERIFY}/VerifyTransaction")
    def verify(asked: Transaction) -> Response:
        return answer(books, lambda: desk.verify(asked))

    @app.post(f"{_VERIFY}/ReverseTransaction")
    def reverse(asked: Transaction) -> Response:
        return answer(books, lambda: desk.reverse(asked))

    @app.get("/OnlinePG/SendToken")
    def send_token(token: str) -> Response:
        it = books.pay(token)
        if it is None:
            return PlainTextResponse("no such token", status_code=404)
        if it.fate.no_callback:
            return PlainTextResponse("paid; the way back is lost")
        fields = form_of(it)
        if it.fate.double_callback:
            call_back(lambda: httpx.post(it.callback_url, data=fields, trust_env=False, timeout=CALLBACK_WAIT_S))
        return HTMLResponse(_form(it.callback_url, fields))

    @app.get("/statement.csv")
    def statement() -> Response:
        return PlainTextResponse(books.statement(lambda it: it.ref), media_type="text/csv")

    return app


def _form(url: str, fields: dict[str, str]) -> str:
    """The page that sends the browser on."""
    inputs = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    return f'<form method="post" action="{escape(url)}">{inputs}</form><script>document.forms[0].submit()</script>'
