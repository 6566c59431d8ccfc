"""A world of its own: a virtual clock, one seeded generator, a queue of events. One thread; nothing in it waits.

Rules:
- what happens next is the earliest event; events of one moment happen in the order in which they were asked for;
- every random choice of a run comes from the world's generator, so a seed is a run;
- time goes on: a storm of events ends the run, for its seed would never end (EVENTS_AN_HOUR_MAX);
- what happened is told to the trace, one line each, which costs nothing while nobody asks for it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
EVENTS_AN_HOUR_MAX = 50_000  # the busiest hour of 30 cities had 3,422; who answer each other for ever reach it


class NeverRests(Exception):
    """More happens within an hour than any city does: machines keep each other busy, and time stands still."""


@dataclass(slots=True)
class Event:
    """Something that will happen; `cancel` it if not."""

    do: Callable[[], None] | None

    def cancel(self) -> None:
        """It will not happen."""
        self.do = None


@dataclass(slots=True)
class World:
    """Virtual time in true Unix milliseconds, which no device knows."""

    seed: int
    now_ms: int
    tracing: bool = False
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rng: Random = field(init=False)
    began_ms: int = field(init=False)
    _queue: list[tuple[int, int, Event]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _hour: int = 0
    _events: int = 0  # in this hour

    def __post_init__(self) -> None:
        self.rng = Random(f"savar world {self.seed}")  # noqa: S311 - replayed from its seed
        self.began_ms = self.now_ms

    def at(self, when_ms: int, do: Callable[[], None]) -> Event:
        """Do it then; what lies in the past happens now."""
        event = Event(do)
        heappush(self._queue, (max(when_ms, self.now_ms), next(self._order), event))
        return event

    def after(self, delay_ms: int, do: Callable[[], None]) -> Event:
        """Do it later."""
        return self.at(self.now_ms + delay_ms, do)

    def run_until(self, when_ms: int) -> None:
        """Let everything happen that happens until then. Raises NeverRests."""
        queue = self._queue
        while queue and queue[0][0] <= when_ms:
            self.now_ms, _, event = heappop(queue)
            if event.do is not None:
                hour = self.now_ms // HOUR_MS
                self._events = self._events + 1 if hour == self._hour else 1
                self._hour = hour
                if self._events > EVENTS_AN_HOUR_MAX:
                    raise NeverRests(f"more than {EVENTS_AN_HOUR_MAX:,} things happened within an hour")
                event.do()
        self.now_ms = max(self.now_ms, when_ms)

    def tell(self, who: str, what: str) -> None:
        """One line of the trace."""
        if self.tracing:
            self.trace.append(f"{self.stamp(self.now_ms):>17}  {who:<10} {what}")

    def stamp(self, when_ms: int) -> str:
        """A moment as the trace writes it: since the world began."""
        days, rest = divmod(when_ms - self.began_ms, DAY_MS)
        hours, rest = divmod(rest, HOUR_MS)
        minutes, rest = divmod(rest, MINUTE_MS)
        return f"{days}d {hours:02}:{minutes:02}:{rest / 1000:06.3f}"

    def chance(self, probability: float) -> bool:
        """Whether it happens this time."""
        return self.rng.random() < probability

    def between(self, least: int, most: int) -> int:
        """A whole number from least to most, both possible: the generator's `randint`, without its three calls."""
        width = most - least + 1
        if width <= 0:
            raise ValueError(f"nothing lies between {least} and {most}")
        bits, draw = width.bit_length(), self.rng.getrandbits
        while (drawn := draw(bits)) >= width:
            pass
        return least + drawn
