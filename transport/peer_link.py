"""One connection between two doors: TLS, frames, and what waits to be sent.

Rules:
- TLS 1.3, a certificate of this city at either end; its dates are not looked at: two doors whose clocks are dead, with
  no network to set them, still keep together (P7, P14);
- a frame is the message behind its length in 4 bytes, big-endian; an empty one is a ping, sent first of all and then
  whenever there was nothing else for a second;
- what waits is bounded, and dies with its connection.

TCP_NODELAY is set by asyncio at the end that calls, and by `accept` at the other.
"""

import asyncio
import socket
import ssl
import threading
from collections import deque
from contextlib import suppress

from protocol import limits
from transport.config import PeerConfig
from transport.errors import CredentialsMissing, FrameTooLong, PeerAway, PeerEnded

PING_S = 1.0  # an idle end says that it is there
SILENT_S = 5.0  # without a byte for so long it is gone: four pings may be late, as on a board that boots
PROVE_S = 5.0  # to connect and prove oneself; a handshake on a Pi takes 0.2 s
WAITING_MAX_BYTES = 4 * limits.SISTER_MESSAGE_MAX_BYTES  # behind what TLS and the kernel hold: 4.5 MiB
WAITING_MAX_MESSAGES = 256  # small ones have a price too; a boarding and its witness are two
CABLE = "look at the other door and the cable between the two; boardings are kept"
PAIR = "run `savar provision pair` for the two and carry both folders to them"
_LENGTH_BYTES = 4
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME; Python's ssl has no name for it


class Link:
    """What one connection sends: bounded while it waits, gone with it. `offer` is for any thread."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.replaced = False
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._open = True
        self._writing: asyncio.Task[None] | None = None

    def offer(self, data: bytes) -> bool:
        """Let it wait its turn; False if there is no room, or no connection any more."""
        with self._lock:
            if (
                not self._open
                or len(self._waiting) >= WAITING_MAX_MESSAGES
                or self._waiting_bytes + len(data) > WAITING_MAX_BYTES
            ):
                return False
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._loop.call_soon_threadsafe(self._due.set)  # under the lock: an open link's loop runs
            return True

    def start(self) -> None:
        """Begin to send."""
        self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        with suppress(OSError):  # the reading side hears of it too, and says it
            while True:
                data = self._next()
                self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
                await self._writer.drain()
                if not self._waiting:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PING_S):
                            await self._due.wait()
                    self._due.clear()

    def _next(self) -> bytes:
        """The oldest that waits; a ping if there is none."""
        with self._lock:
            if not self._waiting:
                return b""
            data = self._waiting.popleft()
            self._waiting_bytes -= len(data)
            return data

    def close(self) -> None:
        """Take nothing more, drop what waits and the connection."""
        with self._lock:
            self._open = False
            self._waiting.clear()
        self._writer.transport.abort()

    async def end(self) -> None:
        """Close, and wait until nothing of it runs."""
        self.close()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        with suppress(OSError):
            await self._writer.wait_closed()


class _Plain(asyncio.Protocol):
    """A connection before TLS: nothing is read from it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is paused until TLS reads."""
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


async def open_call(host: str, port: int, context: ssl.SSLContext) -> Streams:
    """A connection to the door that listens, proven by its certificate. Raises OSError."""
    plain, _ = await asyncio.get_running_loop().create_connection(_Plain, host, port)
    return await _secured(plain, context, answering=False)


async def open_answer(called: socket.socket, context: ssl.SSLContext) -> Streams:
    """The same from the side that listens."""
    plain, _ = await asyncio.get_running_loop().connect_accepted_socket(_Plain, called)
    return await _secured(plain, context, answering=True)


async def _secured(plain: asyncio.Transport, context: ssl.SSLContext, *, answering: bool) -> Streams:
    """TLS over a connection, which is closed if that fails or is cancelled.

    (One that asyncio opens with TLS at once is left open when it is cancelled just as its handshake ends.) No server
    name is given: the certificate names a device, not a host.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport = await loop.start_tls(plain, protocol, context, server_side=answering, ssl_handshake_timeout=PROVE_S)
    except BaseException:
        plain.abort()
        raise
    assert transport is not None
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next message; empty for a ping. Raises FrameTooLong, PeerAway, OSError."""
    size = int.from_bytes(await _take(reader, _LENGTH_BYTES), "big")
    if size > limits.SISTER_MESSAGE_MAX_BYTES:
        raise FrameTooLong(
            f"the other door sends {size} bytes at once", fix="run one version at both doors", bytes=size
        )
    return await _take(reader, size)


async def _take(reader: asyncio.StreamReader, size: int) -> bytes:
    """So many bytes, however slowly, as long as some come."""
    taken = bytearray()
    while len(taken) < size:
        try:
            async with asyncio.timeout(SILENT_S):
                some = await reader.read(size - len(taken))
        except TimeoutError as error:
            raise PeerAway(f"the other door was not heard for {SILENT_S:.0f} s", fix=CABLE) from error
        if not some:
            raise PeerEnded("the other door ended the connection", fix=CABLE)
        taken += some
    return bytes(taken)


def tls_context(config: PeerConfig, *, calls: bool) -> ssl.SSLContext:
    """TLS 1.3 with this device's certificate, for the end that calls or the one that listens.

    Only a certificate of this city's is taken. Raises CredentialsMissing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if calls else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the name is a device's: whoever uses it compares it
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= _NO_CHECK_TIME
    if not calls:
        context.num_tickets = 0  # no resumption: every connection proves itself anew
    try:
        context.load_verify_locations(cafile=str(config.ca))
        context.load_cert_chain(str(config.certificate), str(config.key))
    except (OSError, ssl.SSLError) as error:
        raise CredentialsMissing(f"cannot use this door's certificate: {error}", fix=PAIR) from error
    return context
