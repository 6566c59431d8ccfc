"""What a rider's list of rides shows, held against the records. Pure.

- V12: a claim that names its record's row tells that record's vehicle, door and verdict, at its time. One that names
  none is listed by the record itself;
- V13: of each number of a day (`claim_day`) no claim is older or newer than is noted. The list goes by it, from the
  newest day on: a claim outside would be out of its place, or not be shown. What is noted may be wider: claims go.
"""

from typing import NamedTuple

from backend.core.ledger.verifying import Broken, Findings
from backend.core.reconciliation.taps import place


class TapRow(NamedTuple):
    """What a claim or a record tells of a tap."""

    device: str
    epoch: int
    sequence: int
    vehicle: str | None
    door: int | None
    verdict: int | None

    def __str__(self) -> str:
        return f"{place(self[:3])}, vehicle {self.vehicle}, door {self.door}, verdict {self.verdict}"


class DayTimes(NamedTuple):
    """Of one number of a day, Unix milliseconds: its oldest and newest claim, and what is noted; None: nothing."""

    number: int
    oldest_ms: int
    newest_ms: int
    from_ms: int | None
    until_ms: int | None


def check_day(findings: Findings, it: DayTimes) -> None:
    """V13."""
    if it.from_ms is None or it.until_ms is None:
        is_ = "nothing noted"
    elif it.from_ms <= it.oldest_ms and it.newest_ms <= it.until_ms:
        return
    else:
        is_ = f"{it.from_ms} to {it.until_ms}"
    findings.add(
        Broken.LISTED, f"claims of day number {it.number}", f"{it.oldest_ms} to {it.newest_ms} noted", is_
    )  # fmt: skip


def tell_told(findings: Findings, told: TapRow, recorded: TapRow | None) -> None:
    """V12. `recorded`: None where the row is no record of the claim's time."""
    must = "a record of this time" if recorded is None else str(recorded)
    findings.add(Broken.LISTED, f"tap {place(told[:3])}", must, str(told))
