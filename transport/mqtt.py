"""One MQTT 3.1.1 session over paho-mqtt.

Rules:
- QoS 1 is transport, never proof: nothing is queued here, `publish` says whether the message went out at all;
- sessions are clean: what matters is asked for again by receipts, so no broker has to remember anything (and a broker
  that forgets persistent sessions cannot hurt);
- every connection has a client of its own, so nothing half sent outlives its connection, and a renewed certificate is
  taken up at the next one;
- reconnecting waits a random time below a doubling bound, so a thousand buses do not come back in one second;
- over TLS, a packet that announces more than any message of ours ends the connection before a byte of it is kept; in
  the clear there is only a broker on the same machine;
- TCP_NODELAY is set: without it a round trip costs 40 ms more (measured, ingest.md §7).
"""

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from protocol.limits import BATCH_MAX_BYTES
from transport.config import BrokerConfig
from transport.errors import BrokerAway, BrokerRefused, CredentialsMissing, TransportError

log = logging.getLogger(__name__)
MAX_INFLIGHT = 20  # QoS 1 messages on their way; more brings nothing (ingest.md §5)
FAREWELL_S = 2.0  # to say goodbye at a stop; a broker that does not take it says the will, which is true enough
PACKET_MAX_BYTES = BATCH_MAX_BYTES + (64 << 10)  # the longest message and a topic; MQTT allows 256 MiB
MAX_QUEUED = 40  # waiting behind them; beyond it `publish` answers False and the caller keeps what it has


@dataclass(frozen=True, slots=True)
class Message:
    """What came from the broker."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we vanish; retained."""

    topic: str
    payload: bytes


OnMessage = Callable[[Message], None]
OnChange = Callable[[bool], None]


class _Guarded(ssl.SSLSocket):
    """A TLS socket that is closed when its handshake fails, and that takes no packet longer than any of ours."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's own signature
        """As ssl's own. paho leaves the socket to the garbage collector, at every try of a bus that is away."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As ssl's own. paho asks for all that a packet still lacks: at first its length, before a byte is kept."""
        if buflen > PACKET_MAX_BYTES:
            log.warning("the broker begins a packet of %d bytes: the connection is ended", buflen)
            raise ConnectionAbortedError("a packet longer than any message")
        return super().recv(buflen, flags)


class MqttSession:
    """A session that keeps itself connected from `start` to `stop`.

    `on_message` and `on_change(connected)` are called on the session's own thread and must return at once.
    """

    def __init__(
        self,
        config: BrokerConfig,
        *,
        client_id: str,
        subscriptions: Sequence[str],
        on_message: OnMessage,
        on_change: OnChange = lambda _: None,
        will: Will | None = None,
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._subscriptions = list(subscriptions)
        self._on_message = on_message
        self._on_change = on_change
        self._connected = threading.Event()
        self._read: bytes | None = None  # digest of the certificate that the connection in hand has read
        self.let_in_by: bytes | None = None  # … that the last usable one had read
        # A certificate, and how often in a row it was turned away.
        self._turned: tuple[bytes | None, int] = (None, 0)
        self.refused: list[str] = []  # topics that the broker does not let us hear
        self._was_ready = False  # whether the connection in hand was ever usable: then the wait starts small again
        self._stopping = threading.Event()
        self._in_use = threading.Lock()  # of the client by `publish`: its sockets are given back behind that
        self._problem: TransportError | None = BrokerAway("not connected yet")
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)
        self._will = will
        self._client = self._make_client()

    def _make_client(self) -> paho.Client:
        config, will = self._config, self._will
        where = config.cert or config.password_file
        assert where is not None  # BrokerConfig holds one of them
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, protocol=paho.MQTTv311, clean_session=True
        )
        client.max_inflight_messages_set(MAX_INFLIGHT)
        client.max_queued_messages_set(MAX_QUEUED)
        try:
            if config.ca is not None:
                context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(config.ca))
                context.hostname_checks_common_name = False  # a device may be named like a host: that is not the broker
                context.sslsocket_class = _Guarded
                self._read = _load(context, config)
                client.tls_set_context(context)
            else:
                assert config.password_file is not None
                client.username_pw_set(config.username, config.password_file.read_text().strip())
        except (OSError, ssl.SSLError) as error:
            raise CredentialsMissing(
                f"cannot use the broker credentials in {where.parent}: {error}",
                fix="copy the keys here again, from the folder that `savar provision` made, owner and modes kept",
            ) from error
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._connect_came
        client.on_subscribe = self._subscribe_came
        client.on_disconnect = self._disconnect_came
        client.on_message = self._message_came
        client.on_socket_open = _set_nodelay
        # With a writer registered, paho lets only this session's thread write; `publish` from others just wakes it.
        client.on_socket_register_write = _leave_writing_to_the_loop
        return client

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        return self._connected.is_set()

    @property
    def problem(self) -> TransportError | None:
        """Why it is not connected; None while it is."""
        return self._problem

    @property
    def alive(self) -> bool:
        """Whether its thread runs, connected or not."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and end the thread. The will is not sent."""
        self._stopping.set()
        with self._in_use:
            self._client.disconnect()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def turned_away(self, certificate: bytes) -> int:
        """How often in a row a broker has taken a connection by this certificate, and ended it before it was usable.

        `certificate`: SHA-256 of its file. A broker or a network that is not there turns nobody away.
        """
        which, times = self._turned
        return times if which == certificate else 0

    def renew(self) -> None:
        """End the connection in hand, which may be beginning; the next begins by the keys that lie there then.

        Without a farewell, so that the broker says the will: the next connection may be long in coming.
        """
        with self._in_use:
            held = self._client.socket()
            if isinstance(held, socket.socket):
                # Not TLS's own, behind which what is on its way would be read as if it were in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(held, socket.SHUT_RDWR)

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until connected; False if that took too long."""
        return self._connected.wait(timeout_s)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send at QoS 1 if connected. False: it did not go out, and nothing remembers it but the caller."""
        if not self._connected.is_set():
            return False
        with self._in_use:
            return self._client.publish(topic, payload, qos=1, retain=retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def say(self, topic: str, payload: bytes, *, wait_s: float) -> bool:
        """Send, retained, and wait for the broker's acknowledgement → whether it came. Not on the session's thread."""
        if not self._connected.is_set():
            return False
        with self._in_use:
            sent = self._client.publish(topic, payload, qos=1, retain=True)
        try:
            sent.wait_for_publish(wait_s)
        except (RuntimeError, ValueError):  # paho's: no connection any more, or its queue is full
            return False
        return sent.is_published()

    # --- the session's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        bound = self._config.reconnect_min_s
        while not self._stopping.is_set():
            try:
                self._client = self._make_client()
                self._client.connect(self._config.host, self._config.port, keepalive=self._config.keepalive_s)
                self._was_ready = False
                self._live(self._client)
                if self._was_ready:
                    bound = self._config.reconnect_min_s
                else:
                    before, times = self._turned
                    self._turned = self._read, times + 1 if before == self._read else 1
            except CredentialsMissing as error:
                self._problem = error
            except (OSError, ssl.SSLError, ValueError) as error:  # ValueError: paho on a socket closed under it
                self._problem = BrokerAway(
                    f"cannot reach the broker: {error}",
                    fix="taps are kept; check the broker and the network",
                    host=self._config.host, port=self._config.port,
                )  # fmt: skip
            self._lost()
            with self._in_use:
                _give_back(self._client)
            # Full jitter below a doubling bound.
            self._stopping.wait(random.uniform(self._config.reconnect_min_s / 2, bound))  # noqa: S311 - not a secret
            bound = min(bound * 2, self._config.reconnect_max_s)

    def _live(self, client: paho.Client) -> None:
        """Pump one connection to its end; at `stop`, until the farewell is out, so that the will is not sent."""
        farewell_by: float | None = None
        while client.loop(timeout=0.5) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self._stopping.is_set():
                farewell_by = farewell_by or time.monotonic() + FAREWELL_S
                if time.monotonic() > farewell_by:
                    return

    def _lost(self) -> None:
        if self._connected.is_set():
            self._connected.clear()
            self._on_change(False)

    def _connect_came(self, client: paho.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            self._problem = BrokerRefused(
                f"the broker refuses {self._client_id}: {reason}",
                fix="the certificate or password may be revoked; taps are kept",
            )
            log.warning("%s", self._problem)
            return
        if self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        else:
            self._ready()

    def _subscribe_came(self, _c: paho.Client, _u: Any, _m: int, reasons: list[ReasonCode], _p: Any) -> None:
        """Only now is what is published to us delivered: only now are we connected."""
        pairs = zip(self._subscriptions, reasons, strict=False)
        self.refused = [topic for topic, reason in pairs if reason.is_failure]
        for topic in self.refused:
            log.warning("the broker refuses %s the topic %s", self._client_id, topic)
        self._ready()

    def _ready(self) -> None:
        self._problem = None
        self._was_ready = True
        self.let_in_by, self._turned = self._read, (None, 0)
        self._connected.set()
        self._on_change(True)

    def _disconnect_came(self, _c: paho.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if self._problem is None:
            self._problem = BrokerAway(
                f"the broker ended the connection, or the network did: {reason}",
                fix="taps are kept; it reconnects by itself",
            )
        self._lost()

    def _message_came(self, _c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        self._on_message(Message(message.topic, bytes(message.payload), bool(message.retain)))


def _load(context: ssl.SSLContext, config: BrokerConfig) -> bytes:
    """Load the certificate in force and its key → the digest of that file. Raises OSError, ssl.SSLError.

    It may be replaced meanwhile: then it is loaded anew, for whoever asks by which one we came in must not be misled.
    """
    while True:
        path = config.certificate
        assert path is not None
        before = path.read_bytes()
        context.load_cert_chain(str(path), str(config.key))
        if path.read_bytes() == before:
            return sha256(before).digest()


def _give_back(client: paho.Client) -> None:
    """Its socket, and the pair by which others wake its loop: paho leaves both to the garbage collector."""
    left_open = client.socket()
    if left_open is not None:
        left_open.close()
    client._reset_sockets(sockpair_only=True)  # noqa: SLF001 - there is no public way, and a bus reconnects for weeks


def _leave_writing_to_the_loop(_c: paho.Client, _u: Any, _s: Any) -> None:
    """Nothing to do: the loop wakes by its socket pair."""


def _set_nodelay(_c: paho.Client, _u: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
