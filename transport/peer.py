"""The link between the two doors of one bus: one TCP connection over the bus's own network, mutual TLS 1.3.

Rules:
- either end proves itself with its device certificate of this city, and the name in it must be the sister's;
- a certificate's dates are not looked at: two doors whose clocks are dead, with no network to set them, still keep
  together (P7, P14);
- a frame is the message behind its length in 4 bytes, big-endian; an empty one is a ping, sent first of all and then
  whenever there was nothing else for a second;
- connected means that a frame was heard: under TLS 1.3 the caller's handshake ends before it is let in;
- nothing is queued where nothing is durable: what waits is bounded, and dies with its connection;
- one connection at a time: a newer one that has proven itself replaces the older, which a door left behind when its
  power was cut;
- reconnecting waits a random time below a doubling bound; certificates are read anew for every connection.

asyncio sets TCP_NODELAY on every connection by itself.
"""

import asyncio
import logging
import random
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from protocol import limits
from protocol.errors import OutOfRange
from transport.accept import take_calls
from transport.config import PeerConfig, split_endpoint
from transport.errors import CredentialsMissing, FrameTooLong, PeerAway, PeerRefused, TransportError

log = logging.getLogger(__name__)
PING_S = 1.0  # an idle end says that it is there
SILENT_S = 5.0  # without a byte for so long it is gone: four pings may be late, as on a board that boots
PROVE_S = 5.0  # to connect and prove oneself; a handshake on a Pi takes 0.2 s
CALLERS_MAX = 4  # that have not proven themselves yet; for one more, the oldest goes
RECONNECT_MIN_S = 0.2  # a door restarts in seconds, and it is a LAN
RECONNECT_MAX_S = 5.0
WAITING_MAX_BYTES = 4 * limits.SISTER_MESSAGE_MAX_BYTES  # behind what TLS and the kernel hold: 4.5 MiB
WAITING_MAX_MESSAGES = 256  # small ones have a price too; a boarding and its witness are two
_LENGTH_BYTES = 4
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME; Python's ssl has no name for it
_CABLE = "look at the other door and the cable between the two; boardings are kept"
_PAIR = "run `savar provision pair` for the two and carry both folders to them"


class PeerSession:
    """A link that keeps itself up from `start` to `stop`. `name` is this device's own.

    `on_message` and `on_change(connected)` are called on the session's own thread and must return at once.
    """

    def __init__(
        self,
        config: PeerConfig,
        *,
        name: str,
        on_message: Callable[[bytes], None],
        on_change: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._on_message = on_message
        self._on_change = on_change
        self._link: _Link | None = None
        self._problem: TransportError | None = PeerAway("not connected to the other door yet")
        self._proving: deque[asyncio.Task[None]] = deque()
        self._was_connected = False  # since the last attempt: then the wait starts small again
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"peer-{name}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        return self._link is not None

    @property
    def problem(self) -> TransportError | None:
        """Why it is not connected; None while it is."""
        return None if self.connected else self._problem

    def start(self) -> None:
        """Begin to listen or to call, in the background."""
        self._loop = asyncio.new_event_loop()
        self._keeping = self._loop.create_task(self._keep())
        self._thread.start()

    def stop(self) -> None:
        """End the connection and the thread. What has not gone out by then does not."""
        if self._loop is None or self._keeping is None:
            return
        with suppress(RuntimeError):  # the thread has ended already
            self._loop.call_soon_threadsafe(self._keeping.cancel)
        self._thread.join(timeout=10)

    def send(self, data: bytes) -> bool:
        """Hand over a message. False: it does not go out (no connection, or too much waits), and nothing remembers it.

        Raises OutOfRange for one that no frame can hold.
        """
        if not 1 <= len(data) <= limits.SISTER_MESSAGE_MAX_BYTES:
            raise OutOfRange("a message between doors is empty or too long", bytes=len(data))
        link = self._link
        return link is not None and link.offer(data)

    # --- the session's thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._loop is not None
        assert self._keeping is not None
        try:
            with suppress(asyncio.CancelledError):  # stop
                self._loop.run_until_complete(self._keeping)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _keep(self) -> None:
        bound = RECONNECT_MIN_S
        while True:
            self._was_connected = False
            try:
                await (self._call() if self._config.dial is not None else self._take_calls())
            except TransportError as problem:
                self._say(problem)
            if self._was_connected:
                bound = RECONNECT_MIN_S
            # Full jitter below a doubling bound.
            await asyncio.sleep(random.uniform(RECONNECT_MIN_S / 2, bound))  # noqa: S311 - not a secret
            bound = min(bound * 2, RECONNECT_MAX_S)

    async def _call(self) -> None:
        """One connection to the door that listens, to its end."""
        host, port = split_endpoint(self._config.endpoint)
        context = _context(self._config)
        try:
            async with asyncio.timeout(PROVE_S):
                # No server name: the certificate names a device, not a host.
                reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="")
        except OSError as error:
            raise self._named(error) from error
        await self._live(reader, writer)

    async def _take_calls(self) -> None:
        """Listen until stopped. Raises TransportError when that cannot be."""
        _context(self._config)  # a key that is missing is said now, not when the other door calls
        host, port = split_endpoint(self._config.endpoint)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=CALLERS_MAX)
        except OSError as error:
            raise PeerAway(f"cannot listen for the other door: {error}", fix="look at this door's network") from error
        self._say(PeerAway(f"{self._config.device} has not called yet", fix=_CABLE))
        with listener:
            async with asyncio.TaskGroup() as calls:
                while True:
                    try:
                        await take_calls(listener, lambda called: self._begin(calls, called))
                    except OSError as error:  # no file descriptor left, say; who is connected stays so
                        self._say(PeerAway(f"cannot take a call: {error}", fix=_CABLE))
                        await asyncio.sleep(RECONNECT_MAX_S)

    def _begin(self, calls: asyncio.TaskGroup, called: socket.socket) -> asyncio.Task[None]:
        if len(self._proving) >= CALLERS_MAX:
            self._proving.popleft().cancel()
        task = calls.create_task(self._answer(called))
        self._proving.append(task)
        return task

    async def _answer(self, called: socket.socket) -> None:
        """One caller, from its call to its end."""
        task = asyncio.current_task()
        assert task is not None
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        try:
            try:
                context = _context(self._config)
                transport, _ = await loop.connect_accepted_socket(
                    lambda: protocol, called, ssl=context, ssl_handshake_timeout=PROVE_S
                )
            finally:
                with suppress(ValueError):  # it had to make room for a newer one
                    self._proving.remove(task)
            await self._live(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        except CredentialsMissing as problem:
            self._say(problem)
        except ssl.SSLError as error:
            self._say(self._named(error))
        except OSError as error:
            self._say(PeerAway(f"a caller gave up before it had proven itself: {error}", fix=_CABLE))

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection behind its handshake, to its end."""
        link = _Link(writer)
        try:
            self._require_sister(writer)
            link.start()
            await self._converse(link, reader)
        except OSError as error:
            self._ended(link, self._named(error))
        except TransportError as problem:
            self._ended(link, problem)
        finally:
            self._drop(link)
            await link.end()

    async def _converse(self, link: "_Link", reader: asyncio.StreamReader) -> None:
        """Take its frames until it ends or is replaced. Before the first it may end because we are not let in."""
        try:
            message = await _frame(reader)
        except (OSError, _Ended) as error:
            raise PeerRefused(
                f"whoever is at {self._config.endpoint} hung up before a word", fix=_PAIR, error=str(error)
            ) from error
        self._take_over(link)
        while self._link is link:
            if message:
                self._on_message(message)
            message = await _frame(reader)

    def _require_sister(self, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert")
        names = [value for part in certificate["subject"] for kind, value in part if kind == "commonName"]
        if names != [self._config.device]:
            raise PeerRefused(
                f"{', '.join(names)} is at the other end, and not {self._config.device}", fix=_PAIR, found=names
            )

    def _take_over(self, link: "_Link") -> None:
        older, self._link = self._link, None
        if older is not None:
            older.replaced = True
            older.close()
            self._on_change(False)
        log.info("connected to the other door, %s", self._config.device)
        self._was_connected, self._problem = True, None
        self._link = link
        self._on_change(True)

    def _ended(self, link: "_Link", problem: TransportError) -> None:
        if not link.replaced:
            self._say(problem)

    def _drop(self, link: "_Link") -> None:
        if self._link is link:
            self._problem = self._problem or PeerAway("the link to the other door was stopped")
            self._link = None
            self._on_change(False)

    def _say(self, problem: TransportError) -> None:
        if str(problem) != str(self._problem):
            log.warning("%s: %s", problem.name, problem)
        self._problem = problem

    def _named(self, error: OSError) -> TransportError:
        where = self._config.endpoint
        if isinstance(error, ssl.SSLCertVerificationError):
            return PeerRefused(f"no certificate for a door of this city at {where}: {error.verify_message}", fix=_PAIR)
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return PeerRefused(f"no TLS with whoever is at {where}: {error.reason}", fix=_PAIR)
        return PeerAway(f"the other door is not reached at {where}: {str(error) or 'no answer'}", fix=_CABLE)


class _Ended(PeerAway):
    """The other end closed the connection."""


class _Link:
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


async def _frame(reader: asyncio.StreamReader) -> bytes:
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
            raise PeerAway(f"the other door was not heard for {SILENT_S:.0f} s", fix=_CABLE) from error
        if not some:
            raise _Ended("the other door ended the connection", fix=_CABLE)
        taken += some
    return bytes(taken)


def _context(config: PeerConfig) -> ssl.SSLContext:
    """TLS 1.3 with this device's certificate; only one of this city's is taken. Raises CredentialsMissing."""
    calls = config.dial is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if calls else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the name is a device's: see _require_sister
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= _NO_CHECK_TIME
    if not calls:
        context.num_tickets = 0  # no resumption: every connection proves itself anew
    try:
        context.load_verify_locations(cafile=str(config.ca))
        context.load_cert_chain(str(config.cert), str(config.key))
    except (OSError, ssl.SSLError) as error:
        raise CredentialsMissing(f"cannot use this door's certificate: {error}", fix=_PAIR) from error
    return context
