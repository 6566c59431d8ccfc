"""Asking a payment provider over HTTP: bounded in time and bytes, and never a guess.

Rules:
- money goes to the configured address or nowhere: no proxy from the environment, no redirect;
- a time-out, a 5xx, too many bytes, no JSON object: ProviderUnknown. Nothing of the answer gets into the error.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from backend.core import limits
from backend.core.errors import ProviderUnknown

ASK_AGAIN = "nothing is lost: the top-up stays as it is; ask again in a minute"
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.AUTHORITY_MAX_CHARS}}}")


class Wire:
    """One HTTP client of one provider; safe to call from several threads."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self.base = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self.client = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def post(self, path: str, fields: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """POST JSON → (status, the JSON object that came back). Raises ProviderUnknown."""
        status, body = self._post(f"{self.base}{path}", fields)
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ProviderUnknown("the payment provider's answer is no JSON", fix=ASK_AGAIN, status=status) from error
        if not isinstance(answer, dict):
            raise odd(status)
        return status, answer

    def _post(self, url: str, fields: Mapping[str, object]) -> tuple[int, bytes]:
        """Status and body, bounded in bytes and, over the whole answer, in time."""
        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        try:
            with self.client.stream("POST", url, json=fields) as response:
                if response.is_server_error:
                    raise ProviderUnknown("the payment provider fails", fix=ASK_AGAIN, status=response.status_code)
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limits.PROVIDER_ANSWER_BYTES_MAX or time.monotonic() > deadline:
                        raise ProviderUnknown("the payment provider's answer is too long or too slow", fix=ASK_AGAIN)
                return response.status_code, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnknown(
                "the payment provider did not answer", fix=ASK_AGAIN, reason=type(error).__name__
            ) from error

    def close(self) -> None:
        """Close its connections."""
        self.client.close()


def odd(status: int, **data: object) -> ProviderUnknown:
    """An answer that nobody can read."""
    return ProviderUnknown("the payment provider's answer has an odd shape", fix=ASK_AGAIN, status=status, **data)


def unsaid(code: object) -> ProviderUnknown:
    """A code that says nothing of this payment."""
    return ProviderUnknown("the payment provider did not say how the payment stands", fix=ASK_AGAIN, code=code)


def is_token(text: object) -> bool:
    """Whether it can be an authority: what may stand in an address as it is."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def whole(value: object) -> int | None:
    """A whole number as JSON tells it; None for anything else, `true` included."""
    return value if type(value) is int else None
