"""What a provider paid out to our bank becomes entries of the ledger. Pure.

Rules:
- it is posted where its statement and the bank's agree on the sum, once a payout of a provider, whatever statements of
  the days come later: what it held for us goes to `bank`, and what it kept to `provider:fees`;
- where they differ nothing is posted, and it is a discrepancy; a payout of nothing, all of it fees, needs no bank;
- what was posted is kept beside the rows. A statement that was corrected afterwards takes nothing back and posts
  nothing more: it is a discrepancy, and two people decide.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from backend.core.ledger import BANK, PROVIDER_FEES, Transfer, TransferKind, provider_clearing
from backend.core.limits import PAYOUT_DAYS_MAX
from backend.core.payments.topup import FIRST
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.payments import Payout, paired
from protocol.localtime import day_begins_ms, service_day


@dataclass(frozen=True, slots=True)
class PaidIn:
    """A payout of a provider's as it was posted. `rials`: at the bank; `day`: the service day of its last row."""

    provider: str
    name: str
    rials: int
    fee_rials: int
    day: int


@dataclass(frozen=True, slots=True)
class Held:
    """A payout against the bank's entries. `due`: it must be there by now.

    `bank_rials`: of the entry that is its own, None where none is left; `free_rials`: of one that is nobody's so far.
    """

    payout: Payout
    due: bool
    bank_rials: int | None
    free_rials: int | None


def held(
    payouts: Sequence[Payout], amounts: Sequence[int], posted: Mapping[str, PaidIn], due: Collection[str]
) -> list[Held]:
    """Payouts of one name, by different providers, against the bank's entries of that name.

    An entry is one payout's, so what was posted keeps its own, whoever says later that it is his. `posted`: what was,
    by provider; `due`: the providers whose payout is.
    """
    first = sorted(payouts, key=lambda it: it.provider not in posted)
    left = list(amounts)
    for was in posted.values():
        if was.rials in left:
            left.remove(was.rials)
    new = [it for it in first if it.provider not in posted]
    free = {it.provider: rials for it, rials in zip(new, paired(new, left), strict=True)}
    return [
        Held(it, it.provider in due, rials, free.get(it.provider))
        for it, rials in zip(first, paired(first, amounts), strict=True)
    ]


def agreed(one: Held) -> PaidIn | None:
    """What is to be posted of one that was not; None where the two do not agree, or there is nothing to post."""
    it = one.payout
    if it.fee_rials + it.rials == 0 or (one.free_rials or 0) != it.rials:
        return None
    return PaidIn(it.provider, it.name, it.rials, it.fee_rials, service_day(it.last_ms))


def transfers(it: PaidIn) -> list[Transfer]:
    """Its entries, under keys of provider and payout."""
    clearing = provider_clearing(None if it.provider == FIRST else it.provider)
    parts = ((TransferKind.PAID_IN, BANK, it.rials), (TransferKind.PROVIDER_FEE, PROVIDER_FEES, it.fee_rials))
    return [
        Transfer(sha256(f"{kind.value}|{it.provider}|{it.name}".encode()).digest(), kind, account, clearing, rials)
        for kind, account, rials in parts if rials
    ]  # fmt: skip


def judge_posted(posted: PaidIn, now: Payout | None) -> Iterator[Discrepancy]:
    """What was posted of a payout, against what its provider's statements say of it by now; None: nothing."""
    rials, fees = (0, 0) if now is None else (now.rials, now.fee_rials)
    differs = abs(posted.rials - rials) + abs(posted.fee_rials - fees)
    if differs:
        yield Discrepancy(
            Class.PAYOUT_MISPOSTED, f"{posted.provider}/{posted.name}", differs, day_begins_ms(posted.day),
            posted.day + PAYOUT_DAYS_MAX,
            {"posted": posted.rials, "posted_fees": posted.fee_rials, "there": rials, "fees": fees},
        )  # fmt: skip
