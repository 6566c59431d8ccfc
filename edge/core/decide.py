"""The decision at the door: (code, door state, now) → Decision. Pure.

A pass comes in two forms, long and short, and both are asked the same rules: what the long form carries, the short
one's row says.

Rules, in the order in which they are asked; the first that answers decides:
 R1  bytes that are no proven pass get the verdict of what is wrong with them; nothing of them is believed (P9);
 R2  a credential on the deny list is denied, up to the version listed there: a reissued one rides;
 R3  a presentation that this bus accepted before is *copied*, and only then is that said (P10);
 R4  without a trusted clock freshness cannot be judged: the rider boards on grace, and the record says so (P14);
 R5  a render outside the freshness window is *expired*; the window is ±30 s, widened by the clock's own uncertainty,
     never beyond ±5 min;
 R6  a credential accepted within the tariff's repeat window has *already paid*: no boarding, no charge (P7);
 R7  a credential past its last day must go online, unless this validator has heard nothing for 24 h: then grace (P15);
 R8  everything else is accepted at the tariff's price, with the concession's own tone for a reduced class.
And before all of them:
 R0  a short pass without a row of its credential and version is neither taken nor refused: its phone shows the long
     form next, and that is judged. Who shows none while it waits (see `forms`) is told to refresh the code, and nothing
     of it is believed: a deny list too is asked of what is proven.
"""

from dataclasses import dataclass

from edge.core.ports import UNKNOWN_MS, Accepted
from edge.core.window import Window
from protocol import limits
from protocol.errors import NotAFareCode, ProofError, UnknownIssuer, UnknownRider, WireError
from protocol.fares.tariff import price
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import Presentation, open_long_pass
from protocol.wire.records import CodeKind, Instant
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
    """What the decision depends on besides the code and the time. `heard_ms`: wall time of the backend's last word."""

    door: int
    bundle: Bundle
    window: Window
    heard_ms: int


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


def decide(code: Pass | Unproven, door: Door, now: Instant) -> Decision:
    """Apply R1–R8; R0 is behind who calls."""
    if isinstance(code, Unproven):  # R1
        kind = CodeKind.NONE
        return Decision(code.verdict, code.reason, kind, 0, 0, 0, code.evidence, None)
    credential = code.credential
    if credential.version <= door.bundle.deny.get(credential.credential_id, -1):  # R2
        return _refuse(code, Verdict.DENIED, Reason.DENY_LIST)
    before = door.window.of_presentation(code.presentation, now)
    if before is not None:  # R3
        same = before.accepted.door == door.door
        return _refuse(code, Verdict.COPIED, Reason.SAME_DOOR if same else Reason.OTHER_DOOR)
    grace = Reason.NONE
    if not now.trusted:  # R4
        grace = Reason.NO_TRUSTED_CLOCK
    elif (stale := _staleness(code, now)) is not Reason.NONE:  # R5
        return _refuse(code, Verdict.CODE_EXPIRED, stale)
    earlier = door.window.of_credential(credential.credential_id, now)
    if earlier is not None and earlier.age_ms < door.bundle.tariff.repeat_window_s * 1000:  # R6
        same = earlier.accepted.door == door.door
        return _refuse(code, Verdict.ALREADY_PAID, Reason.SAME_DOOR if same else Reason.OTHER_DOOR)
    if now.trusted and service_day(now.wall_ms) > credential.expiry_day:  # R7
        if now.wall_ms - door.heard_ms < limits.CREDENTIAL_GRACE_AFTER_S * 1000:
            return _refuse(code, Verdict.CREDENTIAL_EXPIRED, Reason.NONE)
        grace = Reason.BACKEND_SILENT
    return _accept(code, door, now, grace)  # R8


def _kind(code: Pass) -> CodeKind:
    return CodeKind.SHORT_PASS if isinstance(code, ShortPass) else CodeKind.LONG_PASS


def _staleness(code: Pass, now: Instant) -> Reason:
    """R5: NONE if fresh, else on which side of the window the render lies."""
    window_ms = min(limits.FRESH_WINDOW_S + now.uncertainty_s, limits.FRESH_WINDOW_MAX_S) * 1000
    ahead_ms = code.time_s * 1000 - now.wall_ms
    if ahead_ms > window_ms:
        return Reason.CODE_FROM_FUTURE
    # The phone's time is cut to whole seconds, so a render may be up to 999 ms younger than it says.
    if -ahead_ms > window_ms + 999:
        return Reason.CODE_TOO_OLD
    return Reason.NONE


def _accept(code: Pass, door: Door, now: Instant, grace: Reason) -> Decision:
    credential = code.credential
    tariff = door.bundle.tariff
    fare = price(tariff, rider_class=credential.rider_class, party=code.party)
    if grace is not Reason.NONE:
        verdict = Verdict.ACCEPTED_GRACE
    elif fare.city_rials:
        verdict = Verdict.ACCEPTED_CONCESSION
    else:
        verdict = Verdict.ACCEPTED
    return Decision(
        verdict=verdict,
        reason=grace,
        code_kind=_kind(code),
        fare_rials=fare.rider_rials,
        party=code.party,
        product=credential.product,
        proof=code.raw,
        accepted=Accepted(code.presentation, now.wall_ms if now.trusted else UNKNOWN_MS, code.party, door.door),
    )


def _refuse(code: Pass, verdict: Verdict, reason: Reason) -> Decision:
    return Decision(
        verdict=verdict,
        reason=reason,
        code_kind=_kind(code),
        fare_rials=0,
        party=code.party,
        product=code.credential.product,
        proof=code.raw,
        accepted=None,
    )
