"""A door without a terminal follows the driver by the other door's records, which reach it verified within 2 s anyway.

No message says it a second time: what the near door wrote of a shift, a line or a free ride is the order.

Rules:
 F1  a shift or a line of this vehicle is served from the next tap on; a shift that ends leaves the line;
 F2  a free ride begins and ends with its records; one that is not renewed lapses, so that a cut cable or a dead
     terminal leaves no door open for longer than a driver may;
 F3  what is history, by two trusted clocks, is not followed: a free ride that began longer ago than it may last, a
     shift or a line that was told longer ago than anybody drives; a card that is filled anew begins with such records;
 F4  after a start the newest records that are held of the other door say where it stood; a free ride among them is
     followed only where two trusted clocks say that it lasts;
 F5  they are read back to what says it, and no further than to what would be history. Where no two clocks can tell, no
     further than the newest journal: on the card before it a shift stands open for ever. Some taps without a shift, on
     the line that this door serves anyway or on none, say that nobody drives by a terminal, and there is nothing to
     follow.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edge.app.boarding import Boarding
from edge.app.near_desk import WHY
from edge.core.errors import LocalError
from edge.core.limits import FOLLOWED_MS, FREE_RIDE_MS, FREE_RIDE_RENEWED_MS, RECALL_SLACK_MS, RECALL_STRAYS_MAX
from protocol.fares.verdicts import Reason
from protocol.wire.driver_records import Event, EventKind, Shift, ShiftStep
from protocol.wire.records import Instant, Record, Tap

log = logging.getLogger(__name__)
_RIDES = (EventKind.FREE_RIDE, EventKind.FARES_AGAIN)


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
                    self._serve(record, now)
                elif isinstance(record, Event) and record.vehicle == vehicle:
                    self._ride(record, now)

    def _serve(self, told: Shift, now: Instant) -> None:
        age_ms = told.at.age_ms(now)
        if age_ms is not None and age_ms > FOLLOWED_MS:
            return
        service = self._boarding.service
        if told.step is ShiftStep.END:
            if service.shift == told.shift:
                self._boarding.serve(replace(service, shift=None))
            return
        self._boarding.serve(replace(service, route=told.route, direction=told.direction, shift=told.shift, trip=None))

    def _ride(self, told: Event, now: Instant, *, if_unknown: bool = True) -> None:
        """`if_unknown`: whether one is followed whose age no clock can say."""
        if told.what is EventKind.FARES_AGAIN:
            self._end()
        elif told.cause is not None:
            age_ms = told.at.age_ms(now)
            if not (if_unknown if age_ms is None else age_ms <= FREE_RIDE_MS):
                return
            self._free_until_ms = now.mono_ms + FREE_RIDE_MS + FREE_RIDE_RENEWED_MS
            self._boarding.let_ride(WHY[told.cause])

    def _end(self) -> None:
        self._free_until_ms = None
        self._boarding.let_ride(Reason.NONE)

    def recall(self, records: Iterable[Record], now: Instant) -> None:
        """F4, F5: by what is held of the other door, newest first.

        A card that cannot be read keeps nobody from boarding: the next record says it anew.
        """
        try:
            shifts, ride = self._where_it_stood(records, now)
        except LocalError as error:
            log.warning("where the other door stands is not known yet: %s", error)
            return
        with self._lock:
            for shift in reversed(shifts):
                self._serve(shift, now)
            if ride is not None:
                self._ride(ride, now, if_unknown=False)

    def _where_it_stood(self, records: Iterable[Record], now: Instant) -> tuple[list[Shift], Event | None]:
        """The SHIFT records, newest first, back to one that names a line, and the newest word of a free ride."""
        vehicle = self._boarding.service.vehicle
        shifts: list[Shift] = []
        ride: Event | None = None
        driven = False  # whether the newest of them that begins or goes on is found
        ridden = not now.trusted  # whether the free ride is found, or none that is further back could last
        strays = 0
        newest: int | None = None  # epoch
        for record in records:
            age_ms = record.at.age_ms(now)
            newest = record.link.epoch if newest is None else newest
            if age_ms is None and record.link.epoch != newest:
                break
            strays += isinstance(record, Tap) and self._is_nothing_to_follow(record)
            if strays > RECALL_STRAYS_MAX or (age_ms is not None and age_ms > FOLLOWED_MS + RECALL_SLACK_MS):
                break
            ridden = ridden or (age_ms is not None and age_ms > FREE_RIDE_MS + RECALL_SLACK_MS)
            if isinstance(record, Shift) and record.vehicle == vehicle and not driven:
                shifts.append(record)
                driven = record.step is not ShiftStep.END
            elif isinstance(record, Event) and record.vehicle == vehicle and record.what in _RIDES and not ridden:
                ride, ridden = record, True
            if driven and ridden:
                break
        return shifts, ride

    def _is_nothing_to_follow(self, tap: Tap) -> bool:
        return tap.service.shift is None and tap.fare_line in (None, self._boarding.fare_line)

    def step(self, now: Instant) -> None:
        """F2: what was not renewed lapses."""
        with self._lock:
            if self._free_until_ms is not None and now.mono_ms >= self._free_until_ms:
                self._end()
