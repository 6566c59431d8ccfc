"""What the validator knew, and what it decided: from its record alone."""

from backend.core.explaining.codes import Code
from backend.core.explaining.facts import Reason, reason
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason as Because
from protocol.wire.records import ClockQuality, CodeKind, Doubt, Tap

_CLOCKS = {
    ClockQuality.TRUSTED: Code.CLOCK_TRUSTED, ClockQuality.HOLDOVER: Code.CLOCK_HOLDOVER,
    ClockQuality.UNTRUSTED: Code.CLOCK_UNTRUSTED,
}  # fmt: skip
_KINDS = {
    CodeKind.NONE: Code.CODE_NONE, CodeKind.LONG_PASS: Code.CODE_LONG, CodeKind.SHORT_PASS: Code.CODE_SHORT,
    CodeKind.PROXY: Code.CODE_PROXY, CodeKind.BEARER_TICKET: Code.CODE_TICKET,
    CodeKind.GRANT: Code.CODE_GRANT,
}  # fmt: skip


def told(tap: Tap, tariff: Tariff | None, decree: str = "") -> tuple[Reason, ...]:
    """In the order in which a person asks: when, where, what was shown, what was answered, by which lists."""
    found = [
        reason(Code.WHEN, wall_ms=tap.at.wall_ms),
        reason(_CLOCKS[tap.at.quality], uncertainty_s=tap.at.uncertainty_s),
        *where(tap),
        reason(_KINDS[tap.code_kind]),
        reason(Code.VERDICT, verdict=int(tap.verdict), reason=int(tap.reason)),
    ]
    if tap.reason is not Because.NONE:
        found.append(reason(Code.BECAUSE, because=tap.reason.name.lower()))
    if tap.policy is not None:
        found.append(reason(Code.POLICY, number=tap.policy[0], name=tap.policy[1]))
    found.append(reason(Code.LISTS, bundle=tap.lists[0], deny=tap.lists[1]))
    known = Code.TARIFF_UNKNOWN if tariff is None else Code.TARIFF
    found.append(reason(known, version=tap.tariff_version))
    if decree:
        found.append(reason(Code.DECREE, decree=decree))
    if tap.party:
        found.append(reason(Code.PARTY, persons=tap.party))
    found.append(reason(Code.FARE_SHOWN, rials=tap.fare_rials))
    if tap.forgone_rials:
        found.append(reason(Code.FORGONE, rials=tap.forgone_rials))
    if tap.closes is not None:
        found.append(reason(Code.ENDS, tap=f"{tap.closes[0]}/{tap.closes[1]}"))
    return tuple(found)


def where(tap: Tap) -> list[Reason]:
    """Vehicle, line, stop and place, or why they are not known."""
    service, place = tap.service, tap.position
    found = [reason(Code.VEHICLE, vehicle=service.vehicle, door=service.door)]
    if service.route is None:
        found.append(reason(Code.LINE_UNKNOWN))
    else:
        found.append(reason(Code.LINE_TOLD if tap.line_told else Code.LINE_ROAD, line=service.route))
    found.append(reason(Code.STOP_UNKNOWN) if service.stop is None else reason(Code.STOP, stop=service.stop))
    if place is None:
        found.append(reason(Code.PLACE_NONE))
    elif place.doubt is Doubt.NONE:
        found.append(reason(Code.PLACE_TRUSTED, accuracy_m=place.accuracy_m))
    else:
        found.append(reason(Code.PLACE_DOUBTED, doubt=place.doubt.name.lower()))
    return found
