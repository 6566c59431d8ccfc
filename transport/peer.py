"""The link between the two doors of one bus: one TCP connection over the bus's own network, mutual TLS 1.3.

Rules:
- the name in the certificate at the other end must be the sister's, and its unit a device's: nobody else is let in, of
  this city or another, whatever else the city's authority signs;
- where no address is written down, whoever is said to be the sister is called, and proves itself or is let go; the
  address that proved itself last is called first, whatever is said since;
- connected means that a frame was heard: under TLS 1.3 the caller's handshake ends before it is let in;
- nothing is queued where nothing is durable: `send` says whether a message was handed to a live connection;
- one connection at a time: a newer one that has proven itself replaces the older, which a door left behind when its
  power was cut;
- reconnecting waits a random time below a doubling bound; certificates are read anew for every connection.
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
from transport.accept import open_listener, take_calls
from transport.config import PeerConfig, split_endpoint
from transport.errors import CredentialsMissing, PeerAway, PeerEnded, PeerRefused, TransportError
from transport.finding import Finder
from transport.peer_link import CABLE, PAIR, PROVE_S, Link, open_answer, open_call, read_frame, tls_context

log = logging.getLogger(__name__)
CALLERS_MAX = 4  # that have not proven themselves yet; for one more, the oldest goes
DEVICE_UNIT = "device"  # OU of a device's certificate, which only the intermediate for devices may sign
RECONNECT_MIN_S = 0.2  # a door restarts in seconds, and it is a LAN
RECONNECT_MAX_S = 5.0


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
        finder: Finder | None = None,
    ) -> None:
        self._config, self._name, self._finder = config, name, finder
        assert not config.finds or finder is not None, "doors that find each other need a finder"
        self._at = config.endpoint  # where the other end is, or is said to be
        self._proven: tuple[str, int] | None = None
        self._on_message = on_message
        self._on_change = on_change
        self._link: Link | None = None
        self._problem: TransportError | None = PeerAway("not connected to the other door yet")
        self._proving: deque[asyncio.Task[None]] = deque()
        self._was_connected = False  # since the last attempt: then the wait starts small again
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.failure: Exception | None = None  # what the thread died of, for the supervisor that ends the process
        self._thread = threading.Thread(target=self._guard, name=f"peer-{name}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        return self._link is not None

    @property
    def problem(self) -> TransportError | None:
        """Why it is not connected; None while it is."""
        return None if self.connected else self._problem

    @property
    def alive(self) -> bool:
        """Whether its thread runs, connected or not."""
        return self._thread.is_alive()

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

    def _guard(self) -> None:
        assert self._loop is not None
        assert self._keeping is not None
        try:
            with suppress(asyncio.CancelledError):  # stop
                self._loop.run_until_complete(self._keeping)
        except Exception as failure:
            log.critical("the link to the other door ends", exc_info=failure)
            self.failure = failure
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _keep(self) -> None:
        bound = RECONNECT_MIN_S
        while True:
            self._was_connected = False
            try:
                await (self._call() if self._config.calls(self._name) else self._take_calls())
            except TransportError as problem:
                self._say(problem)
            if self._was_connected:
                bound = RECONNECT_MIN_S
            # Full jitter below a doubling bound.
            await asyncio.sleep(random.uniform(RECONNECT_MIN_S / 2, bound))  # noqa: S311 - not a secret
            bound = min(bound * 2, RECONNECT_MAX_S)

    async def _call(self) -> None:
        """One connection to the door that listens, to its end; where it is said to be in several places, in turn."""
        if self._finder is None or not self._config.finds:
            await self._call_at(*split_endpoint(self._config.endpoint))
            return
        if await self._tried(self._proven):
            return
        found = await self._finder.find(self._config.device)
        if not found:
            raise PeerAway(f"{self._config.device} is not heard of on the bus's network", fix=CABLE)
        for place in found:
            # In between again: whoever answers nothing takes PROVE_S each time, and may be said to be in many places.
            if place != self._proven and (await self._tried(place) or await self._tried(self._proven)):
                return

    async def _tried(self, place: tuple[str, int] | None) -> bool:
        """Call there; whether the sister was there. It is not nowhere."""
        if place is None:
            return False
        self._at = f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"
        try:
            await self._call_at(*place)
        except TransportError as problem:
            self._say(problem)
        if self._was_connected:
            self._proven = place
        return self._was_connected

    async def _call_at(self, host: str, port: int) -> None:
        context = tls_context(self._config, calls=True)
        try:
            async with asyncio.timeout(PROVE_S):
                reader, writer = await open_call(host, port, context)
        except OSError as error:
            raise self._named(error) from error
        await self._live(reader, writer)

    async def _take_calls(self) -> None:
        """Listen until stopped. Raises TransportError when that cannot be."""
        tls_context(self._config, calls=False)  # a key that is missing is said now, not when the other door calls
        try:
            listener = open_listener(self._config, CALLERS_MAX)
        except OSError as error:
            raise PeerAway(f"cannot listen for the other door: {error}", fix="look at this door's network") from error
        self._say(PeerAway(f"{self._config.device} has not called yet", fix=CABLE))
        with listener:
            async with asyncio.TaskGroup() as calls:
                if self._finder is not None:
                    calls.create_task(self._announce(self._finder, listener.getsockname()[1]))
                while True:
                    try:
                        await take_calls(listener, lambda called: self._begin(calls, called))
                    except OSError as error:  # no file descriptor left, say; who is connected stays so
                        self._say(PeerAway(f"cannot take a call: {error}", fix=CABLE))
                        await asyncio.sleep(RECONNECT_MAX_S)

    async def _announce(self, finder: Finder, port: int) -> None:
        """Until cancelled: a network that is not there yet is waited for."""
        while True:
            try:
                await finder.announce(self._name, port)
            except PeerAway as problem:
                self._say(problem)
            await asyncio.sleep(RECONNECT_MIN_S)

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
        try:
            try:
                context = tls_context(self._config, calls=False)
                reader, writer = await open_answer(called, context)
            finally:
                with suppress(ValueError):  # it had to make room for a newer one
                    self._proving.remove(task)
            await self._live(reader, writer)
        except CredentialsMissing as problem:
            self._say(problem)
        except ssl.SSLError as error:
            self._say(self._named(error))
        except OSError as error:
            self._say(PeerAway(f"a caller gave up before it had proven itself: {error}", fix=CABLE))

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection behind its handshake, to its end."""
        link = Link(writer)
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

    async def _converse(self, link: Link, reader: asyncio.StreamReader) -> None:
        """Take its frames until it ends or is replaced. Before the first it may end because we are not let in."""
        try:
            message = await read_frame(reader)
        except (OSError, PeerEnded) as error:
            raise PeerRefused(f"whoever is at {self._at} hung up before a word", fix=PAIR, error=str(error)) from error
        self._take_over(link)
        while self._link is link:
            if message:
                self._on_message(message)
            message = await read_frame(reader)

    def _require_sister(self, writer: asyncio.StreamWriter) -> None:
        subject = [pair for part in writer.get_extra_info("peercert")["subject"] for pair in part]
        names = [value for kind, value in subject if kind == "commonName"]
        units = [value for kind, value in subject if kind == "organizationalUnitName"]
        if (names, units) != ([self._config.device], [DEVICE_UNIT]):
            raise PeerRefused(
                f"{', '.join(names)} ({', '.join(units)}) is at the other end, not the device {self._config.device}",
                fix=PAIR, found=names,
            )  # fmt: skip

    def _take_over(self, link: Link) -> None:
        older, self._link = self._link, None
        if older is not None:
            older.replaced = True
            older.close()
            self._on_change(False)
        log.info("connected to the other door, %s", self._config.device)
        self._was_connected, self._problem = True, None
        self._link = link
        self._on_change(True)

    def _ended(self, link: Link, problem: TransportError) -> None:
        if not link.replaced:
            self._say(problem)

    def _drop(self, link: Link) -> None:
        if self._link is link:
            self._problem = self._problem or PeerAway("the link to the other door was stopped")
            self._link = None
            self._on_change(False)

    def _say(self, problem: TransportError) -> None:
        if str(problem) != str(self._problem):
            log.warning("%s: %s", problem.name, problem)
        self._problem = problem

    def _named(self, error: OSError) -> TransportError:
        where = self._at
        if isinstance(error, ssl.SSLCertVerificationError):
            return PeerRefused(f"no certificate for a door of this city at {where}: {error.verify_message}", fix=PAIR)
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return PeerRefused(f"no TLS with whoever is at {where}: {error.reason}", fix=PAIR)
        return PeerAway(f"the other door is not reached at {where}: {str(error) or 'no answer'}", fix=CABLE)
