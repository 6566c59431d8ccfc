"""Who leaves a bus whose fare is by distance: the second half of R8 of `decide`.

A showing behind the repeat window is a tap-out where the rider's last boarding on this bus, at either door, was on the
line and trip that the vehicle is on, or that it has just ended, and was not tapped out yet. It is two hours
ago at most, as the door has counted and as the office will reckon from both records (`may_end`): a door that was off
counts too little, and the office would post what was shown first for a ride that was shown to cost less (P20). Then
- all who boarded with the rider leave with him: nobody knows who they are;
- they pay the fare of the metres between both places, at most what was shown, by the tariff and time of the boarding;
- only trusted places count. Where one is missing, or they contradict each other, the least band is paid: the rider has
  done his part (P14: a jammed sky decides no fare alone; it may make one less, and the record says that it did);
- who boarded free leaves free, and is not taken for somebody who boards when the free ride is over meanwhile;
- a tariff that this bus no longer has prices nothing here: what was shown stands, and the office posts what is right.
A door sees a code and not who steps out. Who taps out and stays aboard rides on for what is paid, as on every bus that
has tap-out; the next showing behind the repeat window is a boarding again.
"""

from edge.core.accepted import UNKNOWN_MS, Accepted
from edge.core.asked import Asked, Decision
from edge.core.window import Earlier
from protocol.fares.freshness import may_end
from protocol.fares.pricing import FREE, Price, Ride, adult_fare, metres_ridden, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.limits import TAP_OUT_WITHIN_S
from protocol.wire.sister import Along


def leaves(asked: Asked) -> Earlier | None:
    """The boarding that this showing ends, if it is a tap-out."""
    boarded = next((it for it in asked.earlier if it.accepted.closes is None and not it.accepted.extends), None)
    if boarded is None or boarded.accepted.along is None or boarded.age_ms > TAP_OUT_WITHIN_S * 1000:
        return None
    if not _in_time(asked, boarded.accepted):
        return None
    if not boarded.proven:
        return None  # the other door's word alone lets nobody ride for nothing
    if boarded.age_ms < asked.tariff.repeat_window_s * 1000 or any(
        it.accepted.closes == boarded.record for it in asked.earlier
    ):
        return None
    return boarded if any(_same_trip(boarded.accepted.along, it) for it in _places(asked)) else None


def _in_time(asked: Asked, boarded: Accepted) -> bool:
    """Whether the office will take this showing for an end of that boarding."""
    known = asked.wall_ms is not None and boarded.wall_ms != UNKNOWN_MS
    return may_end(
        asked.code.presentation.time_s - boarded.presentation.time_s,
        asked.now.wall_ms - boarded.wall_ms if known else None,
    )


def tapped_out(asked: Asked) -> Decision | None:
    """R8: behind the window, on the same trip of a line by distance."""
    boarded = leaves(asked)
    if boarded is None:
        return None
    of = boarded.accepted
    assert of.along is not None
    place = next(it for it in _places(asked) if _same_trip(of.along, it))
    ridden_m = metres_ridden(of.along.metres, place.metres)
    behind = [it.accepted for it in reversed(asked.earlier) if it.accepted.extends and it.age_ms <= boarded.age_ms]
    shown = of.fare_rials + sum(it.fare_rials for it in behind)
    if not TABLE[of.verdict].charged:
        return asked.leave(boarded, Reason.NONE, FREE, fare_rials=0, before_rials=0, metres=place.metres)
    reason = Reason.NONE if ridden_m is not None else Reason.WAY_UNKNOWN
    tariff = next((it for it in asked.door.bundle.tariffs if it.version == of.tariff_version), None)
    if tariff is None:
        cost, fare = Price(of.fare_rials, 0, *of.share), shown
    else:
        cost = price(tariff, _ride(asked, boarded, ridden_m), asked.history(of.tariff_version, without=boarded.record))
        fare = min(cost.rider_rials, of.fare_rials) + _companions(tariff, asked, boarded, ridden_m)
    return asked.leave(boarded, reason, cost, fare_rials=min(fare, shown), before_rials=shown, metres=place.metres)


def _places(asked: Asked) -> list[Along]:
    """Where the vehicle is, and where its trip before this one ended; the first that fits counts."""
    service, (here, ended) = asked.door.service, asked.door.along
    told = None if service.route is None else Along(service.route, service.direction, service.trip)
    if here is not None and told is not None and (here.line, here.direction) == (told.line, told.direction):
        told = here
    return [it for it in (told, ended) if it is not None]


def _same_trip(boarded: Along, now: Along) -> bool:
    """What one of them does not know does not part them: decided for the rider, who else would board and pay again."""
    pairs = ((boarded.direction, now.direction), (boarded.trip, now.trip))
    return boarded.line == now.line and all(one is None or other is None or one == other for one, other in pairs)


def _ride(asked: Asked, boarded: Earlier, ridden_m: int | None) -> Ride:
    """As it was boarded."""
    of, credential = boarded.accepted, asked.code.credential
    assert of.along is not None
    wrong = of.verdict is Verdict.PHONE_CLOCK_WRONG
    rider_class, product = (int(RiderClass.ADULT), 0) if wrong else (credential.rider_class, credential.product)
    wall_ms = None if of.wall_ms == UNKNOWN_MS else of.wall_ms
    return Ride(rider_class, of.party, product, of.along.line, ridden_m, wall_ms, left=True)


def _companions(tariff: Tariff, asked: Asked, boarded: Earlier, ridden_m: int | None) -> int:
    """Those who came later, each at the fare of the way, at most what was shown."""
    ride, rials, covered = _ride(asked, boarded, ridden_m), 0, boarded.accepted.party
    for it in reversed(asked.earlier):
        if it.accepted.extends and it.age_ms <= boarded.age_ms and it.accepted.party > covered:
            rials += min((it.accepted.party - covered) * adult_fare(tariff, ride), it.accepted.fare_rials)
            covered = it.accepted.party
    return rials
