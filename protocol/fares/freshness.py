"""How old a render may be, which phones are set wrong, who may still tap out: one rule, at door and office. Pure.

Rules:
- a render is fresh within ±30 s of the clock that judges it, widened by that clock's own uncertainty, never beyond
  ±5 min;
- a phone that is off by one to three half-hours, to a minute, is set wrong: there is no summer time here since 2022;
- a code ends a boarding within two hours of it, by trusted clocks or by what the phone signed both times. Either is
  enough, for each may be wrong; both are in the two records, so that no door shows a fare which the office cannot
  follow (P20).
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


def may_end(phone_apart_s: int, clocks_apart_ms: int | None) -> bool:
    """Whether a code may still end a boarding, so far from it by what the phone signed, and by the clocks of both taps.

    `clocks_apart_ms`: None where one of those was not to be trusted. A door's own count since the boarding is no part
    of it: it stands still while the door is off, and the office has not got it.
    """
    by_clocks = clocks_apart_ms is not None and abs(clocks_apart_ms) <= limits.TAP_OUT_WITHIN_S * 1000
    return by_clocks or abs(phone_apart_s) <= limits.TAP_OUT_WITHIN_S
