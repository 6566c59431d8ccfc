"""Whether a device's word is newer than all that it said before: what is said again is no sign of life.

Rules:
- a record more is newer, whatever else is said. A start writes none: a parked bus tells one number in many runs;
- at one record's number a word is newer by a longer uptime or a later wall clock than were ever told there. A start is
  newer by its clock, whatever its uptime; a clock that jumped back is made up for by uptime (P14). What was told once
  is never newer, in whatever order it comes; a backend that began anew knows of the newest word alone;
- what is not newer accuses nobody within ten minutes of one that was: a broker may deliver twice. At the newest
  record's number the ten minutes begin with the first such word: the last one may come twice hours later, when a line
  that was down is there again, and a bus that is switched on may have to wait for its clock;
- another journal is another order: a journal that nobody has heard of is new;
- a count that no journal can have orders nothing: it must not make every later word an old one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from backend.core.limits import JOURNAL_RECORDS_MAX, JOURNALS_TOLD_MAX, SAID_AGAIN_MS
from protocol.wire.health import Health


class Said(NamedTuple):
    """Of one journal, how far a device has come; uptime and clock are the most that it told at that number."""

    last_sequence: int
    uptime_s: int
    wall_ms: int


class Age(Enum):
    """What a word is to those before it."""

    NEW = "new"
    AGAIN = "again"  # not newer, since a short while: a broker may deliver a message twice
    OLD = "old"


def said_in(health: Health) -> Said:
    """What orders it."""
    return Said(health.last_sequence, health.uptime_s, health.wall_ms)


@dataclass(slots=True)
class _Journal:
    """What was told of one, by our clock. `stale_ms`: since when its last record's words come, and none is newer."""

    most: Said
    heard_ms: int
    stale_ms: int | None = None


class Words:
    """Of every device. `recall`: (device, journal epoch) → the furthest that is kept of it, None if nothing is."""

    def __init__(self, recall: Callable[[str, int], Said | None]) -> None:
        self._recall = recall
        self._said: dict[str, dict[int, _Journal]] = {}

    def age(self, health: Health, now_ms: int) -> Age:
        """What it is; a new one is the newest from now on."""
        of_device = self._said.setdefault(health.device, {})
        if health.epoch not in of_device:
            kept = self._recall(health.device, health.epoch)
            if kept is not None:
                of_device[health.epoch] = _Journal(kept, now_ms)
        told, held = said_in(health), of_device.get(health.epoch)
        if told.last_sequence > JOURNAL_RECORDS_MAX:
            return Age.NEW
        if held is None or _is_newer(told, held.most):
            of_device.pop(health.epoch, None)
            of_device[health.epoch] = _Journal(told if held is None else _most(told, held.most), now_ms)
            while len(of_device) > JOURNALS_TOLD_MAX:
                del of_device[next(iter(of_device))]
            return Age.NEW
        since_ms = held.heard_ms
        if told.last_sequence == held.most.last_sequence:
            since_ms = held.stale_ms = now_ms if held.stale_ms is None else held.stale_ms
        return Age.OLD if now_ms - since_ms >= SAID_AGAIN_MS else Age.AGAIN


def _is_newer(told: Said, most: Said) -> bool:
    if told.last_sequence != most.last_sequence:
        return told.last_sequence > most.last_sequence
    return told.uptime_s > most.uptime_s or told.wall_ms > most.wall_ms


def _most(told: Said, most: Said) -> Said:
    if told.last_sequence != most.last_sequence:
        return told
    return Said(told.last_sequence, max(told.uptime_s, most.uptime_s), max(told.wall_ms, most.wall_ms))
