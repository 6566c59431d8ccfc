"""The repeat and transfer window: which boardings this bus accepted lately, by plain id, and no longer than needed.

Rules:
- ages are counted on the monotonic clock, so a wall clock that jumps opens no window and closes none (P14);
- after a restart an entry's age is what the wall clock says, kept between 0 and the keeping time; where either reading
  was not to be trusted, it is young;
- an entry is kept for the longer of the tariff's two windows, and at least as long as its presentation could still
  pass as fresh;
- the other door's boardings stand beside our own (P7); their age is what that door says, on its own monotonic clock.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from edge.core.ports import UNKNOWN_MS, Accepted
from protocol import limits
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant

# A presentation accepted at the early end of the widest freshness window is fresh until its late end.
_FRESH_SPAN_MS = 2 * limits.FRESH_WINDOW_MAX_S * 1000


@dataclass(frozen=True, slots=True)
class Earlier:
    """A boarding found in the window, and how long ago it was."""

    accepted: Accepted
    age_ms: int


class Window:
    """Accepted boardings, by presentation and by credential."""

    def __init__(self, window_s: int) -> None:
        self._keep_ms = _keep_ms(window_s)
        self._order: list[tuple[int, int, Accepted]] = []  # a heap by age: the other door's word may come late
        self._ties = count()
        self._by_presentation: dict[Presentation, tuple[int, Accepted]] = {}
        self._by_credential: dict[bytes, list[tuple[int, Accepted]]] = {}  # each by age, the latest last

    def follow(self, window_s: int) -> None:
        """A new tariff's window holds from now on; what a shorter one let go does not come back."""
        self._keep_ms = _keep_ms(window_s)

    @property
    def keep_ms(self) -> int:
        """How long an entry is kept, in milliseconds."""
        return self._keep_ms

    def load(self, stored: Iterable[tuple[int, Accepted]], now: Instant) -> list[tuple[int, int, Accepted]]:
        """Take up what the journal kept over a restart → (accepted at mono ms, sequence, boarding), oldest first."""
        aged = sorted(
            ((self._age(entry, now), sequence, entry) for sequence, entry in stored),
            key=lambda row: (-row[0], row[1]),
        )
        taken = [(now.mono_ms - age, sequence, entry) for age, sequence, entry in aged]
        for mono_ms, _, entry in taken:
            self._put(mono_ms, entry)
        self.forget(now)
        return taken

    def _age(self, entry: Accepted, now: Instant) -> int:
        if not now.trusted or entry.wall_ms == UNKNOWN_MS:
            return 0
        return min(max(now.wall_ms - entry.wall_ms, 0), self._keep_ms)

    def note(self, accepted: Accepted, now: Instant, age_ms: int = 0) -> bool:
        """A boarding was accepted, here just now or at the other door `age_ms` ago → whether that is news."""
        news = age_ms <= self._keep_ms and self._put(now.mono_ms - age_ms, accepted)
        self.forget(now)
        return news

    def _put(self, mono_ms: int, accepted: Accepted) -> bool:
        if accepted.presentation in self._by_presentation:
            return False  # told again
        item = (mono_ms, accepted)
        heappush(self._order, (mono_ms, next(self._ties), accepted))
        self._by_presentation[accepted.presentation] = item
        insort(self._by_credential.setdefault(accepted.presentation.credential_id, []), item, key=lambda it: it[0])
        return True

    def forget(self, now: Instant) -> None:
        """Drop entries that are past keeping."""
        while self._order and now.mono_ms - self._order[0][0] > self._keep_ms:
            presentation = heappop(self._order)[2].presentation
            item = self._by_presentation.pop(presentation)
            of_rider = self._by_credential[presentation.credential_id]
            of_rider.remove(item)
            if not of_rider:
                del self._by_credential[presentation.credential_id]

    def of_presentation(self, presentation: Presentation, now: Instant) -> Earlier | None:
        """The boarding that this very presentation was accepted for, if any."""
        return _aged(self._by_presentation.get(presentation), now)

    def of_credential(self, credential_id: bytes, now: Instant) -> list[Earlier]:
        """The boardings of this credential within the keeping time, the latest first."""
        aged = (_aged(item, now) for item in reversed(self._by_credential.get(credential_id, ())))
        return [it for it in aged if it is not None and it.age_ms <= self._keep_ms]

    def entries(self, now: Instant) -> Iterator[tuple[Accepted, int]]:
        """Everything that is kept, of both doors, with its age in milliseconds."""
        for mono_ms, accepted in self._by_presentation.values():
            yield accepted, max(0, now.mono_ms - mono_ms)

    def __len__(self) -> int:
        return len(self._order)


def _keep_ms(window_s: int) -> int:
    return max(window_s * 1000, _FRESH_SPAN_MS)


def _aged(item: tuple[int, Accepted] | None, now: Instant) -> Earlier | None:
    return None if item is None else Earlier(item[1], now.mono_ms - item[0])
