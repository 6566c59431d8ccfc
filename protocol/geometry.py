"""Distances on the ground, and a road as a line of points: what a timetable's metres are measured along.

Office and validator measure by the same rules, or a stop would lie elsewhere for each:
- the ground is flat around a road's first point: a microdegree is 0.111195 m (mean Earth radius), of longitude times
  the cosine of that point's latitude. Over a city of 40 km the error is under 0.2 %;
- a place's metres along a road are those of the nearest point on it. A road that comes by twice has two such points.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, radians

METRES_A_MICRODEGREE = 0.111195  # 6,371,009 m × π / 180 / 10⁶
SAME_PASS_M = 40  # two near points closer than this along the road are one coming-by: a bend, not a way back


@dataclass(frozen=True, slots=True)
class Pass:
    """A road comes by a place: how far along it, how far aside (both metres), and on which of its segments."""

    along_m: float
    aside_m: float
    segment: int


def metres_between(lat_e6: int, lon_e6: int, other_lat_e6: int, other_lon_e6: int) -> float:
    """Metres between two places of one city, or of one another's sky when a position has jumped."""
    lon = ((other_lon_e6 - lon_e6 + 180_000_000) % 360_000_000 - 180_000_000) * cos(radians(lat_e6 / 1e6))
    return hypot(other_lat_e6 - lat_e6, lon) * METRES_A_MICRODEGREE


class Road:
    """A shape in metres around its first point. `length_m` is from its first point to its last."""

    __slots__ = ("_along", "_cos", "_lat", "_lon", "_xs", "_ys")

    def __init__(self, shape: Sequence[tuple[int, int]]) -> None:
        self._lat, self._lon = shape[0]
        self._cos = cos(radians(self._lat / 1e6))
        placed = [self.place(lat, lon) for lat, lon in shape]
        self._xs, self._ys = array("d", [x for x, _ in placed]), array("d", [y for _, y in placed])
        self._along = array("d", [0.0])
        for (x, y), (next_x, next_y) in pairwise(placed):
            self._along.append(self._along[-1] + hypot(next_x - x, next_y - y))

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return self._along[-1]

    @property
    def segments(self) -> range:
        """Numbers of the stretches between one point and the next."""
        return range(len(self._xs) - 1)

    def place(self, lat_e6: int, lon_e6: int) -> tuple[float, float]:
        """Metres east and north of the first point."""
        return (lon_e6 - self._lon) * METRES_A_MICRODEGREE * self._cos, (lat_e6 - self._lat) * METRES_A_MICRODEGREE

    def passes(self, lat_e6: int, lon_e6: int, *, within_m: float, segments: Iterable[int] | None = None) -> list[Pass]:
        """Each coming-by within so many metres, in the road's order. `segments`: where to look, ascending."""
        x, y = self.place(lat_e6, lon_e6)
        found: list[Pass] = []
        for segment in self.segments if segments is None else segments:
            near = self._nearest(x, y, segment)
            if near.aside_m > within_m:
                continue
            if found and near.along_m - found[-1].along_m < SAME_PASS_M:
                if near.aside_m < found[-1].aside_m:
                    found[-1] = near
            elif self._comes_by(x, y, near):
                found.append(near)
        return found

    def at(self, along_m: float) -> tuple[int, int]:
        """The place (lat_e6, lon_e6) so far along; before the first point or behind the last it is that point."""
        segment = min(max(bisect_right(self._along, along_m) - 1, 0), len(self._xs) - 2)
        long = self._along[segment + 1] - self._along[segment]
        part = min(max((along_m - self._along[segment]) / long, 0.0), 1.0)
        x = self._xs[segment] + part * (self._xs[segment + 1] - self._xs[segment])
        y = self._ys[segment] + part * (self._ys[segment + 1] - self._ys[segment])
        lat = self._lat + round(y / METRES_A_MICRODEGREE)
        return lat, self._lon + round(x / METRES_A_MICRODEGREE / self._cos)

    def _nearest(self, x: float, y: float, segment: int) -> Pass:
        x0, y0 = self._xs[segment], self._ys[segment]
        dx, dy = self._xs[segment + 1] - x0, self._ys[segment + 1] - y0
        square = dx * dx + dy * dy
        part = min(max(((x - x0) * dx + (y - y0) * dy) / square, 0.0), 1.0)
        aside = hypot(x - x0 - part * dx, y - y0 - part * dy)
        return Pass(self._along[segment] + part * square**0.5, aside, segment)

    def _comes_by(self, x: float, y: float, near: Pass) -> bool:
        """Whether the road is nowhere nearer just before or behind: else it comes by on the segment beside."""
        at_start = near.along_m == self._along[near.segment]
        if at_start and near.segment > 0:
            return self._nearest(x, y, near.segment - 1).aside_m >= near.aside_m
        at_end = near.along_m >= self._along[near.segment + 1]
        if at_end and near.segment + 1 < len(self._xs) - 1:
            return self._nearest(x, y, near.segment + 1).aside_m >= near.aside_m
        return True
