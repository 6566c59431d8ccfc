"""A door without a terminal follows the driver by the other door's records, which reach it verified within 2 s anyway.

No message says it a second time: what the near door wrote of a shift, a line or a free ride is the order.

Rules:
 F1  a shift or a line of this vehicle is served from the next tap on; a shift that ends leaves the line;
 F2  a free ride begins and ends with its records; one that is not renewed lapses, so that a cut cable or a dead
     terminal leaves no door open for longer than a driver may;
 F3  a free ride that began longer ago than it may last, by two trusted clocks, is history and is not followed;
 F4  after a start the newest records that are held of the other door say where it stood.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

from edge.app.boarding import Boarding
from edge.app.near_desk import WHY
from edge.core.errors import LocalError
from edge.core.limits import FOLLOW_RECALL_RECORDS, FREE_RIDE_MS, FREE_RIDE_RENEWED_MS
from edge.core.ports import Copies
from protocol.errors import WireError
from protocol.fares.verdicts import Reason
from protocol.limits import BATCH_MAX_BYTES
from protocol.wire.driver_records import Event, EventKind, Shift, ShiftStep
from protocol.wire.records import Instant, Record, decode_record

log = logging.getLogger(__name__)


class Following:
    """One door that follows. Runs on the sync thread."""

    def __init__(self, boarding: Boarding) -> None:
        self._boarding = boarding
        self._free_until_ms: int | None = None
        self._lock = threading.Lock()

    def records_came(self, records: Sequence[Record], now: Instant) -> None:
        """Verified records of the other door, in their order."""
        vehicle = self._boarding.service.vehicle
        with self._lock:
            for record in records:
                if isinstance(record, Shift) and record.vehicle == vehicle:
                    self._serve(record)
                elif isinstance(record, Event) and record.vehicle == vehicle:
                    self._ride(record, now)

    def _serve(self, told: Shift) -> None:
        service = self._boarding.service
        if told.step is ShiftStep.END:
            if service.shift == told.shift:
                self._boarding.serve(replace(service, shift=None))
            return
        self._boarding.serve(replace(service, route=told.route, direction=told.direction, shift=told.shift, trip=None))

    def _ride(self, told: Event, now: Instant) -> None:
        if told.what is EventKind.FARES_AGAIN:
            self._end()
        elif told.cause is not None:
            past = now.wall_ms - told.at.wall_ms > FREE_RIDE_MS and now.trusted and told.at.trusted
            if not past:
                self._free_until_ms = now.mono_ms + FREE_RIDE_MS + FREE_RIDE_RENEWED_MS
                self._boarding.let_ride(WHY[told.cause])

    def _end(self) -> None:
        self._free_until_ms = None
        self._boarding.let_ride(Reason.NONE)

    def recall(self, copies: Copies, now: Instant) -> None:
        """F4. A card that cannot be read keeps nobody from boarding: the next record says it anew."""
        try:
            held = copies.held()
            if not held:
                return
            newest = held[-1]
            first = max(1, newest.sequence - FOLLOW_RECALL_RECORDS + 1, copies.oldest(newest.epoch))
            rows = copies.read(newest.epoch, first, FOLLOW_RECALL_RECORDS, BATCH_MAX_BYTES)
            self.records_came([decode_record(row.raw) for row in rows], now)
        except (LocalError, WireError) as error:
            log.warning("where the other door stands is not known yet: %s", error)

    def step(self, now: Instant) -> None:
        """F2: what was not renewed lapses."""
        with self._lock:
            if self._free_until_ms is not None and now.mono_ms >= self._free_until_ms:
                self._end()
