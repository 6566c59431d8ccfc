"""What was posted for a row of an export, and what it means for its rider. Pure.

An entry's key follows from what it was posted for, so all are found by their keys and none by reading the ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.core.agents.cash import CashTopUp
from backend.core.closing.closing import Closing, left_over
from backend.core.exporting.sections import Section
from backend.core.guardians.giving import Given
from backend.core.ledger import (
    TransferKind,
    closed_account,
    debt_account,
    reserved_account,
    revised_key,
    rider_account,
    tap_key,
)
from backend.core.payments import postings
from backend.core.payments.topup import TopUp
from backend.core.staff.subjects import Posting, read
from backend.core.staff.two_people import Kind

WORDS: Mapping[TransferKind, tuple[str, str]] = {
    TransferKind.FARE: ("کرایهٔ سفر", "fare of a ride"),
    TransferKind.SUBSIDY: ("سهم شهر از کرایه", "the city's part of a fare"),
    TransferKind.FARE_CORRECTION: ("اصلاح کرایه", "correction of a fare"),
    TransferKind.SUBSIDY_CORRECTION: ("اصلاح سهم شهر", "correction of the city's part"),
    TransferKind.REFUND: ("برگشت کرایه پس از اعتراض", "fare given back after a dispute"),
    TransferKind.FREE_RIDE: ("سفر رایگان", "a free ride"),
    TransferKind.TOPUP: ("شارژ کیف پول", "top-up of the wallet"),
    TransferKind.DEBT_PAID: ("پرداخت بدهی از شارژ", "the part of a top-up that paid debt"),
    TransferKind.WARD: ("شارژ از کیف پول سرپرست", "a guardian's top-up of his ward"),
    TransferKind.CASH: ("شارژ نقدی نزد نماینده", "a top-up for cash, at an agent's"),
    TransferKind.CHARGE_BACK: ("برگشت شارژ به بانک", "a top-up that the bank took back"),
    TransferKind.GRANT: ("کنار گذاشته برای سوارشدن", "set aside for a boarding"),
    TransferKind.CLOSING: ("مانده‌ای که پس از بستن حساب بدهکار شماییم", "what the closed account is owed"),
    TransferKind.MANUAL: ("سند دستی با تأیید دو نفر", "by hand, approved by two people"),
    TransferKind.PAID_IN: ("واریز درگاه به بانک", "a provider's payment to the bank"),
    TransferKind.PROVIDER_FEE: ("کارمزد درگاه", "a provider's fee"),
    TransferKind.SETTLEMENT: ("تسویه", "settlement"),
    TransferKind.PAYOUT: ("پرداخت", "payout"),
}
_OF_RIDES = (TransferKind.FARE_CORRECTION, TransferKind.REFUND)  # the city's part names no rider's account
_NAMES = ("wallet", "reserved", "debt", "owed")


@dataclass(frozen=True, slots=True)
class Posted:
    """One row of the ledger."""

    row: int
    key: bytes
    kind: TransferKind
    debit: str
    credit: str
    rials: int
    at_ms: int


def accounts_of(credential_id: bytes) -> Mapping[str, str]:
    """A rider's accounts → what they are called in an export."""
    made = rider_account, reserved_account, debt_account, closed_account
    return dict(zip((of(credential_id) for of in made), _NAMES, strict=True))


def keys_of(section: Section, row: Mapping[str, Any], credential_id: bytes) -> list[bytes]:
    """The keys of all that may have been posted for a row, as the ledger holds it."""
    match section.name:
        case "rides":
            tap = row["device"], row["epoch"], row["sequence"]
            numbers = range(1, row["revision"] + 1)
            return [
                tap_key(*tap, TransferKind.FARE), *(revised_key(*tap, kind, n) for n in numbers for kind in _OF_RIDES)
            ]  # fmt: skip
        case "topups":
            it = TopUp(row["id"], credential_id, row["rials"], row["status"], "", row["created_ms"])
            ways = (way(it, part) for way in (postings.credit, postings.charge_back) for part in (0, it.rials))
            return [one.key for some in ways for one in some]
        case "ward_topups_given" | "ward_topups_got":
            who = row["name"], bytes(row["guardian"]), bytes(row["ward"]), row["rials"], 0
            return [one.key for part in (0, row["rials"]) for one in Given(*who, part).transfers()]
        case "cash_topups":
            cash = row["name"], row["agent"], credential_id, row["rials"], 0
            return [one.key for part in (0, row["rials"]) for one in CashTopUp(*cash, part).transfers()]
        case "closing":
            return [left_over(Closing(credential_id, 0, 0, n), 1).key for n in range(row["parts"])]
        case "decisions" if row["kind"] == Kind.POSTING.value:
            by_hand = read(Kind.POSTING, bytes(row["content"]))
            assert isinstance(by_hand, Posting)
            return [by_hand.transfer(row["name"], 0).key]
    return []


def told(it: Posted, accounts: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """What an entry moves of the rider's accounts, a line for each."""
    fa, en = WORDS[it.kind]
    for account, sign in ((it.debit, -1), (it.credit, 1)):
        if account in accounts:
            yield {
                "account": accounts[account], "rials": sign * it.rials, "kind": it.kind.value, "fa": fa, "en": en,
                "at_ms": it.at_ms,
            }  # fmt: skip


def by_key(found: Sequence[Posted]) -> Mapping[bytes, list[Posted]]:
    """In the order of the chain."""
    made: dict[bytes, list[Posted]] = {}
    for it in sorted(found, key=lambda one: one.row):
        made.setdefault(it.key, []).append(it)
    return made
