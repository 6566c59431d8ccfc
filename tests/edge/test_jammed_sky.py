"""Stops without a sky: wheels and doors carry a bus on along its line, and the fare of a tap-out goes by them."""

from dataclasses import replace

import pytest

from edge.core.errors import GnssLost
from edge.core.limits import CARRY_EVERY_MS, FIX_STALE_MS, GNSS_RETRY_MS
from edge.core.line import LineTracker
from edge.core.network import Network
from edge.core.position import Fix
from edge.core.wheels import Driven
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import Doubt, Instant, Service
from protocol.wire.timetable import Line
from tests.edge.streets import NINE, at, drive, pattern, place
from tests.edge.test_whereabouts import BY_DISTANCE, Bus

WAY = NINE.patterns[0]  # 6 km, a stop every 500 m
TOLD = Service("bus-1", 1, "9", 0)
FAST_MPS = 10


class Jammed(Bus):
    """A bus of line 9 whose sky is forged behind metre 1,000. Its wheels say `worn` metres for one."""

    def __init__(
        self, *, worn: float = 1.02, wired: bool = True, seen_m: tuple[int, int] = (0, 1_000), **changes: object
    ) -> None:
        super().__init__(TOLD, **changes)  # type: ignore[arg-type]
        self.worn, self.along_m = worn, float(seen_m[0])
        if wired:
            self.vehicle.mps = float(FAST_MPS)
        self.go(seen_m[1], jammed=False)

    def go(self, to_m: float, *, jammed: bool = True) -> None:
        """Drive on to there."""
        start_s = self.now.mono_ms / 1000 + 1
        for one, now in drive([(self.along_m, 0.0), (to_m, 0.0)], start_s=start_s, speed_mps=FAST_MPS, noise_m=2):
            self.vehicle.metres += FAST_MPS * self.worn
            self._see(one, now, jammed=jammed)
        self.along_m = to_m

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
    bus = Jammed(seen_m=(4_800, 5_000))
    for metres in (5_500, 6_000):
        bus.go(metres)
        bus.halt()
    assert bus.line == ("9", 1)


def test_doors_that_stand_open_while_it_drives_name_no_stop() -> None:
    bus = Jammed(worn=1.0, tariff=BY_DISTANCE)
    bus.vehicle.doors_open = True
    bus.go(2_300)
    here, _ = bus.place.along(bus.now.mono_ms)
    assert here is not None
    assert here.metres == pytest.approx(2_300, abs=30)


def test_who_left_the_way_under_a_trusted_sky_is_not_carried_along_it() -> None:
    bus = Jammed()
    bus.follow(drive([(1_000.0, 0.0), (1_000.0, 300.0)], start_s=bus.now.mono_ms / 1000 + 1))
    bus.along_m = 1_600
    bus.go(3_000)
    assert bus.stop_m is None


def test_a_trusted_place_is_asked_before_the_wheels() -> None:
    tracker = LineTracker(Network([NINE]))
    tracker.tell(("9", 0))
    for one, now in drive([(0.0, 0.0), (500.0, 0.0)], noise_m=0):
        tracker.heard(one, now, Driven(1, 0.0))
    tracker.rolled(Driven(1, 10.0), now, at_stop=False)
    assert not tracker.carries(now.mono_ms + FIX_STALE_MS)
    assert tracker.carries(now.mono_ms + FIX_STALE_MS + 1)


def test_a_sky_that_comes_back_goes_on_where_the_wheels_were() -> None:
    bus = Jammed()
    bus.go(3_000)
    bus.go(3_600, jammed=False)
    assert bus.line == ("9", 0)
    assert bus.stop_m == 3_500
    here, _ = bus.place.along(bus.now.mono_ms)
    assert here is not None
    assert here.metres == pytest.approx(3_600, abs=45)


def test_who_taps_out_under_a_forged_sky_pays_for_what_the_wheels_turned() -> None:
    bus = Jammed(tariff=BY_DISTANCE)
    bus.go(1_500)
    bus.halt()
    bus.tap()
    for metres in range(2_000, 5_000, 500):
        bus.go(metres)
        bus.halt()
    off = bus.tap(again=True)
    assert (off.verdict, off.reason, off.fare_rials) == (Verdict.TAPPED_OUT, Reason.NONE, 40_000)


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


def test_a_road_that_comes_by_twice_goes_on_at_the_side_that_the_wheels_say() -> None:
    there_and_back = Line("z", "z", "", (pattern([(0, 0), (2_000, 0), (0, 0)]),))
    sides = []
    for turned_m in (500.0, 2_500.0):
        tracker = LineTracker(Network([there_and_back]))
        tracker.tell(("z", 0))
        for one, now in drive([(0.0, 0.0), (500.0, 0.0)], noise_m=0):
            tracker.heard(one, now, Driven(1, 0.0))
        tracker.rolled(Driven(1, turned_m), at(400), at_stop=False)
        tracker.heard(Fix(401_000, *place(1_000, 0), 12, 9, 10.0, at(401).wall_ms), at(401), Driven(1, turned_m))
        guess = tracker.guess(at(401))
        assert guess is not None
        sides.append(guess.metres)
    assert sides == [pytest.approx(1_000, abs=5), pytest.approx(3_000, abs=5)]
