"""Every refusal and failure is a problem document (RFC 9457) that says the next step and repeats nothing secret."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from backend.adapters.http.problems import problem, status_of
from backend.adapters.http.server import HttpServer, NotServing
from backend.core import limits
from backend.core.errors import BackendError
from protocol.errors import ChainBroken, OutOfRange, ProofError, SavarError, WireError
from tests.backend.desk_http import OPS, Api
from tests.listening import answers_at_once
from tests.protocol.samples import key


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def checked(answer: httpx.Response, status: int) -> dict[str, object]:
    """The problem document, after checks that hold for all of them."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    body: dict[str, object] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "fix", "data"}
    assert body["status"] == status
    assert str(body["type"]).startswith("urn:savar:problem:")
    assert body["title"]
    assert body["fix"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/static/nothing.js", 404, "not-found"),
        ("GET", "/v1/riders", 405, "method-not-allowed"),
        ("DELETE", "/", 405, "method-not-allowed"),
        ("GET", "/v1/riders/xyz/balance", 401, "not-signed-in"),
        ("POST", "/v1/topups/1/settle", 401, "not-signed-in"),
        ("GET", "/v1/devices", 401, "not-signed-in"),
    ],
)
def test_the_routers_own_refusals(api: Api, method: str, path: str, status: int, kind: str) -> None:
    answer = api.client.request(method, path)
    assert checked(answer, status)["type"] == f"urn:savar:problem:{kind}"
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.public_key"),
        ({"public_key": "zz", "proof": "00" * 64}, "body.public_key"),
        ({"public_key": 7, "proof": "00" * 64}, "body.public_key"),
        ({"public_key": "02" + "11" * 32, "proof": "00" * 63}, "body.proof"),
        ({"public_key": "02" + "11" * 32, "proof": "00" * 64, "rider_class": "0"}, "body.rider_class"),
        ({"public_key": "02" + "11" * 32, "proof": "00" * 64, "rider_class": 16}, "body.rider_class"),
        ({"public_key": "02" + "11" * 32, "proof": "00" * 64, "name": "x"}, "body.name"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_not_repeated(api: Api, body: dict[str, object], where: str) -> None:
    answer = api.client.post("/v1/riders", json=body)
    errors = checked(answer, 422)["data"]["errors"]
    assert where in [one["where"] for one in errors]
    assert "11" * 32 not in answer.text


def test_a_key_off_the_curve(api: Api) -> None:
    body = {"public_key": "02" + "ff" * 32, "challenge": "00" * 32, "proof": "00" * 64}
    assert checked(api.client.post("/v1/riders", json=body), 422)["type"] == "urn:savar:problem:bad-key"


@pytest.mark.parametrize("text", ["", "{", "[1", "\x00"])
def test_a_body_that_is_no_json(api: Api, text: str) -> None:
    answer = api.client.post("/v1/riders", content=text, headers={"Content-Type": "application/json"})
    checked(answer, 422 if not text else 400)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "in chunks"])
def test_a_body_beyond_its_limit_is_not_read_to_its_end(api: Api, *, declared: bool) -> None:
    """No unbounded body: 413 whether its length was told or not."""
    blob = b" " * (limits.REQUEST_BYTES_MAX + 1)
    answer = api.client.post("/v1/riders", content=blob if declared else iter([blob]))
    checked(answer, 413)


def test_our_own_failure_tells_nothing_of_our_inside(api: Api) -> None:
    """The ledger's failure is 503 with a next step; it says whom to wait for, and the log has the rest."""
    rider, headers = api.register()
    api.store.failing = True
    answer = api.client.get(f"/v1/riders/{rider}/balance", headers=headers)
    body = checked(answer, 503)
    assert body["type"] == "urn:savar:problem:store-failed"
    assert (body["detail"], body["fix"]) == ("the ledger does not answer", "try again in a minute")
    assert answer.headers["retry-after"] == "60"


def test_a_defect_is_a_500_without_its_text(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A defect is in the log with its trace; the caller sees none of it."""

    def broken() -> dict[str, int]:
        raise RuntimeError("secret inside")

    api.store.counts = broken
    with caplog.at_level(logging.ERROR):
        answer = api.client.get("/v1/status")
        api.server.stop()  # the log is written behind the answer
    assert "secret" not in answer.text
    assert checked(answer, 500)["type"] == "urn:savar:problem:internal-error"
    assert "secret inside" in caplog.text


def test_facts_that_json_does_not_know_become_text() -> None:
    body = problem("NotFound", 404, detail="d", fix="f", data={"head": b"\x01\xff", "of": {1: (1, 2)}, "x": key}).body
    assert b'"head":"01ff"' in body
    assert b'"of":{"1":[1,2]}' in body


def test_the_description_names_every_answer(api: Api) -> None:
    """OpenAPI 3: a summary, the body or page of success, and problem documents for each refusal, at every route."""
    schema = api.client.get("/openapi.json").json()
    assert "Problem" in schema["components"]["schemas"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    routes = [(path, route) for path, methods in schema["paths"].items() for route in methods.values()]
    assert len(routes) >= 12
    assert len({route["operationId"] for _, route in routes}) == len(routes)
    for path, route in routes:
        assert route["summary"], path
        assert route["description"], path
        for status, answer in route["responses"].items():
            problems = "application/problem+json" in answer.get("content", {})
            assert problems == (int(status) >= 400) or (path, status) == ("/v1/topups/callback", "404"), (path, status)
            if problems:
                assert answer["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_that_loads_scripts_from_elsewhere(api: Api, path: str) -> None:
    """P19."""
    checked(api.client.get(path, headers=OPS), 404)


def test_an_answer_in_two_pieces_does_not_wait_for_an_acknowledgement(api: Api) -> None:
    """Nagle's rule and a late acknowledgement: 40 ms an answer, each of a phone's and of the office's page."""
    assert answers_at_once(HttpServer(api.app, "127.0.0.1", 0))


def test_a_port_that_is_taken_is_named(api: Api) -> None:
    with pytest.raises(NotServing, match=f"port {api.server.port}"):
        HttpServer(api.app, "127.0.0.1", api.server.port).start()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WireError, 400),
        (OutOfRange, 400),
        (ProofError, 403),
        (ChainBroken, 403),
        (BackendError, 503),
        (SavarError, 503),
    ],
)
def test_whose_fault_it_is_decides_where_nothing_else_does(error: type[SavarError], status: int) -> None:
    """A client sends again after a 503 and gives up after a 4xx: our fault is never told as its own, nor the reverse."""
    assert status_of(error("it")) == status
