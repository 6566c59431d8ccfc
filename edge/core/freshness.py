"""The rules of time at the door: R6, R7 and R10 of `decide`."""

from edge.core.asked import Asked, Decision
from protocol import limits
from protocol.fares.freshness import fresh, off_ms, set_wrong
from protocol.fares.policies import GraceKind
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day


def blind_to_time(asked: Asked) -> Decision | None:
    """R6: no clock, no freshness."""
    if not asked.now.trusted:
        asked.grace = Reason.NO_TRUSTED_CLOCK
    return None


def stale(asked: Asked) -> Decision | None:
    """R7: an old or early render, and the phone set wrong."""
    if asked.wall_ms is None:
        return None
    off_by_ms = off_ms(asked.code.time_s, asked.now.wall_ms)
    if fresh(off_by_ms, asked.now.uncertainty_s):
        return None
    why = Reason.CODE_FROM_FUTURE if off_by_ms > 0 else Reason.CODE_TOO_OLD
    day, credential_id = service_day(asked.wall_ms), asked.code.credential.credential_id
    if not set_wrong(off_by_ms) or asked.repeated or asked.door.daybook.clock_grace_used(credential_id, day):
        return asked.refuse(Verdict.CODE_EXPIRED, why)
    asked.set_wrong = why
    return None


def past_its_day(asked: Asked) -> Decision | None:
    """R10: past the credential's last day."""
    if asked.wall_ms is None or service_day(asked.wall_ms) <= asked.code.credential.expiry_day:
        return None
    if asked.wall_ms - asked.door.heard_ms >= limits.CREDENTIAL_GRACE_AFTER_S * 1000:
        asked.grace = Reason.BACKEND_SILENT
        return None
    if asked.grace_by_policy(GraceKind.EXPIRED_RIDES, Reason.EXPIRED_RIDES, asked.cost.rider_rials):
        return None
    return asked.refuse(Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
