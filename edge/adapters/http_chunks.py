"""Chunks over HTTP(S) from the backend. What comes is public and proven by its hash, so nothing is said of who asks."""

import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from edge.core.errors import BundleLate
from edge.core.limits import CHUNK_CALL_TIMEOUT_S, CHUNK_FETCH_MAX_S
from protocol.wire.manifests import Chunk, check_chunk

_PIECE_BYTES = 64 << 10
_FIX = "the bundle in force goes on; look at chunks_url, the network and the backend"


class HttpChunks:
    """Implements `ChunkSource` against `{base}/bundle/chunks/{sha-256}`. No proxy, no redirect, no cookie."""

    def __init__(self, base: str) -> None:
        self._parts = urlsplit(base)
        self._path = self._parts.path.rstrip("/") + "/bundle/chunks/"

    def fetch(self, chunk: Chunk) -> bytes:
        """The chunk's bytes. Raises BundleLate when they cannot be had now, WrongLength or WrongHash for others."""
        connection = self._connection()
        try:
            connection.request("GET", self._path + chunk.digest.hex(), headers={"Accept-Encoding": "identity"})
            with connection.getresponse() as response:  # it may hold the socket in the connection's place
                if response.status != 200:
                    raise BundleLate(f"the backend answers {response.status}", fix=_FIX, chunk=chunk.digest.hex())
                data = _read(response, chunk.size)
        except (OSError, HTTPException, ValueError) as error:
            raise BundleLate(f"a chunk cannot be fetched: {error!r}", fix=_FIX, host=self._parts.netloc) from error
        finally:
            connection.close()
        return check_chunk(chunk, data)

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=CHUNK_CALL_TIMEOUT_S, context=context)
        return HTTPConnection(host, port, timeout=CHUNK_CALL_TIMEOUT_S)


def _read(response: HTTPResponse, size: int) -> bytes:
    """At most one byte more than the chunk has, and not longer than a poor link needs: a drip ends too."""
    until, data = time.monotonic() + CHUNK_FETCH_MAX_S, bytearray()
    while len(data) <= size:
        piece = response.read1(min(_PIECE_BYTES, size + 1 - len(data)))
        if not piece:
            break
        data += piece
        if time.monotonic() > until:
            raise BundleLate("a chunk comes too slowly", fix=_FIX, bytes=len(data), size=size)
    return bytes(data)
