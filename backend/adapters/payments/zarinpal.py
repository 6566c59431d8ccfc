"""Zarinpal, API v4 (zarinpal.com/docs/paymentGateway): request, StartPay, verify, inquiry, unVerified, reverse.

    POST /pg/v4/payment/request.json     {merchant_id, amount, currency, callback_url, description} → 100, authority
    GET  /pg/StartPay/{authority}        the rider pays; then callback_url?Authority=…&Status=OK|NOK
    POST /pg/v4/payment/inquiry.json     {merchant_id, authority} → status PAID, VERIFIED, IN_BANK, FAILED, REVERSED
    POST /pg/v4/payment/verify.json      {merchant_id, amount, authority} → 100, again 101
    POST /pg/v4/payment/unVerified.json  {merchant_id} → authorities [{authority, amount, callback_url, referer, date}]
    POST /pg/v4/payment/reverse.json     {merchant_id, authority} → 100; within 30 minutes, from an address it knows

Rules:
- an answer is `data.code`, or `errors.code` below zero whatever the HTTP status; a code above counts with a 2xx only;
- 100 (verified now) and 101 (verified before) are success; nothing else is;
- -50 is another amount, -51 not paid, -53 another merchant's, -54 no such authority; any other code (-9 to -19 of the
  merchant, -52 "unexpected") says nothing of this payment;
- its documents: an inquiry must never be used to verify. So VERIFIED is HELD here, and verify has the word;
- amounts are whole rials, named as such ("IRR").
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from backend.adapters.payments.wire import Wire, is_token, odd, unsaid, whole
from backend.core import limits
from backend.core.errors import ProviderRefused
from backend.core.payments.port import Found, Payment, Says, Unverified

DONE: Final = 100
DONE_BEFORE: Final = 101
VERIFIES: Final[Mapping[int, Says]] = {
    DONE: Says.PAID, DONE_BEFORE: Says.PAID, -50: Says.OTHER_AMOUNT, -51: Says.NOT_PAID, -53: Says.STRANGER,
    -54: Says.STRANGER,
}  # fmt: skip
STATUSES: Final[Mapping[str, Says]] = {
    "PAID": Says.HELD, "VERIFIED": Says.HELD, "IN_BANK": Says.WAITING, "FAILED": Says.NOT_PAID,
    "REVERSED": Says.REVERSED,
}  # fmt: skip
KEEPS: Final = frozenset({-60, -61, -62, -63})  # not with this bank, not paid, our address unknown, 30 minutes gone


class Zarinpal:
    """Implements `PaymentProvider`; safe to call from several threads. `merchant`: the 36 characters it gave us."""

    def __init__(self, base_url: str, merchant: str, timeout_s: float = limits.PROVIDER_TIMEOUT_S) -> None:
        self._merchant = merchant
        self._wire = Wire(base_url, timeout_s)

    def request(self, *, topup_id: str, rials: int, callback_url: str, description: str) -> str:  # noqa: ARG002
        """Ask for a payment → the provider's authority. Raises ProviderRefused, ProviderUnknown."""
        code, data = self._ask(
            "request", amount=rials, currency="IRR", callback_url=callback_url, description=description
        )
        if code < 0:
            raise ProviderRefused(
                "the payment provider refuses this payment", fix="try another amount, or later", code=code
            )
        authority = data.get("authority")
        if code != DONE or not is_token(authority):
            raise odd(200, code=code)
        return str(authority)

    def pay_url(self, authority: str) -> str:
        """Where the rider pays."""
        return f"{self._wire.base}/pg/StartPay/{authority}"

    def inquire(self, payment: Payment) -> Found:
        """How it stands, by its `status`. Raises ProviderUnknown."""
        code, data = self._ask("inquiry", authority=payment.authority)
        if VERIFIES.get(code) is Says.STRANGER:
            return Found(Says.STRANGER)
        says = STATUSES.get(str(data.get("status")))
        if code != DONE or says is None:
            raise unsaid(code)
        return Found(says)

    def verify(self, payment: Payment) -> Says:
        """Confirm it with our amount. Raises ProviderUnknown."""
        code, _ = self._ask("verify", amount=payment.rials, authority=payment.authority)
        says = VERIFIES.get(code)
        if says is None:
            raise unsaid(code)
        return says

    def unverified(self) -> Sequence[Unverified]:
        """The newest that are paid and not verified (it tells at most a hundred). Raises ProviderUnknown."""
        code, data = self._ask("unVerified")
        listed = data.get("authorities")
        if code != DONE or not isinstance(listed, list):
            raise odd(200, code=code)
        return [Unverified(one["authority"], one["amount"]) for one in listed if _is_listed(one)]

    def reverse(self, payment: Payment) -> Says:
        """Give all of it back. Raises ProviderUnknown."""
        code, _ = self._ask("reverse", authority=payment.authority)
        if code == DONE:
            return Says.REVERSED
        if code in KEEPS or VERIFIES.get(code) is Says.STRANGER:
            return Says.KEPT
        raise unsaid(code)

    def statement_key(self, payment: Payment) -> str:
        """Its statements name the authority."""
        return payment.authority

    def close(self) -> None:
        """Close its connections."""
        self._wire.close()

    def _ask(self, what: str, **fields: object) -> tuple[int, dict[str, Any]]:
        """POST one call → (code, data)."""
        status, answer = self._wire.post(f"/pg/v4/payment/{what}.json", {"merchant_id": self._merchant, **fields})
        for part in (answer.get("data"), answer.get("errors")):
            code = whole(part.get("code")) if isinstance(part, dict) else None
            if code is not None and (code < 0 or httpx.codes.is_success(status)):
                return code, part  # type: ignore[return-value] # a dict, or there were no code
        raise odd(status)


def _is_listed(one: object) -> bool:
    """Whether this entry of unVerified can be read; another one is a stranger's, or of a shape to come."""
    return isinstance(one, dict) and is_token(one.get("authority")) and whole(one.get("amount")) is not None
