"""Bytes out of a QR → a proven pass, bearer ticket or grant, or what is wrong with them (R0, R1 of `decide`)."""

from dataclasses import dataclass
from typing import TypeAlias

from protocol.errors import NotAFareCode, ProofError, UnknownIssuer, UnknownRider, WireError
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.codes import read_code
from protocol.wire.grants import Grant, is_grant, open_grant
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import Presentation, open_long_pass
from protocol.wire.short_passes import (
    FindRider,
    Pass,
    claimed_presentation,
    claimed_version,
    is_short,
    open_short_pass,
)
from protocol.wire.tickets import Ticket, is_ticket, open_ticket

Paid: TypeAlias = Ticket | Grant  # proven, of one form, and no pass of a phone's
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


def open_code(text: bytes, issuers: list[VerifyingKey], find: FindRider) -> Pass | Paid | LongFormWanted | Unproven:
    """Bytes out of a QR → what is proven of it, or what is wrong with it. Never raises for what a camera can see."""
    try:
        payload = read_code(text)
    except NotAFareCode:
        return Unproven(Verdict.NOT_A_FARE_CODE, Reason.NONE, b"")  # somebody else's code: nothing of it is kept
    except WireError:
        return Unproven(Verdict.NOT_GENUINE, Reason.MALFORMED, text[:_EVIDENCE_MAX_BYTES])
    try:
        if is_ticket(payload):
            return open_ticket(payload, issuers)
        if is_grant(payload):
            return _granted(payload, issuers, find)
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


def _granted(payload: bytes, issuers: list[VerifyingKey], find: FindRider) -> Grant:
    """A grant, and its rider's own signature in it wherever this door holds the row of that version.

    Without the row the issuer's word stands alone, as it does for any long pass's key; the office asks for both.
    """
    grant = open_grant(payload, issuers)
    row = find(grant.request.credential_id)
    if row is not None and row.version == grant.request.version:
        grant.request.prove(VerifyingKey.load(row.holder))
    return grant
