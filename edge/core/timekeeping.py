"""What the wall clock has earned: trusted, holdover, or untrusted (P14).

Rules:
- a clock that the kernel reports as disciplined (NTP, chrony, GNSS) is trusted, with the kernel's own error bound;
- once undisciplined it runs on in holdover, its uncertainty growing by the drift of a cheap crystal;
- a jump against the monotonic clock without discipline, or a time before a signed word that we hold (a dead RTC starts
  in 1970), makes it untrusted until it is disciplined again; against a clock that the kernel vouches for, only the
  bundle's own issue counts, not a receipt: one backend with a wrong clock must not blind a fleet;
- a holdover so long that freshness cannot be judged within the widest window is untrusted: riders board on grace.
"""

from protocol import limits
from protocol.wire.records import ClockQuality, Instant

DRIFT_PPM = 100  # a Pi's crystal over its temperature range, doubled
JUMP_MS = 2_000  # larger steps against the monotonic clock are jumps, not adjustment (adjtime slews at 500 ppm)


class Timekeeper:
    """Judges readings in order. `floor_ms`: wall time of the newest signed word, e.g. the bundle's issue."""

    def __init__(self, floor_ms: int) -> None:
        self._floor_ms = floor_ms
        self._heard_ms = floor_ms
        self._disciplined_mono_ms: int | None = None
        self._uncertainty_s = 0
        self._offset_ms: int | None = None

    def raise_floor(self, wall_ms: int) -> None:
        """A signed message of the backend was made at this time: no honest clock of its own is earlier."""
        self._heard_ms = max(self._heard_ms, wall_ms)

    def judge(self, wall_ms: int, mono_ms: int, *, disciplined: bool, error_bound_s: int) -> Instant:
        """One reading → Instant with the quality it has earned."""
        offset = wall_ms - mono_ms
        if disciplined:
            self._disciplined_mono_ms, self._uncertainty_s, self._offset_ms = mono_ms, error_bound_s, offset
        elif self._offset_ms is not None and abs(offset - self._offset_ms) > JUMP_MS:
            self._disciplined_mono_ms = None
        floor_ms = self._floor_ms if disciplined else self._heard_ms
        if wall_ms < floor_ms or self._disciplined_mono_ms is None:
            return Instant(wall_ms, mono_ms, ClockQuality.UNTRUSTED, 0)
        if disciplined:
            return Instant(wall_ms, mono_ms, ClockQuality.TRUSTED, error_bound_s)
        drift_s = (mono_ms - self._disciplined_mono_ms) * DRIFT_PPM // 1_000_000 // 1000
        uncertainty_s = self._uncertainty_s + drift_s + 1
        if uncertainty_s > limits.FRESH_WINDOW_MAX_S - limits.FRESH_WINDOW_S:
            return Instant(wall_ms, mono_ms, ClockQuality.UNTRUSTED, 0)
        return Instant(wall_ms, mono_ms, ClockQuality.HOLDOVER, uncertainty_s)
