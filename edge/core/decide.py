"""The decision at the door: (code, door state, now) → Decision. Pure.

A pass comes in two forms, long and short, and both are asked the same rules: what the long form carries, the short
one's row says.

Rules, in the order in which they are asked; the first that answers decides (`RULES` is that table):
 R1  bytes that are no proven pass get the verdict of what is wrong with them; nothing of them is believed (P9);
 R2  on a vehicle in training every genuine pass gets the training's words: nothing is charged, no ride is counted;
 R3  while a policy or the driver lets everybody ride, a genuine pass boards free, once a window (P15);
 R4  a credential on the deny list is denied, up to the version listed there: a reissued one rides;
 R5  a presentation that this bus accepted before is *copied*, and only then is that said (P10);
 R6  without a trusted clock freshness cannot be judged: the rider boards on grace, and the record says so (P14);
 R7  a render outside the freshness window is *expired*; the window is ±30 s, widened by the clock's own uncertainty,
     never beyond ±5 min. A phone that is off by whole half-hours, up to ±90 min, is set wrong (no summer time here
     since 2022): it rides at the adult fare, once a credential and bus-day;
 R8  a credential accepted within the tariff's repeat window has *already paid*: no boarding, no charge (P7). A larger
     party than before pays for those who were not there: "+2" behind "+0" is two;
 R9  a product that is of no use on this line is for another service;
 R10 a credential past its last day must go online, unless this validator has heard nothing for 24 h: then grace (P15);
 R11 who spends more than the offline allowance before the backend sees it has one emergency ride a bus, and is then
     asked to go online;
 R12 everything else is accepted at the tariff's price, with the concession's own tone for a reduced class.
And before all of them:
 R0  a short pass without a row of its credential and version is neither taken nor refused: its phone shows the long
     form next, and that is judged. Who shows none while it waits (see `forms`) is told to refresh the code, and nothing
     of it is believed: a deny list too is asked of what is proven.

Here stand the table, the entry and the orders of the city (R2–R4); the others stand by their jobs: `opening` (R0, R1),
`repeats` (R5, R8), `freshness` (R6, R7, R10), `fares` (R9, R11, R12), and what they ask of a pass in `asked`.
"""

from edge.core.asked import Asked, Decision, Door, Rule
from edge.core.daybook import DayBook
from edge.core.fares import accepted, beyond_allowance, wrong_line
from edge.core.freshness import blind_to_time, past_its_day, stale
from edge.core.opening import Unproven
from edge.core.repeats import copied, repeated
from protocol.fares.policies import Cause
from protocol.fares.pricing import FREE, Ride, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.records import CodeKind, Instant
from protocol.wire.short_passes import Pass

_FREE = {Cause.FREE_DAY: Reason.FREE_DAY, Cause.CRISIS: Reason.CRISIS, Cause.EVENT: Reason.EVENT}


def decide(code: Pass | Unproven, door: Door, now: Instant) -> Decision:
    """Ask the rules in their order; R0 is behind who calls."""
    if isinstance(code, Unproven):  # R1
        tariff = door.bundle.tariff_at(now.wall_ms if now.trusted else None)
        return Decision(code.verdict, code.reason, CodeKind.NONE, 0, 0, 0, code.evidence, None, tariff.version)
    asked = Asked(code, door, now)
    answers = (rule(asked) for _, rule in RULES)
    return next(answer for answer in answers if answer is not None)


def decide_proxy(party: int, door: Door, now: Instant) -> Decision:
    """The driver's float pays for somebody without a code and `party` companions: R2, R3, else the adult fare."""
    wall_ms = now.wall_ms if now.trusted else None
    tariff = door.bundle.tariff_at(wall_ms)
    free = _why_free(door, tariff, wall_ms)
    if door.service.vehicle in door.bundle.policies.training:
        return Decision(Verdict.TRAINING, Reason.NONE, CodeKind.PROXY, 0, party, 0, b"", None, tariff.version)
    if free is not Reason.NONE:
        return Decision(Verdict.BOARD_FREE, free, CodeKind.PROXY, 0, party, 0, b"", None, tariff.version)
    ride = Ride(int(RiderClass.ADULT), party, line=door.service.route, wall_ms=wall_ms)
    fare = price(tariff, ride).rider_rials
    return Decision(Verdict.ACCEPTED, Reason.PROXY, CodeKind.PROXY, fare, party, 0, b"", None, tariff.version)


def note(book: DayBook, decision: Decision, sequence: int, now: Instant) -> None:
    """What an accepted boarding leaves in the daybook; `sequence`: of its record."""
    assert decision.accepted is not None
    credential_id = decision.accepted.presentation.credential_id
    if decision.fare_rials:
        emergency = decision.reason is Reason.EMERGENCY_RIDE
        book.paid(credential_id, sequence, decision.fare_rials, emergency=emergency)
    if decision.verdict is Verdict.PHONE_CLOCK_WRONG:
        book.clock_grace(credential_id, service_day(now.wall_ms))


def _training(asked: Asked) -> Decision | None:
    if asked.door.service.vehicle in asked.door.bundle.policies.training:
        return asked.refuse(Verdict.TRAINING, Reason.NONE)
    return None


def _free(asked: Asked) -> Decision | None:
    reason = _why_free(asked.door, asked.tariff, asked.wall_ms)
    if reason is Reason.NONE:
        return None
    before = asked.door.window.of_presentation(asked.code.presentation, asked.now)
    if asked.repeated or before is not None:  # counted once, however long one code is held up
        return asked.refuse(Verdict.ALREADY_PAID, asked.which_door(before or asked.repeated[0]))
    return asked.accept(Verdict.BOARD_FREE, reason, FREE)


def _why_free(door: Door, tariff: Tariff, wall_ms: int | None) -> Reason:
    if wall_ms is not None:
        if (order := door.bundle.policies.free_on(door.service.route, wall_ms)) is not None:
            return _FREE[order.cause]
        if service_day(wall_ms) in tariff.free_days:
            return Reason.FREE_DAY
    return door.free_ride


def _denied(asked: Asked) -> Decision | None:
    credential = asked.code.credential
    if credential.version <= asked.door.bundle.deny.get(credential.credential_id, -1):
        return asked.refuse(Verdict.DENIED, Reason.DENY_LIST)
    return None


RULES: tuple[tuple[str, Rule], ...] = (
    ("R2", _training),
    ("R3", _free),
    ("R4", _denied),
    ("R5", copied),
    ("R6", blind_to_time),
    ("R7", stale),
    ("R8", repeated),
    ("R9", wrong_line),
    ("R10", past_its_day),
    ("R11", beyond_allowance),
    ("R12", accepted),
)
