"""The payment provider's answers: two codes are success, a clear no is a no, and everything else is unknown."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from backend.adapters.provider import NOT_PAID, HttpProvider
from backend.core import limits
from backend.core.errors import ProviderRefused, ProviderUnknown

AUTHORITY = "A00000000000000000000000000000000001"
Answer = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A provider over a transport in hand; `said` are the bodies it was sent."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: httpx.Response(500)
        self.said: list[tuple[str, dict[str, object]]] = []
        self.provider = HttpProvider("http://provider.test/", "savar-test")
        self.provider._client.close()
        self.provider._client = httpx.Client(transport=httpx.MockTransport(self._take))

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.said.append((str(request.url), json.loads(request.content)))
        return self.answer(request)

    def says(self, status: int, body: object) -> None:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        self.answer = lambda _: httpx.Response(status, content=text)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.provider.close()


def test_a_payment_is_asked_for_in_rials_and_paid_at_the_provider(wire: Wire) -> None:
    wire.says(200, {"data": {"code": 100, "authority": AUTHORITY}, "errors": []})
    got = wire.provider.request(rials=500_000, callback_url="http://us.test/back", description="Savar 1")
    assert wire.said == [("http://provider.test/pg/v4/payment/request.json", {
        "merchant_id": "savar-test", "amount": 500_000, "currency": "IRR", "callback_url": "http://us.test/back",
        "description": "Savar 1",
    })]  # fmt: skip
    assert wire.provider.pay_url(got) == f"http://provider.test/pg/StartPay/{AUTHORITY}"


@pytest.mark.parametrize("code", [100, 101])
def test_paid_now_or_verified_before_is_paid(wire: Wire, code: int) -> None:
    wire.says(200, {"data": {"code": code}, "errors": []})
    wire.provider.verify(authority=AUTHORITY, rials=500_000)
    assert wire.said == [("http://provider.test/pg/v4/payment/verify.json", {
        "merchant_id": "savar-test", "amount": 500_000, "authority": AUTHORITY,
    })]  # fmt: skip


@pytest.mark.parametrize("code", sorted(NOT_PAID))
@pytest.mark.parametrize("status", [200, 401, 422])
def test_a_clear_no(wire: Wire, code: int, status: int) -> None:
    """Zarinpal says it under `errors`, with a status that varies."""
    wire.says(status, {"data": [], "errors": {"code": code, "message": "no", "validations": []}})
    with pytest.raises(ProviderRefused) as caught:
        wire.provider.verify(authority=AUTHORITY, rials=1)
    assert caught.value.data["code"] == code


UNCLEAR = [
    (500, {"data": {"code": 100}}),  # a failing server's yes is no yes
    (502, "<html>Bad gateway</html>"),
    (404, {"data": {"code": 100}}),
    (302, {"data": {"code": 100}}),
    (200, "<html>maintenance</html>"),
    (200, ""),
    (200, b"\xff\xfe"),
    (200, []),
    (200, {}),
    (200, {"data": {"code": "100"}}),
    (200, {"data": {"code": True}}),
    (200, {"data": {"code": 100.0}}),
    (200, {"data": [], "errors": {"code": -52}}),
    (200, {"data": {"code": 102}}),
    (200, "x" * (limits.PROVIDER_ANSWER_BYTES_MAX + 1)),
]


@pytest.mark.parametrize(("status", "body"), UNCLEAR)
def test_no_clear_answer_is_unknown_never_cancelled(wire: Wire, status: int, body: object) -> None:
    """A transient fault must not look like a rider who cancelled (ticketing.md §9): it stays pending."""
    wire.says(status, body)
    with pytest.raises(ProviderUnknown):
        wire.provider.verify(authority=AUTHORITY, rials=500_000)
    with pytest.raises((ProviderUnknown, ProviderRefused)):
        wire.provider.request(rials=500_000, callback_url="http://us.test/back", description="x")


@pytest.mark.parametrize("fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_broken_line_is_unknown(wire: Wire, fault: type[httpx.TransportError]) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise fault("gone")

    wire.answer = broken
    with pytest.raises(ProviderUnknown) as caught:
        wire.provider.verify(authority=AUTHORITY, rials=500_000)
    assert caught.value.data["reason"] == fault.__name__


@pytest.mark.parametrize("authority", [None, 7, "", "A" * 65, "../evil", "A B", "A\n"])
def test_an_authority_that_could_not_stand_in_an_address_is_not_taken(wire: Wire, authority: object) -> None:
    wire.says(200, {"data": {"code": 100, "authority": authority}})
    with pytest.raises(ProviderUnknown):
        wire.provider.request(rials=500_000, callback_url="http://us.test/back", description="x")


def test_a_refused_request_says_so(wire: Wire) -> None:
    wire.says(200, {"data": [], "errors": {"code": -9, "message": "validation"}})
    with pytest.raises(ProviderRefused):
        wire.provider.request(rials=1, callback_url="http://us.test/back", description="x")


def test_money_goes_to_the_configured_address_or_nowhere() -> None:
    """No proxy from the environment, no redirect."""
    provider = HttpProvider("http://provider.test", "m")
    assert not provider._client.follow_redirects
    assert not provider._client.trust_env
    provider.close()
