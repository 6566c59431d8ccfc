"""A GTFS feed (schedule reference of gtfs.org, revision 2024) → the lines of our timetable. Pure.

    routes ─ trips ─ stop_times     one pattern for each (direction, shape, stops, headsign) in which a route runs
    stops, shapes                   a stop's metres are those of the road's coming-by that fits the order of the stops
    calendar, calendar_dates        days; translations: what is shown in English

Rules:
- what would have to be guessed is refused by file, line and column: a trip's direction, a stop far from its road;
- a stop without a time between two with times gets its share by metres, as the reference asks;
- headways (frequencies.txt) are refused: records name trips, so trips must be there one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from protocol.geometry import Road
from protocol.limits import TEXT_MAX_CHARS, UINT32_MAX
from protocol.wire.timetable import Call, Days, Line, Pattern, Stop, Trip
from provisioning.core.errors import FeedRefused
from provisioning.core.feed_names import Names
from provisioning.core.feed_tables import Row, read_table
from provisioning.core.limits import FEED_STOP_ASIDE_MAX_M, STOPS_LEVEL_M

NEEDED = ("routes.txt", "trips.txt", "stops.txt", "stop_times.txt")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FILES = (*NEEDED, "shapes.txt", "calendar.txt", "calendar_dates.txt", "translations.txt", "frequencies.txt")
_Shape = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """What was read. `renamed`: kind of thing → ids that got another name than they are written."""

    lines: tuple[Line, ...]
    renamed: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Timed:
    """A trip's row with its stops in order, and the row that each stands in."""

    row: Row
    name: str
    stops: tuple[str, ...]
    rows: tuple[Row, ...]


def read_feed(texts: Mapping[str, str]) -> Feed:
    """The feed's files, name → text → lines. Raises FeedRefused."""
    return _Reader(texts).feed()


class _Reader:
    """One feed being read; every table once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        for file in NEEDED:
            if file not in texts:
                raise FeedRefused(
                    f"the feed has no {file}", fix="give the GTFS feed itself, a zip or a folder; or export it anew",
                    file=file, line=0,
                )  # fmt: skip
        self._texts = texts
        for row in self._rows("frequencies.txt", ()):
            row.refuse("trip_id", "headways are not read", "export each trip with its times")
        self._english = self._read_english()
        self._names = {"stops": Names(), "lines": Names(), "trips": Names()}
        self._stops = {row.text("stop_id"): stop for row, stop in self._read_stops()}
        self._days = self._read_days()
        self._shapes = self._read_shapes()
        self._roads: dict[_Shape, Road] = {}

    def feed(self) -> Feed:
        """Every route that has trips. Raises FeedRefused."""
        ways: dict[str, dict[tuple[object, ...], list[_Timed]]] = {}
        for timed in self._read_trips():
            row = timed.row
            key = (row.whole("direction_id", 1), row.text("trip_headsign"), row.text("shape_id"), timed.stops)
            ways.setdefault(row.needed("route_id"), {}).setdefault(key, []).append(timed)
        lines = []
        for row in self._rows("routes.txt", ("route_id",)):
            name = self._names["lines"].give(row, "route_id")
            patterns = tuple(map(self._pattern, ways.pop(row.text("route_id"), {}).values()))
            if patterns:
                lines.append(Line(name, *self._labels("routes", row, "route_short_name", "route_long_name"), patterns))
        for unknown in ways.values():
            row = next(iter(unknown.values()))[0].row
            row.refuse("route_id", f"{row.text('route_id')!r} is not in routes.txt", "add the route, or leave it out")
        if not lines:
            raise FeedRefused("trips.txt: no route has a trip", fix="export it anew", file="trips.txt", line=1)
        renamed = {kind: names.changed() for kind, names in self._names.items()}
        return Feed(tuple(sorted(lines, key=lambda line: line.name)), renamed)

    # --- tables -------------------------------------------------------------------------------------------------------

    def _rows(self, file: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """A table's rows; none where an optional table is not there."""
        if file in self._texts:
            yield from read_table(file, self._texts[file], columns)

    def _read_english(self) -> dict[tuple[str, str, str, str], str]:
        columns = ("table_name", "field_name", "language", "translation")
        return {
            (row.text("table_name"), row.text("field_name"), row.text("record_id"), row.text("field_value")):
                row.text("translation")
            for row in self._rows("translations.txt", columns) if row.text("language").partition("-")[0] == "en"
        }  # fmt: skip

    def _labels(self, table: str, row: Row, *columns: str) -> tuple[str, str]:
        """What is shown of a row, from the first of the columns that is filled: in the feed's language, in English."""
        column = next((one for one in columns if row.text(one)), columns[0])
        text = row.text(column) if table == "trips" else row.needed(column)
        if len(text) > TEXT_MAX_CHARS:
            row.refuse(column, f"is longer than {TEXT_MAX_CHARS} characters", "shorten it")
        record_id = row.text(f"{table.removesuffix('s')}_id")
        english = self._english.get((table, column, record_id, "")) or self._english.get((table, column, "", text), "")
        return text, english

    def _read_stops(self) -> Iterator[tuple[Row, Stop]]:
        for row in self._rows("stops.txt", ("stop_id", "stop_name", "stop_lat", "stop_lon")):
            if row.text("location_type") in ("", "0"):  # others are stations and their entrances: no bus stops there
                name = self._names["stops"].give(row, "stop_id")
                lat, lon = row.degrees_e6("stop_lat", 90), row.degrees_e6("stop_lon", 180)
                yield row, Stop(name, *self._labels("stops", row, "stop_name"), lat, lon)

    def _read_shapes(self) -> dict[str, _Shape]:
        points: dict[str, list[tuple[int, int, int, Row]]] = {}
        columns = ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence")
        for row in self._rows("shapes.txt", columns):
            points.setdefault(row.needed("shape_id"), []).append(
                (row.whole("shape_pt_sequence", UINT32_MAX), row.degrees_e6("shape_pt_lat", 90),
                 row.degrees_e6("shape_pt_lon", 180), row)
            )  # fmt: skip
        return {shape_id: _shape(given) for shape_id, given in points.items()}

    def _read_days(self) -> dict[str, Days]:
        rows: dict[str, tuple[int, int, int]] = {}
        for row in self._rows("calendar.txt", ("service_id", *WEEKDAYS, "start_date", "end_date")):
            mask = sum(row.whole(weekday, 1) << at for at, weekday in enumerate(WEEKDAYS))
            first, last = row.day("start_date"), row.day("end_date")
            if first > last:
                row.refuse("end_date", "is before start_date", "exchange them")
            rows[row.needed("service_id")] = (mask, first, last)
        added: dict[str, set[int]] = {}
        removed: dict[str, set[int]] = {}
        for row in self._rows("calendar_dates.txt", ("service_id", "date", "exception_type")):
            kind = row.whole("exception_type", 2)
            if kind == 0:
                row.refuse("exception_type", "is 0", "1 adds the day, 2 removes it")
            service_id, day = row.needed("service_id"), row.day("date")
            if day in added.get(service_id, ()) or day in removed.get(service_id, ()):
                row.refuse("date", "is there twice for one service", "leave one of them out")
            (added if kind == 1 else removed).setdefault(service_id, set()).add(day)
        return {
            service_id: Days(
                *rows.get(service_id, (0, min(added.get(service_id, {0})), min(added.get(service_id, {0})))),
                tuple(sorted(added.get(service_id, ()))), tuple(sorted(removed.get(service_id, ()))),
            )
            for service_id in (*rows, *(added.keys() - rows.keys()))
        }  # fmt: skip

    def _read_trips(self) -> Iterator[_Timed]:
        calls: dict[str, list[tuple[int, Row]]] = {}
        columns = ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time")
        for row in self._rows("stop_times.txt", columns):
            calls.setdefault(row.needed("trip_id"), []).append((row.whole("stop_sequence", UINT32_MAX), row))
        for row in self._rows("trips.txt", ("route_id", "service_id", "trip_id", "direction_id")):
            name = self._names["trips"].give(row, "trip_id")
            if row.needed("service_id") not in self._days:
                row.refuse("service_id", f"{row.text('service_id')!r} is in no calendar", "add it to calendar.txt")
            ordered = [one for _, one in sorted(calls.pop(row.text("trip_id"), []), key=lambda one: one[0])]
            if len(ordered) < 2:
                row.refuse("trip_id", "has fewer than two stops in stop_times.txt", "give its stops, or leave it out")
            for call in ordered:
                if call.needed("stop_id") not in self._stops:
                    call.refuse("stop_id", f"{call.text('stop_id')!r} is no stop in stops.txt", "add the stop")
            yield _Timed(row, name, tuple(one.text("stop_id") for one in ordered), tuple(ordered))
        for orphans in calls.values():
            orphans[0][1].refuse("trip_id", f"{orphans[0][1].text('trip_id')!r} is not in trips.txt", "add the trip")

    # --- patterns -----------------------------------------------------------------------------------------------------

    def _pattern(self, trips: list[_Timed]) -> Pattern:
        """Trips of one way: the same direction, words, road and stops."""
        first = trips[0]
        stops = [self._stops[stop_id] for stop_id in first.stops]
        shape_id = first.row.text("shape_id")
        if shape_id and shape_id not in self._shapes:
            first.row.refuse("shape_id", f"{shape_id!r} is not in shapes.txt", "add the shape, or leave the cell empty")
        shape = self._shapes[shape_id] if shape_id else _straight(first, stops)
        if shape not in self._roads:
            self._roads[shape] = Road(shape)
        metres = stops_along(self._roads[shape], stops, first.rows)
        calls = tuple(Call(stop, at) for stop, at in zip(stops, metres, strict=True))
        made = []
        for trip in trips:
            start_s, run_s = _times(trip, metres)
            made.append(Trip(start_s, trip.name, self._days[trip.row.text("service_id")], run_s))
        headsign, headsign_en = self._labels("trips", first.row, "trip_headsign")
        return Pattern(first.row.whole("direction_id", 1), headsign, headsign_en, shape, calls, tuple(made))


def stops_along(road: Road, stops: Sequence[Stop], rows: Sequence[Row]) -> list[int]:
    """Metres of each stop along the road, in their order, so that together they lie as little aside as they can.

    A road that comes by one stop twice (a loop, a way back) gives two places; the order of the others decides.
    Raises FeedRefused at the stop that is too far from the road, or before the one before it.
    """
    best: list[tuple[float, float, int]] = [(0.0, 0.0, -1)]  # (metres aside squared in sum, along, which one before)
    trail: list[list[tuple[float, float, int]]] = []
    for stop, row in zip(stops, rows, strict=True):
        passes = road.passes(stop.lat_e6, stop.lon_e6, within_m=FEED_STOP_ASIDE_MAX_M)
        if not passes:
            row.refuse("stop_id", f"{stop.name} is over {FEED_STOP_ASIDE_MAX_M} m from its shape", "mend stop or shape")
        onward = []
        for one in passes:
            before = [(cost, at) for at, (cost, along, _) in enumerate(best) if along <= one.along_m + STOPS_LEVEL_M]
            if before:
                cost, at = min(before)
                onward.append((cost + one.aside_m**2, one.along_m, at))
        if not onward:
            row.refuse("stop_id", f"{stop.name} lies before the stop before it", "mend the order, or the shape")
        trail.append(onward)
        best = onward
    at = min(range(len(best)), key=lambda one: best[one])
    found: list[int] = []
    for candidates in reversed(trail):
        found.append(round(candidates[at][1]))
        at = candidates[at][2]
    return list(accumulate(reversed(found), max))


def _shape(points: list[tuple[int, int, int, Row]]) -> _Shape:
    points.sort(key=lambda point: point[0])
    for before, after in pairwise(points):
        if before[0] == after[0]:
            after[3].refuse("shape_pt_sequence", f"{after[0]} is there twice", "number the points anew")
    ordered = [(lat, lon) for _, lat, lon, _ in points]
    shape = (ordered[0], *(after for before, after in pairwise(ordered) if after != before))
    if len(shape) < 2:
        points[0][3].refuse("shape_id", "has fewer than two points", "draw the road, or leave the shape out")
    return shape


def _straight(trip: _Timed, stops: Sequence[Stop]) -> _Shape:
    """Without a shape the road goes straight from stop to stop."""
    places = [(stop.lat_e6, stop.lon_e6) for stop in stops]
    shape = (places[0], *(after for before, after in pairwise(places) if after != before))
    if len(shape) < 2:
        trip.row.refuse("trip_id", "has all its stops in one place", "mend the stops")
    return shape


def _times(trip: _Timed, metres: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """When a trip leaves its first stop, and seconds from there to each stop."""
    last = len(trip.rows) - 1
    given: list[int | None] = []
    for at, row in enumerate(trip.rows):
        arrival, departure = row.seconds("arrival_time"), row.seconds("departure_time")
        if arrival is not None and departure is not None and departure < arrival:
            row.refuse("departure_time", "is before arrival_time", "exchange them")
        time = departure if at == 0 else arrival
        given.append(time if time is not None else departure if at else arrival)
    for at in (0, last):
        if given[at] is None:
            trip.rows[at].refuse("arrival_time", "first and last stop need a time", "fill it in")
    known = [at for at, time in enumerate(given) if time is not None]
    times = [0] * len(given)
    for before, after in pairwise(known):
        start, end = given[before], given[after]
        assert start is not None
        assert end is not None
        if end < start:
            trip.rows[after].refuse("arrival_time", "is before the stop before it", "correct it")
        long = metres[after] - metres[before] or 1
        for at in range(before, after + 1):
            times[at] = start + (end - start) * (metres[at] - metres[before]) // long
    times[last] = given[last] or 0
    return times[0], tuple(time - times[0] for time in times)
