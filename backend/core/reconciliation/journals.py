"""Device journals as they are held: what was told of and did not come, other histories, what was refused. Pure.

Rules:
- a gap is what a device's own health said that a journal has beyond what is held, once JOURNAL_WAITS_MS have gone by:
  until then it is a bus that is out of reach. How many of them the other door carries is told beside. A journal that
  the device does not tell of any more, for its card was changed, stays told: a gap ends by records, or by a person;
- it is one at once where the device has receipts for records that are not held (the ledger was restored, and the bus
  may have pruned them), and where it tells of more than JOURNAL_RECORDS_MAX, which no journal has;
- what it is worth nobody can know; it is taken to be the mean of the device's records of that journal, at most
  RIALS_MAX, and said so;
- a fork is worth the fares that its second history accepted and that are not held: they are not posted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.core.limits import JOURNAL_RECORDS_MAX, JOURNAL_WAITS_MS
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from protocol.limits import RIALS_MAX


@dataclass(frozen=True, slots=True)
class HeldJournal:
    """One journal. `told`: its last record by the device's health; `waiting_ms`: since when the oldest of them waits.

    `receipted`: up to where the device said that it has receipts. `rials`: charged in what is held. `carried`: records
    of this device that its other door says it carries.
    """

    device: str
    epoch: int
    held: int
    told: int
    receipted: int
    waiting_ms: int
    rials: int
    carried: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What is kept apart of one device for one reason; of a fork: of one journal, with its second history's fares.

    `records`: of the second history, each counted once; 0 where it is no fork.
    """

    device: str
    reason: str
    epoch: int | None
    rows: int
    rials: int
    first_ms: int
    records: int = 0


def judge_journal(it: HeldJournal, now_ms: int) -> Iterator[Discrepancy]:
    """A gap, if it is one by now."""
    missing = it.told - it.held
    lost, possible = min(it.receipted, it.told) > it.held, it.told <= JOURNAL_RECORDS_MAX
    if missing <= 0 or (possible and not lost and now_ms - it.waiting_ms < JOURNAL_WAITS_MS):
        return
    estimate = min(it.rials * missing // it.held, RIALS_MAX) if it.held else 0
    facts: dict[str, int | str] = {
        "held": it.held, "told": it.told, "carried_by_the_other_door": it.carried, "amount": "estimated",
    }  # fmt: skip
    if lost:
        facts["receipted"] = it.receipted
    if not possible:
        facts["count"] = "impossible"
    yield Discrepancy(Class.GAP, f"{it.device}/{it.epoch}", estimate, it.waiting_ms, None, facts, extent=it.told)


def judge_refused(it: Refused) -> Iterator[Discrepancy]:
    """Each is told."""
    facts: dict[str, int | str] = {"rows": it.rows, "reason": it.reason}
    if it.epoch is not None:
        facts["records"] = it.records
        name = f"{it.device}/{it.epoch}"
        yield Discrepancy(Class.FORK, name, it.rials, it.first_ms, None, facts, extent=it.records)
    else:
        name = f"{it.device}/{it.reason}"
        yield Discrepancy(Class.QUARANTINED, name, 0, it.first_ms, None, facts, extent=it.rows)
