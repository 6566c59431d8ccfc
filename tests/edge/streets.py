"""A few lines by hand, and buses that drive along them: for tests of line, direction, stop."""

from collections.abc import Iterator
from random import Random

from edge.core.position import Fix
from protocol.geometry import METRES_A_MICRODEGREE, Road
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.timetable import Call, Days, Line, Pattern, Stop, Trip

LAT, LON = 32_657_000, 51_678_000
WALL_MS = 1_790_000_000_000  # 2026-09-21 17:43:20 in Isfahan
NOW_S = 17 * 3600 + 43 * 60 + 20
DAILY = Days(127, 20_000, 21_000)


def place(x: float, y: float) -> tuple[int, int]:
    """Metres east and north of the middle → microdegrees."""
    return LAT + round(y / METRES_A_MICRODEGREE), LON + round(x / METRES_A_MICRODEGREE / 0.84185)


def pattern(
    corners: list[tuple[float, float]], direction: int = 0, trips: tuple[Trip, ...] = (), stop_m: int = 500
) -> Pattern:
    shape = tuple(place(x, y) for x, y in corners)
    road = Road(shape)
    at = [*range(0, int(road.length_m) - stop_m // 2, stop_m), int(road.length_m)]
    calls = []
    for metres in at:
        lat, lon = road.at(metres)
        calls.append(Call(Stop(f"s{lat}-{lon}", "", "", lat, lon), metres))
    return Pattern(direction, f"به {direction}", "", shape, tuple(calls), trips)


def both_ways(name: str, corners: list[tuple[float, float]]) -> Line:
    return Line(name, name, "", (pattern(corners), pattern(corners[::-1], 1)))


def daily(start_s: int, calls: int, seconds_a_stop: int = 60, name: str = "t") -> Trip:
    return Trip(start_s, name, DAILY, tuple(at * seconds_a_stop for at in range(calls)))


NINE = both_ways("9", [(0, 0), (6_000, 0)])
TEN = both_ways("10", [(0, 0), (3_000, 0), (3_000, 3_000)])  # shares 3 km with line 9
RING = Line("ring", "ring", "", (pattern([(0, 1_000), (2_000, 1_000), (2_000, 3_000), (0, 3_000), (0, 1_000)]),))
FAR = both_ways("77", [(0, 9_000), (5_000, 9_000)])
CITY = [NINE, TEN, RING, FAR]


def at(second: float, *, trusted: bool = True) -> Instant:
    quality = ClockQuality.TRUSTED if trusted else ClockQuality.UNTRUSTED
    return Instant(WALL_MS + int(second * 1000), int(second * 1000), quality, 1 if trusted else 0)


def drive(
    corners: list[tuple[float, float]], *, start_s: float = 0, speed_mps: float = 10, noise_m: float = 6, seed: int = 1
) -> Iterator[tuple[Fix, Instant]]:
    """A fix a second along straight lines, with a receiver's noise."""
    random, road = Random(seed), Road([place(x, y) for x, y in corners])
    for second in range(int(road.length_m / speed_mps) + 1):
        lat, lon = road.at(second * speed_mps)
        yield fix(lat, lon, start_s + second, random, noise_m=noise_m, speed_mps=speed_mps)


def stand(
    where: tuple[float, float], seconds: int, *, start_s: float = 0, noise_m: float = 6, seed: int = 1
) -> Iterator[tuple[Fix, Instant]]:
    random = Random(seed)
    for second in range(seconds):
        yield fix(*place(*where), start_s + second, random, noise_m=noise_m, speed_mps=0.3)


def fix(lat: int, lon: int, second: float, random: Random, *, noise_m: float, speed_mps: float) -> tuple[Fix, Instant]:
    now = at(second)
    off = [round(random.gauss(0, noise_m / 2) / METRES_A_MICRODEGREE) for _ in range(2)]
    return Fix(now.mono_ms, lat + off[0], lon + off[1], 12, 9, speed_mps, now.wall_ms), now
