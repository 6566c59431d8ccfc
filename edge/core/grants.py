"""The rules for a grant at the door: its rider has scanned this bus, and the backend answers for the fare. Pure.

To the rules that it shares with a pass a grant is one of which the backend has looked at money and expiry a moment ago.
In this order:
 G1  of another vehicle: for another service. It may be shown at either door of its own;
 R2  training, R3 free rides, R4 the deny list, as a pass;
 G2  its vehicle code was boarded by before: *already paid*, whichever way the grant came the first time, for one grant
     comes over the network and on the phone's screen. One that the driver took back is a copy, as a pass is;
 G3  without a trusted clock, or not within ten minutes of its vehicle code: expired. A door without a clock shows no
     vehicle code, so nobody stands there with a good one for long; and his own pass needs no network;
 R8  its rider boarded within the repeat window, or since its vehicle code was made, by whatever code: *already paid*,
     or companions who came later. Who confirms, waits and shows his own code has had the ride that he confirmed;
 R9  a product that is of no use on this line;
 G4  what its rider rode here, and the backend has not seen, is as much as anybody may ride unseen: the allowance is
     spent. What was set aside for those rides has lapsed by then, and the same money was set aside for this one;
 G5  everything else is accepted at the tariff's price, and at no more than what the rider agreed to.
The expiry day is not asked, and of the allowance nothing is spent on the first: what it costs was set aside.
"""

from dataclasses import dataclass, field
from functools import cached_property

from edge.core.asked import Asked, Decision, Door
from edge.core.fares import accepted, wrong_line
from edge.core.limits import GRANTS_UNSEEN_MAX_RIALS
from edge.core.orders import denied, free, training
from edge.core.repeats import copied, repeated
from edge.core.window import Earlier
from protocol.fares.pricing import Price
from protocol.fares.verdicts import Reason, Verdict
from protocol.limits import UINT16_MAX
from protocol.wire.grants import Grant, granted_pass
from protocol.wire.records import CodeKind, Instant
from protocol.wire.riders import RiderRow


@dataclass
class AskedGrant(Asked):
    """A grant before a door."""

    grant: Grant = field(kw_only=True)

    @property
    def kind(self) -> CodeKind:
        """For the record."""
        return CodeKind.GRANT

    @cached_property
    def repeated(self) -> list[Earlier]:
        """Those within the repeat window, and those since the code was made: one code is one ride of its rider."""
        within_ms = max(self.tariff.repeat_window_s * 1000, _code_age_ms(self))
        return [it for it in self.earlier if it.age_ms < within_ms]

    def accept(self, verdict: Verdict, reason: Reason, cost: Price, fare_rials: int | None = None) -> Decision:
        """A boarding, at no more than what the rider agreed to."""
        shown = cost.rider_rials if fare_rials is None else fare_rials
        return super().accept(verdict, reason, cost, min(shown, self.grant.most_rials))


def decide_grant(grant: Grant, door: Door, now: Instant) -> Decision:
    """Ask the rules in their order."""
    of = grant.request
    # Its allowance is the most that a row can say: what it costs was set aside; `_spent` asks for what was before it.
    row = RiderRow(of.credential_id, b"", of.version, grant.rider_class, grant.product, UINT16_MAX, UINT16_MAX)
    asked = AskedGrant(granted_pass(of, row, grant.raw), door, now, grant=grant)
    rules = (_other_vehicle, training, free, denied, _boarded, _expired, repeated, wrong_line, _spent, accepted)
    answers = (rule(asked) for rule in rules)
    return next(answer for answer in answers if answer is not None)


def _other_vehicle(asked: AskedGrant) -> Decision | None:
    if asked.grant.request.vehicle == asked.door.service.vehicle:
        return None
    return asked.refuse(Verdict.WRONG_SERVICE, Reason.NONE)


def _boarded(asked: AskedGrant) -> Decision | None:
    before = asked.door.window.of_presentation(asked.grant.presentation, asked.now)
    if before is None or before.accepted.annulled:
        return copied(asked)
    return asked.refuse(Verdict.ALREADY_PAID, asked.which_door(before))


def _expired(asked: AskedGrant) -> Decision | None:
    if asked.wall_ms is not None and asked.grant.request.good_at(asked.wall_ms):
        return None
    early = asked.wall_ms is not None and asked.grant.request.time_s * 1000 > asked.wall_ms
    return asked.refuse(Verdict.CODE_EXPIRED, Reason.CODE_FROM_FUTURE if early else Reason.CODE_TOO_OLD)


def _spent(asked: AskedGrant) -> Decision | None:
    spent = asked.door.daybook.spent(asked.grant.request.credential_id)
    if spent < GRANTS_UNSEEN_MAX_RIALS or not asked.cost.rider_rials:
        return None
    return asked.refuse(Verdict.DENIED, Reason.ALLOWANCE_SPENT)


def _code_age_ms(asked: AskedGrant) -> int:
    return 0 if asked.wall_ms is None else asked.wall_ms - asked.grant.request.time_s * 1000
