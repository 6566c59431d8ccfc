"""The decision at the door: (code, door state, now) → Decision. Pure.

A pass comes in two forms, long and short, and both are asked the same rules: what the long form carries, the short
one's row says.

Rules, in the order in which they are asked; the first that answers decides (`RULES` is that table):
 R1  bytes that are no proven pass get the verdict of what is wrong with them; nothing of them is believed (P9);
 R2  on a vehicle in training every genuine pass gets the training's words: nothing is charged, no ride is counted;
 R3  while a policy or the driver lets everybody ride, a genuine pass boards free, once a window (P15); the record says
     by which policy, and the fare that nobody pays. A policy whose bound in rials is reached here holds no longer;
 R4  a credential on the deny list is denied, up to the version listed there: a reissued one rides;
 R5  a presentation that this bus accepted before is *copied*, and only then is that said (P10);
 R6  without a trusted clock freshness cannot be judged: the rider boards on grace, and the record says so (P14);
 R7  a render outside the freshness window is *expired*; the window is ±30 s, widened by the clock's own uncertainty,
     never beyond ±5 min. A phone that is off by whole half-hours, up to ±90 min, is set wrong (no summer time here
     since 2022): it rides at the adult fare, once a credential and bus-day;
 R8  a credential accepted within the tariff's repeat window has *already paid*: no boarding, no charge (P7). A larger
     party than before pays for those who were not there: "+2" behind "+0" is two. Behind the window, on the same trip
     of a line by distance, it is a tap-out: the ride costs what the metres do;
 R9  a product that is of no use on this line is for another service;
 R10 a credential past its last day must go online, unless this validator has heard nothing for 24 h, or a policy lets
     it ride: then grace (P15);
 R11 who spends more than the offline allowance, and what a policy adds to it, before the backend sees it has one
     emergency ride a bus and day, and is then asked to go online;
 R12 everything else is accepted at the tariff's price, with the concession's own tone for a reduced class.
And before all of them:
 R0  a short pass without a row of its credential and version is neither taken nor refused: its phone shows the long
     form next, and that is judged. Who shows none while it waits (see `forms`) is told to refresh the code, and nothing
     of it is believed: a deny list too is asked of what is proven.

A bearer ticket and a grant are asked rules of their own, in `tickets` and `grants`. Here stand the table and the entry;
the rules stand by their jobs: `opening` (R0, R1), `orders` (R2–R4, and the driver's proxy boardings), `repeats` (R5,
R8), `freshness` (R6, R7, R10), `fares` (R9, R11, R12), and what they ask of a pass in `asked`.
"""

from edge.core.asked import Asked, Decision, Door, Rule
from edge.core.fares import accepted, beyond_allowance, wrong_line
from edge.core.freshness import blind_to_time, past_its_day, stale
from edge.core.grants import decide_grant
from edge.core.opening import Paid, Unproven
from edge.core.orders import decide_proxy, denied, free, training
from edge.core.repeats import copied, repeated
from edge.core.tickets import decide_ticket
from protocol.wire.grants import Grant
from protocol.wire.records import CodeKind, Instant
from protocol.wire.short_passes import Pass
from protocol.wire.tickets import Ticket


def decide(code: Pass | Paid | Unproven, door: Door, now: Instant) -> Decision:
    """Ask the rules in their order; R0 is behind who calls."""
    if isinstance(code, Unproven):  # R1
        tariff = door.bundle.tariff_at(now.wall_ms if now.trusted else None)
        return Decision(code.verdict, code.reason, CodeKind.NONE, 0, 0, 0, code.evidence, None, tariff.version)
    if isinstance(code, Ticket):
        return decide_ticket(code, door, now)
    if isinstance(code, Grant):
        return decide_grant(code, door, now)
    asked = Asked(code, door, now)
    answers = (rule(asked) for _, rule in RULES)
    return next(answer for answer in answers if answer is not None)


RULES: tuple[tuple[str, Rule], ...] = (
    ("R2", training),
    ("R3", free),
    ("R4", denied),
    ("R5", copied),
    ("R6", blind_to_time),
    ("R7", stale),
    ("R8", repeated),
    ("R9", wrong_line),
    ("R10", past_its_day),
    ("R11", beyond_allowance),
    ("R12", accepted),
)

__all__ = ["RULES", "decide", "decide_proxy"]
