"""What the wall clock has earned: trusted, holdover, or untrusted (P14).

Rules:
- a clock that the kernel reports as disciplined (NTP, chrony, GNSS) is trusted, with the kernel's own error bound;
- once undisciplined it runs on in holdover, its uncertainty growing by the drift of a cheap crystal;
- a jump against the monotonic clock without discipline, or a time before a signed word that we hold (a dead RTC starts
  in 1970), makes it untrusted until it is disciplined again; against a clock that the kernel vouches for, only the
  bundle's own issue counts, not a receipt: one backend with a wrong clock must not blind a fleet;
- a holdover so long that freshness cannot be judged within the widest window is untrusted: riders board on grace;
- the satellites' time never sets the clock and never takes trust from it. Once steady, and not before a signed word, it
  is a second witness: near the clock, it narrows a holdover's uncertainty to what is between the two; and a clock that
  no service has disciplined since the start (the board's own, after a night without a network) is in holdover while
  both agree within a minute. Each alone may be wrong, by a flat battery or a forged sky; the uncertainty covers both;
- satellites that say something else than a clock that is trusted are said, and believed in nothing: a week counter that
  rolled over, or a forged sky.
"""

from dataclasses import dataclass

from protocol import limits
from protocol.wire.records import ClockQuality, Instant

DRIFT_PPM = 100  # a Pi's crystal over its temperature range, doubled
JUMP_MS = 2_000  # larger steps against the monotonic clock are jumps, not adjustment (adjtime slews at 500 ppm)
SATELLITES_STEADY = 10  # readings: a receiver that starts says some wrong ones first
SATELLITES_STEP_MS = 1_000  # between two readings: a sentence comes up to a second late, and not always as late
SATELLITES_ERROR_S = 2  # lateness of a sentence, and a leap second that is not known yet
SATELLITES_KEEP_MS = 3_600_000  # a tunnel, a garage: what they said an hour ago is drift by now, and little
BOARD_CLOCK_OFF_MAX_S = 60  # a crystal of 20 ppm over a month: a board's clock that is further off was not kept


@dataclass(frozen=True, slots=True)
class _Satellites:
    """What the satellites' time says: its offset from our monotonic clock, since how many readings, until when."""

    offset_ms: int
    readings: int
    mono_ms: int


class Timekeeper:
    """Judges readings in order. `floor_ms`: wall time of the newest signed word, e.g. the bundle's issue."""

    def __init__(self, floor_ms: int) -> None:
        self._floor_ms = floor_ms
        self._heard_ms = floor_ms
        self._disciplined_mono_ms: int | None = None
        self._uncertainty_s = 0
        self._offset_ms: int | None = None
        self._jumped = False
        self._satellites: _Satellites | None = None
        self._off_s = 0

    @property
    def satellites_off_s(self) -> int:
        """By how many seconds steady satellites contradicted a trusted clock at the last reading; 0 if they agree."""
        return self._off_s

    def satellites(self, time_ms: int, mono_ms: int) -> None:
        """The satellites' time as a receiver said it at this reading of the monotonic clock."""
        before, offset_ms = self._satellites, time_ms - mono_ms
        steady = before is not None and abs(offset_ms - before.offset_ms) <= SATELLITES_STEP_MS
        readings = before.readings + 1 if steady and before is not None else 1
        self._satellites = _Satellites(offset_ms, readings, mono_ms)

    def raise_floor(self, wall_ms: int) -> None:
        """A signed message of the backend was made at this time: no honest clock of its own is earlier."""
        self._heard_ms = max(self._heard_ms, wall_ms)

    def judge(self, wall_ms: int, mono_ms: int, *, disciplined: bool, error_bound_s: int) -> Instant:
        """One reading → Instant with the quality it has earned."""
        offset = wall_ms - mono_ms
        if disciplined:
            self._disciplined_mono_ms, self._uncertainty_s, self._offset_ms = mono_ms, error_bound_s, offset
            self._jumped = False
        elif self._offset_ms is not None and abs(offset - self._offset_ms) > JUMP_MS:
            self._disciplined_mono_ms, self._jumped = None, True
        witness_s = self._witness_s(offset, mono_ms)
        now = self._judged(wall_ms, mono_ms, witness_s, disciplined=disciplined, error_bound_s=error_bound_s)
        self._off_s = witness_s if now.trusted and witness_s is not None and self._contradicts(witness_s, now) else 0
        return now

    def _judged(
        self, wall_ms: int, mono_ms: int, witness_s: int | None, *, disciplined: bool, error_bound_s: int
    ) -> Instant:
        if wall_ms < (self._floor_ms if disciplined else self._heard_ms):
            return Instant(wall_ms, mono_ms, ClockQuality.UNTRUSTED, 0)
        if disciplined:
            return Instant(wall_ms, mono_ms, ClockQuality.TRUSTED, error_bound_s)
        bounds = []
        if self._disciplined_mono_ms is not None:
            bounds.append(self._uncertainty_s + _drift_s(mono_ms - self._disciplined_mono_ms) + 1)
        near = witness_s is not None and witness_s <= BOARD_CLOCK_OFF_MAX_S + SATELLITES_ERROR_S
        if near and witness_s is not None and not self._jumped:
            bounds.append(witness_s)
        if not bounds or min(bounds) > limits.FRESH_WINDOW_MAX_S - limits.FRESH_WINDOW_S:
            return Instant(wall_ms, mono_ms, ClockQuality.UNTRUSTED, 0)
        return Instant(wall_ms, mono_ms, ClockQuality.HOLDOVER, min(bounds))

    def _witness_s(self, offset_ms: int, mono_ms: int) -> int | None:
        """Within what the wall clock is right if the satellites are; None where they say nothing that counts."""
        seen = self._satellites
        if seen is None or seen.readings < SATELLITES_STEADY or mono_ms - seen.mono_ms > SATELLITES_KEEP_MS:
            return None
        if seen.offset_ms + mono_ms < self._heard_ms - SATELLITES_ERROR_S * 1000:
            return None  # before a signed word: a week counter that rolled over, or a forged sky
        off_s = -(-abs(offset_ms - seen.offset_ms) // 1000)
        return off_s + SATELLITES_ERROR_S + _drift_s(mono_ms - seen.mono_ms)

    def _contradicts(self, witness_s: int, now: Instant) -> bool:
        return witness_s > now.uncertainty_s + 2 * SATELLITES_ERROR_S + BOARD_CLOCK_OFF_MAX_S


def _drift_s(mono_ms: int) -> int:
    return mono_ms * DRIFT_PPM // 1_000_000 // 1000
