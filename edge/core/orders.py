"""The orders of the city at the door, and the driver's free rides: R2, R3 and R4 of `decide`."""

from collections.abc import Callable

from edge.core.asked import Asked, Decision, Door
from edge.core.repeats import copied
from edge.core.tap_out import leaves
from protocol.fares.policies import BoardFree, Cause
from protocol.fares.pricing import FREE, Price, Ride, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.records import CodeKind, Instant

_FREE = {
    Cause.FREE_DAY: Reason.FREE_DAY, Cause.CRISIS: Reason.CRISIS, Cause.EVENT: Reason.EVENT,
    Cause.READER_OUT: Reason.READER_OUT,
}  # fmt: skip


def training(asked: Asked) -> Decision | None:
    """R2: the vehicle rehearses."""
    if asked.door.service.vehicle in asked.door.bundle.policies.training:
        return asked.refuse(Verdict.TRAINING, Reason.NONE)
    return None


def free(asked: Asked) -> Decision | None:
    """R3: nobody pays here and now. What it costs is what the ride would have: the rider's part and the city's."""
    reason, order = _why_free(asked.door, asked.tariff, asked.wall_ms, asked.priced)
    if reason is Reason.NONE or leaves(asked) is not None:  # who paid before it began is still owed the difference
        return None
    before = asked.door.window.of_presentation(asked.code.presentation, asked.now)
    if before is not None and before.accepted.annulled:
        return copied(asked)
    if asked.repeated or before is not None:  # counted once, however long one code is held up
        return asked.refuse(Verdict.ALREADY_PAID, asked.which_door(before or asked.repeated[0]))
    asked.policy, asked.forgone_rials = order, whole(asked.priced())
    return asked.accept(Verdict.BOARD_FREE, reason, FREE)


def denied(asked: Asked) -> Decision | None:
    """R4: on the deny list, up to the version listed there."""
    credential = asked.code.credential
    if credential.version <= asked.door.bundle.deny.get(credential.credential_id, -1):
        return asked.refuse(Verdict.DENIED, Reason.DENY_LIST)
    return None


def decide_proxy(party: int, door: Door, now: Instant) -> Decision:
    """The driver's float pays for somebody without a code and `party` companions: R2, R3, else the adult fare."""
    wall_ms = now.wall_ms if now.trusted else None
    tariff = door.bundle.tariff_at(wall_ms)
    cost = price(tariff, Ride(int(RiderClass.ADULT), party, line=door.service.route, wall_ms=wall_ms))
    reason, order = _why_free(door, tariff, wall_ms, lambda: cost)
    verdict, fare, forgone = Verdict.ACCEPTED, cost.rider_rials, 0
    if door.service.vehicle in door.bundle.policies.training:
        verdict, reason, fare, order = Verdict.TRAINING, Reason.NONE, 0, None
    elif reason is not Reason.NONE:
        verdict, fare, forgone = Verdict.BOARD_FREE, 0, whole(cost)
    else:
        reason = Reason.PROXY
    return Decision(
        verdict, reason, CodeKind.PROXY, fare, party, 0, b"", None, tariff.version,
        None if order is None else order.order, forgone,
    )  # fmt: skip


def whole(cost: Price) -> int:
    """A fare with the part that the city pays."""
    return cost.rider_rials + cost.city_rials


def _why_free(
    door: Door, tariff: Tariff, wall_ms: int | None, cost: Callable[[], Price]
) -> tuple[Reason, BoardFree | None]:
    """The reason, and the order if it is one's; an order whose bound is reached holds no longer (P15)."""
    if wall_ms is not None:
        service = door.service
        orders = [*door.bundle.policies.free_on(service.route, service.vehicle, wall_ms)]
        if orders and (order := door.spending.first_that_affords(orders, whole(cost()))) is not None:
            return _FREE[order.cause], order
        if service_day(wall_ms) in tariff.free_days:
            return Reason.FREE_DAY, None
    return door.free_ride, None
