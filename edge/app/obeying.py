"""A door without a terminal takes its own boardings back by the order of the near door's driver.

The near door's EVENT is the order, this door's ANNULMENT does it and is the answer: the terminal counts by it, and the
office believes it as it believes every annulment (`edge.core.shift`, S5).

Rules:
 O1  an order names this journal by its epoch, and a paid boarding of the order's shift that this door still remembers:
     nobody's word makes it read its journal from the beginning;
 O2  it comes within minutes of the boarding, with some time for the link: what the office would refuse is not written;
 O3  a boarding is taken back once, whoever asks again; what this door cannot write is not taken back, and no answer
     comes: the driver's screen says so;
 O4  of a shift no more are taken back than a terminal may ask for, whatever a near door asks.
"""

import logging
from collections.abc import Sequence

from edge.app.boarding import Boarding
from edge.app.near_desk import take_back
from edge.app.recall import newest_first
from edge.core.errors import LocalError
from edge.core.limits import ANNUL_FOLLOWED_MS, ANNUL_WITHIN_MS, ANNULS_A_DAY_MAX
from edge.core.ports import Journal
from protocol.fares.verdicts import TABLE
from protocol.wire.driver_records import Annulment, Event, TakeBack
from protocol.wire.records import Instant, Record, Tap

log = logging.getLogger(__name__)


class Obeying:
    """One door that obeys. Runs on the sync thread."""

    def __init__(self, boarding: Boarding, journal: Journal) -> None:
        self._boarding, self._journal = boarding, journal
        self._done: tuple[str, int] = ("", 0)  # of the newest shift that asked, how many

    def records_came(self, records: Sequence[Record], now: Instant) -> None:
        """Verified records of the other door, in their order."""
        for record in records:
            if (
                isinstance(record, Event) and record.order is not None and record.shift is not None
                and record.vehicle == self._boarding.service.vehicle
            ):  # fmt: skip
                self._obey(record.shift, record.order, now)

    def _obey(self, shift: str, order: TakeBack, now: Instant) -> None:
        try:
            why_not = self._why_not(shift, order, now)
            if why_not:
                log.warning("record %d is not taken back: %s", order.tap, why_not)
            else:
                take_back(self._boarding, shift, order.tap, order.reason, now)
                self._done = (shift, self._count(shift) + 1)
        except LocalError as error:  # O3
            log.error("record %d is not taken back: %s", order.tap, error)

    def _count(self, shift: str) -> int:
        return self._done[1] if self._done[0] == shift else 0

    def _why_not(self, shift: str, order: TakeBack, now: Instant) -> str:
        """What speaks against it; empty if nothing does. Raises JournalFailed."""
        if order.epoch != self._journal.head.epoch:
            return "it stands in another journal"
        if self._count(shift) >= ANNULS_A_DAY_MAX:
            return "the shift has taken back as many as it may"
        if not self._boarding.remembers(order.tap, now):
            return "no boarding of the window is there"
        tap: Record | None = None
        for record in newest_first(self._journal.read, self._journal.signed, oldest=order.tap):
            if isinstance(record, Annulment) and record.tap == order.tap:
                return "it was taken back before"
            tap = record
        if not isinstance(tap, Tap) or tap.link.sequence != order.tap or not TABLE[tap.verdict].charged:
            return "it is no paid boarding"
        if tap.service.shift != shift:
            return "it is of another shift"
        ran_ms = now.mono_ms - tap.at.mono_ms
        age_ms = ran_ms if ran_ms >= 0 else now.wall_ms - tap.at.wall_ms  # the device was started anew since
        return "" if age_ms <= ANNUL_WITHIN_MS + ANNUL_FOLLOWED_MS else f"it is {age_ms // 1000} s old"
