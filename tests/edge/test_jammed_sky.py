"""Stops without a sky: wheels and doors carry a bus on along its line; no fare goes by them."""

from dataclasses import replace

import pytest

from edge.core.errors import GnssLost
from edge.core.limits import CARRY_EVERY_MS, GNSS_RETRY_MS
from edge.core.line import LineTracker
from edge.core.network import Network
from edge.core.position import Fix
from edge.core.wheels import Driven
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import ClockQuality, Doubt, Instant, Service
from protocol.wire.timetable import Line
from tests.edge.streets import NINE, at, drive, pattern, place
from tests.edge.test_whereabouts import BY_DISTANCE, Bus

WAY = NINE.patterns[0]  # 6 km, a stop every 500 m
TOLD = Service("bus-1", 1, "9", 0)
FAST_MPS = 10


class Jammed(Bus):
    """A bus of line 9 whose sky is forged behind metre 1,000. Its wheels say `worn` metres for one."""

    def __init__(
        self,
        *,
        worn: float = 1.02,
        wired: bool = True,
        seen_m: tuple[int, int] = (0, 1_000),
        approach_m: float = 0.0,
        **changes: object,
    ) -> None:
        super().__init__(TOLD, **changes)  # type: ignore[arg-type]
        self.worn, self.along_m = worn, float(seen_m[0])
        if wired:
            self.vehicle.mps = float(FAST_MPS)
        if approach_m:  # down a street that no line runs along
            self._drive([(seen_m[0], approach_m), (seen_m[0], 0.0)], jammed=False)
        self.go(seen_m[1], jammed=False)

    def go(self, to_m: float, *, jammed: bool = True) -> None:
        """Drive on to there."""
        self._drive([(self.along_m, 0.0), (to_m, 0.0)], jammed=jammed)
        self.along_m = to_m

    def _drive(self, corners: list[tuple[float, float]], *, jammed: bool) -> None:
        start_s = self.now.mono_ms / 1000 + 1
        for one, now in drive(corners, start_s=start_s, speed_mps=FAST_MPS, noise_m=2):
            self.vehicle.metres += FAST_MPS * self.worn
            self._see(one, now, jammed=jammed)

    def halt(self, seconds: int = 10, *, doors: bool = True) -> None:
        """Stand there, with the doors open or not."""
        speed, self.vehicle.mps = self.vehicle.mps, None if self.vehicle.mps is None else 0.0
        self.vehicle.doors_open = doors
        for _ in range(seconds):
            now = at(self.now.mono_ms / 1000 + 1)
            self._see(Fix(now.mono_ms, *place(self.along_m, 0), 12, 9, 0.0, now.wall_ms), now, jammed=True)
        self.vehicle.mps, self.vehicle.doors_open = speed, False

    def _see(self, one: Fix, now: Instant, *, jammed: bool) -> None:
        self.follow([(replace(one, lat_e6=35_416_000, lon_e6=51_152_000) if jammed else one, now)])

    @property
    def stop_m(self) -> int | None:
        """Metres of the stop that a record would name."""
        stop = self.door.service.stop
        return next((call.metres for call in WAY.calls if call.stop.name == stop), None)


@pytest.mark.parametrize("worn", [0.98, 1.02])
def test_each_stop_is_known_under_a_forged_sky(worn: float) -> None:
    bus = Jammed(worn=worn)
    for metres in range(1_500, 5_600, 500):
        bus.go(metres)
        bus.halt()
        assert bus.stop_m == metres
        tap = bus.tap()
        assert tap.service.stop == bus.door.service.stop
        assert tap.position is not None
        assert tap.position.doubt is Doubt.OUTSIDE, "the place itself is no better for it"


def test_without_wheels_no_stop_is_known_after_a_minute() -> None:
    bus = Jammed(wired=False)
    bus.go(2_000)
    assert bus.stop_m is None
    assert bus.line == ("9", 0), "what the driver said stays"


def test_without_doors_the_wheels_err_after_three_kilometres() -> None:
    bus = Jammed()
    bus.go(3_500)
    bus.halt(doors=False)
    assert bus.stop_m == 3_500
    bus.go(4_500)
    bus.halt(doors=False)
    assert bus.stop_m is None


def test_doors_that_stay_closed_name_none() -> None:
    bus = Jammed(worn=1.0)
    bus.go(1_550)
    bus.halt(doors=False)
    bus.go(1_945)
    assert bus.stop_m == 2_000


def test_doors_that_open_between_two_stops_name_neither() -> None:
    bus = Jammed(worn=1.0)
    bus.go(1_750)
    bus.halt()
    assert bus.stop_m == 1_500
    bus.go(2_000)
    bus.halt()
    assert bus.stop_m == 2_000


def test_at_the_last_stop_the_trip_ends_and_the_way_back_begins() -> None:
    bus = Jammed()
    for metres in range(1_500, 6_100, 500):
        bus.go(metres)
        bus.halt()
    assert bus.line == ("9", 1)
    assert bus.door.fare_line == "9"
    bus.go(5_500)
    bus.halt()
    assert bus.door.service.stop == NINE.patterns[1].calls[1].stop.name


def test_what_the_wheels_turned_counts_towards_the_trip_that_ends() -> None:
    bus = Jammed(seen_m=(4_800, 5_000), approach_m=800.0)
    bus.door.serve(replace(bus.door.service, route="9", direction=0))  # his word begins here
    for metres in (5_500, 6_000):
        bus.go(metres)
        bus.halt()
    assert bus.line == ("9", 1)


def test_in_a_jam_with_open_doors_it_is_not_drawn_back_to_the_stop_that_it_left() -> None:
    bus = Jammed(worn=1.0)
    bus.go(1_500)
    bus.halt()
    for metres in range(1_550, 2_000, 50):
        bus.go(metres)
        bus.halt()
        assert bus.stop_m == (1_500 if metres + 60 < 2_000 else 2_000)


def test_who_left_the_way_under_a_trusted_sky_is_not_carried_along_it() -> None:
    bus = Jammed()
    bus._drive([(1_000.0, 0.0), (1_000.0, 300.0)], jammed=False)
    assert bus.place.wheels_fit
    bus.along_m = 1_600
    bus.go(3_000)
    assert bus.stop_m is None


def test_a_trusted_place_is_asked_before_the_wheels() -> None:
    tracker = tracked([NINE])
    tracker.rolled(Driven(1, 700.0 + 260.0), at(71), at_stop=False)
    stops = [WAY.calls[at].stop.name for at in (1, 2)]
    for mono_ms, stop in ((75_000, stops[0]), (75_001, stops[1])):
        guess = tracker.guess(Instant(0, mono_ms, ClockQuality.TRUSTED, 1))
        assert guess is not None
        assert guess.stop == stop


def test_a_sky_that_comes_back_goes_on_where_the_wheels_were() -> None:
    bus = Jammed()
    bus.go(3_000)
    bus.go(3_600, jammed=False)
    assert bus.line == ("9", 0)
    assert bus.stop_m == 3_500
    here, _ = bus.place.along(bus.now.mono_ms)
    assert here is not None
    assert here.metres == pytest.approx(3_600, abs=45)


def test_no_fare_goes_by_the_wheels() -> None:
    """Doors in a jam, a wire that breaks, a wrong `mm_per_pulse`: whatever they make of the way, nobody pays for it."""
    bus = Jammed(tariff=BY_DISTANCE)
    bus.go(1_500)
    bus.halt()
    on = bus.tap()
    for metres in range(2_000, 5_000, 500):
        bus.go(metres)
        bus.halt()
    off = bus.tap(again=True)
    assert bus.stop_m == 4_500
    assert (on.metres, off.metres) == (None, None)
    assert (off.verdict, off.reason, off.fare_rials) == (Verdict.TAPPED_OUT, Reason.WAY_UNKNOWN, 20_000)


def test_a_broken_odometer_takes_no_stop_away_under_a_good_sky_and_is_said() -> None:
    bus = Jammed()
    speed = bus.vehicle.mps
    assert bus.place.wheels_fit
    bus.vehicle.mps, bus.worn = 0.0, 0.0
    for metres in range(1_500, 4_000, 500):
        bus.go(metres, jammed=False)
        assert bus.stop_m == metres
    assert bus.place.speed_kmh(bus.now.mono_ms) == 36
    assert bus.place.wheels_fit is False
    assert bus.place.wheels_to_sky < 0.1  # type: ignore[operator]
    bus.go(4_500)
    bus.halt()
    bus.go(6_000)
    assert bus.stop_m is None, "nor are they asked when the sky is jammed"
    assert speed


def test_wheels_turn_while_the_receiver_is_gone() -> None:
    bus = Jammed()
    begun = at(bus.now.mono_ms / 1000 + 1)
    bus.receiver.script = [GnssLost("unplugged", fix="plug it in")]
    assert bus.place.step(lambda: begun) == CARRY_EVERY_MS
    for second in range(1, 60):
        bus.vehicle.metres += FAST_MPS
        bus.now = at(begun.mono_ms / 1000 + second)
        if second * 1000 % GNSS_RETRY_MS == 0:
            bus.receiver.script = [GnssLost("unplugged", fix="plug it in")]
        assert bus.place.step(lambda: bus.now) <= CARRY_EVERY_MS
    assert bus.stop_m == 1_500


def tracked(lines: list[Line]) -> LineTracker:
    """Told of the first line's way out, 700 m along it after 70 s, with wheels that agreed."""
    tracker = LineTracker(Network(lines))
    tracker.tell((lines[0].name, 0))
    for metres in range(0, 701, 10):
        now = at(metres / 10)
        fix = Fix(now.mono_ms, *place(metres, 0), 5, 9, 10.0, now.wall_ms)
        tracker.heard(fix, now, Driven(1, float(metres)))
    return tracker


def test_a_road_that_comes_by_twice_goes_on_at_the_side_that_the_wheels_say() -> None:
    there_and_back = Line("z", "z", "", (pattern([(0, 0), (2_000, 0), (0, 0)]),))
    sides = []
    for turned_m in (300.0, 2_300.0):
        tracker = tracked([there_and_back])
        tracker.rolled(Driven(1, 700.0 + turned_m), at(400), at_stop=False)
        tracker.heard(Fix(401_000, *place(1_000, 0), 12, 9, 10.0, at(401).wall_ms), at(401), Driven(1, 3_000.0))
        guess = tracker.guess(at(401))
        assert guess is not None
        sides.append(guess.metres)
    assert sides == [pytest.approx(1_000, abs=5), pytest.approx(3_000, abs=5)]
