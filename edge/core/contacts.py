"""The doors' leaves by their contacts, as a panel board tells of them.

Rules:
- K1 the doors are open while one leaf is; a board that is not heard for WHEELS_STALE_MS says nothing of them;
- K2 one that is open while the vehicle drives DOOR_STUCK_M sticks, or its wire is broken: nobody knows until it is
  seen closed;
- K3 each opening counts, for people who compare riders with stops;
- K4 what was not heard is no time closed: after a silence it begins anew.
"""

from edge.core.limits import DOOR_STUCK_M, PARKED_MS, WHEELS_STALE_MS
from edge.core.wheels import Driven


class Contacts:
    """One vehicle's doors. Used by one thread. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self.openings = 0
        self._open: bool | None = None
        self._heard_ms = self._since_ms = 0
        self._open_from: Driven | None = None  # what the wheels had turned when it opened
        self._stuck = False

    def heard(self, *, leaf_open: bool, driven: Driven | None, mono_ms: int) -> None:
        """The board's newest word, and what the wheels turned by then."""
        known = self._open if mono_ms - self._heard_ms <= WHEELS_STALE_MS else None
        if known is not leaf_open:
            self.openings += leaf_open and self._open is not None
            self._since_ms = mono_ms
        begun = self._open_from
        if not leaf_open:
            self._stuck, self._open_from = False, None
        elif begun is None or driven is None or driven.run != begun.run:
            self._open_from = driven
        elif driven.metres - begun.metres >= DOOR_STUCK_M:
            self._stuck = True
        self._open, self._heard_ms = leaf_open, mono_ms

    def open(self, mono_ms: int) -> bool | None:
        """Whether one stands open; None where nobody knows."""
        return None if self._stuck or mono_ms - self._heard_ms > WHEELS_STALE_MS else self._open

    def closed_ms(self, mono_ms: int) -> int | None:
        """For how long all have been closed; None while one is open, or nobody knows."""
        return mono_ms - self._since_ms if self.open(mono_ms) is False else None


def parked(closed_ms: int | None, stood_ms: int | None) -> bool:
    """Nobody can board then: all doors closed and no wheel turned for PARKED_MS. What is not known is not parked."""
    return closed_ms is not None and stood_ms is not None and min(closed_ms, stood_ms) >= PARKED_MS
