"""The doors' leaves by their contacts, as a panel board tells of them.

Rules:
- K1 the doors are open while one leaf is; a board that is not heard for WHEELS_STALE_MS says nothing of them;
- K2 each opening counts, for people who compare riders with stops;
- K3 what was not heard is no time closed: after a silence it begins anew.
"""

from edge.core.limits import PARKED_MS, WHEELS_STALE_MS


class Contacts:
    """One vehicle's doors. Used by one thread. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self.openings = 0
        self._open: bool | None = None
        self._heard_ms = self._since_ms = 0

    def heard(self, *, leaf_open: bool, mono_ms: int) -> None:
        """The board's newest word."""
        if self.open(mono_ms) is not leaf_open:
            self.openings += leaf_open and self._open is not None
            self._since_ms = mono_ms
        self._open, self._heard_ms = leaf_open, mono_ms

    def open(self, mono_ms: int) -> bool | None:
        """Whether one stands open; None where nobody knows."""
        return self._open if mono_ms - self._heard_ms <= WHEELS_STALE_MS else None

    def closed_ms(self, mono_ms: int) -> int | None:
        """For how long all have been closed; None while one is open, or nobody knows."""
        return mono_ms - self._since_ms if self.open(mono_ms) is False else None


def parked(closed_ms: int | None, stood_ms: int | None) -> bool:
    """Nobody can board then: all doors closed and no wheel turned for PARKED_MS. What is not known is not parked."""
    return closed_ms is not None and stood_ms is not None and min(closed_ms, stood_ms) >= PARKED_MS
