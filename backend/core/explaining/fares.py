"""The fare, rule by rule: steps whose rials add up to what who rode owes, as `journeys` and `repeats` came to it."""

from collections.abc import Sequence
from dataclasses import replace

from backend.core.explaining.codes import Code
from backend.core.explaining.facts import Standing, Step, TapFacts, reason
from backend.core.floats import Proxy
from backend.core.holding import Unproven
from backend.core.repeats import Claim, as_ended
from backend.core.tickets import TicketRide
from protocol.fares.pricing import Ride, adult_fare, own_part, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.localtime import service_day
from protocol.wire.records import Tap


def steps_of(facts: TapFacts) -> tuple[Step, ...]:
    """From the line's fare to what is owed; nothing where nobody's fare was charged."""
    stands = facts.stands
    if stands is None or (isinstance(stands, Claim) and stands.closes is not None):
        return ()
    return tuple(it for it in _steps(facts, stands) if it.rials or it.reason.code not in _SILENT)


_SILENT = (  # where nothing moves
    Code.PRODUCT, Code.CLASS, Code.SHOWN_LESS, Code.COVERED, Code.UNEXPLAINED, Code.TRANSFER, Code.DAY_CAP,
    Code.WEEK_CAP, Code.JOURNEY,
)  # fmt: skip


def _steps(facts: TapFacts, stands: Standing) -> list[Step]:
    if isinstance(stands, Claim):
        made = _of_companions(facts, stands) if stands.extends else _of_ride(facts, stands)
        return _given_back(_ends(facts, made, stands), stands)
    if isinstance(stands, TicketRide):
        return _of_ticket(facts, stands)
    made = _anybodys(facts, stands)
    if isinstance(stands, Proxy) and stands.annulled:
        made.append(Step(-_sum(made), reason(Code.TAKEN_BACK)))
    return made


def _sum(steps: Sequence[Step]) -> int:
    return sum(it.rials for it in steps)


def _line_fare(tap: Tap, tariff: Tariff, persons: int = 1) -> list[Step]:
    """What the ride costs an adult, and which rule of the tariff says so."""
    when = tap.at.wall_ms if tap.at.trusted else None
    rials = persons * adult_fare(tariff, Ride(int(RiderClass.ADULT), line=tap.fare_line, wall_ms=when))
    if when is not None and service_day(when) in tariff.free_days:
        return [Step(rials, reason(Code.FREE_DAY))]
    own = None if tap.fare_line is None else tariff.lines.get(tap.fare_line)
    if tap.fare_line is None:
        code = Code.FARE_UNKNOWN_LINE
    elif own is None:
        code = Code.FARE_FLAT
    elif not own.bands:
        code = Code.FARE_LINE
    else:
        code = Code.FARE_BAND_FULL if tariff.tap_out else Code.FARE_BAND_LEAST
    plain = replace(tariff, peaks=())
    usual = persons * adult_fare(plain, Ride(int(RiderClass.ADULT), line=tap.fare_line, wall_ms=when))
    found = [Step(usual, reason(code, line=tap.fare_line or "", persons=persons))]
    if rials != usual:
        found.append(Step(rials - usual, reason(Code.PEAK)))
    return found


def _of_ride(facts: TapFacts, it: Claim) -> list[Step]:
    """A rider with companions who came along."""
    tap, tariff = facts.tap, facts.tariff
    if tariff is None:
        found = [Step(it.adult_rials, reason(Code.FARE_AS_SHOWN, version=tap.tariff_version))]
    else:
        found = _line_fare(tap, tariff)
    found.append(Step(it.adult_rials - _sum(found), reason(Code.PRODUCT)))
    found.append(Step(it.alone_rials - it.adult_rials, reason(
        Code.CLASS, rider_class=it.rider_class, permille=it.permille
    )))  # fmt: skip
    if it.beside_rials:
        found.append(Step(it.beside_rials, reason(Code.COMPANIONS, persons=it.party)))
    found.append(_shown_less(_sum(found), it.shown_rials))
    now = as_ended(it)
    ended = min(now.alone_rials + now.beside_rials, now.shown_rials)
    return found + _tapped_out(it, ended - _sum(found))


def _of_companions(facts: TapFacts, it: Claim) -> list[Step]:
    """Companions who came later: each an adult."""
    whole = it.party * it.adult_rials
    found = [Step(whole, reason(Code.COMPANIONS_LATER, persons=it.party))]
    if facts.tariff is None:
        found = [Step(min(whole, it.shown_rials), reason(Code.FARE_AS_SHOWN, version=facts.tap.tariff_version))]
    found.append(_shown_less(_sum(found), it.shown_rials))
    now = as_ended(it)
    return found + _tapped_out(it, min(it.party * now.adult_rials, now.shown_rials) - _sum(found))


def _shown_less(owed: int, shown: int) -> Step:
    return Step(min(0, shown - owed), reason(Code.SHOWN_LESS, shown=shown))


def _tapped_out(it: Claim, rials: int) -> list[Step]:
    if it.ridden_m is None:
        return []
    code = Code.TAPPED_OUT if it.ridden_m else Code.TAPPED_OUT_UNKNOWN
    return [Step(rials, reason(code, metres=it.ridden_m))]


def _ends(facts: TapFacts, made: list[Step], it: Claim) -> list[Step]:
    """Behind what the ride costs alone: what others of its boarding and of its week make of it."""
    left = (it.rials if it.charged else 0) - _sum(made)
    if it.annulled:
        return [*made, Step(left, reason(Code.TAKEN_BACK))]
    if it.extends:
        return [*made, Step(left, reason(Code.COVERED))]
    if not it.charged:
        return [*made, Step(left, reason(Code.COPIED))]
    if facts.tariff is not None and facts.tariff.by_history and left <= 0:
        return [*made, Step(left, reason(_journey(facts, it, facts.tariff)))]
    return [*made, Step(left, reason(Code.UNEXPLAINED))]


def _given_back(made: list[Step], it: Claim) -> list[Step]:
    """What two people gave back of it."""
    if not it.given_back_rials:
        return made
    code = Code.REFUNDED_BY_HOUSE if it.back_by_house else Code.REFUNDED
    return [*made, Step(-it.given_back_rials, reason(code))]


def _journey(facts: TapFacts, it: Claim, tariff: Tariff) -> Code:
    """By which rule the ride adds less than it costs: the first of them that holds."""
    rides = [one for one in facts.week if one.charged and not one.extends]
    day = [one for one in rides if service_day(one.wall_ms) == service_day(it.wall_ms)]
    window_ms = tariff.transfer_window_s * 1000
    if any(one.tap != it.tap and abs(one.wall_ms - it.wall_ms) < window_ms for one in day):
        return Code.TRANSFER
    for cap, some, code in (
        (tariff.day_cap_rials, day, Code.DAY_CAP), (tariff.week_cap_rials, rides, Code.WEEK_CAP)
    ):  # fmt: skip
        most = own_part(cap, max((one.cap_permille for one in some), default=1000))
        if cap and sum(min(one.alone_rials, one.shown_rials) for one in map(as_ended, some)) >= most:
            return code
    return Code.JOURNEY


def _of_ticket(facts: TapFacts, it: TicketRide) -> list[Step]:
    tap, tariff = facts.tap, facts.tariff
    if tariff is None:
        found = [Step(it.rials, reason(Code.FARE_AS_SHOWN, version=tap.tariff_version))]
    else:
        cost = price(tariff, Ride(it.rider_class, 0, tap.product, tap.fare_line, None, _trusted_ms(tap)))
        found = _line_fare(tap, tariff)
        found.append(Step(cost.adult_rials - _sum(found), reason(Code.PRODUCT)))
        found.append(Step(-it.city_rials, reason(
            Code.CLASS, rider_class=it.rider_class, permille=tariff.share_of(it.rider_class)
        )))  # fmt: skip
        found.append(_shown_less(_sum(found), tap.fare_rials))
        found.append(Step(it.rials - _sum(found), reason(Code.UNEXPLAINED)))
    if it.annulled or not it.paid:
        found.append(Step(-_sum(found), reason(Code.TAKEN_BACK if it.annulled else Code.COPIED)))
    return found


def _anybodys(facts: TapFacts, it: Proxy | Unproven) -> list[Step]:
    """Without anybody's proof: as adults pay, and at most what was shown."""
    tap, tariff = facts.tap, facts.tariff
    if tariff is None:
        return [Step(it.rials, reason(Code.FARE_AS_SHOWN, version=tap.tariff_version))]
    found = _line_fare(tap, tariff, 1 + tap.party)
    found.append(Step(it.rials - _sum(found), _shown_less(_sum(found), tap.fare_rials).reason))
    return found


def _trusted_ms(tap: Tap) -> int | None:
    return tap.at.wall_ms if tap.at.trusted else None
