"""Cases: what of one service day a person should look at. A hint, and never a punishment by itself. Pure.

Rules:
- a case is about one subject (`driver:…`, `vehicle:…`, `device:…`) on one service day; there is one of each kind;
- cases of a day are a function of the records of that day, whatever the order and the batches in which they came. What
  arrives later may make one, change its figures, or end it. Health only excuses, and counts where it was heard: no bus
  keeps it, and what a dead camera did not say in an outage may make a case;
- its figures are numbers that a person can count again, and the records that they stand on; no rider is in them;
- what a device says of itself (a camera that is gone, a reader whose self-test fails) is a fault and no case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from backend.core.ledger import TapId
from backend.core.limits import CASE_RECORDS_MAX, CASE_WORDS_MAX

Figure: TypeAlias = int | str | Sequence[str]


class CaseKind(Enum):
    """What a case is about, and what to do next."""

    FREE_RIDES = "free-rides"
    BLIND_DOOR = "blind-door"
    PARKED = "parked"
    PROXIES = "proxy-boardings"
    ANNULMENTS = "annulments"
    COPIED = "copied-codes"
    TWO_DRIVERS = "two-drivers"


FIX: Mapping[CaseKind, str] = {
    CaseKind.FREE_RIDES: "look at that bus's doors, ask the driver; riders of those hours know who paid whom",
    CaseKind.BLIND_DOOR: "look at that camera and what hangs before it; ask who drove, and riders of those hours",
    CaseKind.PARKED: "look where that was and who had the bus; ask the operator who boarded there",
    CaseKind.PROXIES: "ask the driver who those riders were; compare with the cash handed in",
    CaseKind.ANNULMENTS: "ask the driver what happened; look at the terminal's software if the bus should have refused",
    CaseKind.COPIED: "look at that device and the link of its doors; its tap key may be in other hands",
    CaseKind.TWO_DRIVERS: "ask both who drove, before a float is settled: the ledger believes the word that came first",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `records`: the first of those that it stands on, as (device, epoch, sequence)."""

    kind: CaseKind
    subject: str
    day: int
    detail: str
    figures: Mapping[str, Figure]
    records: tuple[TapId, ...]


@dataclass(frozen=True, slots=True)
class KeptCase:
    """A case as the ledger keeps it. `opened_ms`: when it was first found; `ended_ms`: when later records ended it."""

    case: Case
    opened_ms: int
    ended_ms: int | None


def of_driver(driver: str) -> str:
    """A driver as a subject."""
    return f"driver:{driver}"


def of_vehicle(vehicle: str) -> str:
    """A bus as a subject."""
    return f"vehicle:{vehicle}"


def of_device(device: str) -> str:
    """A door's device as a subject."""
    return f"device:{device}"


def some(records: Iterable[TapId]) -> tuple[TapId, ...]:
    """The first records of a case: it says how many there are in its figures."""
    return tuple(sorted(set(records))[:CASE_RECORDS_MAX])


def few(words: Iterable[str]) -> list[str]:
    """The first names or words of a case: whoever has a device's key writes as many as he likes."""
    return sorted(set(words))[:CASE_WORDS_MAX]
