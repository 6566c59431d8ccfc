"""A made-up city as a GTFS feed: lines over a grid of streets, of the size and density of a city like Isfahan."""

from itertools import pairwise
from random import Random

WEEK = "saturday,sunday,monday,tuesday,wednesday,thursday,friday"
LAT, LON = 32_657_000, 51_678_000  # the middle, microdegrees
BLOCK_E6 = 3_600  # 400 m north-south: where lines turn, and about as far apart as stops
POINTS_A_BLOCK = 8  # a shape's point each 50 m, as mapped roads have them


def city_feed(lines: int, *, stops_a_line: int = 30, trips_a_day: int = 80, seed: int = 1) -> dict[str, str]:
    """File name → text. Each line runs both ways from 06:00 to 22:00; streets and stops are shared between lines."""
    random = Random(seed)  # noqa: S311 - a made-up city, no secret
    stops: dict[tuple[int, int], str] = {}
    routes, trips, times, shapes = [], [], [], []
    for number in range(1, lines + 1):
        routes.append(f"{number},{number},,3")
        way = _streets(random, stops_a_line)
        for direction, corners in enumerate((way, way[::-1])):
            shape = f"{number}-{direction}"
            shapes += [
                f"{shape},{lat / 1e6:.6f},{lon / 1e6:.6f},{at}" for at, (lat, lon) in enumerate(_points(corners))
            ]
            ids = [stops.setdefault(corner, f"s{len(stops) + 1}") for corner in corners]
            for trip in range(trips_a_day):
                start = 6 * 3600 + trip * 16 * 3600 // trips_a_day
                trip_id = f"{number}-{direction}-{trip:03}"
                trips.append(f"{number},all,{trip_id},{direction},{shape},پایانهٔ {number}")
                pace = 75 if start < 9 * 3600 else 60  # seconds a block: the morning is slow
                times += [
                    f"{trip_id},{_clock(start + at * pace)},{_clock(start + at * pace)},{stop},{at + 1}"
                    for at, stop in enumerate(ids)
                ]
    named = [
        f"{stop},ایستگاه {stop},{(LAT + y * BLOCK_E6) / 1e6:.6f},{(LON + x * BLOCK_E6) / 1e6:.6f}"
        for (y, x), stop in stops.items()
    ]
    return {
        "routes.txt": _table("route_id,route_short_name,route_long_name,route_type", routes),
        "stops.txt": _table("stop_id,stop_name,stop_lat,stop_lon", named),
        "trips.txt": _table("route_id,service_id,trip_id,direction_id,shape_id,trip_headsign", trips),
        "stop_times.txt": _table("trip_id,arrival_time,departure_time,stop_id,stop_sequence", times),
        "shapes.txt": _table("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", shapes),
        "calendar.txt": _table(f"service_id,{WEEK},start_date,end_date", ["all,1,1,1,1,1,1,1,20260321,20270320"]),
    }


def _streets(random: Random, blocks: int) -> list[tuple[int, int]]:
    """Corners along a line that goes on as it went, mostly, and never comes back to where it was."""
    at = (random.randrange(-30, 31), random.randrange(-30, 31))
    heading = random.choice([(0, 1), (1, 0), (0, -1), (-1, 0)])
    way = [at]
    while len(way) < blocks:
        if random.random() < 0.2:
            heading = random.choice([(heading[1], heading[0]), (-heading[1], -heading[0])])
        after = (at[0] + heading[0], at[1] + heading[1])
        if after in way:
            heading = (heading[1], -heading[0])
            if (at[0] + heading[0], at[1] + heading[1]) in way:
                return way if len(way) > 1 else _streets(random, blocks)
            continue
        at = after
        way.append(at)
    return way


def _points(corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    points = [
        (y * POINTS_A_BLOCK + (next_y - y) * part, x * POINTS_A_BLOCK + (next_x - x) * part)
        for (y, x), (next_y, next_x) in pairwise(corners)
        for part in range(POINTS_A_BLOCK)
    ]
    points.append((corners[-1][0] * POINTS_A_BLOCK, corners[-1][1] * POINTS_A_BLOCK))
    return [(LAT + y * BLOCK_E6 // POINTS_A_BLOCK, LON + x * BLOCK_E6 // POINTS_A_BLOCK) for y, x in points]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _table(heads: str, rows: list[str]) -> str:
    return "\n".join([heads, *rows]) + "\n"
