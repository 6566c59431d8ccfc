"""The timetable: a city's lines with their stops, shapes and trips, as chunks of the bundle's section `timetable`.

    chunk ─ stops, days                                  shared by the lines of this chunk, named by their place in it
          └ lines ─ patterns ─ shape, calls              one way of running: direction, road, stops with metres along it
                             └ runs, trips               seconds from the first stop; when one leaves, on which days

Rules:
- a chunk says all of its lines by itself, so a validator uses the lines that it holds while others are on their way;
- lists that mean a set ascend strictly, and nothing stands in a chunk that none of its lines uses: one timetable has
  one form, and one line that changes changes one chunk;
- integers only: microdegrees, metres, seconds. A shape is its first point, then the difference from point to point;
- the timetable is no part of `Bundle`: it is fetched after it, and may be missing without keeping anything back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, WrongLength
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending

VERSION = 1
_LAT, _LON = 90_000_000, 180_000_000

_STOP: cbor.Fields = (
    ("name", cbor.name_text),
    ("label", cbor.short_text),
    ("label_en", cbor.short_text),
    ("lat_e6", cbor.sint(_LAT)),
    ("lon_e6", cbor.sint(_LON)),
)
_DAY_NUMBERS = cbor.array(cbor.uint(limits.UINT32_MAX), most=limits.TIMETABLE_EXCEPTIONS_MAX)
_DAYS: cbor.Fields = (
    ("weekdays", cbor.uint(127)),
    ("first_day", cbor.uint(limits.UINT32_MAX)),
    ("last_day", cbor.uint(limits.UINT32_MAX)),
    ("added", _DAY_NUMBERS),
    ("removed", _DAY_NUMBERS),
)
_CALL: cbor.Fields = (
    ("stop", cbor.uint(limits.TIMETABLE_STOPS_MAX)),
    ("metres", cbor.uint(limits.TIMETABLE_METRES_MAX)),
)
_TRIP: cbor.Fields = (
    ("start_s", cbor.uint(limits.TIMETABLE_TIME_MAX_S)),
    ("trip", cbor.name_text),
    ("days", cbor.uint(limits.TIMETABLE_DAYS_MAX)),
    ("run", cbor.uint(limits.TIMETABLE_RUNS_MAX)),
)
_RUN = cbor.array(cbor.uint(limits.TIMETABLE_TIME_MAX_S), most=limits.TIMETABLE_CALLS_MAX)
_PATTERN: cbor.Fields = (
    ("direction", cbor.uint(1)),
    ("headsign", cbor.short_text),
    ("headsign_en", cbor.short_text),
    ("shape", cbor.array(cbor.sint(2 * _LON), most=2 * limits.TIMETABLE_SHAPE_POINTS_MAX)),
    ("calls", cbor.array(cbor.row(_CALL), most=limits.TIMETABLE_CALLS_MAX)),
    ("runs", cbor.array(_RUN, most=limits.TIMETABLE_RUNS_MAX)),
    ("trips", cbor.array(cbor.row(_TRIP), most=limits.TIMETABLE_TRIPS_MAX)),
)
_LINE: cbor.Fields = (
    ("name", cbor.name_text),
    ("label", cbor.short_text),
    ("label_en", cbor.short_text),
    ("patterns", cbor.array(cbor.row(_PATTERN), most=limits.TIMETABLE_PATTERNS_MAX)),
)
_CHUNK: cbor.Fields = (
    ("stops", cbor.array(cbor.row(_STOP), most=limits.TIMETABLE_STOPS_MAX)),
    ("days", cbor.array(cbor.row(_DAYS), most=limits.TIMETABLE_DAYS_MAX)),
    ("lines", cbor.array(cbor.row(_LINE), most=limits.TIMETABLE_LINES_MAX)),
)


@dataclass(frozen=True, slots=True, order=True)
class Stop:
    """Where a line stops. `label` is what riders read, in the city's language; `label_en` may be empty."""

    name: str
    label: str
    label_en: str
    lat_e6: int
    lon_e6: int


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """On which local days a trip runs: by weekday (bit 0 is Monday) from first to last, some added, some removed."""

    weekdays: int
    first_day: int
    last_day: int
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    def on(self, day: int) -> bool:
        """Whether it runs on this local day, days since 1970-01-01 (a Thursday)."""
        if day in self.added or day in self.removed:
            return day in self.added
        return self.first_day <= day <= self.last_day and bool(self.weekdays >> (day + 3) % 7 & 1)


@dataclass(frozen=True, slots=True, order=True)
class Trip:
    """One run of a vehicle: leaves its first stop `start_s` after local midnight; `run_s` are seconds from there."""

    start_s: int
    name: str
    days: Days
    run_s: tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A stop of a pattern, and how far along its shape."""

    stop: Stop
    metres: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which a line runs. `shape`: points (lat_e6, lon_e6) along the road, at least two."""

    direction: int
    headsign: str
    headsign_en: str
    shape: tuple[tuple[int, int], ...]
    calls: tuple[Call, ...]
    trips: tuple[Trip, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the city: what a rider knows by its label, and records by its name."""

    name: str
    label: str
    label_en: str
    patterns: tuple[Pattern, ...]


def cut_timetable(lines: Iterable[Line]) -> list[bytes]:
    """Lines in any order → the chunks of the section: a line each, several only where there are more lines than chunks.

    Raises DuplicateKey for a line twice, and WireError for what no reader would take.
    """
    ordered = sorted(lines, key=lambda line: line.name)
    require_ascending("lines", [line.name for line in ordered])
    a_chunk = -(-len(ordered) // limits.TIMETABLE_CHUNKS) or 1
    return [encode_lines(ordered[at : at + a_chunk]) for at in range(0, len(ordered), a_chunk)]


def encode_lines(lines: Sequence[Line]) -> bytes:
    """Lines, ascending by name → one chunk. Raises WireError for what `decode_lines` would refuse."""
    patterns = [pattern for line in lines for pattern in line.patterns]
    stops = sorted({call.stop for pattern in patterns for call in pattern.calls})
    days = sorted({trip.days for pattern in patterns for trip in pattern.trips})
    stop_at = {stop: at for at, stop in enumerate(stops)}
    days_at = {one: at for at, one in enumerate(days)}
    rows = [
        [line.name, line.label, line.label_en, sorted(_pattern_row(one, stop_at, days_at) for one in line.patterns)]
        for line in lines
    ]
    values = [
        [[one.name, one.label, one.label_en, one.lat_e6, one.lon_e6] for one in stops],
        [[one.weekdays, one.first_day, one.last_day, list(one.added), list(one.removed)] for one in days],
        rows,
    ]
    data = cbor.encode_structure("timetable", values, _CHUNK, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)
    decode_lines(data)  # what is written is what would be taken
    return data


def decode_lines(data: bytes) -> tuple[Line, ...]:
    """A chunk → its lines.

    Raises WireError by name: DuplicateKey or NotDeterministic for what does not ascend or is not used, OutOfRange for a
    reference to nothing or what runs backwards, WrongLength for a run of another number of stops or half a point.
    """
    values = cbor.decode_structure("timetable", data, _CHUNK, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)
    stop_rows, day_rows, line_rows = values
    require_ascending("stops", [row[0] for row in stop_rows])
    require_ascending("days", day_rows)
    require_ascending("lines", [row[0] for row in line_rows])
    stops = [Stop(*row) for row in stop_rows]
    days = [_days(row) for row in day_rows]
    lines = tuple(_line(row, stops, days) for row in line_rows)
    patterns = [pattern for line in lines for pattern in line.patterns]
    _require_used("stops", len(stops), len({call.stop for pattern in patterns for call in pattern.calls}))
    _require_used("days", len(days), len({trip.days for pattern in patterns for trip in pattern.trips}))
    return lines


def _pattern_row(pattern: Pattern, stop_at: dict[Stop, int], days_at: dict[Days, int]) -> list[Any]:
    runs = sorted({trip.run_s for trip in pattern.trips})
    run_at = {run: at for at, run in enumerate(runs)}
    shape = [value for point in pattern.shape[:1] for value in point]
    for (lat, lon), (next_lat, next_lon) in pairwise(pattern.shape):
        shape += [next_lat - lat, next_lon - lon]
    return [
        pattern.direction, pattern.headsign, pattern.headsign_en, shape,
        [[stop_at[call.stop], call.metres] for call in pattern.calls],
        [list(run) for run in runs],
        sorted([trip.start_s, trip.name, days_at[trip.days], run_at[trip.run_s]] for trip in pattern.trips),
    ]  # fmt: skip


def _days(row: list[Any]) -> Days:
    weekdays, first_day, last_day, added, removed = row
    require_ascending("added", added)
    require_ascending("removed", removed)
    if first_day > last_day:
        raise OutOfRange("a timetable's days end before they begin", field="last_day", value=last_day, least=first_day)
    if not set(added).isdisjoint(removed):
        raise DuplicateKey("a day is added and removed", field="removed")
    return Days(weekdays, first_day, last_day, tuple(added), tuple(removed))


def _line(row: list[Any], stops: list[Stop], days: list[Days]) -> Line:
    name, label, label_en, patterns = row
    require_ascending("patterns", patterns)
    line = Line(name, label, label_en, tuple(_pattern(one, stops, days) for one in patterns))
    names = [trip.name for pattern in line.patterns for trip in pattern.trips]
    if len(set(names)) != len(names):
        raise DuplicateKey("a line names one trip twice", field="trip", line=name)
    return line


def _pattern(row: list[Any], stops: list[Stop], days: list[Days]) -> Pattern:
    direction, headsign, headsign_en, shape, call_rows, run_rows, trip_rows = row
    require_ascending("runs", run_rows)
    require_ascending("trips", trip_rows)
    if len(call_rows) < 2:
        raise OutOfRange("a pattern has fewer than two stops", field="calls", items=len(call_rows))
    calls = tuple(Call(_at("stop", stops, stop), metres) for stop, metres in call_rows)
    _require_onward("metres", [call.metres for call in calls])
    runs = [tuple(run) for run in run_rows]
    for run in runs:
        if len(run) != len(calls):
            raise WrongLength("a run has another number of times than its pattern stops", times=len(run))
        if run[0] != 0:
            raise OutOfRange("a run does not begin at its first stop", field="runs", value=run[0], most=0)
        _require_onward("runs", run)
    trips = tuple(
        Trip(start_s, name, _at("days", days, on), _at("run", runs, by)) for start_s, name, on, by in trip_rows
    )
    _require_used("runs", len(runs), len({trip.run_s for trip in trips}))
    return Pattern(direction, headsign, headsign_en, _shape(shape), calls, trips)


def _shape(values: list[int]) -> tuple[tuple[int, int], ...]:
    if len(values) % 2 or len(values) < 4:
        raise WrongLength("a shape is not two points or more", values=len(values))
    points = []
    lat = lon = 0
    for at in range(0, len(values), 2):
        lat, lon = lat + values[at], lon + values[at + 1]
        if abs(lat) > _LAT or abs(lon) > _LON:
            raise OutOfRange("a shape leaves the globe", field="shape", value=lat if abs(lat) > _LAT else lon)
        if at and not (values[at] or values[at + 1]):
            raise DuplicateKey("a shape names one point twice in a row", field="shape")
        points.append((lat, lon))
    return tuple(points)


def _at(field: str, held: Sequence[Any], at: int) -> Any:
    if at >= len(held):
        raise OutOfRange(f"{field} refers to nothing", field=field, value=at, most=len(held) - 1)
    return held[at]


def _require_onward(field: str, numbers: Sequence[int]) -> None:
    for before, after in pairwise(numbers):
        if after < before:
            raise OutOfRange(f"{field} run backwards", field=field, value=after, least=before)


def _require_used(field: str, held: int, used: int) -> None:
    if held != used:
        raise NotDeterministic(f"{field} are listed that nothing uses", field=field, listed=held, used=used)
