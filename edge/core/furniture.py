"""What looks like a code and belongs to the bus: posters, stickers, a seat's pattern. Pure.

A hand never holds a phone within a few pixels for FURNITURE_AFTER_MS; what stays so is furniture, and neither light nor
hints mind it for FURNITURE_KEEP_MS. Few are remembered, the oldest goes first: a camera that was turned sees others.
"""

from collections import deque

from edge.core.limits import FURNITURE_AFTER_MS, FURNITURE_KEEP_MS, FURNITURE_MAX, FURNITURE_STILL_PX
from edge.core.places import Box


class Furniture:
    """Of one camera. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self._known: deque[tuple[int, Box]] = deque(maxlen=FURNITURE_MAX)
        self._held: Box | None = None
        self._since_ms = 0

    def see(self, box: Box | None, now_ms: int) -> None:
        """What was found in this look, None for nothing."""
        while self._known and now_ms - self._known[0][0] > FURNITURE_KEEP_MS:
            self._known.popleft()
        if box is None or self._held is None or not _same(self._held, box):
            self._held, self._since_ms = box, now_ms
        elif now_ms - self._since_ms >= FURNITURE_AFTER_MS:
            self._known.append((now_ms, box.padded(FURNITURE_STILL_PX, box.right + FURNITURE_STILL_PX,
                                                   box.bottom + FURNITURE_STILL_PX)))  # fmt: skip
            self._held = None

    @property
    def known(self) -> tuple[Box, ...]:
        """Where it stands."""
        return tuple(box for _, box in self._known)

    def is_known(self, box: Box) -> bool:
        """Whether a box is a piece of it."""
        return any(piece.covers(box) and box.side <= 2 * piece.side for piece in self.known)


def _same(box: Box, other: Box) -> bool:
    return box.distance(other) <= FURNITURE_STILL_PX and abs(box.side - other.side) <= 2 * FURNITURE_STILL_PX
