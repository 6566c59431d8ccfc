"""Wrong PINs slow down: how long a terminal waits before it tries the next. Pure.

Rules:
- counted for the terminal, not for a driver's number: who goes through the numbers gains nothing;
- the first few wrong ones cost nothing, then each doubles the wait, up to a most;
- a right PIN ends it; the wait runs on the monotonic clock, so no clock setting ends it early.
"""

from dataclasses import dataclass

from edge.core.limits import PIN_FREE_TRIES, PIN_WAIT_MAX_MS, PIN_WAIT_MIN_MS


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong PINs in a row, and until when (monotonic) none is tried."""

    wrong: int = 0
    until_ms: int = 0

    def wait_ms(self, mono_ms: int) -> int:
        """Milliseconds until the next try; 0: now."""
        return max(0, self.until_ms - mono_ms)

    def failed(self, mono_ms: int) -> "Tries":
        """After one more wrong PIN."""
        wrong = self.wrong + 1
        beyond = wrong - PIN_FREE_TRIES
        if beyond < 0:
            return Tries(wrong, 0)
        doublings = min(beyond, PIN_WAIT_MAX_MS.bit_length())  # enough for the most, and no number grows without end
        return Tries(wrong, mono_ms + min(PIN_WAIT_MIN_MS << doublings, PIN_WAIT_MAX_MS))
