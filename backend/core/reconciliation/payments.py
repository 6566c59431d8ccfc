"""Top-ups against their transfers here and the provider's rows there, and payouts against the bank. Pure.

Rules:
- a row and a top-up are one payment when provider and name (its receipt, else its authority) are the same, whatever
  the amounts;
- a payment's row counts once, in the order of its lines; each more is doubled, and owes nobody anything;
- of a payment parts may be given back: reversals count as long as together they are no more than what was paid; each
  more is doubled. What was given back is their sum, and ours is all of the top-up, or nothing;
- whether it is paid, credited, of one amount and reversed are facts of their own: one payment may fail in several;
- credited and not in a statement is told only where the statements of all days from its start to its credit are held;
- a payout is the sum of its payments, less its reversals, less the fees of both;
- an entry of the bank's is one payout's. Where several have one name, equal sums are taken to belong to each other, and
  the rest in their order.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from backend.core.ledger import TransferKind, debt_account, rider_account
from backend.core.limits import PAYOUT_DAYS_MAX, RECONCILE_ROWS_A_STEP
from backend.core.payments.topup import State
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.statements import ProviderRow, RowKind
from backend.core.reconciliation.taps import PostedTransfer
from protocol.limits import DAY_S
from protocol.localtime import service_day

DAY_MS = DAY_S * 1000
PAID, CHARGED_BACK = State.PAID.value, State.CHARGED_BACK.value
CREDITED = frozenset((PAID, CHARGED_BACK))  # the states of a top-up that the ledger has transfers for
_CREDITS = (b"topup|", b"debt-paid|")  # what a transfer's key is made of: `postings.credit` and `charge_back`
_BACK = (b"charge-back|", b"charge-back-debt|")
KINDS = frozenset(
    it.value for it in (TransferKind.TOPUP, TransferKind.DEBT_PAID, TransferKind.CHARGE_BACK)
)  # of transfers that are a top-up's


@dataclass(frozen=True, slots=True)
class HeldTopUp:
    """One top-up as the ledger has it. `named`: by what its provider's statements name it."""

    id: str
    credential_id: bytes
    rials: int
    status: str
    provider: str
    named: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Told:
    """All rows of one payment that are held, by day and line."""

    provider: str
    named: str
    rows: Sequence[ProviderRow]

    def of(self, kind: RowKind) -> list[ProviderRow]:
        """Those of a kind."""
        return [row for row in self.rows if row.kind is kind]

    def given_back(self, rials: int | None) -> tuple[list[ProviderRow], list[ProviderRow]]:
        """Its reversals: those that count, and those told too often. `rials`: of its top-up, where no row says it."""
        paid = next((row.rials for row in self.of(RowKind.PAYMENT)), rials)
        counts: list[ProviderRow] = []
        doubled: list[ProviderRow] = []
        for row in self.of(RowKind.REVERSAL):
            fits = not counts if paid is None else sum(it.rials for it in counts) + row.rials <= paid
            (counts if fits or not counts else doubled).append(row)
        return counts, doubled


@lru_cache(maxsize=2 * RECONCILE_ROWS_A_STEP)  # a step asks thrice for each
def keys_of(topup_id: str) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Keys of a top-up's transfers: what credits it, and what takes it back."""
    text = topup_id.encode()
    credits_, back = (tuple(sha256(what + text).digest() for what in kinds) for kinds in (_CREDITS, _BACK))
    return credits_, back


def covered(topup: HeldTopUp, transfers: Mapping[bytes, PostedTransfer], held: Collection[tuple[str, int]]) -> bool:
    """Whether its provider's statements of all days from its start to its credit are held. `held`: (provider, day)."""
    credit_keys, _ = keys_of(topup.id)
    credited_ms = max((transfers[key].at_ms for key in credit_keys if key in transfers), default=topup.created_ms)
    days = range(service_day(topup.created_ms), service_day(credited_ms) + 1)
    return all((topup.provider, day) in held for day in days)


def judge_told(told: Told, topup: HeldTopUp | None) -> Iterator[Discrepancy]:
    """What does not match of a payment that the provider tells of."""
    payments = told.of(RowKind.PAYMENT)
    reversals, too_often = told.given_back(None if topup is None else topup.rials)
    back = sum(it.rials for it in reversals)
    item = f"{told.provider}/{told.named}"
    for first, rows in ((payments[:1], payments[1:]), (reversals[:1], too_often)):
        for row in rows:
            facts: dict[str, int | str] = {"line": row.line, "first_line": first[0].line, "kind": row.kind.value}
            yield _of(Class.DOUBLED_ROW, f"{item}:{row.kind.value}:{row.day}:{row.line}", row.rials, row.at_ms, facts)
    if payments:
        row = payments[0]
        if back < row.rials and (topup is None or topup.status not in CREDITED):
            facts = {"there": row.rials, "given_back": back, "status": "unknown" if topup is None else topup.status}
            yield _of(Class.PAID_NOT_CREDITED, item, row.rials - back, row.at_ms, facts)
        if topup is not None and topup.rials != row.rials:
            facts = {"here": topup.rials, "there": row.rials}
            yield _of(Class.AMOUNT_DIFFERS, item, abs(topup.rials - row.rials), row.at_ms, facts)
    if reversals and topup is not None and topup.status == PAID:
        facts = {"here": topup.rials, "given_back": back}
        yield _of(Class.REVERSED_THERE, item, back, reversals[0].at_ms, facts)


def judge_topup(
    topup: HeldTopUp, transfers: Mapping[bytes, PostedTransfer], told: Told | None, *, covered: bool
) -> Iterator[Discrepancy]:
    """What does not match of a top-up that was credited. `covered`: statements of all its days are held.

    `transfers`: by their keys, at least its own.
    """
    item = f"{topup.provider}/{topup.named or topup.id}"
    credit_keys, back_keys = keys_of(topup.id)
    credits_ = [transfers[key] for key in credit_keys if key in transfers]
    back = [transfers[key] for key in back_keys if key in transfers]
    at_ms = credits_[0].at_ms if credits_ else topup.created_ms
    if not credits_:
        yield _of(Class.CREDIT_MISSING, item, topup.rials, topup.created_ms, {"here": topup.rials}, topup.created_ms)
    else:
        yield from _credited(topup, item, credits_, back)
    payments = [] if told is None else told.of(RowKind.PAYMENT)
    given_back = 0 if told is None else sum(it.rials for it in told.given_back(topup.rials)[0])
    if covered and not payments:
        yield _of(Class.CREDITED_NOT_PAID, item, topup.rials, at_ms, {"here": topup.rials}, topup.created_ms)
    if covered and topup.status == CHARGED_BACK and given_back < topup.rials:
        facts = {"here": topup.rials, "given_back": given_back}
        yield _of(Class.REVERSED_HERE, item, topup.rials - given_back, at_ms, facts, topup.created_ms)


def _credited(
    topup: HeldTopUp, item: str, credits_: Sequence[PostedTransfer], back: Sequence[PostedTransfer]
) -> Iterator[Discrepancy]:
    """Its transfers: the amount of the top-up, to its own rider, and all of it back where it was charged back."""
    ours = {rider_account(topup.credential_id), debt_account(topup.credential_id)}
    posted, taken = sum(it.rials for it in credits_), sum(it.rials for it in back)
    to_others = any(it.credit not in ours for it in credits_) or any(it.debit not in ours for it in back)
    should_be_taken = topup.rials if topup.status == CHARGED_BACK else 0
    differs = abs(posted - topup.rials) + abs(taken - should_be_taken)
    if differs or to_others:
        facts: dict[str, int | str] = {"topup": topup.rials, "credited": posted, "taken_back": taken}
        if to_others:
            facts["account"] = "another rider's"
        at_ms = credits_[0].at_ms
        yield _of(Class.CREDIT_DIFFERS, item, differs or topup.rials, at_ms, facts, topup.created_ms)


def credit_of_none(it: PostedTransfer) -> Discrepancy:
    """A credit of no top-up that is paid."""
    return _of(Class.CREDIT_OF_NO_TOPUP, f"transfer/{it.id}", it.rials, it.at_ms, {"transfer": it.id})


@dataclass(frozen=True, slots=True)
class Payout:
    """What a provider says that it paid out in one transfer, less fees, and when its last row was."""

    provider: str
    name: str
    rials: int
    fee_rials: int
    rows: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What the bank tells of one reference: the amount of each entry, in their order, and when the first was."""

    reference: str
    amounts: tuple[int, ...]
    first_ms: int


class Paid(Protocol):
    """What an entry of the bank's is looked for."""

    @property
    def rials(self) -> int:
        """Its sum."""
        ...


def paired(payouts: Sequence[Paid], amounts: Sequence[int]) -> list[int | None]:
    """Of each payout of one name the amount of the bank's entry that is its own; None where there is none left."""
    left = list(amounts)
    found: list[int | None] = []
    for it in payouts:
        found.append(it.rials if it.rials in left else None)
        if it.rials in left:
            left.remove(it.rials)
    return [
        left.pop(0) if one is None and it.rials > 0 and left else one for it, one in zip(payouts, found, strict=True)
    ]


def judge_payout(it: Payout, bank_rials: int | None) -> Iterator[Discrepancy]:
    """A payout that is due against its entry of the bank's: it is looked for on the day by which it must have come."""
    due_ms = it.last_ms + PAYOUT_DAYS_MAX * DAY_MS
    item = f"{it.provider}/{it.name}"
    facts: dict[str, int | str] = {"there": it.rials, "fees": it.fee_rials, "rows": it.rows}
    if bank_rials is None:
        if it.rials > 0:
            yield _of(Class.PAYOUT_MISSING, item, it.rials, it.last_ms, facts, due_ms)
    elif bank_rials != it.rials:
        differs = abs(bank_rials - it.rials)
        yield _of(Class.PAYOUT_DIFFERS, item, differs, it.last_ms, facts | {"bank": bank_rials}, due_ms)


def judge_entry(it: Entry, *, payouts: int) -> Iterator[Discrepancy]:
    """A reference of the bank's. `payouts`: so many of this name statements have."""
    first, too_many = it.amounts[0], it.amounts[max(payouts, 1) :]
    if not payouts:
        yield _of(Class.BANK_ROW_UNKNOWN, it.reference, first, it.first_ms, {"bank": first})
    if too_many:
        more = {"bank": first, "times": len(it.amounts)}
        yield _of(Class.BANK_ROW_DOUBLED, it.reference, sum(too_many), it.first_ms, more)


def _of(  # noqa: PLR0917 - as a discrepancy has them
    of: Class, item: str, rials: int, at_ms: int, facts: Mapping[str, int | str], day_ms: int | None = None
) -> Discrepancy:
    return Discrepancy(of, item, rials, at_ms, service_day(at_ms if day_ms is None else day_ms), facts)
