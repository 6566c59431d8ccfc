"""The rules of money at the door: R9, R11 and R12 of `decide`."""

from edge.core.asked import Asked, Decision
from protocol.fares.pricing import serves
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day


def wrong_line(asked: Asked) -> Decision | None:
    """R9: a product of no use here."""
    if serves(asked.tariff, asked.code.credential.product, asked.door.service.route):
        return None
    return asked.refuse(Verdict.WRONG_SERVICE, Reason.NONE)


def beyond_allowance(asked: Asked) -> Decision | None:
    """R11: more than may be spent unseen."""
    if not asked.beyond_allowance(asked.cost.rider_rials):
        return None
    day = service_day(asked.now.wall_ms)
    used = asked.door.daybook.emergency_used(asked.code.credential.credential_id, day)
    if used or asked.set_wrong is not Reason.NONE:
        return asked.refuse(Verdict.DENIED, Reason.ALLOWANCE_SPENT)
    return asked.accept(Verdict.ACCEPTED_GRACE, Reason.EMERGENCY_RIDE, asked.cost)


def accepted(asked: Asked) -> Decision | None:
    """R12: the tariff's price."""
    cost = asked.cost
    if asked.set_wrong is not Reason.NONE:
        return asked.accept(Verdict.PHONE_CLOCK_WRONG, asked.set_wrong, cost)
    if asked.grace is not Reason.NONE:
        verdict = Verdict.ACCEPTED_GRACE
    elif cost.city_rials:
        verdict = Verdict.ACCEPTED_CONCESSION
    else:
        verdict = Verdict.ACCEPTED
    return asked.accept(verdict, asked.grace, cost)
