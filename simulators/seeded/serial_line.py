"""A serial line in virtual time: bytes both ways between two ends, and what a cable in a bus does to them.

The panel board and the bridge to it come later; this is only the line that they will share. Rules:
- `write` takes bytes and says nothing of their arrival; `read` gives what has come, never waits, and knows no messages:
  what was written at once may come in pieces, and pieces may come together;
- a line may lose, flip and double bytes while it is poor; framing and checksums are its users' business;
- a line that is unplugged takes what was on its way with it, and both ends raise LineLost until it is opened anew;
- what waits to be read is bounded, as in a UART: what does not fit is lost.

`tests/simulators/test_serial_line_contract.py` holds it to a real one.
"""

from dataclasses import dataclass, field
from typing import Protocol

from simulators.errors import LineLost
from simulators.world import World

WAITING_MAX_BYTES = 4_096  # a terminal's own buffer
CALM_DELAY_MS = (0, 3)  # 115,200 baud: 11 bytes a millisecond


class SerialLine(Protocol):
    """One end of a line."""

    def write(self, data: bytes) -> None:
        """Send. Raises LineLost."""
        ...

    def read(self) -> bytes:
        """What has come by now; empty if nothing has. Raises LineLost."""
        ...

    def close(self) -> None:
        """Let it go; calling it twice is fine, using it then raises LineLost."""
        ...


@dataclass(slots=True)
class SimCable:
    """How the line between two ends behaves. `drop`, `flip`, `double`: probability for each byte."""

    world: World
    delay_ms: tuple[int, int] = CALM_DELAY_MS
    drop: float = 0.0
    flip: float = 0.0
    double: float = 0.0
    single: bool = False  # one byte a read
    plugged: bool = True
    ends: "tuple[SimLine, SimLine]" = field(init=False)

    def __post_init__(self) -> None:
        self.ends = (SimLine(self), SimLine(self))

    def unplug(self) -> None:
        """For good: a new cable is a new line."""
        self.plugged = False
        for end in self.ends:
            end.waiting.clear()

    def damaged(self, data: bytes) -> bytes:
        """What becomes of bytes on the way."""
        world, come = self.world, bytearray()
        for byte in data:
            if not world.chance(self.drop):
                come.append(byte ^ 1 << world.between(0, 7) if world.chance(self.flip) else byte)
                if world.chance(self.double):
                    come.append(come[-1])
        return bytes(come)


class SimLine:
    """One end. Implements SerialLine."""

    def __init__(self, cable: SimCable) -> None:
        self.waiting = bytearray()
        self._cable = cable
        self._open = True
        self._last_ms = 0

    def write(self, data: bytes) -> None:
        """Send, in order, in pieces. Raises LineLost."""
        self._require()
        world = self._cable.world
        other = next(end for end in self._cable.ends if end is not self)
        rest = self._cable.damaged(data)
        while rest:
            size = world.between(1, len(rest))
            piece, rest = rest[:size], rest[size:]
            self._last_ms = max(self._last_ms, world.now_ms + world.between(*self._cable.delay_ms))
            world.at(self._last_ms, lambda piece=piece: other.come(piece))  # type: ignore[misc]

    def come(self, piece: bytes) -> None:
        """Bytes arrive."""
        if self._cable.plugged and self._open:
            self.waiting += piece[: WAITING_MAX_BYTES - len(self.waiting)]

    def read(self) -> bytes:
        """What has come by now. Raises LineLost."""
        self._require()
        size = 1 if self._cable.single else len(self.waiting)
        come = bytes(self.waiting[:size])
        del self.waiting[:size]
        return come

    def close(self) -> None:
        """Let it go."""
        self._open = False
        self._cable.unplug()

    def _require(self) -> None:
        if not self._open or not self._cable.plugged:
            raise LineLost("the serial line is gone", fix="look at the cable to the panel board")
