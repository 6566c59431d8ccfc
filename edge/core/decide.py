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
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from edge.core.daybook import DayBook
from edge.core.ports import UNKNOWN_MS, Accepted
from edge.core.window import Earlier, Window
from protocol import limits
from protocol.errors import NotAFareCode, ProofError, UnknownIssuer, UnknownRider, WireError
from protocol.fares.policies import Cause
from protocol.fares.pricing import Price, Ridden, Ride, adult_fare, price, serves
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import Presentation, open_long_pass
from protocol.wire.records import CodeKind, Instant, Service
from protocol.wire.short_passes import (
    FindRider,
    Pass,
    ShortPass,
    claimed_presentation,
    claimed_version,
    is_short,
    open_short_pass,
)

_EVIDENCE_MAX_BYTES = 512  # of a refused code with our prefix: enough to investigate, small enough to seal
_HALF_HOUR_S = 1_800
_FREE = {Cause.FREE_DAY: Reason.FREE_DAY, Cause.CRISIS: Reason.CRISIS, Cause.EVENT: Reason.EVENT}


@dataclass(frozen=True, slots=True)
class Unproven:
    """A code that is no proven pass: the verdict for it, why, and the received bytes kept as evidence."""

    verdict: Verdict
    reason: Reason
    evidence: bytes


@dataclass(frozen=True, slots=True)
class LongFormWanted:
    """A short pass without a row (R0): what it says it is, and what it is answered if no long form comes."""

    claimed: Presentation
    version: int
    otherwise: Unproven


@dataclass(frozen=True, slots=True)
class Door:
    """What the decision depends on besides the code and the time. `heard_ms`: wall time of the backend's last word.

    `free_ride`: why the driver lets everybody ride, NONE if not (it lapses elsewhere).
    """

    service: Service
    bundle: Bundle
    window: Window
    daybook: DayBook
    heard_ms: int
    free_ride: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer at the door. `proof` is sealed into the record; `accepted` is noted in the window."""

    verdict: Verdict
    reason: Reason
    code_kind: CodeKind
    fare_rials: int
    party: int
    product: int
    proof: bytes
    accepted: Accepted | None
    tariff_version: int


def open_code(text: bytes, issuers: list[VerifyingKey], find: FindRider) -> Pass | LongFormWanted | Unproven:
    """Bytes out of a QR → a proven pass, or what is wrong with it. Never raises for what a camera can see."""
    try:
        payload = read_code(text)
    except NotAFareCode:
        return Unproven(Verdict.NOT_A_FARE_CODE, Reason.NONE, b"")  # somebody else's code: nothing of it is kept
    except WireError:
        return Unproven(Verdict.NOT_GENUINE, Reason.MALFORMED, text[:_EVIDENCE_MAX_BYTES])
    try:
        return open_short_pass(payload, find) if is_short(payload) else open_long_pass(payload, issuers)
    except UnknownRider:
        refused = Unproven(Verdict.CODE_EXPIRED, Reason.RIDER_UNKNOWN, payload)
        return LongFormWanted(claimed_presentation(payload), claimed_version(payload), refused)
    except UnknownIssuer:
        return Unproven(Verdict.UNKNOWN_ISSUER, Reason.NONE, payload[:_EVIDENCE_MAX_BYTES])
    except ProofError:
        return Unproven(Verdict.NOT_GENUINE, Reason.BAD_SIGNATURE, payload[:_EVIDENCE_MAX_BYTES])
    except WireError:
        return Unproven(Verdict.NOT_GENUINE, Reason.MALFORMED, payload[:_EVIDENCE_MAX_BYTES])


@dataclass
class _Asked:
    """A proven pass before a door, and what several rules ask of it."""

    code: Pass
    door: Door
    now: Instant
    grace: Reason = field(default=Reason.NONE, init=False)
    set_wrong: Reason = field(default=Reason.NONE, init=False)  # the phone's clock is off by half-hours, this way

    @property
    def wall_ms(self) -> int | None:
        """The time, where it may be gone by."""
        return self.now.wall_ms if self.now.trusted else None

    @cached_property
    def tariff(self) -> Tariff:
        return self.door.bundle.tariff_at(self.wall_ms)

    @cached_property
    def earlier(self) -> list[Earlier]:
        """This bus's boardings of the credential, the latest first."""
        return self.door.window.of_credential(self.code.credential.credential_id, self.now)

    @cached_property
    def repeated(self) -> list[Earlier]:
        """Those within the repeat window."""
        return [it for it in self.earlier if it.age_ms < self.tariff.repeat_window_s * 1000]

    def ride(self) -> Ride:
        """As the pass says; a phone set wrong rides as an adult, for a copy must not be worth a concession."""
        credential, wrong = self.code.credential, self.set_wrong is not Reason.NONE
        rider_class, product = (int(RiderClass.ADULT), 0) if wrong else (credential.rider_class, credential.product)
        return Ride(rider_class, self.code.party, product, self.door.service.route, None, self.wall_ms)

    @cached_property
    def cost(self) -> Price:
        """At most: what was ridden elsewhere is not known here. Asked behind R7, which may change whose fare it is."""
        begin_ms = self.tariff.starts_ms
        history = [
            Ridden(self.now.wall_ms - it.age_ms, it.accepted.adult_rials, it.accepted.permille)
            for it in self.earlier
            if self.wall_ms is not None and it.accepted.wall_ms != UNKNOWN_MS and it.accepted.wall_ms >= begin_ms
        ]
        return price(self.tariff, self.ride(), history)

    def beyond_allowance(self, fare_rials: int) -> bool:
        """Whether a fare is more than the rider may spend on this bus before the backend sees it."""
        credential = self.code.credential
        most = credential.allowance_units * limits.ALLOWANCE_UNIT_RIALS
        return fare_rials > 0 and self.door.daybook.spent(credential.credential_id) + fare_rials > most

    def refuse(self, verdict: Verdict, reason: Reason) -> Decision:
        return self._answer(verdict, reason, 0, None)

    def accept(self, verdict: Verdict, reason: Reason, cost: Price, fare_rials: int | None = None) -> Decision:
        """A boarding, noted in the window with what its ride adds to the rider's history."""
        wall_ms = UNKNOWN_MS if self.wall_ms is None else self.wall_ms
        accepted = Accepted(
            self.code.presentation, wall_ms, self.code.party, self.door.service.door, cost.adult_rials, cost.permille
        )
        return self._answer(verdict, reason, cost.rider_rials if fare_rials is None else fare_rials, accepted)

    def _answer(self, verdict: Verdict, reason: Reason, fare_rials: int, accepted: Accepted | None) -> Decision:
        return Decision(
            verdict, reason, _kind(self.code), fare_rials, self.code.party, self.code.credential.product,
            self.code.raw, accepted, self.tariff.version,
        )  # fmt: skip


def decide(code: Pass | Unproven, door: Door, now: Instant) -> Decision:
    """Ask the rules in their order; R0 is behind who calls."""
    if isinstance(code, Unproven):  # R1
        tariff = door.bundle.tariff_at(now.wall_ms if now.trusted else None)
        return Decision(code.verdict, code.reason, CodeKind.NONE, 0, 0, 0, code.evidence, None, tariff.version)
    asked = _Asked(code, door, now)
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


def _training(asked: _Asked) -> Decision | None:
    if asked.door.service.vehicle in asked.door.bundle.policies.training:
        return asked.refuse(Verdict.TRAINING, Reason.NONE)
    return None


def _free(asked: _Asked) -> Decision | None:
    reason = _why_free(asked.door, asked.tariff, asked.wall_ms)
    if reason is Reason.NONE:
        return None
    before = asked.door.window.of_presentation(asked.code.presentation, asked.now)
    if asked.repeated or before is not None:  # counted once, however long one code is held up
        return asked.refuse(Verdict.ALREADY_PAID, _which_door(before or asked.repeated[0], asked))
    return asked.accept(Verdict.BOARD_FREE, reason, Price(0, 0, 0, 0))


def _why_free(door: Door, tariff: Tariff, wall_ms: int | None) -> Reason:
    if wall_ms is not None:
        if (order := door.bundle.policies.free_on(door.service.route, wall_ms)) is not None:
            return _FREE[order.cause]
        if service_day(wall_ms) in tariff.free_days:
            return Reason.FREE_DAY
    return door.free_ride


def _denied(asked: _Asked) -> Decision | None:
    credential = asked.code.credential
    if credential.version <= asked.door.bundle.deny.get(credential.credential_id, -1):
        return asked.refuse(Verdict.DENIED, Reason.DENY_LIST)
    return None


def _copied(asked: _Asked) -> Decision | None:
    before = asked.door.window.of_presentation(asked.code.presentation, asked.now)
    return None if before is None else asked.refuse(Verdict.COPIED, _which_door(before, asked))


def _blind_to_time(asked: _Asked) -> Decision | None:
    if not asked.now.trusted:
        asked.grace = Reason.NO_TRUSTED_CLOCK
    return None


def _stale(asked: _Asked) -> Decision | None:
    if asked.wall_ms is None:
        return None
    off_ms, window_ms = _off_ms(asked.code, asked.now), _fresh_within_ms(asked.now)
    if off_ms > window_ms:
        stale = Reason.CODE_FROM_FUTURE
    # The phone's time is cut to whole seconds, so a render may be up to 999 ms younger than it says.
    elif -off_ms > window_ms + 999:
        stale = Reason.CODE_TOO_OLD
    else:
        return None
    day, credential_id = service_day(asked.wall_ms), asked.code.credential.credential_id
    if not _set_wrong(off_ms) or asked.repeated or asked.door.daybook.clock_grace_used(credential_id, day):
        return asked.refuse(Verdict.CODE_EXPIRED, stale)
    asked.set_wrong = stale
    return None


def _repeated(asked: _Asked) -> Decision | None:
    if not asked.repeated:
        return None
    more = asked.code.party - max(it.accepted.party for it in asked.repeated)
    if more <= 0:
        return _paid_before(asked)
    fare = more * adult_fare(asked.tariff, asked.ride())
    if asked.beyond_allowance(fare):
        return asked.refuse(Verdict.DENIED, Reason.ALLOWANCE_SPENT)
    return asked.accept(Verdict.PARTY_EXTENDED, asked.grace, Price(fare, 0, 0, 0))


def _paid_before(asked: _Asked) -> Decision:
    return asked.refuse(Verdict.ALREADY_PAID, _which_door(asked.repeated[0], asked))


def _wrong_line(asked: _Asked) -> Decision | None:
    if serves(asked.tariff, asked.code.credential.product, asked.door.service.route):
        return None
    return asked.refuse(Verdict.WRONG_SERVICE, Reason.NONE)


def _past_its_day(asked: _Asked) -> Decision | None:
    if asked.wall_ms is None or service_day(asked.wall_ms) <= asked.code.credential.expiry_day:
        return None
    if asked.wall_ms - asked.door.heard_ms < limits.CREDENTIAL_GRACE_AFTER_S * 1000:
        return asked.refuse(Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
    asked.grace = Reason.BACKEND_SILENT
    return None


def _beyond_allowance(asked: _Asked) -> Decision | None:
    if not asked.beyond_allowance(asked.cost.rider_rials):
        return None
    used = asked.door.daybook.emergency_used(asked.code.credential.credential_id)
    if used or asked.set_wrong is not Reason.NONE:
        return asked.refuse(Verdict.DENIED, Reason.ALLOWANCE_SPENT)
    return asked.accept(Verdict.ACCEPTED_GRACE, Reason.EMERGENCY_RIDE, asked.cost)


def _accepted(asked: _Asked) -> Decision | None:
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


RULES: tuple[tuple[str, Callable[[_Asked], Decision | None]], ...] = (
    ("R2", _training),
    ("R3", _free),
    ("R4", _denied),
    ("R5", _copied),
    ("R6", _blind_to_time),
    ("R7", _stale),
    ("R8", _repeated),
    ("R9", _wrong_line),
    ("R10", _past_its_day),
    ("R11", _beyond_allowance),
    ("R12", _accepted),
)


def _kind(code: Pass) -> CodeKind:
    return CodeKind.SHORT_PASS if isinstance(code, ShortPass) else CodeKind.LONG_PASS


def _which_door(before: Earlier, asked: _Asked) -> Reason:
    return Reason.SAME_DOOR if before.accepted.door == asked.door.service.door else Reason.OTHER_DOOR


def _off_ms(code: Pass, now: Instant) -> int:
    """How far the phone's clock seems to be ahead."""
    return code.time_s * 1000 - now.wall_ms


def _fresh_within_ms(now: Instant) -> int:
    return min(limits.FRESH_WINDOW_S + now.uncertainty_s, limits.FRESH_WINDOW_MAX_S) * 1000


def _set_wrong(off_ms: int) -> bool:
    """Whether a phone is off by one to three half-hours, to a minute."""
    halves = round(off_ms / 1000 / _HALF_HOUR_S)
    return 1 <= abs(halves) <= limits.CLOCK_WRONG_HALVES_MAX and (
        abs(off_ms - halves * _HALF_HOUR_S * 1000) <= limits.CLOCK_WRONG_WITHIN_S * 1000
    )
