"""How fast the vehicle goes by its own wheels: the odometer's pulses, as a panel board counts them.

Rules:
- D1 the speed is what the wheels turned in the last WHEELS_WINDOW_MS: one pulse more or less is little of that;
- D2 it stands when no pulse came for WHEELS_STAND_MS;
- D3 a count that jumps further than a bus can have driven is a board that restarted, and after a silence of
  WHEELS_STALE_MS it may have: counting begins anew, and what lies between is not known;
- D4 nothing heard for WHEELS_STALE_MS: nobody knows.

Wheels cannot be jammed: while they turn, a receiver that says one place all the time is not believed (W5), and a
driver's screen is locked by them where no sky is seen.
"""

from collections import deque
from dataclasses import dataclass

from edge.core.limits import BUS_TOP_SPEED_MPS, WHEELS_STALE_MS, WHEELS_STAND_MS, WHEELS_WINDOW_MS

_COUNTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Driven:
    """What the wheels turned in one run of counting; what lies between two runs nobody knows (D3)."""

    run: int
    metres: float


class Wheels:
    """`mm_per_pulse`: how far the vehicle goes from one pulse to the next. Used by one thread."""

    def __init__(self, mm_per_pulse: int) -> None:
        self._mm_per_pulse = mm_per_pulse
        self._counts: deque[tuple[int, int]] = deque()  # (mono ms, pulses since the first), the window's
        self._raw: int | None = None
        self._moved_ms: int | None = None
        self._stands_ms = 0  # since when no pulse came
        self._run = 0

    def counted(self, pulses: int, mono_ms: int) -> None:
        """The board's counter, modulo 65536, as it was heard now."""
        before = self._counts[-1] if self._counts else None
        if self._raw is None or before is None:
            self._begin(pulses, mono_ms)
            return
        more = (pulses - self._raw) % _COUNTS
        furthest_mm = BUS_TOP_SPEED_MPS * max(mono_ms - before[0], WHEELS_WINDOW_MS)  # m/s times ms are mm
        if more * self._mm_per_pulse > furthest_mm or mono_ms - before[0] > WHEELS_STALE_MS:
            self._begin(pulses, mono_ms)
            return
        self._raw = pulses
        self._counts.append((mono_ms, before[1] + more))
        if more:
            self._moved_ms = self._stands_ms = mono_ms
        while len(self._counts) > 2 and mono_ms - self._counts[1][0] >= WHEELS_WINDOW_MS:
            self._counts.popleft()

    def _begin(self, pulses: int, mono_ms: int) -> None:
        self._counts.clear()
        self._counts.append((mono_ms, 0))
        self._raw, self._moved_ms, self._stands_ms = pulses, None, mono_ms
        self._run += 1

    def _known(self, mono_ms: int) -> bool:
        """D4."""
        return bool(self._counts) and mono_ms - self._counts[-1][0] <= WHEELS_STALE_MS

    def driven(self, mono_ms: int) -> Driven | None:
        """What they turned since counting began; None where nobody knows."""
        if not self._known(mono_ms):
            return None
        return Driven(self._run, self._counts[-1][1] * self._mm_per_pulse / 1_000)

    def stood_ms(self, mono_ms: int) -> int | None:
        """For how long no pulse has come; None where nobody knows."""
        return mono_ms - self._stands_ms if self._known(mono_ms) else None

    def speed_mps(self, mono_ms: int) -> float | None:
        """Metres a second; None where nobody knows."""
        if len(self._counts) < 2 or not self._known(mono_ms):
            return None
        (first_ms, first), (last_ms, last) = self._counts[0], self._counts[-1]
        if self._moved_ms is None or mono_ms - self._moved_ms >= WHEELS_STAND_MS:
            return 0.0
        return (last - first) * self._mm_per_pulse / max(last_ms - first_ms, 1)
