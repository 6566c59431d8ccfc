"""Whether every thread of a validator lives and goes round. Pure: the supervisor hands in what it sees, and the time.

Rules:
- V1 a thread that has ended is dead, whatever it ended of: most that die leave their failure, one may not;
- V2 a thread whose loop must come round by itself and has not done so for STUCK_MS is stuck: in its card, its driver,
  or in itself;
- V3 a thread that may wait for as long as it likes (for a chunk, a broker, a tap) is only asked whether it lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.errors import ThreadDied, ThreadStuck
from edge.core.limits import STUCK_MS


@dataclass(frozen=True, slots=True)
class Pulse:
    """One thread as it is now. `turns`: how often its loop came round; None for one that may wait (V3)."""

    name: str
    alive: bool
    turns: int | None = None


class Vitals:
    """Looked at by one thread, the supervisor. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self._moved: dict[str, tuple[int, int]] = {}  # thread → its turns, and since when it has had no more

    def look(self, pulses: Iterable[Pulse], now_ms: int) -> ThreadDied | ThreadStuck | None:
        """What is wrong with one of them; None if all live and go round. The first that is dead comes first."""
        stuck: ThreadStuck | None = None
        for pulse in pulses:
            if not pulse.alive:
                return ThreadDied(f"the thread {pulse.name} has ended", fix="savar is started anew; report this")
            if pulse.turns is None:
                continue
            turns, since_ms = self._moved.get(pulse.name, (-1, now_ms))
            if turns != pulse.turns:
                self._moved[pulse.name] = (pulse.turns, now_ms)
            elif now_ms - since_ms >= STUCK_MS:
                stuck = stuck or ThreadStuck(
                    f"the thread {pulse.name} has not come round for {(now_ms - since_ms) // 1_000} s",
                    fix="the service manager ends savar and starts it anew; look at the card and the camera",
                )
        return stuck
