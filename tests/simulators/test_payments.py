"""The simulated payment providers behind the backend's own adapters: what they promise, and each of their faults."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from backend.adapters.payments.bank_gateway import BankGateway
from backend.adapters.payments.zarinpal import Zarinpal
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.payments.port import Found, Payment, PaymentProvider, Says, Unverified
from backend.core.payments.statement import StatementRow, decode_statement
from simulators.payments.answers import STALL_S
from simulators.payments.books import MISPAID_RIALS, Books
from simulators.payments.misbehaviour import KINDS_OF_ANSWER, Faults
from simulators.payments.server import PaymentServer

PAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MERCHANT = "2015"
CALLBACK = "http://127.0.0.1:9/v1/topups/callback"
KINDS = {"zarinpal": Zarinpal, "bank-gateway": BankGateway}


class Bench:
    """A provider and our adapter for it, with a clock in hand."""

    def __init__(self, kind: str) -> None:
        self.now = PAID_AT
        self.server = PaymentServer(merchant=MERCHANT, seed=3, kind=kind, now=lambda: self.now)
        self.server.start()
        self.client: PaymentProvider = KINDS[kind](self.server.url, MERCHANT, STALL_S / 2)
        self.kind = kind

    @property
    def books(self) -> Books:
        return self.server.books

    def ask(self, callback: str = CALLBACK) -> Payment:
        token = self.client.request(topup_id="t1", rials=500_000, callback_url=callback, description="Savar t1")
        return Payment("t1", token, 500_000)

    def pay(self, payment: Payment) -> httpx.Response:
        return httpx.get(
            self.client.pay_url(payment.authority), trust_env=False, follow_redirects=False, timeout=10
        )  # fmt: skip

    def paid(self) -> Payment:
        payment = self.ask()
        self.pay(payment)
        return replace(payment, receipt=self.client.inquire(payment).receipt)

    def state(self, payment: Payment) -> str:
        return {it.token: it.state for it in self.books.truth()}[payment.authority]


@pytest.fixture(scope="module", params=sorted(KINDS))
def served(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.client.close()
    bench.server.stop()


@pytest.fixture
def bench(served: Bench) -> Bench:
    """The server of all tests of a kind, with books that are new."""
    served.now = PAID_AT
    Books.__init__(served.books, MERCHANT, 3, Faults(), lambda: served.now)
    return served


def test_a_payment_is_handed_over_once_and_later_calls_say_that_it_was(bench: Bench) -> None:
    payment = bench.ask()
    assert bench.client.inquire(payment) == Found(Says.WAITING)
    bench.pay(payment)
    found = bench.client.inquire(payment)
    assert found.says is Says.HELD
    assert bool(found.receipt) is (bench.kind == "bank-gateway")
    payment = replace(payment, receipt=found.receipt)
    assert bench.state(payment) == "paid"
    assert [bench.client.verify(payment) for _ in range(3)] == [Says.PAID] * 3
    assert bench.state(payment) == "verified"


def test_the_rider_comes_back_by_a_link_or_by_a_form(bench: Bench) -> None:
    payment = bench.ask()
    back = bench.pay(payment)
    if bench.kind == "zarinpal":
        assert back.headers["location"] == f"{CALLBACK}?Authority={payment.authority}&Status=OK"
    else:
        assert f'<form method="post" action="{CALLBACK}">' in back.text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', back.text))
        assert (fields["State"], fields["ResNum"], fields["Token"]) == ("OK", "t1", payment.authority)


def test_what_it_does_not_know_it_refuses(bench: Bench) -> None:
    payment = bench.paid()
    nobodys = Payment("t1", "A" + "0" * 35, 500_000, "R0")
    assert bench.client.inquire(nobodys) == Found(Says.STRANGER)
    assert bench.client.verify(nobodys) is Says.STRANGER
    assert bench.pay(nobodys).status_code == 404
    stranger = KINDS[bench.kind](bench.server.url, "2016")
    with pytest.raises(ProviderRefused):
        stranger.request(topup_id="t1", rials=500_000, callback_url=CALLBACK, description="x")
    if bench.kind == "zarinpal":
        assert stranger.verify(payment) is Says.STRANGER
    else:
        with pytest.raises(ProviderUnknown):
            stranger.verify(payment)
    assert bench.state(payment) == "paid"
    stranger.close()


def test_what_is_paid_and_not_verified_is_listed_or_there_is_no_list(bench: Bench) -> None:
    payment, _unpaid = bench.paid(), bench.ask()
    lists = bench.kind == "zarinpal"
    assert bench.client.unverified() == ([Unverified(payment.authority, 500_000)] if lists else None)
    bench.client.verify(payment)
    assert bench.client.unverified() == ([] if lists else None)


def test_money_goes_back_within_half_an_hour(bench: Bench) -> None:
    soon, late = bench.paid(), bench.paid()
    bench.client.verify(soon)
    assert bench.client.reverse(bench.ask()) is Says.KEPT
    assert bench.client.reverse(soon) is Says.REVERSED
    assert bench.state(soon) == "reversed"
    bench.now += timedelta(minutes=31)
    assert bench.client.reverse(late) is Says.KEPT


def test_another_amount_is_told_and_not_handed_over(bench: Bench) -> None:
    bench.books.faults = Faults(other_amount=1.0)
    payment = bench.ask()
    bench.pay(payment)
    found = bench.client.inquire(payment)
    payment = replace(payment, receipt=found.receipt)
    assert Says.OTHER_AMOUNT in (found.says, bench.client.verify(payment))
    (entry,) = bench.books.truth()
    assert (entry.rials, entry.paid_rials) == (500_000, 500_000 - MISPAID_RIALS)


def test_a_late_reversal_shows_when_its_time_has_come(bench: Bench) -> None:
    bench.books.faults = Faults(late_reversal=1.0)
    payment = bench.paid()
    assert bench.client.verify(payment) is Says.PAID
    bench.now += timedelta(seconds=3)
    said = {bench.client.inquire(payment).says, bench.client.verify(payment)}
    assert Says.REVERSED in said
    assert Says.PAID not in said
    assert bench.state(payment) == "reversed"
    assert bench.books.counts["late_reversal"] == 1


def test_the_first_verify_may_say_that_it_was_verified_before(bench: Bench) -> None:
    bench.books.faults = Faults(verified_before=1.0)
    assert bench.client.verify(bench.paid()) is Says.PAID
    assert bench.books.counts["verified_before"] == 1


def test_a_rider_who_gives_up_has_not_paid(bench: Bench) -> None:
    bench.books.faults = Faults(unpaid=1.0)
    payment = bench.ask()
    back = bench.pay(payment)
    assert "Status=NOK" in back.headers.get("location", "") or "Failed" in back.text
    assert bench.client.inquire(payment) == Found(Says.NOT_PAID)


def test_a_lost_way_back_has_paid_all_the_same(bench: Bench) -> None:
    bench.books.faults = Faults(no_callback=1.0)
    payment = bench.ask()
    answer = bench.pay(payment)
    assert (answer.status_code, "location" in answer.headers, "form" in answer.text) == (200, False, False)
    assert bench.state(payment) == "paid"


def test_the_statement_lists_what_was_paid_in_the_form_that_the_backend_reads(bench: Bench) -> None:
    payment, _unpaid, back = bench.paid(), bench.ask(), bench.paid()
    bench.pay(payment)
    bench.client.verify(payment)
    bench.client.reverse(back)
    text = httpx.get(f"{bench.server.url}/statement.csv", trust_env=False, timeout=10).text
    assert text == bench.server.statement()
    key = bench.client.statement_key(payment)
    assert decode_statement(text) == ([StatementRow(key, 500_000, int(PAID_AT.timestamp()) * 1000)], [])
    bench.books.faults = Faults(gap=1.0)
    gap = bench.paid()
    assert bench.client.statement_key(gap) not in bench.server.statement()


def test_the_truth_may_be_asked_for(bench: Bench) -> None:
    payment = bench.paid()
    (told,) = httpx.get(f"{bench.server.url}/truth", trust_env=False, timeout=10).json()
    assert (told["token"], told["paid_rials"], told["state"]) == (payment.authority, 500_000, "paid")


@pytest.mark.parametrize("fault", sorted(set(KINDS_OF_ANSWER) - {"unavailable"}))
def test_an_answer_that_is_lost_leaves_the_work_done(bench: Bench, fault: str) -> None:
    """P6: the backend cannot know, asks again, and is told that it was paid before."""
    payment = bench.paid()
    bench.books.faults = Faults(**{fault: 1.0})
    with pytest.raises(ProviderUnknown):
        bench.client.verify(payment)
    bench.books.faults = Faults()
    assert bench.state(payment) == "verified"
    assert bench.books.counts[fault] == 1


def test_a_provider_that_is_unavailable_has_done_nothing(bench: Bench) -> None:
    bench.books.faults = Faults(unavailable=1.0)
    with pytest.raises(ProviderUnknown):
        bench.ask()
    assert bench.books.truth() == []


def test_a_double_callback_comes_from_the_provider_and_from_the_browser(
    bench: Bench, called: tuple[str, list[str]]
) -> None:
    url, came = called
    bench.books.faults = Faults(double_callback=1.0)
    payment = bench.ask(url)
    back = bench.pay(payment)
    (first,) = came
    assert payment.authority in first
    assert payment.authority in back.headers.get("location", back.text)


def test_a_double_callback_to_a_backend_that_is_down_still_sends_the_browser_on(bench: Bench) -> None:
    bench.books.faults = Faults(double_callback=1.0)
    back = bench.pay(bench.ask())
    assert back.is_redirect or "<form" in back.text


def test_the_same_seed_gives_the_same_authorities_fates_and_faults() -> None:
    def play(seed: int) -> list[object]:
        books = Books(MERCHANT, seed, Faults(odd=0.5, late_reversal=0.5), lambda: PAID_AT)
        made = [books.ask(1, "u") for _ in range(40)]
        return [books.misbehaves() for _ in range(40)] + [(it.token, it.fate) for it in made]

    assert play(1) == play(1)
    assert play(1) != play(2)


@pytest.fixture
def called() -> Iterator[tuple[str, list[str]]]:
    """A backend's callback address that notes what is asked of it."""
    came: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), _handler(came.append))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", came
    server.shutdown()
    thread.join()
    server.server_close()


def _handler(note: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            note(self.path)
            self._done()

        def do_POST(self) -> None:
            note(self.rfile.read(int(self.headers["content-length"])).decode())
            self._done()

        def _done(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler
