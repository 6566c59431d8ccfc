"""The simulated payment provider behind the backend's own client: what it promises, and each of its faults."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from backend.adapters.provider import HttpProvider
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.reconcile import StatementRow, decode_statement
from simulators.payment_provider import AGAIN, NOT_PAID, OK, OTHER_AMOUNT, UNKNOWN, Faults, PaymentServer

PAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MERCHANT = "savar-dev"
CALLBACK = "http://127.0.0.1:9/v1/topups/callback"


@pytest.fixture
def server() -> Iterator[PaymentServer]:
    server = PaymentServer(merchant=MERCHANT, seed=3, now=lambda: PAID_AT)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: PaymentServer) -> Iterator[HttpProvider]:
    client = HttpProvider(server.url, MERCHANT)
    yield client
    client.close()


def ask(client: HttpProvider, callback: str = CALLBACK) -> str:
    return client.request(rials=500_000, callback_url=callback, description="Savar 1")


def pay(client: HttpProvider, authority: str) -> httpx.Response:
    return httpx.get(client.pay_url(authority), trust_env=False, follow_redirects=False, timeout=10)


def verify_code(server: PaymentServer, **changed: object) -> int:
    """The code that verify answers with, as it is on the wire."""
    body = {"merchant_id": MERCHANT, "amount": 500_000, **changed}
    answer = httpx.post(f"{server.url}/pg/v4/payment/verify.json", json=body, trust_env=False, timeout=10)
    return int(answer.json()["data"]["code"])


def test_a_payment_is_handed_over_once_and_later_calls_say_that_it_was(
    server: PaymentServer, client: HttpProvider
) -> None:
    authority = ask(client)
    assert verify_code(server, authority=authority) == NOT_PAID
    back = pay(client, authority)
    assert back.headers["location"] == f"{CALLBACK}?Authority={authority}&Status=OK"
    assert verify_code(server, authority=authority, amount=499_999) == OTHER_AMOUNT
    assert [verify_code(server, authority=authority) for _ in range(3)] == [OK, AGAIN, AGAIN]
    client.verify(authority=authority, rials=500_000)


def test_what_it_does_not_know_it_refuses(server: PaymentServer, client: HttpProvider) -> None:
    authority = ask(client)
    pay(client, authority)
    assert verify_code(server, authority="A" + "0" * 35) == UNKNOWN
    assert verify_code(server, authority=authority, merchant_id="another") == UNKNOWN
    assert pay(client, "A" + "0" * 35).status_code == 404
    stranger = HttpProvider(server.url, "another")
    with pytest.raises(ProviderRefused):
        ask(stranger)
    stranger.close()


def test_the_statement_lists_what_was_paid_in_the_form_that_the_backend_reads(
    server: PaymentServer, client: HttpProvider
) -> None:
    paid, _unpaid = ask(client), ask(client)
    pay(client, paid)
    pay(client, paid)
    text = httpx.get(f"{server.url}/statement.csv", trust_env=False, timeout=10).text
    assert text == server.statement()
    assert decode_statement(text) == ([StatementRow(paid, 500_000, int(PAID_AT.timestamp()) * 1000)], [])


@pytest.mark.parametrize("fault", ["failed_after", "answer_lost"])
def test_an_answer_that_is_lost_leaves_the_work_done(server: PaymentServer, client: HttpProvider, fault: str) -> None:
    """P6: the backend cannot know, asks again, and is told that it was paid before."""
    authority = ask(client)
    pay(client, authority)
    server.desk.faults = Faults(**{fault: 1.0})
    with pytest.raises(ProviderUnknown):
        client.verify(authority=authority, rials=500_000)
    server.desk.faults = Faults()
    assert verify_code(server, authority=authority) == AGAIN


def test_a_provider_that_is_unavailable_has_done_nothing(server: PaymentServer, client: HttpProvider) -> None:
    server.desk.faults = Faults(unavailable=1.0)
    with pytest.raises(ProviderUnknown):
        ask(client)
    assert server.desk.payments == {}


def test_a_double_callback_comes_from_the_provider_and_from_the_browser(
    server: PaymentServer, client: HttpProvider, called: tuple[str, list[str]]
) -> None:
    url, paths = called
    server.desk.faults = Faults(double_callback=1.0)
    authority = ask(client, url)
    back = pay(client, authority)
    assert paths == [f"/?Authority={authority}&Status=OK"]
    assert back.headers["location"].endswith(paths[0])


def test_a_double_callback_to_a_backend_that_is_down_still_sends_the_browser_on(
    server: PaymentServer, client: HttpProvider
) -> None:
    server.desk.faults = Faults(double_callback=1.0)
    assert pay(client, ask(client)).is_redirect


def test_the_same_seed_gives_the_same_authorities_and_faults() -> None:
    def play(seed: int) -> list[object]:
        server = PaymentServer(merchant=MERCHANT, seed=seed)
        return [server.desk.fails(0.5) for _ in range(40)]

    assert play(1) == play(1)
    assert play(1) != play(2)


@pytest.fixture
def called() -> Iterator[tuple[str, list[str]]]:
    """A backend's callback address that notes what is asked of it."""
    paths: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), _handler(paths.append))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", paths
    server.shutdown()
    thread.join()
    server.server_close()


def _handler(note: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            note(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler
