"""The repeat window: which boardings this bus accepted lately, by plain id, and no longer than needed.

Rules:
- ages are counted on the monotonic clock, so a wall clock that jumps opens no window and closes none (P14);
- after a restart an entry's age is what the wall clock says, kept between 0 and the keeping time: in doubt it is young;
- an entry is kept for the repeat window, and at least as long as its presentation could still pass as fresh.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.ports import Accepted
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

    def __init__(self, repeat_window_s: int) -> None:
        self._keep_ms = max(repeat_window_s * 1000, _FRESH_SPAN_MS)
        self._order: deque[tuple[int, Accepted]] = deque()
        self._by_presentation: dict[Presentation, tuple[int, Accepted]] = {}
        self._by_credential: dict[bytes, tuple[int, Accepted]] = {}

    @property
    def keep_ms(self) -> int:
        """How long an entry is kept, in milliseconds."""
        return self._keep_ms

    def load(self, stored: Iterable[Accepted], now: Instant) -> None:
        """Take up what the journal kept over a restart."""
        aged = [(min(max(now.wall_ms - entry.wall_ms, 0), self._keep_ms), entry) for entry in stored]
        for age, entry in sorted(aged, key=lambda pair: -pair[0]):
            self._put(now.mono_ms - age, entry)
        self.forget(now)

    def note(self, accepted: Accepted, now: Instant) -> None:
        """A boarding was accepted just now."""
        self._put(now.mono_ms, accepted)
        self.forget(now)

    def _put(self, mono_ms: int, accepted: Accepted) -> None:
        item = (mono_ms, accepted)
        self._order.append(item)
        self._by_presentation[accepted.presentation] = item
        self._by_credential[accepted.presentation.credential_id] = item

    def forget(self, now: Instant) -> None:
        """Drop entries that are past keeping."""
        while self._order and now.mono_ms - self._order[0][0] > self._keep_ms:
            item = self._order.popleft()
            presentation = item[1].presentation
            if self._by_presentation.get(presentation) is item:
                del self._by_presentation[presentation]
            if self._by_credential.get(presentation.credential_id) is item:
                del self._by_credential[presentation.credential_id]

    def of_presentation(self, presentation: Presentation, now: Instant) -> Earlier | None:
        """The boarding that this very presentation was accepted for, if any."""
        return _aged(self._by_presentation.get(presentation), now)

    def of_credential(self, credential_id: bytes, now: Instant) -> Earlier | None:
        """The latest boarding of this credential, if any."""
        return _aged(self._by_credential.get(credential_id), now)

    def __len__(self) -> int:
        return len(self._order)


def _aged(item: tuple[int, Accepted] | None, now: Instant) -> Earlier | None:
    return None if item is None else Earlier(item[1], now.mono_ms - item[0])
