"""A bank's gateway in the shape of Saman's (SEP, sep.shaparak.ir): token, redirect, receipt, verify, reverse.

    POST /onlinepg/onlinepg              {action: "token", TerminalId, Amount, ResNum, RedirectUrl} → {status: 1, token}
    GET  /OnlinePG/SendToken?token=…     the rider pays; then a form is posted to RedirectUrl: State, Status, RefNum,
                                         ResNum, Token, RRN, TraceNo, Amount, …
    and, all under /verifyTxnRandomSessionkey:
    POST /api/v2/ipg/payment/receipt     {TerminalNumber, Token} → Data {Status, RefNum, ResNum, Amount}
    POST /ipg/VerifyTransaction          {TerminalNumber, RefNum} → ResultCode, TransactionDetail
    POST /ipg/ReverseTransaction         the same; within 50 minutes

Rules:
- the bank verifies a RefNum as often as it is asked, for whoever names it: which top-up it pays, the merchant has to
  know. So no RefNum is taken from a browser: we ask the bank for the one of our own token, and hold its ResNum against
  the top-up; the ledger takes each RefNum once;
- ResultCode 0 (verified) and 2 (verified before) are success, if the amount (`OrginalAmount`, as it is spelt) is ours;
- 5: went back. -6: more than half an hour old, then the bank gives back what nobody verified, and does not say whether
  somebody had. -2: no such payment. Any other (-104 to -106 of the terminal and our address) says nothing of this one;
- it has no list of what is not verified; amounts are whole rials.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from backend.adapters.payments.wire import Wire, is_token, odd, unsaid, whole
from backend.core import limits
from backend.core.errors import ProviderRefused
from backend.core.payments.port import Found, Payment, Says

_VERIFY: Final = "/verifyTxnRandomSessionkey/ipg"
_RECEIPT: Final = "/verifyTxnRandomSessionkey/api/v2/ipg/payment/receipt"
_DIGITS_MAX: Final = 18  # whatever money there is; more is no amount
DONE: Final = 0
DONE_BEFORE: Final = 2
VERIFIES: Final[Mapping[int, Says]] = {
    DONE: Says.PAID, DONE_BEFORE: Says.PAID, 5: Says.REVERSED, -6: Says.TOO_LATE, -2: Says.STRANGER,
}  # fmt: skip
STATUSES: Final[Mapping[int, Says]] = {0: Says.WAITING, 1: Says.NOT_PAID, 2: Says.HELD, 3: Says.NOT_PAID}
NO_TOKEN: Final = 10  # "TokenNotFound"
NO_PAYMENT: Final = -2  # nobody has paid by this token


class BankGateway:
    """Implements `PaymentProvider`; safe to call from several threads. `terminal`: the number that the bank gave us."""

    def __init__(self, base_url: str, terminal: str, timeout_s: float = limits.PROVIDER_TIMEOUT_S) -> None:
        self._terminal = int(terminal)
        self._wire = Wire(base_url, timeout_s)

    def request(self, *, topup_id: str, rials: int, callback_url: str, description: str) -> str:  # noqa: ARG002
        """Ask for a payment → the bank's token. Raises ProviderRefused, ProviderUnknown."""
        status, answer = self._wire.post(
            "/onlinepg/onlinepg",
            {
                "action": "token", "TerminalId": str(self._terminal), "Amount": rials, "ResNum": topup_id,
                "RedirectUrl": callback_url,
            },
        )  # fmt: skip
        if whole(answer.get("status")) == -1:
            raise ProviderRefused(
                "the bank refuses this payment", fix="try another amount, or later",
                code=str(answer.get("errorCode"))[:8],
            )  # fmt: skip
        token = answer.get("token")
        if whole(answer.get("status")) != 1 or not is_token(token):
            raise odd(status)
        return str(token)

    def pay_url(self, authority: str) -> str:
        """Where the rider pays."""
        return f"{self._wire.base}/OnlinePG/SendToken?{urlencode({'token': authority})}"

    def inquire(self, payment: Payment) -> Found:
        """The receipt of our token: how it stands, and the RefNum. Raises ProviderUnknown."""
        status, answer = self._wire.post(_RECEIPT, {"TerminalNumber": self._terminal, "Token": payment.authority})
        if answer.get("HasError") is True:
            code = whole(answer.get("ErrorCode"))
            if code in (NO_TOKEN, NO_PAYMENT):
                return Found(Says.STRANGER if code == NO_TOKEN else Says.NOT_PAID)
            raise unsaid(code)
        data = answer.get("Data")
        says = _status(data.get("Status")) if isinstance(data, dict) else None
        if not isinstance(data, dict) or says is None or answer.get("HasError") is not False:
            raise odd(status)
        if says is not Says.HELD:
            return Found(says)
        receipt = data.get("RefNum")
        if not isinstance(receipt, str) or not 0 < len(receipt) <= limits.RECEIPT_MAX_CHARS:
            raise odd(status)
        amount = _number(data.get("Amount"))
        if data.get("ResNum") != payment.topup_id or amount is None:
            raise odd(status)
        return Found(says if amount == payment.rials else Says.OTHER_AMOUNT, receipt)

    def verify(self, payment: Payment) -> Says:
        """Confirm it, and hold its amount against ours. Raises ProviderUnknown."""
        code, answer = self._about("VerifyTransaction", payment)
        says = VERIFIES.get(code)
        if says is None:
            raise unsaid(code)
        if says is not Says.PAID:
            return says
        detail = answer.get("TransactionDetail")
        if code == DONE_BEFORE and detail is None:
            return says  # the receipt told the amount
        amount = _number(detail.get("OrginalAmount")) if isinstance(detail, dict) else None
        if not isinstance(detail, dict) or detail.get("RefNum") != payment.receipt or amount is None:
            raise odd(200, code=code)
        return says if amount == payment.rials else Says.OTHER_AMOUNT

    def unverified(self) -> None:
        """The bank has no such list."""

    def reverse(self, payment: Payment) -> Says:
        """Give all of it back. Raises ProviderUnknown."""
        code, _ = self._about("ReverseTransaction", payment)
        if code in (DONE, DONE_BEFORE) or VERIFIES.get(code) is Says.REVERSED:
            return Says.REVERSED
        if code in VERIFIES:
            return Says.KEPT
        raise unsaid(code)

    def statement_key(self, payment: Payment) -> str:
        """Its statements name the RefNum."""
        return payment.receipt

    def close(self) -> None:
        """Close its connections."""
        self._wire.close()

    def _about(self, what: str, payment: Payment) -> tuple[int, dict[str, Any]]:
        """One of the two calls about a RefNum → (ResultCode, the answer)."""
        status, answer = self._wire.post(
            f"{_VERIFY}/{what}", {"RefNum": payment.receipt, "TerminalNumber": self._terminal}
        )
        code = whole(answer.get("ResultCode"))
        if code is None or not 200 <= status < 300 or (code == DONE and answer.get("Success") is not True):
            raise odd(status, code=code)
        return code, answer


def _status(value: object) -> Says | None:
    number = _number(value)
    return None if number is None else STATUSES.get(number)


def _number(value: object) -> int | None:
    """A number as the bank tells it, in JSON as one or as text; None for anything else: that is no other amount."""
    if isinstance(value, str) and len(value) <= _DIGITS_MAX and value.isascii() and value.isdecimal():
        return int(value)
    return whole(value)
