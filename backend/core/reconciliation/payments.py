"""Top-ups against their transfers here and the provider's rows there, and payouts against the bank. Pure.

Rules:
- a row and a top-up are one payment when provider and name (its receipt, else its authority) are the same, whatever
  the amounts;
- a payment's row counts once, in the order of its lines; each more is doubled, and owes nobody anything;
- whether it is paid, credited, of one amount and reversed are facts of their own: one payment may fail in several;
- credited and not in a statement is told only where the statements of all days from its start to its credit are held;
- a payout is the sum of its payments, less its reversals, less the fees of both.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from backend.core.ledger import TransferKind, debt_account, rider_account
from backend.core.limits import PAYOUT_DAYS_MAX
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


def keys_of(topup_id: str) -> tuple[list[bytes], list[bytes]]:
    """Keys of a top-up's transfers: what credits it, and what takes it back."""
    text = topup_id.encode()
    credits_, back = ([sha256(what + text).digest() for what in kinds] for kinds in (_CREDITS, _BACK))
    return credits_, back


def covered(topup: HeldTopUp, transfers: Mapping[bytes, PostedTransfer], held: Collection[tuple[str, int]]) -> bool:
    """Whether its provider's statements of all days from its start to its credit are held. `held`: (provider, day)."""
    credit_keys, _ = keys_of(topup.id)
    credited_ms = max((transfers[key].at_ms for key in credit_keys if key in transfers), default=topup.created_ms)
    days = range(service_day(topup.created_ms), service_day(credited_ms) + 1)
    return all((topup.provider, day) in held for day in days)


def judge_told(told: Told, topup: HeldTopUp | None) -> Iterator[Discrepancy]:
    """What does not match of a payment that the provider tells of."""
    payments, reversals = told.of(RowKind.PAYMENT), told.of(RowKind.REVERSAL)
    item = f"{told.provider}/{told.named}"
    for rows in (payments, reversals):
        for row in rows[1:]:
            facts: dict[str, int | str] = {"line": row.line, "first_line": rows[0].line, "kind": row.kind.value}
            yield _of(Class.DOUBLED_ROW, f"{item}:{row.kind.value}:{row.day}:{row.line}", row.rials, row.at_ms, facts)
    if payments:
        row = payments[0]
        if not reversals and (topup is None or topup.status not in CREDITED):
            facts = {"there": row.rials, "status": "unknown" if topup is None else topup.status}
            yield _of(Class.PAID_NOT_CREDITED, item, row.rials, row.at_ms, facts)
        if topup is not None and topup.rials != row.rials:
            facts = {"here": topup.rials, "there": row.rials}
            yield _of(Class.AMOUNT_DIFFERS, item, abs(topup.rials - row.rials), row.at_ms, facts)
    if reversals and topup is not None and topup.status == PAID:
        facts = {"here": topup.rials, "there": reversals[0].rials}
        yield _of(Class.REVERSED_THERE, item, topup.rials, reversals[0].at_ms, facts)


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
    reversals = [] if told is None else told.of(RowKind.REVERSAL)
    if covered and not payments:
        yield _of(Class.CREDITED_NOT_PAID, item, topup.rials, at_ms, {"here": topup.rials}, topup.created_ms)
    if covered and topup.status == CHARGED_BACK and not reversals:
        yield _of(Class.REVERSED_HERE, item, topup.rials, at_ms, {"here": topup.rials}, topup.created_ms)


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
    """What the bank tells of one reference: the first amount, and how many entries it has."""

    reference: str
    rials: int
    first_ms: int
    times: int


def judge_payout(it: Payout, entry: Entry | None) -> Iterator[Discrepancy]:
    """A payout that is due against the bank: it is looked for on the day by which it must have come."""
    due_ms = it.last_ms + PAYOUT_DAYS_MAX * DAY_MS
    item = f"{it.provider}/{it.name}"
    facts: dict[str, int | str] = {"there": it.rials, "fees": it.fee_rials, "rows": it.rows}
    if entry is None:
        if it.rials > 0:
            yield _of(Class.PAYOUT_MISSING, item, it.rials, it.last_ms, facts, due_ms)
    elif entry.rials != it.rials:
        differs = abs(entry.rials - it.rials)
        yield _of(Class.PAYOUT_DIFFERS, item, differs, it.last_ms, facts | {"bank": entry.rials}, due_ms)


def judge_entry(it: Entry, *, known: bool) -> Iterator[Discrepancy]:
    """A reference of the bank's. `known`: some statement has a payout of this name."""
    if not known:
        yield _of(Class.BANK_ROW_UNKNOWN, it.reference, it.rials, it.first_ms, {"bank": it.rials})
    if it.times > 1:
        more = {"bank": it.rials, "times": it.times}
        yield _of(Class.BANK_ROW_DOUBLED, it.reference, it.rials * (it.times - 1), it.first_ms, more)


def _of(  # noqa: PLR0917 - as a discrepancy has them
    of: Class, item: str, rials: int, at_ms: int, facts: Mapping[str, int | str], day_ms: int | None = None
) -> Discrepancy:
    return Discrepancy(of, item, rials, at_ms, service_day(at_ms if day_ms is None else day_ms), facts)
