"""Chunks over HTTP(S) from the backend. What comes is public and proven by its hash, so nothing is said of who asks.

Whoever answers may be anybody: one deadline and one count of bytes stand over the whole answer, its head included, so
that no run of `100 Continue`, no header and no trailer holds the bundles' thread or its memory.
"""

import io
import socket
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge.core.errors import BundleLate
from edge.core.limits import CHUNK_CALL_TIMEOUT_S, CHUNK_FETCH_MAX_S, CHUNK_HEAD_MAX_BYTES
from protocol.errors import WrongLength
from protocol.wire.manifests import Chunk, check_chunk

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FIX = "the bundle in force goes on; look at chunks_url, the network and the backend"


class HttpChunks:
    """Implements `ChunkSource` against `{base}/bundle/chunks/{sha-256}`. No proxy, no redirect, no cookie.

    `base` is an address that `ValidatorConfig` has accepted.
    """

    def __init__(self, base: str) -> None:
        self._parts = urlsplit(base)
        self._path = self._parts.path.rstrip("/") + "/bundle/chunks/"

    def fetch(self, chunk: Chunk) -> bytes:
        """The chunk's bytes. Raises BundleLate when they cannot be had now, WrongLength or WrongHash for others."""
        until = time.monotonic() + CHUNK_FETCH_MAX_S
        connection: HTTPConnection | None = None
        try:
            connection = self._connection()
            connection.request("GET", self._path + chunk.digest.hex(), headers={"Accept-Encoding": "identity"})
            with _answer(connection.sock, until, CHUNK_HEAD_MAX_BYTES + chunk.size) as response:
                response.begin()
                if response.status != 200:
                    raise BundleLate(f"the backend answers {response.status}", fix=_FIX, chunk=chunk.digest.hex())
                _require_length(response, chunk.size)
                data = response.read()
        except (OSError, HTTPException, ValueError) as error:
            raise BundleLate(f"a chunk cannot be fetched: {error!r}", fix=_FIX, host=self._parts.netloc) from error
        finally:
            if connection is not None:
                connection.close()
        return check_chunk(chunk, data)

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=CHUNK_CALL_TIMEOUT_S, context=context)
        return HTTPConnection(host, port, timeout=CHUNK_CALL_TIMEOUT_S)


class _Within(io.RawIOBase):
    """What a socket brings until a moment of the monotonic clock, and no more than so many bytes."""

    def __init__(self, sock: socket.socket, until: float, most: int) -> None:
        self._sock, self._until, self._left = sock, until, most

    def readable(self) -> bool:
        """As `io` asks."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """As `io` asks. Raises BundleLate when the time or the bytes are used up, OSError of the socket."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise _late()
        self._sock.settimeout(min(left_s, CHUNK_CALL_TIMEOUT_S))
        try:
            count = self._sock.recv_into(buffer)
        except TimeoutError as error:
            raise _late() from error
        self._left -= count
        if self._left < 0:
            raise BundleLate("the answer is longer than a chunk's may be", fix=_FIX)
        return count


def _late() -> BundleLate:
    return BundleLate("a chunk comes too slowly", fix=_FIX, limit_s=CHUNK_FETCH_MAX_S)


def _answer(sock: socket.socket, until: float, most: int) -> HTTPResponse:
    """An answer that is read within these bounds; `begin` is left to the caller."""
    response = HTTPResponse(sock, method="GET")
    response.fp.close()
    response.fp = io.BufferedReader(_Within(sock, until, most))
    return response


def _require_length(response: HTTPResponse, size: int) -> None:
    """A chunk comes whole and of a length that is known beforehand. Raises BundleLate, WrongLength."""
    if response.length is None or response.headers.get("Transfer-Encoding") is not None:
        raise BundleLate("the backend sends a chunk without a Content-Length", fix=_FIX)
    if response.length != size:
        raise WrongLength("a chunk of another length", expected=size, found=response.length)
