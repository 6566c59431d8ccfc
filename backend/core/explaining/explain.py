"""One tap explained: what the validator knew, the fare rule by rule, what the office did, and what the ledger says.

Rules:
- nothing is said that the ledger does not: what is owed is what stands, and is held against the entries (`agrees`);
- the rider's own part is told only where it was opened for somebody who may know it; else it is said that it is hidden,
  and no account names a rider (P18). Other rides of the rider are never named, but that there are some is;
- the ledger keeps what was posted and not why: the reason of a correction is read off how the tap stands now.
"""

from collections import Counter

from backend.core.explaining.codes import Code
from backend.core.explaining.facts import (
    Entry,
    Explanation,
    Opened,
    Owed,
    Posted,
    Reason,
    Standing,
    TapFacts,
    reason,
)
from backend.core.explaining.fares import steps_of
from backend.core.explaining.told import told
from backend.core.floats import Proxy
from backend.core.holding import UNPROVEN, Hold, Unproven, held_rials, owed
from backend.core.ledger import REFUNDS, TapId, TransferKind
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide
from protocol.fares.verdicts import TABLE

_OWNERS = ("operator:", "held:")


def explain(facts: TapFacts) -> Explanation:
    """All of one tap."""
    stands, link = facts.stands, facts.tap.link
    now = [] if stands is None else [
        Owed(payer, payee, rials) for payee, parts in owed(stands).items() for payer, rials in parts.items()
    ]  # fmt: skip
    masked = facts.opened is not Opened.OPENED
    return Explanation(
        (link.device, link.epoch, link.sequence),
        told(facts.tap, facts.tariff, facts.decree),
        tuple(_office(facts)),
        steps_of(facts),
        tuple(Owed(_masked(it.payer, masked=masked), it.payee, it.rials) for it in now),
        tuple(
            Posted(_masked_entry(it, masked=masked), reason(_why(it, stands))) for it in facts.posted
        ),
        agrees=stands is None or _balances(facts) == {it: rials for it, rials in _should(now).items() if rials},
        hidden=tuple(_rider(facts)),
    )  # fmt: skip


def _balances(facts: TapFacts) -> dict[str, int]:
    """What each account has by the tap's entries: credits less debits."""
    found: Counter[str] = Counter()
    for it in facts.posted:
        found[it.debit] -= it.rials
        found[it.credit] += it.rials
    return {account: rials for account, rials in found.items() if rials}


def _should(now: list[Owed]) -> Counter[str]:
    found: Counter[str] = Counter()
    for it in now:
        found[it.payer] -= it.rials
        found[it.payee] += it.rials
    return found


# --- what the office did ----------------------------------------------------------------------------------------------


def _office(facts: TapFacts) -> list[Reason]:
    stands = facts.stands
    if stands is None:
        charged = TABLE[facts.tap.verdict].charged
        return [reason(Code.FORGOTTEN if facts.posted or charged else Code.NOT_CHARGED)]
    if isinstance(stands, Claim) and stands.closes is not None:
        return [reason(Code.NOT_CHARGED)]
    found = [_payer(facts, stands)]
    if (isinstance(stands, Claim) or (isinstance(stands, TicketRide) and stands.paid)) and stands.city_rials:
        back = stands.city_back_rials if isinstance(stands, Claim) else 0
        found.append(reason(Code.CITY_PAYS, rials=stands.city_rials - back, rider_class=stands.rider_class))
    if facts.back is not None:
        found.append(reason(Code.BACK if facts.back.stands else Code.BACK_WAITS, record=facts.back.sequence))
    if stands.contested and stands.hold is not Hold.PAID:
        found.append(reason(Code.CONTESTED))
    if held := held_rials(stands):
        found.append(reason(Code.HELD, rials=held))
    elif stands.hold is Hold.WRITTEN_OFF:
        found.append(reason(Code.WRITTEN_OFF))
    return found


def _payer(facts: TapFacts, stands: Standing) -> Reason:
    if isinstance(stands, Claim):
        if stands.charged:
            return reason(Code.PAYS_RIDER, rials=stands.rials - stands.given_back_rials)
        if stands.annulled:
            return reason(Code.PAYS_NOBODY)
        return reason(Code.PAYS_COPIED, tap=_by_which(facts))
    if isinstance(stands, TicketRide):
        if stands.annulled:
            return reason(Code.PAYS_NOBODY)
        return reason(Code.PAYS_TICKET, issue=stands.issue) if stands.paid else reason(Code.PAYS_COPIED, tap="")
    if isinstance(stands, Unproven):
        return reason(Code.NOT_PROVEN, why=stands.why.value)
    if stands.annulled:
        return reason(Code.PAYS_NOBODY)
    if stands.driver is None:
        return reason(Code.NO_DRIVER, shift=stands.shift or "")
    if stands.over_vehicle:
        return reason(Code.OVER_VEHICLE, vehicle=stands.vehicle)
    return reason(Code.OVER_FLOAT if stands.over else Code.PAYS_DRIVER, driver=stands.driver)


def _by_which(facts: TapFacts) -> str:
    """The tap of its boarding that is charged."""
    return next((told_as(it.tap) for it in facts.beside if it.charged and not it.extends), "")


def told_as(tap: TapId) -> str:
    """A tap's name as commands take it: DEVICE/EPOCH/SEQUENCE, the epoch in hexadecimal digits."""
    device, epoch, sequence = tap
    return f"{device}/{epoch:x}/{sequence}"


# --- entries ----------------------------------------------------------------------------------------------------------


def _why(it: Entry, stands: Standing | None) -> Code:
    """Why an entry was made, by who owes more or less for it."""
    if it.first:
        return Code.CAME_IN
    if it.kind is TransferKind.REFUND:
        return Code.REFUNDED_BY_HOUSE if REFUNDS in (it.debit, it.credit) else Code.REFUNDED
    if it.debit.startswith(_OWNERS) and it.credit.startswith(_OWNERS):
        return Code.MOVED
    more = it.credit.startswith(_OWNERS)
    payer = it.debit if more else it.credit
    annulled = isinstance(stands, Claim | TicketRide | Proxy) and stands.annulled
    if isinstance(stands, Proxy) and not annulled:
        return Code.SHIFT_CAME
    if annulled and not more:
        return Code.GIVEN_BACK
    if payer in UNPROVEN:
        return Code.BY_OTHER_TAP if more else Code.NOW_CHARGED
    if more:
        return Code.NOW_CHARGED
    copied = (isinstance(stands, Claim) and not stands.charged) or (isinstance(stands, TicketRide) and not stands.paid)
    return Code.BY_OTHER_TAP if copied else Code.LOWERED


# --- what is hidden ---------------------------------------------------------------------------------------------------


def _rider(facts: TapFacts) -> list[Reason]:
    if facts.opened is Opened.OPENED and facts.rider is not None:
        it = facts.rider
        return [reason(
            Code.RIDER, credential=it.credential_id.hex(), wall_ms=it.time_s * 1000, counter=it.counter,
            persons=it.party,
        )]  # fmt: skip
    codes = {Opened.HIDDEN: Code.RIDER_HIDDEN, Opened.NONE: Code.RIDER_NONE, Opened.SHUT: Code.RIDER_SHUT}
    return [reason(codes.get(facts.opened, Code.RIDER_SHUT))]


def _masked(account: str, *, masked: bool) -> str:
    """An account's name, without whose wallet it is where that is hidden."""
    return account.partition(":")[0] if masked and account.startswith("rider:") else account


def _masked_entry(it: Entry, *, masked: bool) -> Entry:
    debit, credit = _masked(it.debit, masked=masked), _masked(it.credit, masked=masked)
    return Entry(it.kind, debit, credit, it.rials, it.at_ms, it.first)
