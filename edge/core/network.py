"""The city's lines as roads to drive along: which of them come by a place. Built once from a timetable, then read only.

A bus asks once a second, and a city has some 260 ways of 250 points. So the ground is laid out in cells of 2,000
microdegrees (some 200 m), and each knows the stretches of road that can be near any place in it.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from edge.core.limits import ROAD_WITHIN_M
from edge.core.position import Area, grown
from protocol.geometry import METRES_A_MICRODEGREE, Pass, Road
from protocol.wire.timetable import Line, Pattern

_CELL_E6 = 2_000
_SEGMENT_BITS = 16  # a pattern has at most 8,192 points


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One pattern of one line, as a road. `line` has no patterns and `pattern` no shape: the road is enough."""

    line: Line
    pattern: Pattern
    road: Road

    @property
    def pair(self) -> tuple[str, int]:
        """Line and direction: what a driver names, and a record says."""
        return self.line.name, self.pattern.direction

    @property
    def end_m(self) -> int:
        """Metres of the last stop."""
        return self.pattern.calls[-1].metres


class Network:
    """Every way of the lines, and which come by a place."""

    def __init__(self, lines: Iterable[Line]) -> None:
        ways: list[Way] = []
        self.area: Area | None = None
        self._cells: dict[tuple[int, int], array[int]] = {}
        reach_lat = int(ROAD_WITHIN_M / METRES_A_MICRODEGREE) + 1
        for line in lines:
            for pattern in line.patterns:
                for call in pattern.calls:
                    self.area = grown(self.area, call.stop.lat_e6, call.stop.lon_e6)
                self._lay_out(len(ways), pattern.shape, reach_lat)
                ways.append(Way(replace(line, patterns=()), replace(pattern, shape=()), Road(pattern.shape)))
        self.ways = tuple(ways)
        # Every line and direction, with its longest way, by name.
        self.pairs: Mapping[tuple[str, int], Way] = {
            way.pair: way for way in sorted(ways, key=lambda way: (way.pair, way.end_m))
        }

    def near(self, lat_e6: int, lon_e6: int) -> list[tuple[Way, list[Pass]]]:
        """The ways that come by within ROAD_WITHIN_M, each with every time that it does."""
        listed = self._cells.get((lat_e6 // _CELL_E6, lon_e6 // _CELL_E6), ())
        found = []
        for number, entries in groupby(listed, key=lambda entry: entry >> _SEGMENT_BITS):
            way = self.ways[number]
            segments = [entry & ((1 << _SEGMENT_BITS) - 1) for entry in entries]
            if passes := way.road.passes(lat_e6, lon_e6, within_m=ROAD_WITHIN_M, segments=segments):
                found.append((way, passes))
        return found

    def _lay_out(self, number: int, shape: tuple[tuple[int, int], ...], reach_lat: int) -> None:
        reach_lon = reach_lat * 2  # degrees of longitude are shorter, down to a half at 60° north or south
        for segment in range(len(shape) - 1):
            (lat, lon), (next_lat, next_lon) = shape[segment], shape[segment + 1]
            for y in range(
                (min(lat, next_lat) - reach_lat) // _CELL_E6, (max(lat, next_lat) + reach_lat) // _CELL_E6 + 1
            ):
                for x in range(
                    (min(lon, next_lon) - reach_lon) // _CELL_E6, (max(lon, next_lon) + reach_lon) // _CELL_E6 + 1
                ):
                    self._cells.setdefault((y, x), array("L")).append(number << _SEGMENT_BITS | segment)
