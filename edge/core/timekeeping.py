"""What the wall clock has earned: trusted, holdover, or untrusted (P14).

Rules:
- a clock that the kernel reports as disciplined (NTP, chrony, GNSS) is trusted, with the kernel's own error bound;
- once undisciplined it runs on in holdover, its uncertainty growing by the drift of a cheap crystal;
- a jump against the monotonic clock without discipline, or a time before the newest signed word of the backend
  (a dead RTC starts in 1970), makes it untrusted until it is disciplined again.
"""

from protocol.wire.records import ClockQuality, Instant

DRIFT_PPM = 100  # a Pi's crystal over its temperature range, doubled
JUMP_MS = 2_000  # larger steps against the monotonic clock are jumps, not adjustment (adjtime slews at 500 ppm)


class Timekeeper:
    """Judges readings in order. `floor_ms`: wall time of the newest signed word, e.g. the bundle's issue."""

    def __init__(self, floor_ms: int) -> None:
        self._floor_ms = floor_ms
        self._disciplined_mono_ms: int | None = None
        self._uncertainty_s = 0
        self._offset_ms: int | None = None

    def raise_floor(self, wall_ms: int) -> None:
        """A signed message of the backend was made at this time: no honest clock is earlier."""
        self._floor_ms = max(self._floor_ms, wall_ms)

    def judge(self, wall_ms: int, mono_ms: int, *, disciplined: bool, error_bound_s: int) -> Instant:
        """One reading → Instant with the quality it has earned."""
        offset = wall_ms - mono_ms
        if disciplined:
            self._disciplined_mono_ms, self._uncertainty_s, self._offset_ms = mono_ms, error_bound_s, offset
        elif self._offset_ms is not None and abs(offset - self._offset_ms) > JUMP_MS:
            self._disciplined_mono_ms = None
        if wall_ms < self._floor_ms or self._disciplined_mono_ms is None:
            return Instant(wall_ms, mono_ms, ClockQuality.UNTRUSTED, 0)
        if disciplined:
            return Instant(wall_ms, mono_ms, ClockQuality.TRUSTED, error_bound_s)
        drift_s = (mono_ms - self._disciplined_mono_ms) * DRIFT_PPM // 1_000_000 // 1000
        return Instant(wall_ms, mono_ms, ClockQuality.HOLDOVER, self._uncertainty_s + drift_s + 1)
