"""Wrong PINs slow down: how long a screen waits before the next is tried. Pure.

Rules:
- counted for the screen, not for a driver's number: who goes through the numbers gains nothing;
- the first few wrong ones cost nothing, then each doubles the wait, up to a most;
- a right PIN clears what was wrong for its own number alone: who has a PIN of his own must not try a colleague's with
  it between; the others are forgotten by time, the oldest first;
- the wait runs on the monotonic clock, so no clock setting ends it early.
"""

from dataclasses import dataclass

from edge.core.limits import PIN_FORGOTTEN_MS, PIN_FREE_TRIES, PIN_WAIT_MAX_MS, PIN_WAIT_MIN_MS, PIN_WRONG_MAX


@dataclass(frozen=True, slots=True)
class Tries:
    """The numbers of wrong PINs, oldest first; since when one is being forgotten, and until when none is tried."""

    wrong: tuple[str, ...] = ()
    since_ms: int = 0
    until_ms: int = 0

    def wait_ms(self, mono_ms: int) -> int:
        """Milliseconds until the next try; 0: now."""
        return max(0, self.until_ms - mono_ms)

    def failed(self, number: str, mono_ms: int) -> "Tries":
        """After one more wrong PIN."""
        left, since_ms = self._remembered(mono_ms)
        wrong = (*left, number)[-PIN_WRONG_MAX:]
        beyond = len(wrong) - PIN_FREE_TRIES
        if beyond < 0:
            return Tries(wrong, since_ms, 0)
        return Tries(wrong, since_ms, mono_ms + min(PIN_WAIT_MIN_MS << beyond, PIN_WAIT_MAX_MS))

    def right(self, number: str, mono_ms: int) -> "Tries":
        """After the right PIN of a number."""
        left, since_ms = self._remembered(mono_ms)
        return Tries(tuple(it for it in left if it != number), since_ms, 0)

    def _remembered(self, mono_ms: int) -> tuple[tuple[str, ...], int]:
        """What is not forgotten yet, and since when the oldest of it is."""
        if not self.wrong:
            return (), mono_ms
        gone = max(0, mono_ms - self.since_ms) // PIN_FORGOTTEN_MS
        left = self.wrong[gone:]
        return left, self.since_ms + gone * PIN_FORGOTTEN_MS if left else mono_ms
