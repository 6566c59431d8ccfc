"""Chunks over HTTP against servers that answer as they should, wrongly, slowly or not at all."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge.adapters import http_chunks
from edge.adapters.http_chunks import HttpChunks
from edge.core.errors import BundleLate
from protocol.errors import WrongHash, WrongLength
from protocol.wire.manifests import name_chunk

DATA = bytes(range(256)) * 300
CHUNK = name_chunk(DATA)
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer, prefix: str = "") -> Iterator[tuple[HttpChunks, list[str]]]:
    """A server with one answer, a source that asks it, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            paths.append(self.path)
            self.close_connection = True
            answer(self)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield HttpChunks(f"http://127.0.0.1:{server.server_port}{prefix}"), paths
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(data: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


@pytest.mark.parametrize("prefix", ["", "/", "/city/"])
def test_it_is_asked_for_by_its_hash(prefix: str) -> None:
    with serving(say(DATA), prefix) as (source, paths):
        assert source.fetch(CHUNK) == DATA
    assert paths == [f"{prefix.rstrip('/')}/bundle/chunks/{CHUNK.digest.hex()}"]


@pytest.mark.parametrize("status", [301, 302, 404, 500, 503])
def test_another_answer_is_later_and_no_redirect_is_followed(status: int) -> None:
    with serving(say(b"", status, Location="http://127.0.0.1:1/elsewhere")) as (source, paths):
        with pytest.raises(BundleLate, match=str(status)):
            source.fetch(CHUNK)
        assert len(paths) == 1


def test_other_bytes_are_refused() -> None:
    with serving(say(DATA[:-1] + b"x")) as (source, _), pytest.raises(WrongHash):
        source.fetch(CHUNK)


def test_an_answer_that_does_not_say_its_length_is_not_read() -> None:
    """A server without end costs no memory."""
    sent = []

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while len(sent) < 10_000:
                request.wfile.write(bytes(65_536))
                sent.append(1)
        except OSError:
            return

    with serving(endless) as (source, _), pytest.raises(BundleLate, match="Content-Length"):
        source.fetch(CHUNK)
    assert len(sent) < 10_000


def test_of_a_chunk_that_is_longer_nothing_is_read() -> None:
    with serving(say(DATA + b"x")) as (source, _), pytest.raises(WrongLength) as caught:
        source.fetch(CHUNK)
    assert caught.value.data["found"] == len(DATA) + 1


def test_one_cut_short_is_refused() -> None:
    def short(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(DATA)))
        request.end_headers()
        request.wfile.write(DATA[:1000])

    with serving(short) as (source, _), pytest.raises((WrongLength, BundleLate)):
        source.fetch(CHUNK)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BundleLate) as caught:
        HttpChunks(f"http://127.0.0.1:{port}").fetch(CHUNK)
    assert caught.value.fix


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_chunks, "CHUNK_CALL_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = HttpChunks(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(BundleLate):
            source.fetch(CHUNK)


def test_a_drip_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, and the whole never would."""
    monkeypatch.setattr(http_chunks, "CHUNK_FETCH_MAX_S", 0.3)
    ended = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(DATA)))
        request.end_headers()
        try:
            while not ended.is_set():
                request.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            return

    with serving(drip) as (source, _):
        with pytest.raises(BundleLate, match="slowly"):
            source.fetch(CHUNK)
        ended.set()


def test_not_http(monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-x\r\n")

    with serving(noise) as (source, _), pytest.raises(BundleLate):
        source.fetch(CHUNK)


CONTINUES = b"HTTP/1.1 100 Continue\r\n\r\n" * 50
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


@contextmanager
def hostile(first: bytes, then: bytes, pause_s: float) -> Iterator[HttpChunks]:
    """A server that says something, then one thing again and again until its caller hangs up."""
    ended = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            caller, _ = listening.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(first)
                while not ended.is_set():
                    caller.sendall(then)
                    time.sleep(pause_s)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield HttpChunks(f"http://127.0.0.1:{listening.getsockname()[1]}")
        ended.set()
        thread.join(5)


@pytest.mark.parametrize(
    ("first", "then", "pause_s", "said"),
    [
        (b"", CONTINUES, 0.0, "longer"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02, "slowly"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a", 0.02, "slowly"),
        (CHUNKED, b"a: b\r\n" * 200, 0.0, "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(DATA) + CHUNKED[17:], b"a: b\r\n", 0.0, "Content-Length"),
    ],
)
def test_no_answer_holds_the_thread(
    monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes, pause_s: float, said: str
) -> None:
    """A head that never ends, trailers that never end: each byte in time, as a hostile server sends them."""
    monkeypatch.setattr(http_chunks, "CHUNK_FETCH_MAX_S", 0.5 if said == "slowly" else 30.0)
    refused: list[str] = []

    def fetch(source: HttpChunks) -> None:
        try:
            source.fetch(CHUNK)
        except BundleLate as late:
            refused.append(str(late))

    with hostile(first, then, pause_s) as source:
        thread = threading.Thread(target=fetch, args=(source,), daemon=True)
        thread.start()
        thread.join(20)
    assert len(refused) == 1
    assert said in refused[0]
