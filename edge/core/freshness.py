"""The rules of time at the door: R6, R7 and R10 of `decide`."""

from edge.core.asked import Asked, Decision
from protocol import limits
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.records import Instant
from protocol.wire.short_passes import Pass

_HALF_HOUR_S = 1_800


def blind_to_time(asked: Asked) -> Decision | None:
    """R6: no clock, no freshness."""
    if not asked.now.trusted:
        asked.grace = Reason.NO_TRUSTED_CLOCK
    return None


def stale(asked: Asked) -> Decision | None:
    """R7: an old or early render, and the phone set wrong."""
    if asked.wall_ms is None:
        return None
    off_ms, window_ms = _off_ms(asked.code, asked.now), _fresh_within_ms(asked.now)
    if off_ms > window_ms:
        why = Reason.CODE_FROM_FUTURE
    # The phone's time is cut to whole seconds, so a render may be up to 999 ms younger than it says.
    elif -off_ms > window_ms + 999:
        why = Reason.CODE_TOO_OLD
    else:
        return None
    day, credential_id = service_day(asked.wall_ms), asked.code.credential.credential_id
    if not _set_wrong(off_ms) or asked.repeated or asked.door.daybook.clock_grace_used(credential_id, day):
        return asked.refuse(Verdict.CODE_EXPIRED, why)
    asked.set_wrong = why
    return None


def past_its_day(asked: Asked) -> Decision | None:
    """R10: past the credential's last day."""
    if asked.wall_ms is None or service_day(asked.wall_ms) <= asked.code.credential.expiry_day:
        return None
    if asked.wall_ms - asked.door.heard_ms < limits.CREDENTIAL_GRACE_AFTER_S * 1000:
        return asked.refuse(Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
    asked.grace = Reason.BACKEND_SILENT
    return None


def _off_ms(code: Pass, now: Instant) -> int:
    """How far the phone's clock seems to be ahead."""
    return code.time_s * 1000 - now.wall_ms


def _fresh_within_ms(now: Instant) -> int:
    return min(limits.FRESH_WINDOW_S + now.uncertainty_s, limits.FRESH_WINDOW_MAX_S) * 1000


def _set_wrong(off_ms: int) -> bool:
    """Whether a phone is off by one to three half-hours, to a minute."""
    halves = round(off_ms / 1000 / _HALF_HOUR_S)
    return 1 <= abs(halves) <= limits.CLOCK_WRONG_HALVES_MAX and (
        abs(off_ms - halves * _HALF_HOUR_S * 1000) <= limits.CLOCK_WRONG_WITHIN_S * 1000
    )
