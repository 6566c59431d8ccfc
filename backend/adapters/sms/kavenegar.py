"""Kavenegar's verify/lookup (kavenegar.com/rest.html): one code by an approved template.

    POST /v1/{API-KEY}/verify/lookup.json   receptor, token, template → return {status, message}, entries […]

Rules:
- 200 is sent, whatever the message's own status is by then;
- 411: this number takes none. 401, 403, 407, 416 (account, key, our address), 418 (no credit), 424 (no such template),
  426, 430 (what the account may) and 428, 431, 432 (template and code do not fit): ours to mend, nothing was sent;
- where no connection came about nothing was sent: ours to mend, too;
- all else says nothing clear: 402 and 409 ("try later"), a time-out, an odd shape. The message may be on its way;
- the key stands in the address. So the client is told another address, and the key is put in behind it: httpx logs
  each request's address, and an error carries it. Number and code go in the body.
"""

import json
import time
from collections.abc import Mapping
from typing import Final

import httpx

from backend.core import limits
from backend.core.phone.code import For
from backend.core.phone.errors import NumberRefused, SmsUnknown, SmsUnsent

SENT: Final = 200
NO_SUCH_NUMBER: Final = 411
OURS: Final[Mapping[int, str]] = {
    401: "the account there is disabled", 403: "it does not take our key", 407: "it does not let us in",
    416: "it does not know our address", 418: "the account there has no credit", 424: "it has no such template",
    426: "the account there may not send codes", 428: "the code does not fit the template",
    430: "the account there is not verified", 431: "the code does not fit the template",
    432: "the template has no place for a code",
}  # fmt: skip
_ASK_LATER: Final = "if no message comes within a minute, ask for another code"
_KEYLESS: Final = "/v1/-/verify/lookup.json"  # as logs and errors have it


class Kavenegar:
    """Implements `SmsSender`; safe to call from several threads. `templates`: their names there, by purpose."""

    def __init__(
        self, base_url: str, key: str, templates: Mapping[For, str], timeout_s: float = limits.SMS_TIMEOUT_S
    ) -> None:
        self._templates, self._timeout_s = templates, timeout_s
        self._url = base_url.rstrip("/") + _KEYLESS
        self._client = httpx.Client(transport=_Keyed(key), timeout=timeout_s, trust_env=False, follow_redirects=False)

    def send(self, number: str, code: str, what_for: For) -> None:
        """Raises NumberRefused, SmsUnsent, SmsUnknown."""
        said = _status(self._post({"receptor": number, "token": code, "template": self._templates[what_for]}))
        if said == SENT:
            return
        if said == NO_SUCH_NUMBER:
            raise NumberRefused(
                "this number takes no messages", fix="give another number",
                rider_fa="به این شماره پیامک فرستاده نمی‌شود؛ شمارهٔ دیگری بدهید",
                rider_en="No message can be sent to this number: give another one",
            )  # fmt: skip
        if said in OURS:
            raise SmsUnsent(f"no code was sent: {OURS[said]}", fix="look at the account of [sms] there", code=said)
        raise _unknown(code=said)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _post(self, fields: Mapping[str, str]) -> bytes:
        """The answer's body, bounded in bytes and, over the whole answer, in time."""
        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        try:
            with self._client.stream("POST", self._url, data=fields) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limits.SMS_ANSWER_BYTES_MAX:
                        raise _unknown(reason="too long")
                    if time.monotonic() > deadline:
                        raise _unknown(reason="too slow")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise SmsUnsent(
                "no code was sent: the sender cannot be reached", fix="look at the network, and at provider in [sms]",
                reason=type(error).__name__,
            ) from error  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unknown(reason=type(error).__name__) from error
        return bytes(body)


class _Keyed(httpx.BaseTransport):
    """Puts the key into the address where nobody logs it any more."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._to = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As the request is, but for its path."""
        path = request.url.path.replace("/v1/-/", f"/v1/{self._key}/")
        return self._to.handle_request(httpx.Request(
            request.method, request.url.copy_with(path=path), headers=request.headers, stream=request.stream,
            extensions=request.extensions,
        ))  # fmt: skip

    def close(self) -> None:
        """Close its connections."""
        self._to.close()


def _status(body: bytes) -> int:
    """`return.status` of an answer. Raises SmsUnknown where there is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unknown(reason="no JSON") from error
    said = answer.get("return") if isinstance(answer, dict) else None
    status = said.get("status") if isinstance(said, dict) else None
    if type(status) is not int:
        raise _unknown(reason="an odd shape")
    return status


def _unknown(**data: object) -> SmsUnknown:
    return SmsUnknown("nobody knows whether the code was sent", fix=_ASK_LATER, **data)
