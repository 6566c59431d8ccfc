"""The payment provider over HTTP, in Zarinpal's shape: request, redirect, verify.

Rules:
- code 100 (paid now) and 101 (verified before) are success; nothing else is;
- a clear no is ProviderRefused; a timeout, a 5xx, no JSON or an odd shape is ProviderUnknown: never taken as cancelled;
- amounts are whole rials, named as such ("IRR"), in both calls.
"""

import json
import re
import time
from typing import Any

import httpx

from backend.core import limits
from backend.core.errors import ProviderRefused, ProviderUnknown

PAID = 100
PAID_BEFORE = 101
# What verify says when it is sure: another amount, not paid, another merchant's, no such authority. Anything else
# (-52 "unexpected", too many attempts, merchant settings) says nothing about this payment.
NOT_PAID = frozenset({-50, -51, -53, -54})
_AUTHORITY = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.AUTHORITY_MAX_CHARS}}}")
_ASK_AGAIN = "nothing is lost: the top-up stays as it is; ask again in a minute"


class HttpProvider:
    """Implements `PaymentProvider` over one HTTP client; safe to call from several threads."""

    def __init__(self, base_url: str, merchant: str, timeout_s: float = limits.PROVIDER_TIMEOUT_S) -> None:
        self._base = base_url.rstrip("/")
        self._merchant = merchant
        self._timeout_s = timeout_s
        # No proxy from the environment and no redirects: money goes to the configured address or nowhere.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def request(self, *, rials: int, callback_url: str, description: str) -> str:
        """Ask for a payment → the provider's authority. Raises ProviderRefused, ProviderUnknown."""
        code, data = self._ask(
            "request", amount=rials, currency="IRR", callback_url=callback_url, description=description
        )
        if code < 0:
            raise ProviderRefused(
                "the payment provider refuses this payment", fix="try another amount, or later", code=code
            )
        authority = data.get("authority")
        if code != PAID or not isinstance(authority, str) or not _AUTHORITY.fullmatch(authority):
            raise ProviderUnknown("the payment provider's answer has an odd shape", fix=_ASK_AGAIN, code=code)
        return authority

    def pay_url(self, authority: str) -> str:
        """Where the rider pays."""
        return f"{self._base}/pg/StartPay/{authority}"

    def verify(self, *, authority: str, rials: int) -> None:
        """Return if the payment of exactly this amount is made. Raises ProviderRefused, ProviderUnknown."""
        code, _ = self._ask("verify", amount=rials, authority=authority)
        if code in (PAID, PAID_BEFORE):
            return
        if code in NOT_PAID:
            raise ProviderRefused("the payment provider says it is not paid", fix="pay, or start again", code=code)
        raise ProviderUnknown("the payment provider did not say whether it is paid", fix=_ASK_AGAIN, code=code)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _ask(self, what: str, **fields: object) -> tuple[int, dict[str, Any]]:
        """POST one call → (code, data). A code counts as success only with a 2xx status."""
        status, body = self._post(f"{self._base}/pg/v4/payment/{what}.json", {"merchant_id": self._merchant, **fields})
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ProviderUnknown("the payment provider's answer is no JSON", fix=_ASK_AGAIN, status=status) from error
        for part in (answer.get("data"), answer.get("errors")) if isinstance(answer, dict) else ():
            if not isinstance(part, dict) or type(code := part.get("code")) is not int:
                continue
            if code < 0 or httpx.codes.is_success(status):
                return code, part
        raise ProviderUnknown("the payment provider's answer has an odd shape", fix=_ASK_AGAIN, status=status)

    def _post(self, url: str, fields: dict[str, object]) -> tuple[int, bytes]:
        """Status and body, bounded in bytes and, over the whole answer, in time."""
        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        try:
            with self._client.stream("POST", url, json=fields) as response:
                if response.is_server_error:
                    raise ProviderUnknown("the payment provider fails", fix=_ASK_AGAIN, status=response.status_code)
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limits.PROVIDER_ANSWER_BYTES_MAX or time.monotonic() > deadline:
                        raise ProviderUnknown("the payment provider's answer is too long or too slow", fix=_ASK_AGAIN)
                return response.status_code, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnknown(
                "the payment provider did not answer", fix=_ASK_AGAIN, reason=type(error).__name__
            ) from error
