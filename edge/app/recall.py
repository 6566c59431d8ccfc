"""A shift that was open when the process ended, read out of the doors' records: its total is what stands in them.

Rules:
 T1  the newest SHIFT record of the near door's journal says whether a shift is open; what it wrote since its beginning
     is read, newest first, up to a bound: of a shift that began before that, no total is made up, and its driver signs
     in anew. Some taps without a shift say that none is open: a bus that uses no terminal reads no further at a start;
 T2  of the other door, what is held here of it, back to a tap of another shift, or to before this one's beginning;
 T3  a record counts by what it says, under the time that it names: one whose age no clock can tell is taken back by
     nobody any more;
 T4  a free ride that was given goes on for what is left of its ten minutes; one that is over is looked at at once;
 T5  the line is the driver's last word, in the direction that the newest record names;
 T6  answers that could not be stored stand nowhere, so they are counted by the run that gave them alone.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from edge.app.boarding import Boarding
from edge.app.near_desk import persons_in
from edge.core.desk import Duty, Seen
from edge.core.limits import (
    ANNUL_WITHIN_MS,
    FREE_RIDE_MS,
    RECALL_FIRST_RECORDS,
    RECALL_PAGE_RECORDS,
    RECALL_RECORDS_MAX,
    RECALL_SLACK_MS,
    RECALL_STRAYS_MAX,
)
from edge.core.ports import Copies, Journal, StoredRecord
from edge.core.shift import FreeRide, is_shift_of
from protocol.errors import WireError
from protocol.limits import BATCH_MAX_BYTES
from protocol.localtime import service_day
from protocol.wire.driver_records import Annulment, Event, EventKind, FreeCause, Shift, ShiftStep
from protocol.wire.records import CodeKind, Instant, Record, Tap, decode_record

log = logging.getLogger(__name__)
Read = Callable[[int, int, int], Sequence[StoredRecord]]  # as `Journal.read`


@dataclass(frozen=True, slots=True)
class OpenShift:
    """A shift that nobody has ended: since when, and what the near door wrote under it, in order."""

    duty: Duty
    since: Instant
    records: tuple[Tap | Annulment | Event, ...]

    @property
    def taken_back(self) -> frozenset[int]:
        """The near door's boardings that were annulled."""
        return frozenset(it.tap for it in self.records if isinstance(it, Annulment))

    def taps(self) -> Iterator[Tap]:
        """The near door's answers."""
        return (it for it in self.records if isinstance(it, Tap))

    def free_ride(self, now: Instant) -> FreeRide | None:
        """T4: the free ride that holds."""
        given: Event | None = None
        since: Instant | None = None
        for it in self.records:
            if not isinstance(it, Event) or it.what not in (EventKind.FREE_RIDE, EventKind.FARES_AGAIN):
                continue
            since = it.at if given is None or it.cause is not given.cause else since  # else it was renewed
            given = it if it.what is EventKind.FREE_RIDE else None
        if given is None or given.cause is None or since is None:
            return None
        age_ms = given.at.age_ms(now)
        past_ms = FREE_RIDE_MS if age_ms is None else age_ms  # else an ignition that is turned makes ten new minutes
        return FreeRide(FreeCause(given.cause), since, now.mono_ms + max(0, FREE_RIDE_MS - past_ms))


class HeldRecords:
    """What a door holds of its journal and of the other door's, newest first; read before the door's threads run."""

    def __init__(self, journal: Journal, copies: Copies | None) -> None:
        self._journal, self._copies = journal, copies

    def own(self) -> Iterator[Record]:
        """The journal's last records. Raises JournalFailed while it is read."""
        return newest_first(self._journal.read, self._journal.signed)

    def far(self) -> Iterator[Record]:
        """The same of what is held of the other door. Raises JournalFull, JournalFailed while it is read."""
        return islice(self._far(), RECALL_RECORDS_MAX)

    def _far(self) -> Iterator[Record]:
        copies = self._copies
        if copies is not None:
            for mark in reversed(copies.held()):
                yield from newest_first(
                    partial(copies.read, mark.epoch), mark.sequence, oldest=copies.oldest(mark.epoch)
                )


def newest_first(read: Read, newest: int, *, oldest: int = 1) -> Iterator[Record]:
    """The last records of a journal or a copy of one, from `newest` back, as many as are looked through at most.

    Read in pages, the first of them small: who has found what was looked for reads no further. A record that cannot be
    decoded is passed over, and said. Raises what `read` raises.
    """
    least = max(oldest, newest - RECALL_RECORDS_MAX + 1, 1)
    high, page = newest, RECALL_FIRST_RECORDS
    while high >= least:
        low = max(least, high - page + 1)
        page = min(2 * page, RECALL_PAGE_RECORDS)
        rows = _rows(read, low, high)
        for row in reversed(rows):
            try:
                yield decode_record(row.raw)
            except WireError as error:
                log.error("record %d is not counted: %s", row.sequence, error)
        high = low - 1


def _rows(read: Read, low: int, high: int) -> list[StoredRecord]:
    """All that are held of low…high; `read` gives as many as fit into a batch."""
    rows: list[StoredRecord] = []
    while low <= high:
        found = [row for row in read(low, high - low + 1, BATCH_MAX_BYTES) if row.sequence <= high]
        if not found:
            break
        rows += found
        low = found[-1].sequence + 1
    return rows


def open_shift(records: Iterable[Record], vehicle: str) -> OpenShift | None:
    """T1: the shift that these records of the near door, newest first, leave open on this vehicle."""
    duty: Duty | None = None
    found: list[Tap | Annulment | Event] = []
    strays = 0
    for record in records:
        strays += isinstance(record, Tap) and record.service.shift is None
        if strays > RECALL_STRAYS_MAX:
            return None
        if isinstance(record, Shift) and record.vehicle == vehicle:
            if duty is None and record.step is ShiftStep.END:
                return None
            duty = duty or _duty(record, found)
            if record.step is ShiftStep.BEGIN:
                under = tuple(it for it in reversed(found) if _shift_of(it) == duty.shift)
                return OpenShift(duty, record.at, under)
        elif isinstance(record, Tap | Annulment | Event):
            found.append(record)
    if duty is not None:
        log.error("the shift %s began too long ago to be counted again; its driver signs in anew", duty.shift)
    return None


def _duty(told: Shift, since: Sequence[Record]) -> Duty:
    """The driver's last word, and what `since`, newest first, says of the direction: a trip may have ended."""
    newest = next((it for it in since if isinstance(it, Tap) and it.service.shift == told.shift), None)
    direction = told.direction
    if newest is not None and newest.fare_line is not None and newest.fare_line == told.route:
        direction = newest.service.direction
    return Duty(told.driver, told.shift, told.route, direction)


def under(records: Iterable[Record], shift: str, since: Instant) -> tuple[list[Tap], set[tuple[int, int]]]:
    """T2: the other door's answers under this shift, which began `since`; of its records newest first; in order.

    And (epoch, sequence) of those that it took back.
    """
    found: list[Tap] = []
    taken_back: set[tuple[int, int]] = set()
    for record in records:
        if since.trusted and record.at.trusted and record.at.wall_ms < since.wall_ms - RECALL_SLACK_MS:
            break
        if isinstance(record, Tap) and record.service.shift is not None:
            if record.service.shift != shift:
                break
            found.append(record)
        elif isinstance(record, Annulment) and record.shift == shift:
            taken_back.add((record.link.epoch, record.tap))
    return found[::-1], taken_back


def taken_back_before(records: Iterable[Record], driver: str, day: int, *, but: str) -> int:
    """How many boardings a driver took back on a service day, shift `but` left out; a door's records newest first."""
    count = 0
    for record in records:
        if record.at.trusted and service_day(record.at.wall_ms) < day:
            break
        if isinstance(record, Annulment) and record.shift != but and is_shift_of(record.shift, day, driver):
            count += 1
    return count


def _shift_of(record: Tap | Annulment | Event) -> str | None:
    return record.service.shift if isinstance(record, Tap) else record.shift


def seen_of(tap: Tap, boarding: Boarding, now: Instant, *, unknown_ms: int = ANNUL_WITHIN_MS + 1) -> Seen:
    """T3: an answer as its record says it, `unknown_ms` ago where no clock can tell. `boarding`: a door of this bus."""
    late_ms = tap.at.age_ms(now)
    if late_ms is None:
        late_ms = unknown_ms
    at = replace(now, wall_ms=now.wall_ms - late_ms, mono_ms=now.mono_ms - late_ms)
    return Seen(
        tap.service.door, tap.link.sequence, at, tap.verdict, tap.reason, tap.fare_rials, persons_in(boarding, tap),
        proxy=tap.code_kind is CodeKind.PROXY,
    )  # fmt: skip
