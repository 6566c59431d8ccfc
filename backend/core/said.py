"""Whether a device's word is newer than all that it said before: what is said again is no sign of life.

Rules:
- within a journal the record's number orders, and within a run its uptime; the wall clock breaks the tie alone, for
  it may jump (P14). Each start writes a record, so a later run is further in its journal;
- another journal is another order: a journal that nobody has heard of is new;
- a count that no journal can have orders nothing: it must not make every later word an old one.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from backend.core.limits import JOURNAL_RECORDS_MAX, JOURNALS_TOLD_MAX, SAID_AGAIN_MS
from protocol.wire.health import Health


class Said(NamedTuple):
    """Of one journal, how far a device had come when it last said so."""

    last_sequence: int
    uptime_s: int
    wall_ms: int


class Age(Enum):
    """What a word is to those before it."""

    NEW = "new"
    AGAIN = "again"  # not newer, and shortly behind the newest: a broker may deliver a message twice
    OLD = "old"


def said_in(health: Health) -> Said:
    """What orders it."""
    return Said(health.last_sequence, health.uptime_s, health.wall_ms)


class Words:
    """Of every device. `recall`: (device, journal epoch) → the furthest that is kept of it, None if nothing is."""

    def __init__(self, recall: Callable[[str, int], Said | None]) -> None:
        self._recall = recall
        self._said: dict[str, dict[int, tuple[Said, int]]] = {}  # with when it was heard, ms by our clock

    def age(self, health: Health, now_ms: int) -> Age:
        """What it is; a new one is the newest from now on."""
        of_device = self._said.setdefault(health.device, {})
        if health.epoch not in of_device:
            kept = self._recall(health.device, health.epoch)
            if kept is not None:
                of_device[health.epoch] = kept, now_ms
        told, held = said_in(health), of_device.get(health.epoch)
        if told.last_sequence > JOURNAL_RECORDS_MAX:
            return Age.NEW
        if held is None or told > held[0]:
            of_device.pop(health.epoch, None)
            of_device[health.epoch] = told, now_ms
            while len(of_device) > JOURNALS_TOLD_MAX:
                del of_device[next(iter(of_device))]
            return Age.NEW
        return Age.AGAIN if now_ms - held[1] <= SAID_AGAIN_MS else Age.OLD
