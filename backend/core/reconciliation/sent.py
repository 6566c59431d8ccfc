"""What we sent to operators and owners, against what the bank says left our account. Pure.

Rules:
- a payout and an outgoing entry are one where the entry has the reference that was told with the bank's word;
- several payouts under one reference, and several entries: equal sums belong to each other, the rest in their order;
- missing is told only where the bank's days are held from the payout's approval until days behind its word;
- an outgoing entry of no payout is told whatever it is: nothing else leaves the account by itself.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from backend.core.limits import PAYOUT_DAYS_MAX
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.payments import DAY_MS, Entry
from protocol.localtime import service_day


@dataclass(frozen=True, slots=True)
class Sent:
    """A payout that is marked paid. `told_ms`: when the bank's word was told, with its `reference`."""

    id: str
    reference: str
    rials: int
    approved_ms: int
    told_ms: int

    @property
    def due_ms(self) -> int:
        """By when the bank's statement must have it."""
        return self.told_ms + PAYOUT_DAYS_MAX * DAY_MS

    def covered(self, held: Collection[int]) -> bool:
        """Whether the bank's statements of all days on which it may have been booked are held."""
        return all(day in held for day in range(service_day(self.approved_ms), service_day(self.due_ms) + 1))


def judge_sent(it: Sent, bank_rials: int | None, *, covered: bool) -> Iterator[Discrepancy]:
    """A payout that is due against its entry of the bank's; None where there is none left for it."""
    day, item = service_day(it.due_ms), f"payout/{it.id}"
    facts: dict[str, int | str] = {"reference": it.reference, "sent": it.rials}
    if bank_rials is None:
        if covered:
            yield Discrepancy(Class.SENT_MISSING, item, it.rials, it.told_ms, day, facts)
    elif bank_rials != it.rials:
        differs = abs(bank_rials - it.rials)
        yield Discrepancy(Class.SENT_DIFFERS, item, differs, it.told_ms, day, facts | {"bank": bank_rials})


def judge_outgoing(it: Entry, *, payouts: int) -> Iterator[Discrepancy]:
    """A reference of outgoing entries. `payouts`: so many were marked paid with it."""
    day, first, too_many = service_day(it.first_ms), it.amounts[0], it.amounts[max(payouts, 1) :]
    if not payouts:
        yield Discrepancy(Class.SENT_UNKNOWN, it.reference, first, it.first_ms, day, {"bank": first})
    if too_many:
        more = {"bank": first, "times": len(it.amounts)}
        yield Discrepancy(Class.SENT_DOUBLED, it.reference, sum(too_many), it.first_ms, day, more)
