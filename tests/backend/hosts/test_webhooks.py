"""Webhooks over HTTP: signed as the specification has it, and never into somebody's own network."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from backend.adapters import webhooks
from backend.adapters.webhooks import Webhooks, signed
from backend.core.hosts.ports import Heard
from tests.backend.hosts.endpoint import Endpoint

BODY = b'{"type":"topup.changed"}'


def test_signatures_are_those_of_the_specifications_own_vector() -> None:
    """Its libraries hold themselves against this one."""
    secret = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")._whsecret
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }  # fmt: skip


def test_either_of_two_secrets_verifies_and_no_other() -> None:
    now_ms = time.time_ns() // 1_000_000
    headers = signed([b"n" * 32, b"o" * 32], "msg_1", now_ms, BODY)
    for secret in (b"n" * 32, b"o" * 32):
        Webhook(secret).verify(BODY, headers)
    for secret, body in ((b"x" * 32, BODY), (b"n" * 32, BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)
    old = signed([b"n" * 32], "msg_1", now_ms - 301_000, BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"n" * 32).verify(BODY, old)


def send(at: Endpoint, *private: str, url: str = "") -> tuple[Heard, str]:
    wire = Webhooks(private)
    try:
        return wire.send(url or at.url, {"webhook-id": "msg_1"}, BODY)
    finally:
        wire.close()


def test_what_is_sent_arrives_as_it_was_signed() -> None:
    with Endpoint() as at:
        assert send(at, at.at) == (Heard.TAKEN, "")
        ((path, headers, body),) = at.got
    assert (path, body, headers["webhook-id"]) == ("/savar/webhooks", BODY, "msg_1")
    assert (headers["host"], headers["content-type"]) == (at.at, "application/json")


@pytest.mark.parametrize(("status", "heard"), [
    (200, Heard.TAKEN), (299, Heard.TAKEN), (410, Heard.GONE), (404, Heard.FAILED), (500, Heard.FAILED),
])  # fmt: skip
def test_what_an_endpoint_says(status: int, heard: Heard) -> None:
    with Endpoint(status) as at:
        assert send(at, at.at)[0] is heard


def test_a_redirect_is_not_followed() -> None:
    with Endpoint() as inside, Endpoint(307, inside.url) as at:
        assert send(at, at.at, inside.at) == (Heard.FAILED, "status 307")
        assert inside.got == []


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{}/", "http://localhost:{}/", "http://0.0.0.0:{}/", "http://[::1]:{}/", "http://127.1:{}/",
    "http://[::ffff:127.0.0.1]:{}/", "http://2130706433:{}/",
])  # fmt: skip
def test_nothing_reaches_this_machine_by_any_of_its_names(url: str) -> None:
    with Endpoint() as at:
        heard, why = send(at, "127.0.0.1:1", url=url.format(at.port))
        assert heard is Heard.FAILED
        assert "own" in why or "no answer" in why
        assert at.got == []


def test_a_name_with_one_private_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "addresses", lambda _host, _port: ["8.8.8.8", "10.0.0.7"])
    with Endpoint() as at:
        told = send(at, url="https://city.example/hook")
    assert told == (Heard.FAILED, "the name leads into a network of somebody's own"), "and not for want of an answer"


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers otherwise the second time leads nowhere else: it is asked once."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.9"]

    monkeypatch.setattr(webhooks, "addresses", rebinding)
    with Endpoint() as at:
        name = f"hook.test:{at.port}"
        assert send(at, name, url=f"http://{name}/x?y=1") == (Heard.TAKEN, "")
        ((path, headers, _),) = at.got
    assert (path, headers["host"], asked) == ("/x?y=1", name, ["hook.test"])


def test_nobody_there_is_an_answer_too() -> None:
    with Endpoint() as at:
        gone = at.at
    heard, why = send(at, gone)
    assert (heard, why) == (Heard.FAILED, "no answer: ConnectError")
