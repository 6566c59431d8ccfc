"""Zarinpal's answers: two codes are success, a clear no is a no, and everything else is unknown."""

from collections.abc import Iterator

import httpx
import pytest

from backend.adapters.payments.zarinpal import KEEPS, STATUSES, VERIFIES, Zarinpal
from backend.core import limits
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.payments.port import Found, Payment, Says, Unverified
from tests.backend.payments.wire import Wire

AUTHORITY = "A00000000000000000000000000000000001"
PAYMENT = Payment("t1", AUTHORITY, 500_000)
BASE = "http://provider.test/pg/v4/payment"


@pytest.fixture
def wire() -> Iterator[Wire[Zarinpal]]:
    made = Wire(Zarinpal("http://provider.test/", "savar-test"))
    yield made
    made.provider.close()


def no(code: int) -> dict[str, object]:
    """As it is documented: under `errors`."""
    return {"data": [], "errors": {"code": code, "message": "no", "validations": []}}


def ask(wire: Wire[Zarinpal]) -> str:
    return wire.provider.request(
        topup_id="t1", rials=500_000, callback_url="http://us.test/back", description="Savar 1"
    )  # fmt: skip


def test_a_payment_is_asked_for_in_rials_and_paid_at_the_provider(wire: Wire[Zarinpal]) -> None:
    wire.says(200, {"data": {"code": 100, "authority": AUTHORITY}, "errors": []})
    got = ask(wire)
    assert wire.said == [(f"{BASE}/request.json", {
        "merchant_id": "savar-test", "amount": 500_000, "currency": "IRR", "callback_url": "http://us.test/back",
        "description": "Savar 1",
    })]  # fmt: skip
    assert wire.provider.pay_url(got) == f"http://provider.test/pg/StartPay/{AUTHORITY}"


@pytest.mark.parametrize("code", [100, 101])
def test_paid_now_or_verified_before_is_paid(wire: Wire[Zarinpal], code: int) -> None:
    wire.says(200, {"data": {"code": code}, "errors": []})
    assert wire.provider.verify(PAYMENT) is Says.PAID
    assert wire.said == [
        (f"{BASE}/verify.json", {"merchant_id": "savar-test", "amount": 500_000, "authority": AUTHORITY})
    ]


@pytest.mark.parametrize("status", [200, 401, 422])
@pytest.mark.parametrize(
    ("code", "says"),
    [(-50, Says.OTHER_AMOUNT), (-51, Says.NOT_PAID), (-53, Says.STRANGER), (-54, Says.STRANGER)],
)
def test_a_clear_no(wire: Wire[Zarinpal], code: int, says: Says, status: int) -> None:
    """Zarinpal says it under `errors`, with a status that varies."""
    wire.says(status, no(code))
    assert wire.provider.verify(PAYMENT) is says


@pytest.mark.parametrize("code", [-9, -10, -11, -12, -15, -52, -55])
def test_a_code_that_says_nothing_of_this_payment_is_unknown(wire: Wire[Zarinpal], code: int) -> None:
    wire.says(200, no(code))
    for asked in (wire.provider.verify, wire.provider.inquire, wire.provider.reverse):
        with pytest.raises(ProviderUnknown) as caught:
            asked(PAYMENT)
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
def test_no_clear_answer_is_unknown_never_cancelled(wire: Wire[Zarinpal], status: int, body: object) -> None:
    """A transient fault must not look like a rider who cancelled (ticketing.md §9): it stays pending."""
    wire.says(status, body)
    for asked in (wire.provider.verify, wire.provider.inquire, wire.provider.reverse):
        with pytest.raises(ProviderUnknown):
            asked(PAYMENT)
    with pytest.raises(ProviderUnknown):
        wire.provider.unverified()
    with pytest.raises((ProviderUnknown, ProviderRefused)):
        ask(wire)


@pytest.mark.parametrize("fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_broken_line_is_unknown(wire: Wire[Zarinpal], fault: type[httpx.TransportError]) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise fault("gone")

    wire.answer = broken
    with pytest.raises(ProviderUnknown) as caught:
        wire.provider.verify(PAYMENT)
    assert caught.value.data["reason"] == fault.__name__


@pytest.mark.parametrize("authority", [None, 7, "", "A" * 65, "../evil", "A B", "A\n"])
def test_an_authority_that_could_not_stand_in_an_address_is_not_taken(wire: Wire[Zarinpal], authority: object) -> None:
    wire.says(200, {"data": {"code": 100, "authority": authority}})
    with pytest.raises(ProviderUnknown):
        ask(wire)


def test_a_refused_request_says_so(wire: Wire[Zarinpal]) -> None:
    wire.says(200, no(-9))
    with pytest.raises(ProviderRefused):
        ask(wire)


@pytest.mark.parametrize(("status", "says"), STATUSES.items())
def test_an_inquiry_tells_how_it_stands_and_never_that_it_is_paid(
    wire: Wire[Zarinpal], status: str, says: Says
) -> None:
    """Its documents: an inquiry must never be used to verify."""
    wire.says(200, {"data": {"status": status, "code": 100, "message": "Success"}, "errors": []})
    assert wire.provider.inquire(PAYMENT) == Found(says)
    assert wire.said == [(f"{BASE}/inquiry.json", {"merchant_id": "savar-test", "authority": AUTHORITY})]
    assert says is not Says.PAID


@pytest.mark.parametrize("status", ["", "paid", "SETTLED", None, 1, True])
def test_a_status_that_nobody_knows_is_unknown(wire: Wire[Zarinpal], status: object) -> None:
    wire.says(200, {"data": {"status": status, "code": 100}, "errors": []})
    with pytest.raises(ProviderUnknown):
        wire.provider.inquire(PAYMENT)


def test_a_payment_of_nobodys_is_a_strangers(wire: Wire[Zarinpal]) -> None:
    wire.says(200, no(-54))
    assert wire.provider.inquire(PAYMENT) == Found(Says.STRANGER)


def test_what_is_not_verified_is_listed_and_what_cannot_be_read_left_out(wire: Wire[Zarinpal]) -> None:
    listed = [
        {"authority": AUTHORITY, "amount": 500_000, "callback_url": "u", "referer": "", "date": "2026-06-27 10:22:02"},
        {"authority": "../evil", "amount": 1}, {"authority": "A2", "amount": "1"}, {"amount": 1}, 7, None,
    ]  # fmt: skip
    wire.says(200, {"data": {"code": 100, "message": "Success", "authorities": listed}, "errors": []})
    assert list(wire.provider.unverified()) == [Unverified(AUTHORITY, 500_000)]
    assert wire.said == [(f"{BASE}/unVerified.json", {"merchant_id": "savar-test"})]


def test_money_is_given_back_or_kept(wire: Wire[Zarinpal]) -> None:
    wire.says(200, {"data": {"code": 100, "message": "Reversed"}, "errors": []})
    assert wire.provider.reverse(PAYMENT) is Says.REVERSED
    assert wire.said == [(f"{BASE}/reverse.json", {"merchant_id": "savar-test", "authority": AUTHORITY})]
    for code in (*KEEPS, -54):
        wire.says(200, no(code))
        assert wire.provider.reverse(PAYMENT) is Says.KEPT


def test_only_two_codes_are_success() -> None:
    assert {code for code, says in VERIFIES.items() if says is Says.PAID} == {100, 101}


def test_money_goes_to_the_configured_address_or_nowhere() -> None:
    """No proxy from the environment, no redirect."""
    provider = Zarinpal("http://provider.test", "m")
    assert not provider._wire.client.follow_redirects
    assert not provider._wire.client.trust_env
    provider.close()
