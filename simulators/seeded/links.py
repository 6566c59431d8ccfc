"""The network of the seeded city: wires that fail, and a broker that forgets.

`SimSession` has the surface of `transport.mqtt.MqttSession`; one contract suite holds it to that over Mosquitto. Rules:
- `publish` says only that a message was handed to a live connection (P2: that proves nothing);
- a wire delays; one that is unruly also drops, doubles and reorders what runs over it, which TCP would not: harsher;
- a wire that is frozen keeps what runs over it, and tells nobody: each end finds out by its own keepalive;
- a connection that ends takes what was on its way with it;
- a broker that crashes forgets everything that it acknowledged, its retained messages too;
- one connection a client: a newer one ends the older, whose will is said then.

Who may say and hear what is not simulated: that is Mosquitto's role table, with tests of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from protocol.errors import SavarError
from provisioning.core.limits import BROKER_PACKET_MAX_BYTES
from simulators.world import World
from transport.errors import BrokerAway
from transport.mqtt import MAX_QUEUED, Message, Will

RECONNECT_MAX_MS = 30_000  # after whatever was in the way is gone: the session's own bound
KEEPALIVE_MS = 20_000  # the session's own; a client notices a silent broker after twice this, a broker after 1.5 times
CALM_DELAY_MS = (5, 60)
_LOST_AFTER_MS = 1_000  # what an unruly wire loses is waited for no longer than that


@dataclass(slots=True)
class Wire:
    """One way to somewhere, and how it behaves. `on_freeze(silent)` are the ends that will notice."""

    world: World
    up: bool = True
    delay_ms: tuple[int, int] = CALM_DELAY_MS
    drop: float = 0.0
    double: float = 0.0
    reorder_ms: int = 0
    frozen: bool = False
    on_freeze: "list[Callable[[bool], None]]" = field(default_factory=list)
    _held: list[Callable[[], None]] = field(default_factory=list)
    _last_ms: int = 0

    def carry(self, deliver: Callable[[], None], alive: Callable[[], bool]) -> None:
        """Deliver after a while if wire and connection still live then; in order, unless it is unruly."""
        world = self.world
        copies = 0 if world.chance(self.drop) else 2 if world.chance(self.double) else 1

        def arrive() -> None:
            if self.up and alive():
                if self.frozen:
                    self._held.append(arrive)
                else:
                    deliver()

        for _ in range(copies):
            when = world.now_ms + world.between(*self.delay_ms)
            if self.reorder_ms:
                when += world.between(0, self.reorder_ms)
            else:
                when = self._last_ms = max(when, self._last_ms)
            world.at(when, arrive)

    def freeze(self) -> None:
        """Nothing passes, and nobody is told."""
        self.frozen = True
        for told in list(self.on_freeze):
            told(True)

    def thaw(self) -> None:
        """What it kept passes, if its connection still lives."""
        self.frozen = False
        for told in list(self.on_freeze):
            told(False)
        held, self._held = self._held, []
        for arrive in held:
            arrive()

    def behave(self) -> None:
        """Only delay from now on, and in order."""
        self.drop = self.double = 0.0
        self.reorder_ms = 0
        self.delay_ms = CALM_DELAY_MS


class SimBroker:
    """Delivers to whoever is connected and subscribed; remembers retained messages until it crashes.

    `ghosts` are clients whose connection ended without a word: it still believes in them, and owes their wills.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.up = True
        self.sessions: list[SimSession] = []
        self.retained: dict[str, bytes] = {}
        self.ghosts: dict[str, Will | None] = {}
        self.on_publish: Callable[[str, bytes], None] = lambda *_: None  # somebody who listens

    def crash(self) -> None:
        """Every connection ends, everything is forgotten."""
        self.up = False
        self.retained.clear()
        self.ghosts.clear()
        for session in list(self.sessions):
            session.lose(will=False)

    def restart(self) -> None:
        """It listens again."""
        self.up = True
        for session in self.sessions:
            session.connect_soon()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Hand on to every subscriber. An empty retained message only takes the topic's retained one away."""
        if not self.up:
            return
        self.on_publish(topic, payload)
        if retain:
            self.retained[topic] = payload
            if not payload:
                del self.retained[topic]
        for session in list(self.sessions):
            if session.wants(topic):
                session.deliver(Message(topic, payload, retained=False))

    def mourn(self, client_id: str, will: Will | None) -> None:
        """A connection ended: say its will."""
        self.ghosts.pop(client_id, None)
        if will is not None:
            self.publish(will.topic, will.payload, retain=True)

    def miss(self, client_id: str, will: Will | None) -> None:
        """A connection ended without a word: its will is said when that is noticed, or when its client comes back."""
        self.ghosts[client_id] = will

        def notice() -> None:
            if self.ghosts.get(client_id) is will and will is not None:
                self.mourn(client_id, will)

        self.world.after(KEEPALIVE_MS * 3 // 2, notice)

    def admit(self, session: "SimSession") -> None:
        """One connection a client: whatever is left of an older one ends."""
        name = session.client_id
        if name in self.ghosts:
            self.mourn(name, self.ghosts[name])
        for other in list(self.sessions):
            if other is not session and other.client_id == name:
                other.lose(will=True)


@lru_cache(4_096)  # a city has a few dozen topics and filters, and asks for each publish
def matches(pattern: str, topic: str) -> bool:
    """Whether a filter with + in it takes a topic."""
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(w in ("+", g) for w, g in zip(wanted, given, strict=True))


class SimSession:
    """One client's session with the broker. The surface of MqttSession."""

    def __init__(
        self, broker: SimBroker, wire: Wire, *, client_id: str, subscriptions: Sequence[str],
        on_message: Callable[[Message], None], on_change: Callable[[bool], None] = lambda _: None,
        will: Will | None = None,
    ) -> None:  # fmt: skip
        self.client_id = client_id
        self._broker = broker
        self._wire = wire
        self._subscriptions = list(subscriptions)
        self._subscribed_to: dict[str, bool] = {}  # topics that came by
        self._on_message = on_message
        self._on_change = on_change
        self._will = will
        self._connection = 0  # counts up; what belongs to an earlier one is void
        self._waiting = 0
        self._wanted = False
        self._missed = False  # the broker has given this connection up, and the client does not know it yet
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
        self._wire.on_freeze.append(self._frozen)
        self.connect_soon()

    def stop(self) -> None:
        """Disconnect; the will is not sent."""
        self._leave()
        self.lose(will=False)

    def vanish(self, *, silent: bool = False) -> None:
        """The process is gone. With its system gone too (`silent`), nobody tells the broker."""
        self._on_change = lambda _: None
        self._leave()
        if silent and self.connected and not self._missed:
            self._broker.miss(self.client_id, self._will)
        self.lose(will=not silent)

    def _leave(self) -> None:
        self._wanted = False
        if self in self._broker.sessions:
            self._broker.sessions.remove(self)
            self._wire.on_freeze.remove(self._frozen)

    def connect_soon(self) -> None:
        """Try after a random while, if nothing is in the way then."""
        world = self._broker.world

        def connect() -> None:
            if self._wanted and not self.connected and self._wire.up and not self._wire.frozen and self._broker.up:
                self._broker.admit(self)
                self._connect()

        if self._wanted and not self.connected:
            world.after(world.between(50, RECONNECT_MAX_MS), connect)

    def _connect(self) -> None:
        """Mosquitto sends what it retains before it grants the subscription: some of it comes before `on_change`."""
        self._connection += 1
        self._waiting = 0
        self._missed = False
        retained = [Message(t, p, retained=True) for t, p in self._broker.retained.items() if self._subscribed(t)]
        early = self._broker.world.between(0, len(retained))
        for message in retained[:early]:
            self._on_message(message)
        self.connected = True
        self._on_change(True)
        for message in retained[early:]:
            self.deliver(message)

    def lose(self, *, will: bool) -> None:
        """The connection ends, and both sides know it."""
        if self.connected:
            self.connected = False
            self._connection += 1
            if will and not self._missed:
                self._broker.mourn(self.client_id, self._will)
            self._on_change(False)
            self.connect_soon()

    def _frozen(self, silent: bool) -> None:  # noqa: FBT001 - as the wire calls it
        """Nothing passes any more: each side gives the connection up in its own time. Or it passes again."""
        connection, world = self._connection, self._broker.world
        if not silent:
            if self._missed:
                self.lose(will=False)
            self.connect_soon()
        elif self.connected:
            world.after(KEEPALIVE_MS * 3 // 2, lambda: self._miss(connection))
            world.after(world.between(KEEPALIVE_MS, 2 * KEEPALIVE_MS), lambda: self._give_up(connection))

    def _miss(self, connection: int) -> None:
        """The broker gives a silent client up."""
        if self._wire.frozen and self.connected and self._connection == connection and not self._missed:
            self._missed = True
            self._broker.mourn(self.client_id, self._will)

    def _give_up(self, connection: int) -> None:
        """The client gives a silent broker up."""
        if self._wire.frozen and self.connected and self._connection == connection:
            if not self._missed:
                self._broker.miss(self.client_id, self._will)
            self.lose(will=False)

    def _subscribed(self, topic: str) -> bool:
        known = self._subscribed_to.get(topic)
        if known is None:
            known = self._subscribed_to[topic] = any(matches(pattern, topic) for pattern in self._subscriptions)
        return known

    def wants(self, topic: str) -> bool:
        """Whether the broker has it as connected, and subscribed to the topic."""
        return self.connected and not self._missed and self._subscribed(topic)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand to the connection: False if there is none, or too much waits on it. Raises ValueError for a filter."""
        if not self.connected:
            return False
        if not topic or set(topic) & set("+#"):
            raise ValueError(f"{topic!r} is no topic to publish to")
        if self._waiting >= MAX_QUEUED:
            return False
        self._waiting += 1
        connection, world = self._connection, self._broker.world
        acknowledge = self._acknowledgement(connection)

        def arrived() -> None:
            if len(payload) > BROKER_PACKET_MAX_BYTES:
                self.lose(will=True)
                return
            world.after(world.between(*self._wire.delay_ms), acknowledge)
            self._broker.publish(topic, payload, retain=retain)

        self._wire.carry(arrived, lambda: self._connection == connection and not self._missed)
        if self._wire.drop:
            world.after(_LOST_AFTER_MS, acknowledge)
        return True

    def _acknowledgement(self, connection: int) -> Callable[[], None]:
        """What ends the waiting of one message, once, however often it arrives."""
        waiting = [connection]

        def acknowledge() -> None:
            if waiting and waiting.pop() == self._connection:
                self._waiting -= 1

        return acknowledge

    def deliver(self, message: Message) -> None:
        """The broker hands a message down."""
        connection = self._connection
        self._wire.carry(lambda: self._on_message(message), lambda: self._connection == connection)
