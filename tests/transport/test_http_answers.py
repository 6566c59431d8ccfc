"""What every HTTP answer is made of: what an answer says itself stands, facts become JSON, the nearest class decides."""

import asyncio
from collections.abc import Mapping

import pytest

from protocol.errors import BadSignature, ProofError, SavarError, WrongType
from transport.http_answers import HEADERS, Message, ProblemDocument, SecurityHeaders, adding, fill, nearest_status


def sent(message: Message, headers: Mapping[str, str] = HEADERS) -> Message:
    out: list[Message] = []

    async def send(one: Message) -> None:
        out.append(one)

    asyncio.run(adding(headers, send)(message))
    return out[0]


def test_what_an_answer_says_itself_stands_and_the_rest_is_added() -> None:
    said = [(b"Cache-Control", b"max-age=9"), (b"content-type", b"text/html")]
    found = dict(sent({"type": "http.response.start", "headers": said})["headers"])
    assert found[b"Cache-Control"] == b"max-age=9"
    assert b"cache-control" not in found
    added = {name.decode(): value.decode() for name, value in found.items()}
    for name, value in HEADERS.items():
        assert name == "Cache-Control" or added[name.lower()] == value
    assert sent({"type": "http.response.start"}, {"X": "y"})["headers"] == [(b"x", b"y")]
    body = {"type": "http.response.body", "body": b"x"}
    assert sent(dict(body)) == body


@pytest.mark.parametrize(("kind", "added"), [("http", True), ("websocket", False), ("lifespan", False)])
def test_only_answers_over_http_get_headers(kind: str, *, added: bool) -> None:
    out: list[Message] = []

    async def app(_scope: Message, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "headers": []})  # type: ignore[operator]

    async def send(one: Message) -> None:
        out.append(one)

    async def receive() -> Message:
        return {}

    asyncio.run(SecurityHeaders(app, {"A": "b"})({"type": kind}, receive, send))
    assert (out[0]["headers"] == [(b"a", b"b")]) is added


def test_facts_become_json_and_the_name_becomes_the_type() -> None:
    class Own(ProblemDocument):
        title: str

    facts = {"key": b"\x01\xff", "many": (1, b"\x02"), "map": {1: None}, "odd": ValueError("x")}
    found = fill(Own, "NotFound", 404, detail="d", fix="f", data=facts, title="t")
    assert (found.type, found.status, found.title) == ("urn:savar:problem:not-found", 404, "t")
    assert found.data == {"key": "01ff", "many": [1, "02"], "map": {"1": None}, "odd": "x"}


def test_the_nearest_class_decides() -> None:
    table = {SavarError: 400, ProofError: 403}
    assert nearest_status(BadSignature("x"), table) == 403
    assert nearest_status(WrongType("x"), table) == 400
    assert nearest_status(WrongType("x"), {ProofError: 403}) is None
