"""The link between the two doors of a bus in the seeded city: a cable with a plug at each end.

`SimPeer` has the surface of `transport.peer.PeerSession`; one contract suite holds both. Rules:
- `send` says only that a message was handed to a live connection; what waits is bounded in messages and in bytes;
- a connection that ends takes what was on its way with it; an end that stops tells the other;
- a cable that is frozen passes nothing and tells nobody: each end notices when it has heard nothing for SILENT_S;
- a link that was cut and healed stands again within LINK_RECONNECT_MAX_MS, as over a local network.
"""

from collections.abc import Callable

from protocol import limits
from protocol.errors import OutOfRange, SavarError
from simulators.seeded.links import Wire
from simulators.world import World
from transport.errors import PeerAway
from transport.peer import RECONNECT_MAX_S
from transport.peer_link import CABLE, PING_S, SILENT_S, WAITING_MAX_BYTES, WAITING_MAX_MESSAGES

LINK_RECONNECT_MAX_MS = int(RECONNECT_MAX_S * 1_000)
LINK_DELAY_MS = (1, 8)
_LOST_AFTER_MS = 1_000  # what an unruly cable loses is waited for no longer than that


class SimLink:
    """The cable between the two doors of a bus, with a plug at each end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wire = Wire(world, delay_ms=LINK_DELAY_MS)
        self.ends: list[SimPeer] = []

    def cut(self) -> None:
        """No connection over it any more."""
        self.wire.up = False
        for end in self.ends:
            end.lose()

    def freeze(self) -> None:
        """Nothing passes and nobody is told; each end notices by itself."""
        self.wire.freeze()
        for end in self.ends:
            end.silence()

    def restore(self) -> None:
        """It may be connected again; a connection that stands still lives."""
        self.wire.up = True
        self.wire.behave()
        self.wire.delay_ms = LINK_DELAY_MS
        if len({end.connected for end in self.ends}) > 1:  # one end had given up: the other hears of it now
            for end in self.ends:
                end.lose()
        self.wire.thaw()
        self.connect_soon()

    def connect_soon(self) -> None:
        """Connect when both ends are there, after a while."""

        def connect() -> None:
            passes = self.wire.up and not self.wire.frozen
            if passes and len(self.ends) == 2 and not all(end.connected for end in self.ends):
                for end in self.ends:
                    end.lose()  # what a door left behind when its power was cut
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
        self._waiting_bytes = 0
        self.connected = False

    @property
    def problem(self) -> SavarError | None:
        """Why it is not connected; None while it is."""
        return None if self.connected else PeerAway("the other door is not reached", fix=CABLE)

    def start(self) -> None:
        """Plug in."""
        self._link.ends.append(self)
        self._link.connect_soon()

    def stop(self) -> None:
        """Plug out; the other end notices."""
        self._leave()
        for other in self._link.ends:
            other.lose()

    def vanish(self, *, silent: bool = False) -> None:
        """The process is gone. With its system gone too (`silent`), the other end only stops hearing of it."""
        self._on_change = lambda _: None
        if silent:
            self._leave()
            for other in self._link.ends:
                other.silence()
        else:
            self.stop()

    def _leave(self) -> None:
        if self in self._link.ends:
            self._link.ends.remove(self)
        self.lose()

    def found(self) -> None:
        """A connection stands."""
        self._connection += 1
        self._waiting = self._waiting_bytes = 0
        self.connected = True
        self._on_change(True)

    def lose(self) -> None:
        """The connection ends."""
        if self.connected:
            self.connected = False
            self._connection += 1
            self._on_change(False)
            self._link.connect_soon()

    def silence(self) -> None:
        """Nothing is heard any more: noticed after SILENT_S, counted from the last ping."""
        connection, world = self._connection, self._link.world

        def notice() -> None:
            alone = len(self._link.ends) < 2
            if (alone or self._link.wire.frozen) and self._connection == connection:
                self.lose()

        world.after(int(SILENT_S * 1_000) - world.between(0, int(PING_S * 1_000)), notice)

    def send(self, data: bytes) -> bool:
        """Hand to the connection: False if there is none, or too much waits on it. Raises OutOfRange."""
        if not 1 <= len(data) <= limits.SISTER_MESSAGE_MAX_BYTES:
            raise OutOfRange("a message between doors is empty or too long", bytes=len(data))
        other = next((end for end in self._link.ends if end is not self), None)
        if not self.connected:
            return False
        if self._waiting >= WAITING_MAX_MESSAGES or self._waiting_bytes + len(data) > WAITING_MAX_BYTES:
            return False
        self._waiting += 1
        self._waiting_bytes += len(data)
        mine, theirs = self._connection, other and other._connection  # noqa: SLF001 - two ends of one cable
        gone = [len(data)]

        def leave() -> None:
            if gone and self._connection == mine:
                self._waiting -= 1
                self._waiting_bytes -= gone.pop()

        def arrived() -> None:
            assert other is not None
            leave()
            other._on_message(data)  # noqa: SLF001

        self._link.wire.carry(
            arrived, lambda: self._connection == mine and other is not None and other._connection == theirs  # noqa: SLF001
        )  # fmt: skip
        if self._link.wire.drop:
            self._link.world.after(_LOST_AFTER_MS, leave)
        return True
