"""How old a render may be, and which phones are set wrong: one rule, at the door and at the office. Pure.

Rules:
- a render is fresh within ±30 s of the clock that judges it, widened by that clock's own uncertainty, never beyond
  ±5 min;
- a phone that is off by one to three half-hours, to a minute, is set wrong: there is no summer time here since 2022.
"""

from protocol import limits

_HALF_HOUR_S = 1_800


def off_ms(time_s: int, wall_ms: int) -> int:
    """How far the phone's clock seems to be ahead of this one."""
    return time_s * 1000 - wall_ms


def fresh(off_by_ms: int, uncertainty_s: int) -> bool:
    """Whether a render may be taken by a clock that is right within ± so many seconds."""
    window_ms = min(limits.FRESH_WINDOW_S + uncertainty_s, limits.FRESH_WINDOW_MAX_S) * 1000
    # The phone's time is cut to whole seconds, so a render may be up to 999 ms younger than it says.
    return -(window_ms + 999) <= off_by_ms <= window_ms


def set_wrong(off_by_ms: int) -> bool:
    """Whether a phone is off by one to three half-hours, to a minute."""
    halves = round(off_by_ms / 1000 / _HALF_HOUR_S)
    return 1 <= abs(halves) <= limits.CLOCK_WRONG_HALVES_MAX and (
        abs(off_by_ms - halves * _HALF_HOUR_S * 1000) <= limits.CLOCK_WRONG_WITHIN_S * 1000
    )
