"""The network of the seeded city: wires that fail, a broker that forgets, the link between two doors.

`SimSession` and `SimPeer` have the surface of `transport.mqtt.MqttSession` and `transport.peer.PeerSession`; contract
suites hold them to the real ones. Rules:
- `publish` and `send` say only that a message was handed to a live connection (P2: that proves nothing);
- a wire delays; one that is unruly also drops, doubles and reorders what runs over it, which TCP would not: harsher;
- a connection that ends takes what was on its way with it;
- a broker that crashes forgets everything that it acknowledged, its retained messages too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol.errors import SavarError
from simulators.world import World
from transport.errors import BrokerAway
from transport.mqtt import MAX_INFLIGHT, MAX_QUEUED, Message, Will

RECONNECT_MAX_MS = 20_000  # after whatever was in the way is gone
LINK_RECONNECT_MAX_MS = 3_000  # between two doors: a local network
CALM_DELAY_MS = (5, 60)
_WAITING_MAX = MAX_INFLIGHT + MAX_QUEUED


@dataclass(slots=True)
class Wire:
    """One way to somewhere, and how it behaves."""

    world: World
    up: bool = True
    delay_ms: tuple[int, int] = CALM_DELAY_MS
    drop: float = 0.0
    double: float = 0.0
    reorder_ms: int = 0
    _last_ms: int = 0

    def carry(self, deliver: Callable[[], None], alive: Callable[[], bool]) -> None:
        """Deliver after a while if wire and connection still live then; in order, unless it is unruly."""
        world = self.world
        copies = 0 if world.chance(self.drop) else 2 if world.chance(self.double) else 1

        def arrive() -> None:
            if self.up and alive():
                deliver()

        for _ in range(copies):
            when = world.now_ms + world.between(*self.delay_ms)
            if self.reorder_ms:
                when += world.between(0, self.reorder_ms)
            else:
                when = self._last_ms = max(when, self._last_ms)
            world.at(when, arrive)

    def behave(self) -> None:
        """Only delay from now on, and in order."""
        self.drop = self.double = 0.0
        self.reorder_ms = 0
        self.delay_ms = CALM_DELAY_MS


class SimBroker:
    """Delivers to whoever is connected and subscribed; remembers retained messages until it crashes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.up = True
        self.sessions: list[SimSession] = []
        self.retained: dict[str, bytes] = {}
        self.on_publish: Callable[[str, bytes], None] = lambda *_: None  # somebody who listens

    def crash(self) -> None:
        """Every connection ends, everything is forgotten."""
        self.up = False
        self.retained.clear()
        for session in self.sessions:
            session.lose(will=False)

    def restart(self) -> None:
        """It listens again."""
        self.up = True
        for session in self.sessions:
            session.connect_soon()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Hand on to every subscriber."""
        if not self.up:
            return
        self.on_publish(topic, payload)
        if retain:
            self.retained[topic] = payload
        for session in self.sessions:
            if session.wants(topic):
                session.deliver(Message(topic, payload, retained=False))


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter with + in it takes a topic."""
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(w in ("+", g) for w, g in zip(wanted, given, strict=True))


class SimSession:
    """One client's session with the broker. The surface of MqttSession."""

    def __init__(
        self, broker: SimBroker, wire: Wire, *, subscriptions: Sequence[str], on_message: Callable[[Message], None],
        on_change: Callable[[bool], None] = lambda _: None, will: Will | None = None,
    ) -> None:  # fmt: skip
        self._broker = broker
        self._wire = wire
        self._subscriptions = list(subscriptions)
        self._on_message = on_message
        self._on_change = on_change
        self._will = will
        self._connection = 0  # counts up; what belongs to an earlier one is void
        self._waiting = 0
        self._wanted = False
        self.connected = False

    @property
    def problem(self) -> SavarError | None:
        """Why it is not connected; None while it is."""
        return None if self.connected else BrokerAway("cannot reach the broker", fix="taps are kept")

    def set_will(self, will: Will) -> None:
        """What the broker says when this session vanishes."""
        self._will = will

    def start(self) -> None:
        """Begin to connect."""
        self._wanted = True
        self._broker.sessions.append(self)
        self.connect_soon()

    def stop(self) -> None:
        """Disconnect; the will is not sent."""
        self.vanish(will=False)

    def vanish(self, *, will: bool = True) -> None:
        """The process is gone."""
        self._wanted = False
        self._on_change = lambda _: None
        if self in self._broker.sessions:
            self._broker.sessions.remove(self)
        self.lose(will=will)

    def connect_soon(self) -> None:
        """Try after a random while, if nothing is in the way then."""
        world = self._broker.world

        def connect() -> None:
            if self._wanted and not self.connected and self._wire.up and self._broker.up:
                self._connection += 1
                self._waiting = 0
                self.connected = True
                self._on_change(True)
                for topic, payload in self._broker.retained.items():
                    if self.wants(topic):
                        self.deliver(Message(topic, payload, retained=True))

        if self._wanted and not self.connected:
            world.after(world.between(50, RECONNECT_MAX_MS), connect)

    def lose(self, *, will: bool) -> None:
        """The connection ends."""
        if self.connected:
            self.connected = False
            self._connection += 1
            if will and self._will is not None:
                self._broker.publish(self._will.topic, self._will.payload, retain=True)
            self._on_change(False)
            self.connect_soon()

    def wants(self, topic: str) -> bool:
        """Whether it is connected and subscribed to the topic."""
        return self.connected and any(matches(pattern, topic) for pattern in self._subscriptions)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand to the connection: False if there is none, or too much waits on it."""
        if not self.connected or self._waiting >= _WAITING_MAX:
            return False
        self._waiting += 1
        connection = self._connection

        def arrived() -> None:
            self._waiting = max(0, self._waiting - 1)
            self._broker.publish(topic, payload, retain=retain)

        self._wire.carry(arrived, lambda: self._connection == connection)
        if self._wire.drop:  # what is lost on the way is no longer waited for
            self._broker.world.after(1_000, lambda: setattr(self, "_waiting", max(0, self._waiting - 1)))
        return True

    def deliver(self, message: Message) -> None:
        """The broker hands a message down."""
        connection = self._connection
        self._wire.carry(lambda: self._on_message(message), lambda: self._connection == connection)


class SimLink:
    """The cable between the two doors of a bus, with a plug at each end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wire = Wire(world, delay_ms=(1, 8))
        self.ends: list[SimPeer] = []

    def cut(self) -> None:
        """No connection over it any more."""
        self.wire.up = False
        for end in self.ends:
            end.lose()

    def restore(self) -> None:
        """It may be connected again."""
        self.wire.up = True
        self.wire.behave()
        self.wire.delay_ms = (1, 8)
        self.connect_soon()

    def connect_soon(self) -> None:
        """Connect when both ends are there, after a while."""

        def connect() -> None:
            if self.wire.up and len(self.ends) == 2 and not any(end.connected for end in self.ends):
                for end in self.ends:
                    end.found()

        self.world.after(self.world.between(50, LINK_RECONNECT_MAX_MS), connect)


class SimPeer:
    """One end of the link. The surface of PeerSession."""

    def __init__(
        self, link: SimLink, *, on_message: Callable[[bytes], None], on_change: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._link = link
        self._on_message = on_message
        self._on_change = on_change
        self._connection = 0
        self._waiting = 0
        self.connected = False

    @property
    def problem(self) -> SavarError | None:
        """Why it is not connected; None while it is."""
        return None if self.connected else BrokerAway("the other door is not reached", fix="look at the cable")

    def start(self) -> None:
        """Plug in."""
        self._link.ends.append(self)
        self._link.connect_soon()

    def stop(self) -> None:
        """Plug out; the other end notices."""
        self._on_change = lambda _: None
        if self in self._link.ends:
            self._link.ends.remove(self)
        self.lose()
        for other in self._link.ends:
            other.lose()

    def found(self) -> None:
        """A connection stands."""
        self._connection += 1
        self._waiting = 0
        self.connected = True
        self._on_change(True)

    def lose(self) -> None:
        """The connection ends."""
        if self.connected:
            self.connected = False
            self._connection += 1
            self._on_change(False)
            self._link.connect_soon()

    def send(self, data: bytes) -> bool:
        """Hand to the connection: False if there is none, or too much waits on it."""
        other = next((end for end in self._link.ends if end is not self), None)
        if not self.connected or other is None or self._waiting >= _WAITING_MAX:
            return False
        self._waiting += 1
        mine, theirs = self._connection, other._connection  # noqa: SLF001 - two ends of one cable

        def arrived() -> None:
            self._waiting = max(0, self._waiting - 1)
            other._on_message(data)  # noqa: SLF001

        self._link.wire.carry(arrived, lambda: self._connection == mine and other._connection == theirs)  # noqa: SLF001
        return True
