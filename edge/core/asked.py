"""What the rules of `decide` are asked about: a proven pass before a door, and the facts that several of them need."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from edge.core.accepted import UNKNOWN_MS, Accepted, RecordId
from edge.core.daybook import DayBook
from edge.core.spending import LetRide, Spending
from edge.core.used_tickets import UsedTickets
from edge.core.window import Earlier, Window
from protocol import limits
from protocol.fares.policies import BoardFree, Grace, GraceKind
from protocol.fares.pricing import Price, Ridden, Ride, by_distance, dearest_fare, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.bundles import Bundle
from protocol.wire.records import CodeKind, Instant, Service
from protocol.wire.short_passes import Pass, ShortPass
from protocol.wire.sister import Along


@dataclass(frozen=True, slots=True)
class Door:
    """What the decision depends on besides the code and the time. `heard_ms`: wall time of the backend's last word.

    `free_ride`: why the driver lets everybody ride, NONE if not (it lapses elsewhere). `spending`: what was let
    ride here under each policy. `tickets`: which bearer tickets this bus has carried.
    `along`: where the vehicle is on its way, and where the trip before this one ended.
    """

    service: Service
    bundle: Bundle
    window: Window
    daybook: DayBook
    heard_ms: int
    free_ride: Reason = Reason.NONE
    spending: Spending = field(default_factory=Spending)
    tickets: UsedTickets = field(default_factory=UsedTickets)
    along: tuple[Along | None, Along | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer at the door. `proof` is sealed into the record; `accepted` is noted in the window.

    `policy`: the name of the one by which it was decided; `forgone_rials`: the fare that nobody pays.
    """

    verdict: Verdict
    reason: Reason
    code_kind: CodeKind
    fare_rials: int
    party: int
    product: int
    proof: bytes
    accepted: Accepted | None
    tariff_version: int
    policy: str | None = None
    forgone_rials: int = 0
    metres: int | None = None
    before_rials: int = 0  # of a tap-out: what had been shown

    @property
    def boards(self) -> bool:
        """Whether somebody boards by it."""
        return TABLE[self.verdict].boards

    @property
    def let_ride(self) -> LetRide | None:
        """What counts to the bound of its policy."""
        return None if self.policy is None else LetRide(self.policy, self.fare_rials + self.forgone_rials)


@dataclass
class Asked:
    """A proven pass before a door, and what several rules ask of it."""

    code: Pass
    door: Door
    now: Instant
    grace: Reason = field(default=Reason.NONE, init=False)
    set_wrong: Reason = field(default=Reason.NONE, init=False)  # the phone's clock is off by half-hours, this way
    policy: BoardFree | Grace | None = field(default=None, init=False)
    forgone_rials: int = field(default=0, init=False)

    @property
    def wall_ms(self) -> int | None:
        """The time, where it may be gone by."""
        return self.now.wall_ms if self.now.trusted else None

    @cached_property
    def tariff(self) -> Tariff:
        """The one in force at this time."""
        return self.door.bundle.tariff_at(self.wall_ms)

    @cached_property
    def earlier(self) -> list[Earlier]:
        """This bus's boardings of the credential, the latest first."""
        return self.door.window.of_credential(self.code.credential.credential_id, self.now)

    @cached_property
    def repeated(self) -> list[Earlier]:
        """Those within the repeat window."""
        return [it for it in self.earlier if it.age_ms < self.tariff.repeat_window_s * 1000]

    @property
    def kind(self) -> CodeKind:
        """For the record."""
        return CodeKind.SHORT_PASS if isinstance(self.code, ShortPass) else CodeKind.LONG_PASS

    def ride(self) -> Ride:
        """As the pass says; a phone set wrong rides as an adult, for a copy must not be worth a concession."""
        credential, wrong = self.code.credential, self.set_wrong is not Reason.NONE
        rider_class, product = (int(RiderClass.ADULT), 0) if wrong else (credential.rider_class, credential.product)
        return Ride(rider_class, self.code.party, product, self.door.service.route, None, self.wall_ms)

    @cached_property
    def cost(self) -> Price:
        """As `priced`. Asked behind R7, which may change whose fare it is."""
        return self.priced()

    def priced(self) -> Price:
        """At most: what was ridden elsewhere is not known here."""
        return price(self.tariff, self.ride(), self.history(self.tariff.version))

    def history(self, tariff_version: int, *, without: RecordId | None = None) -> list[Ridden]:
        """The rider's rides on this bus under that tariff, those that were tapped out at what they cost in the end."""
        ended = {it.accepted.closes: it.accepted for it in self.earlier if it.accepted.closes is not None and it.proven}
        return [
            Ridden(self.now.wall_ms - it.age_ms, *ended.get(it.record, it.accepted).share)
            for it in self.earlier
            if self.wall_ms is not None and self._meets(it, tariff_version) and it.record != without
        ]

    @cached_property
    def along(self) -> Along | None:
        """Where a boarding on this line is, if its fare is by distance and ends with a tap-out."""
        service, here = self.door.service, self.door.along[0]
        if self.kind is CodeKind.BEARER_TICKET or not by_distance(self.tariff, service.route):
            return None  # a printed ride is paid, however far it goes
        assert service.route is not None
        there = here is not None and (here.line, here.direction) == (service.route, service.direction)
        return here if there else Along(service.route, service.direction, service.trip)

    def _meets(self, it: Earlier, tariff_version: int) -> bool:
        """Whether an earlier ride may make this one cheaper.

        Rides under another tariff do not meet, one of no known time has no journey, and what the other door alone says
        is no proof. Nor has anybody ridden for more than the dearest fare of the city.
        """
        ride = it.accepted
        if ride.wall_ms == UNKNOWN_MS or ride.tariff_version != tariff_version or not it.proven:
            return False
        if ride.closes is not None:
            return False  # no ride of its own
        return ride.adult_rials <= dearest_fare(self.tariff)

    def grace_by_policy(self, kind: GraceKind, reason: Reason, fare_rials: int, least_rials: int = 0) -> bool:
        """Whether a policy of this kind lets a ride for so much through; then the answer names it, with this reason.

        A ride has one: its record names no second, whose bound a restart would not find counted.
        `least_rials`: by so much it must raise an allowance.
        """
        if self.wall_ms is None or self.policy is not None:
            return False
        service = self.door.service
        held = self.door.bundle.policies.graces_on(kind, service.route, service.vehicle, self.wall_ms)
        found = self.door.spending.first_that_affords((it for it in held if it.rials >= least_rials), fare_rials)
        if found is None:
            return False
        self.policy, self.grace = found, reason
        return True

    def beyond_allowance(self, fare_rials: int) -> bool:
        """Whether a fare is more than the rider may spend on this bus before the backend sees it.

        Where a policy raises that and it is needed, it is taken.
        """
        credential = self.code.credential
        most = credential.allowance_units * limits.ALLOWANCE_UNIT_RIALS
        over = self.door.daybook.spent(credential.credential_id) + fare_rials - most
        if not fare_rials or over <= 0:
            return False
        return not self.grace_by_policy(GraceKind.ALLOWANCE_RAISED, Reason.ALLOWANCE_RAISED, fare_rials, over)

    def refuse(self, verdict: Verdict, reason: Reason) -> Decision:
        """An answer without a boarding."""
        return self._answer(verdict, reason, 0, None)

    def accept(self, verdict: Verdict, reason: Reason, cost: Price, fare_rials: int | None = None) -> Decision:
        """A boarding, noted in the window with what its ride adds to the rider's history."""
        wall_ms = UNKNOWN_MS if self.wall_ms is None else self.wall_ms
        fare_rials = cost.rider_rials if fare_rials is None else fare_rials
        accepted = Accepted(
            self.code.presentation, wall_ms, self.code.party, self.door.service.door, cost.adult_rials, cost.permille,
            cost.cap_permille, fare_rials, verdict, reason, self.tariff.version, along=self.along,
        )  # fmt: skip
        return self._answer(verdict, reason, fare_rials, accepted)

    def leave(
        self, ends: Earlier, reason: Reason, cost: Price, *, fare_rials: int, before_rials: int, metres: int | None
    ) -> Decision:
        """A tap-out, noted in the window with what its ride adds to the rider's history in the end."""
        of, wall_ms = ends.accepted, UNKNOWN_MS if self.wall_ms is None else self.wall_ms
        accepted = Accepted(
            self.code.presentation, wall_ms, self.code.party, self.door.service.door, cost.adult_rials, cost.permille,
            cost.cap_permille, fare_rials, Verdict.TAPPED_OUT, reason, of.tariff_version,
            closes=ends.record,
        )  # fmt: skip
        answer = self._answer(Verdict.TAPPED_OUT, reason, fare_rials, accepted)
        return replace(answer, tariff_version=of.tariff_version, metres=metres, before_rials=before_rials)

    def _answer(self, verdict: Verdict, reason: Reason, fare_rials: int, accepted: Accepted | None) -> Decision:
        return Decision(
            verdict, reason, self.kind, fare_rials, self.code.party, self.code.credential.product,
            self.code.raw, accepted, self.tariff.version, self._by_policy(accepted),
            self.forgone_rials, None if accepted is None or self.along is None else self.along.metres,
        )  # fmt: skip

    def _by_policy(self, accepted: Accepted | None) -> str | None:
        """By which policy somebody boards; a refusal names none."""
        return None if accepted is None or self.policy is None else self.policy.order

    def which_door(self, before: Earlier) -> Reason:
        """Where an earlier boarding was, as the answer says it."""
        return Reason.SAME_DOOR if before.accepted.door == self.door.service.door else Reason.OTHER_DOOR


# One rule: its answer, or None where the next one is to be asked.
Rule: TypeAlias = Callable[[Asked], Decision | None]
