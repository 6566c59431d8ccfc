"""Vectors of the chunks of the section `timetable`."""

from typing import Any

from protocol.wire import cbor
from protocol.wire.timetable import encode_lines
from tests.protocol.lines import LINE_9, LINE_91
from tests.vectors.entries import Entries, of


def timetable_entries() -> Entries:
    good = encode_lines([LINE_9])
    _, stops, days, lines = cbor.decode(good, max_bytes=len(good))
    name, label, label_en, (out, back) = lines[0]

    def chunk(*values: Any) -> dict[str, Any]:
        return of(cbor.encode([1, *values]))

    def with_out(position: int, value: Any) -> dict[str, Any]:
        changed = [*out[:position], value, *out[position + 1 :]]
        return chunk(stops, days, [[name, label, label_en, [changed, back]]])

    shape, calls, runs, trips = out[3:]
    return {
        "one line": of(good),
        "two lines": of(encode_lines([LINE_9, LINE_91])),
        "no lines": chunk([], [], []),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "version 2": of(cbor.encode([2, stops, days, lines])),
        "one line twice": chunk(stops, days, [lines[0], lines[0]]),
        "stops not sorted": chunk(stops[::-1], days, lines),
        "a stop that no line has": chunk([*stops, ["s-9", "", "", 0, 0]], days, lines),
        "days that no trip has": chunk(stops, [[0, 0, 0, [], []], *days], lines),
        "days twice": chunk(stops, [days[0], days[0]], lines),
        "days that end before they begin": chunk(stops, [days[0], [127, 2, 1, [], []]], lines),
        "a day added and removed": chunk(stops, [days[0], [127, 2, 3, [2], [2]]], lines),
        "patterns not sorted": chunk(stops, days, [[name, label, label_en, [back, out]]]),
        "direction 2": with_out(0, 2),
        "half a point": with_out(3, shape[:-1]),
        "one point": with_out(3, shape[:2]),
        "a point twice": with_out(3, [*shape, 0, 0]),
        "beyond the pole": with_out(3, [*shape, 60_000_000, 0]),
        "one stop": with_out(4, calls[:1]),
        "a stop that is not there": with_out(4, [*calls, [3, 2_000]]),
        "stops that run backwards": with_out(4, [*calls[:-1], [calls[-1][0], 1]]),
        "a run that begins later": with_out(5, [[1, *run[1:]] for run in runs]),
        "a run that runs backwards": with_out(5, [[0, 90, 80], *runs[1:]]),
        "a run of two times for three stops": with_out(5, [run[:-1] for run in runs]),
        "a run that no trip has": with_out(5, [*runs, [0, 500, 501]]),
        "a run that is not there": with_out(6, [*trips[:-1], [*trips[-1][:3], 2]]),
        "days that are not there": with_out(6, [*trips[:-1], [*trips[-1][:2], 2, trips[-1][3]]]),
        "trips not sorted": with_out(6, trips[::-1]),
        "a trip's name twice": with_out(6, [*trips, [22_600, "9-2", 0, 0]]),
        "a trip on the third day": with_out(6, [*trips, [172_800, "9-7", 0, 0]]),
    }
