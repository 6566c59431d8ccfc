"""A bank's gateway: the RefNum is asked of the bank by our own token, and the amount held against ours."""

from collections.abc import Iterator

import pytest

from backend.adapters.payments.bank_gateway import BankGateway
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.payments.port import Found, Payment, Says
from tests.backend.payments.wire import Wire

TOKEN, REF = "2c3c1fefac5a48geb9f9be7e445dd9b2", "jJnBmy/IojtTemplUH5ke9ULCGtDtb"
PAYMENT = Payment("t1", TOKEN, 500_000, REF)
BASE = "http://bank.test/verifyTxnRandomSessionkey"


@pytest.fixture
def wire() -> Iterator[Wire[BankGateway]]:
    made = Wire(BankGateway("http://bank.test/", "2015"))
    yield made
    made.provider.close()


def ask(wire: Wire[BankGateway]) -> str:
    return wire.provider.request(topup_id="t1", rials=500_000, callback_url="http://us.test/back", description="x")


def receipt(**changed: object) -> dict[str, object]:
    data = {"Status": 2, "State": "OK", "RefNum": REF, "ResNum": "t1", "Token": TOKEN, "Amount": 500_000} | changed
    return {"HasError": False, "ErrorCode": 0, "ErrorMessage": "", "Data": data}


def verified(code: int = 0, **changed: object) -> dict[str, object]:
    detail = {"RRN": "14226761817", "RefNum": REF, "TerminalNumber": 2015, "OrginalAmount": 500_000} | changed
    return {"TransactionDetail": detail, "ResultCode": code, "ResultDescription": "", "Success": code in (0, 2)}


def test_a_token_is_asked_for_and_paid_at_the_bank(wire: Wire[BankGateway]) -> None:
    wire.says(200, {"status": 1, "token": TOKEN})
    got = ask(wire)
    assert wire.said == [("http://bank.test/onlinepg/onlinepg", {
        "action": "token", "TerminalId": "2015", "Amount": 500_000, "ResNum": "t1",
        "RedirectUrl": "http://us.test/back",
    })]  # fmt: skip
    assert wire.provider.pay_url(got) == f"http://bank.test/OnlinePG/SendToken?token={TOKEN}"


def test_a_refused_request_says_so(wire: Wire[BankGateway]) -> None:
    wire.says(200, {"status": -1, "errorCode": "5", "errorDesc": "پارامترهای ارسالی نامعتبر است"})
    with pytest.raises(ProviderRefused) as caught:
        ask(wire)
    assert caught.value.data["code"] == "5"


@pytest.mark.parametrize(
    "body", [{}, {"status": "1", "token": TOKEN}, {"status": 1}, {"status": 1, "token": "a b"}, []]
)
def test_a_token_of_an_odd_shape_is_unknown(wire: Wire[BankGateway], body: object) -> None:
    wire.says(200, body)
    with pytest.raises(ProviderUnknown):
        ask(wire)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (receipt(), Found(Says.HELD, REF)),
        (receipt(Amount="500000"), Found(Says.HELD, REF)),
        (receipt(Amount=490_000), Found(Says.OTHER_AMOUNT, REF)),
        (receipt(Status=0), Found(Says.WAITING)),
        (receipt(Status=1), Found(Says.NOT_PAID)),
        (receipt(Status=3), Found(Says.NOT_PAID)),
        ({"HasError": True, "ErrorCode": 10, "Data": None}, Found(Says.STRANGER)),
        ({"HasError": True, "ErrorCode": -2, "Data": None}, Found(Says.NOT_PAID)),
    ],
)
def test_the_receipt_of_our_token(wire: Wire[BankGateway], body: object, found: Found) -> None:
    wire.says(200, body)
    assert wire.provider.inquire(PAYMENT) == found
    assert wire.said == [(f"{BASE}/api/v2/ipg/payment/receipt", {"TerminalNumber": 2015, "Token": TOKEN})]


@pytest.mark.parametrize(
    "body",
    [
        receipt(ResNum="t2"),  # the money of another top-up
        receipt(RefNum=""),
        receipt(RefNum=7),
        receipt(RefNum="R" * 65),
        receipt(Status=9),
        receipt(Status=None),
        {"HasError": False, "Data": None},
        {"Data": receipt()["Data"]},
        {"HasError": True, "ErrorCode": -106},
        {},
        [],
    ],
)
def test_a_receipt_that_is_not_clear_is_unknown(wire: Wire[BankGateway], body: object) -> None:
    wire.says(200, body)
    with pytest.raises(ProviderUnknown):
        wire.provider.inquire(PAYMENT)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (verified(), Says.PAID),
        (verified(2), Says.PAID),
        (verified(2) | {"TransactionDetail": None, "Success": False}, Says.PAID),
        (verified(OrginalAmount="500000"), Says.PAID),
        (verified(OrginalAmount=490_000), Says.OTHER_AMOUNT),
        (verified(2, OrginalAmount=490_000), Says.OTHER_AMOUNT),
        (verified(5), Says.REVERSED),
        (verified(-6), Says.TOO_LATE),
        (verified(-2), Says.STRANGER),
    ],
)
def test_a_verify_with_the_amount_held_against_ours(wire: Wire[BankGateway], body: object, says: Says) -> None:
    wire.says(200, body)
    assert wire.provider.verify(PAYMENT) is says
    assert wire.said == [(f"{BASE}/ipg/VerifyTransaction", {"RefNum": REF, "TerminalNumber": 2015})]


@pytest.mark.parametrize("code", [-104, -105, -106, 7, None, "0", True])
def test_a_code_that_says_nothing_of_this_payment_is_unknown(wire: Wire[BankGateway], code: object) -> None:
    wire.says(200, verified() | {"ResultCode": code})
    for asked in (wire.provider.verify, wire.provider.reverse):
        with pytest.raises(ProviderUnknown):
            asked(PAYMENT)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, verified() | {"Success": False}),
        (200, verified() | {"TransactionDetail": None}),
        (200, verified(RefNum="another")),
        (404, verified()),
        (500, verified()),
        (200, "<html>"),
    ],
)
def test_a_success_that_is_not_whole_is_unknown(wire: Wire[BankGateway], status: int, body: object) -> None:
    wire.says(status, body)
    with pytest.raises(ProviderUnknown):
        wire.provider.verify(PAYMENT)


@pytest.mark.parametrize("amount", [500_000.0, "500000.00", "500,000", "-1", "9" * 19, None, {}, True])
def test_what_is_no_whole_number_is_no_other_amount(wire: Wire[BankGateway], amount: object) -> None:
    """Else the rider's money went back, for a shape that nobody can read."""
    wire.says(200, receipt(Amount=amount))
    with pytest.raises(ProviderUnknown):
        wire.provider.inquire(PAYMENT)
    for code in (0, 2):
        wire.says(200, verified(code, OrginalAmount=amount))
        with pytest.raises(ProviderUnknown):
            wire.provider.verify(PAYMENT)


@pytest.mark.parametrize(
    ("code", "says"),
    [(0, Says.REVERSED), (2, Says.REVERSED), (5, Says.REVERSED), (-2, Says.KEPT), (-6, Says.KEPT)],
)
def test_money_is_given_back_or_kept(wire: Wire[BankGateway], code: int, says: Says) -> None:
    wire.says(200, verified(code))
    assert wire.provider.reverse(PAYMENT) is says
    assert wire.said == [(f"{BASE}/ipg/ReverseTransaction", {"RefNum": REF, "TerminalNumber": 2015})]


def test_it_has_no_list_and_its_statements_name_the_money(wire: Wire[BankGateway]) -> None:
    assert wire.provider.unverified() is None
    assert wire.said == []
    assert wire.provider.statement_key(PAYMENT) == REF
