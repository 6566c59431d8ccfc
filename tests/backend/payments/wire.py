"""A provider's adapter over a transport in hand."""

import json
from collections.abc import Callable
from typing import Generic, TypeVar

import httpx

from backend.adapters.payments.bank_gateway import BankGateway
from backend.adapters.payments.zarinpal import Zarinpal

Answer = Callable[[httpx.Request], httpx.Response]
P = TypeVar("P", Zarinpal, BankGateway)


class Wire(Generic[P]):
    """`said` are the bodies that the provider was sent; `answer` what it says."""

    def __init__(self, provider: P) -> None:
        self.answer: Answer = lambda _: httpx.Response(500)
        self.said: list[tuple[str, dict[str, object]]] = []
        self.provider = provider
        provider._wire.client.close()
        provider._wire.client = httpx.Client(transport=httpx.MockTransport(self._take))

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.said.append((str(request.url), json.loads(request.content)))
        return self.answer(request)

    def says(self, status: int, body: object) -> None:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        self.answer = lambda _: httpx.Response(status, content=text)
