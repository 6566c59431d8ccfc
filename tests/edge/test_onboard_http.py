"""The on-board API over HTTP: cookies, problems, live state, bounds. Rules are tested behind it."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from edge.adapters.clock import SystemClock
from edge.adapters.onboard_http import COOKIE, make_api, make_app
from edge.adapters.onboard_server import NotServing, OnboardServer
from edge.core import limits
from edge.core.errors import PagesMissing
from protocol.fares.verdicts import Verdict
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from simulators.practice import DRIVER, PIN, Practice, PracticeBus
from tests.listening import answers_at_once


class Caller(httpx.Client):
    """A client that keeps its cookie, as a page does."""

    def order(self, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        if isinstance(body, bytes):
            answer = self.post(f"/v1/{path}", content=body, headers={"Content-Type": "application/json"})
        else:
            answer = self.post(f"/v1/{path}", json=body) if body is not None else self.post(f"/v1/{path}")
        return answer.status_code, answer.json() if answer.content else {}

    def state(self) -> dict[str, object]:
        return self.get("/v1/state").json()


@pytest.fixture
def caller(served: Practice) -> Iterator[Caller]:
    with Caller(base_url=served.server.url, timeout=10) as it:
        yield it


def test_a_shift_over_http(served: Practice, caller: Caller) -> None:
    assert caller.order("proxy", {"companions": 0})[1]["name"] == "NotSignedIn"
    assert caller.order("sign-in", {"number": DRIVER, "pin": PIN}) == (204, {})
    assert caller.order("serve", {"route": "91", "direction": 0}) == (204, {})
    assert [line["route"] for line in caller.get("/v1/lines").json()][:2] == ["91", "24"]
    served.bus.ride(2, Verdict.ACCEPTED)
    assert caller.order("proxy", {"companions": 1}) == (204, {})
    assert caller.order("free-ride", {"cause": FreeCause.CROWD}) == (204, {})
    assert caller.order("free-ride", {"cause": None}) == (204, {})
    assert caller.order("annul", {"door": 2, "sequence": 3, "reason": AnnulReason.TWICE}) == (202, {})
    served.bus.step()
    assert caller.order("report", {"kind": EventKind.QUARREL}) == (204, {})
    assert caller.order("end") == (204, {})
    shift = caller.state()["shift"]
    assert isinstance(shift, dict)
    assert (shift["boarded"], shift["charged_rials"], shift["annulled"]) == (2, 120_000, 1)
    assert caller.order("leave") == (204, {})
    assert caller.state()["shift"] is None


def test_the_token_is_kept_from_scripts_and_from_other_pages(served: Practice, caller: Caller) -> None:
    answer = caller.post("/v1/sign-in", json={"number": DRIVER, "pin": PIN})
    given = answer.headers["Set-Cookie"].lower()
    assert "httponly" in given
    assert "samesite=strict" in given
    token = caller.cookies[COOKIE]
    assert token not in json.dumps(caller.state())
    assert caller.state()["mine"] is True
    with Caller(base_url=served.server.url) as other:
        assert other.state()["mine"] is False
        other.cookies.set(COOKIE, "wrong")
        assert other.order("end")[0] == 401
        assert other.order("report", {"kind": EventKind.SOS}) == (204, {})


def test_a_pin_is_never_repeated_nor_logged(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong, odd = "736451", "73645x9z1"
    told = [
        caller.order("sign-in", {"number": DRIVER, "pin": wrong}),
        caller.order("sign-in", {"number": DRIVER, "pin": odd}),
    ]
    assert [status for status, _ in told] == [403, 422]
    assert wrong not in str(told) + caplog.text
    assert odd not in str(told) + caplog.text


def test_every_refusal_is_a_problem_with_a_next_step(caller: Caller) -> None:
    told = [
        caller.order("sign-in", {"number": "A B", "pin": PIN}),
        caller.order("sign-in", b"{"),
        caller.order("annul", {"door": 1, "sequence": 0, "reason": AnnulReason.TWICE}),
        caller.order("annul", {"door": 1, "sequence": 1, "reason": 99}),
        caller.order("proxy", {"companions": limits.PROXY_PERSONS_MAX}),
        caller.order("report", {"kind": EventKind.FREE_RIDE}),
        caller.order("end"),
        caller.order("nothing"),
    ]
    assert [status for status, _ in told] == [422, 422, 422, 422, 422, 422, 401, 405]
    for _, problem in told:
        assert problem["name"]
        assert problem["fix"]
    answer = caller.get("/v1/doors/7")
    assert (answer.status_code, answer.json()["name"]) == (404, "NoSuchDoor")


def test_a_body_longer_than_any_order_is_not_read(served: Practice, caller: Caller) -> None:
    assert caller.order("sign-in", b" " * (limits.TERMINAL_BODY_MAX_BYTES + 1))[0] == 413
    host, port = urlsplit(served.server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"POST /v1/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert b" 413 " in raw.recv(100)


def test_the_state_streams_after_every_change(served: Practice, caller: Caller) -> None:
    def whole(lines: Iterator[str]) -> dict[str, object]:
        line = next(line for line in lines if line.startswith("data: "))
        return json.loads(line.removeprefix("data: "))

    caller.order("sign-in", {"number": DRIVER, "pin": PIN})
    with caller.stream("GET", "/v1/live") as live, caller.stream("GET", "/v1/doors/2/live") as panel:
        assert live.headers["Content-Type"].startswith("text/event-stream")
        assert whole(live.iter_lines())["mine"] is True
        lines = panel.iter_lines()
        assert whole(lines)["showing"] is None
        served.bus.ride(2, Verdict.DENIED)
        shown = None
        while shown is None:  # the practice bus's own steps may stream first
            shown = whole(lines)["showing"]
        assert isinstance(shown, dict)
        assert shown["verdict"] == Verdict.DENIED


def test_one_page_too_many_is_refused_with_what_to_do(served: Practice, caller: Caller) -> None:
    ends = [served.bus.terminal.watch(lambda: None, here=True) for _ in range(limits.TERMINAL_WATCHERS_MAX)]
    with caller.stream("GET", "/v1/live") as live:
        assert live.status_code == 503
        assert json.loads(live.read())["fix"] == "close one"
    ends.pop()()
    with caller.stream("GET", "/v1/live") as live:
        assert live.status_code == 200


def test_nothing_may_be_fetched_from_elsewhere(caller: Caller) -> None:
    """P19."""
    for path in ("/", "/v1/state", "/v1/nothing"):
        headers = caller.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "Access-Control-Allow-Origin" not in headers


def test_without_built_pages_it_says_what_to_do(tmp_path: Path) -> None:
    clock = SystemClock(trust="operator", floor_ms=0)
    with pytest.raises(PagesMissing) as missing:
        make_app(PracticeBus(clock, os.urandom).terminal, clock, tmp_path)
    assert "make web" in missing.value.fix


def test_an_answer_in_two_pieces_does_not_wait_for_an_acknowledgement() -> None:
    """Nagle's rule and a late acknowledgement: 40 ms an answer."""
    assert answers_at_once(OnboardServer(make_api(), "127.0.0.1", 0))


def test_an_address_in_use_is_named(served: Practice) -> None:
    with pytest.raises(NotServing):
        OnboardServer(make_api(), "127.0.0.1", urlsplit(served.server.url).port or 0).start()
