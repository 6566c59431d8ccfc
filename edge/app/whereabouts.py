"""Where the vehicle is and on which line, told to the door: fixes judged, line followed, the driver's word kept.

    thread `gnss-DEVICE`     step      reads the receiver, judges, follows; opens it again when it is gone
    bundles' thread          replace   another timetable
    cameras' threads         position  what a record says of the place

Rules:
- an untrusted fix is recorded with its doubt, and changes nothing else;
- what the driver, or the configuration, told the door is his word: it stands until the next end of a trip;
- no fare is decided by a place alone (P14): prices and refusals go by a line that a person told, while the road says no
  other; a line that was only inferred is recorded, and the fare is decided for the rider;
- while no place is trusted, wheels and doors carry the vehicle on along its line: they name its stop, and the end of
  its trip, and no metres (`edge.core.carry`);
- of two speeds the higher counts, for a broken wire stands;
- a door without a receiver is never touched: it serves what it was told.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from edge.app.config import GnssConfig
from edge.core.errors import GnssLost
from edge.core.limits import (
    CARRY_EVERY_MS,
    FIX_STALE_MS,
    GNSS_READ_TIMEOUT_S,
    GNSS_RETRY_MS,
    TERMINUS_M,
    TRIP_ENDED_HELD_MS,
)
from edge.core.line import Choice, Guess, LineTracker
from edge.core.lines import LineView, lines_of
from edge.core.network import Network
from edge.core.position import Fix, FixSource, Whereabouts
from edge.core.vehicle import NO_LINES, Vehicle
from protocol.wire.records import Doubt, Instant, Position, Service
from protocol.wire.sister import Along
from protocol.wire.timetable import decode_lines

log = logging.getLogger(__name__)


class Doorway(Protocol):
    """What is told where it serves: `Boarding`."""

    @property
    def service(self) -> Service:
        """Where it serves."""
        ...

    @property
    def orders(self) -> int:
        """How often somebody has told it."""
        ...

    @property
    def fare_line(self) -> str | None:
        """The line that prices go by."""
        ...

    def move(self, before: Service, after: Service, *, fare_line: str | None) -> bool:
        """Serve there from the next tap on, if it still serves as before; else False, and nothing changes."""
        ...


class Place:
    """One door's place. `open_source` opens the receiver and raises GnssLost; `witness` hears the satellites' time."""

    def __init__(
        self, *, door: Doorway, open_source: Callable[[], FixSource], witness: Callable[[int, int], None],
        vehicle: Vehicle = NO_LINES,
    ) -> None:  # fmt: skip
        self._door, self._open, self._witness, self._vehicle = door, open_source, witness, vehicle
        self._where = Whereabouts()
        self._line = LineTracker(Network(()))
        self._newer: Network | None = None
        self._told_line: str | None = None
        self._orders = -1  # none heard yet: what is configured is the first
        self._mine: Service | None = None  # what the door serves because of us
        self._source: FixSource | None = None
        self._due_ms = 0
        self._fast: Fix | None = None
        self._choices: list[Choice] = []
        self._along: tuple[Along, int] | None = None  # by the last trusted place, and when that was; both or neither
        self._ended: tuple[Along, int] | None = None  # of the trip before this one, and when it was over
        self.lines: dict[str, LineView] = {}
        self.number = 0
        self.problem: GnssLost | None = None

    # --- from any thread ----------------------------------------------------------------------------------------------

    def position(self, mono_ms: int) -> Position | None:
        """What a record says of the place; None if nothing was heard for ten minutes."""
        return self._where.position(mono_ms)

    def along(self, mono_ms: int) -> tuple[Along | None, Along | None]:
        """Where on its way the vehicle is, by a trusted place, and where its trip before this one ended, a while ago.

        Riders step out at the last stop when the road has begun the way back already.
        """
        here, ended = self._along, self._ended
        return (
            None if here is None or mono_ms - here[1] > FIX_STALE_MS else here[0],
            None if ended is None or mono_ms - ended[1] > TRIP_ENDED_HELD_MS else ended[0],
        )

    def speed_kmh(self, mono_ms: int) -> int | None:
        """How fast it goes by the last trusted fix; None where nobody knows."""
        fast = self._fast
        if fast is None or fast.speed_mps is None or mono_ms - fast.mono_ms > FIX_STALE_MS:
            return None
        return round(fast.speed_mps * 3.6)

    @property
    def wheels_fit(self) -> bool | None:
        """Whether the odometer turns as far as the sky says; None until that can be told."""
        return self._line.wheels_fit

    @property
    def wheels_to_sky(self) -> float | None:
        """Metres by the odometer for each by the sky; None until that can be told."""
        return self._line.wheels_to_sky

    @property
    def choices(self) -> list[Choice]:
        """The few most likely lines and directions, best first: what a driver is offered."""
        return self._choices

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """Another timetable, from its proven chunks. Raises WireError; then the one before stays in use."""
        newer = Network(line for chunk in chunks for line in decode_lines(chunk))
        self._newer, self.number = newer, number
        self.lines = lines_of((way.line, way.pattern) for way in newer.pairs.values())

    # --- its own thread -----------------------------------------------------------------------------------------------

    def step(self, clock: Callable[[], Instant]) -> int:
        """One fix, or none for a while → milliseconds to wait before the next step."""
        now = clock()
        self._hear_orders()
        if self._source is None and now.mono_ms < self._due_ms:
            self._roll(now)
            self._tell(now)
            return self._pause_ms(self._due_ms - now.mono_ms, now)
        try:
            if self._source is None:
                self._source = self._open()
            fix = self._source.read(GNSS_READ_TIMEOUT_S)
        except GnssLost as problem:
            if self.problem is None:
                log.warning("no position: %s", problem)
            self.problem, self._due_ms = problem, now.mono_ms + GNSS_RETRY_MS
            self.close()
            return self._pause_ms(GNSS_RETRY_MS, now)
        self.problem = None
        now = clock()
        if fix is None or not self._heard(fix, now):
            self._roll(now)
        self._tell(now)
        return 0

    def _pause_ms(self, wait_ms: int, now: Instant) -> int:
        """Wheels go on while no receiver speaks."""
        return wait_ms if self._vehicle.driven(now.mono_ms) is None else min(wait_ms, CARRY_EVERY_MS)

    def close(self) -> None:
        """Let the receiver go."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _hear_orders(self) -> None:
        """Another timetable, and what the door was told since."""
        newer, self._newer = self._newer, None
        if newer is not None:
            self._line.know(newer)
            self._where.know(newer.area)
            if self._door.service != self._mine:
                self._orders = -1  # heard anew: a word that the timetable before may not have known
        orders, service = self._door.orders, self._door.service
        if orders != self._orders:
            self._orders = orders
            self._told_line = service.route
            told = None if service.route is None or service.direction is None else (service.route, service.direction)
            self._line.tell(told if told in self._line.pairs else None)

    def _heard(self, fix: Fix, now: Instant) -> bool:
        """Whether it is trusted."""
        wheels = self._vehicle.speed_mps(fix.mono_ms)
        if wheels is not None:
            fix = replace(fix, speed_mps=max(wheels, fix.speed_mps or 0.0))
        if self._where.heard(fix, now) is not Doubt.NONE:
            return False
        self._fast = fix
        if fix.time_ms is not None:
            self._witness(fix.time_ms, fix.mono_ms)
        self._line.heard(fix, now, self._vehicle.driven(fix.mono_ms))
        self._choices = self._line.choices()
        self._follow(fix.mono_ms, self._line.guess(now))
        return True

    def _roll(self, now: Instant) -> None:
        """No trusted place came."""
        mono_ms = now.mono_ms
        stands = self._vehicle.speed_mps(mono_ms) == 0.0
        at_stop = stands and self._vehicle.door_open(mono_ms) is True
        self._line.rolled(self._vehicle.driven(mono_ms), now, at_stop=at_stop)

    def _follow(self, mono_ms: int, guess: Guess | None) -> None:
        before = None if self._along is None else self._along[0]
        known = guess is not None and guess.metres is not None
        here = Along(guess.line, guess.direction, guess.trip, guess.metres) if guess is not None and known else None
        if before is not None and (here is None or (here.line, here.direction) != (before.line, before.direction)):
            self._ended = (before, mono_ms)
        elif before is not None and here is not None and (here.metres or 0) + TERMINUS_M < (before.metres or 0):
            self._ended = (before, mono_ms)  # a loop begins anew
        self._along = None if here is None else (here, mono_ms)

    def _tell(self, now: Instant) -> None:
        """The door serves what is believed; what it was told meanwhile is heard first, in the next step."""
        before = self._door.service
        if before.route is not None and (before.route, before.direction) not in self._line.pairs:
            return  # told of a line that the timetable does not have: nothing here knows better
        guess = self._line.guess(now)
        if guess is None:
            after = replace(before, route=None, direction=None, trip=None, stop=None)
        else:
            after = replace(before, route=guess.line, direction=guess.direction, trip=guess.trip, stop=guess.stop)
        fare_line = after.route if after.route == self._told_line else None
        if (after, fare_line) != (before, self._door.fare_line) and self._door.orders == self._orders:
            self._mine = after if self._door.move(before, after, fare_line=fare_line) else None


def fastest_kmh(vehicle: Vehicle, place: Place | None, mono_ms: int) -> int | None:
    """By the vehicle's wheels or the last trusted fix, the faster; None where nobody knows."""
    wheels = vehicle.speed_mps(mono_ms)
    sky = None if place is None else place.speed_kmh(mono_ms)
    told = [it for it in (sky, None if wheels is None else round(wheels * 3.6)) if it is not None]
    return max(told, default=None)


def place_of(
    gnss: GnssConfig | None, door: Doorway, witness: Callable[[int, int], None], vehicle: Vehicle
) -> Place | None:
    """The place of a door that has a receiver."""
    if gnss is None:
        return None
    from edge.adapters.gnss import open_gnss  # noqa: PLC0415 - its libraries are for buses that have one

    return Place(door=door, open_source=lambda: open_gnss(gnss.source), witness=witness, vehicle=vehicle)
