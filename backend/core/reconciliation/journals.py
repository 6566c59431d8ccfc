"""Device journals as they are held: what was told of and did not come, other histories, what was refused. Pure.

Rules:
- a gap is what a device's own last health says that its journal has beyond what is held, once JOURNAL_WAITS_MS have
  gone by: until then it is a bus that is out of reach. How many of them the other door carries is told beside;
- what it is worth nobody can know; it is taken to be the mean of the device's records of that journal, and said so;
- a fork is worth the fares that its second history accepted and that are not held: they are not posted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.core.limits import JOURNAL_WAITS_MS
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy


@dataclass(frozen=True, slots=True)
class HeldJournal:
    """One journal. `told`: its last record by the device's health; `waiting_ms`: since when the oldest of them waits.

    `rials`: charged in what is held. `carried`: records of this device that its other door says it carries.
    """

    device: str
    epoch: int
    held: int
    told: int
    waiting_ms: int
    rials: int
    carried: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What is kept apart of one device for one reason; of a fork: of one journal, with its second history's fares."""

    device: str
    reason: str
    epoch: int | None
    rows: int
    rials: int
    first_ms: int


def judge_journal(it: HeldJournal, now_ms: int) -> Iterator[Discrepancy]:
    """A gap, if it is one by now."""
    missing = it.told - it.held
    if missing <= 0 or now_ms - it.waiting_ms < JOURNAL_WAITS_MS:
        return
    estimate = it.rials * missing // it.held if it.held else 0
    facts: dict[str, int | str] = {
        "held": it.held, "told": it.told, "carried_by_the_other_door": it.carried, "amount": "estimated",
    }  # fmt: skip
    yield Discrepancy(Class.GAP, f"{it.device}/{it.epoch}", estimate, it.waiting_ms, None, facts)


def judge_refused(it: Refused) -> Iterator[Discrepancy]:
    """Each is told."""
    facts: dict[str, int | str] = {"rows": it.rows, "reason": it.reason}
    if it.epoch is not None:
        yield Discrepancy(Class.FORK, f"{it.device}/{it.epoch}", it.rials, it.first_ms, None, facts)
    else:
        yield Discrepancy(Class.QUARANTINED, f"{it.device}/{it.reason}", 0, it.first_ms, None, facts)
