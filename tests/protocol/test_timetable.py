"""The timetable's chunks: what goes in comes out, one timetable has one form, and the cut keeps lines apart."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, TooLarge
from protocol.wire.manifests import name_chunk
from protocol.wire.timetable import Call, Days, Line, Pattern, Stop, Trip, cut_timetable, decode_lines, encode_lines
from tests.protocol.lines import FRIDAY, LINE_9, LINE_91, OUT, WEEKDAYS

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DAY_SETS = st.sets(st.integers(0, 40_000), max_size=4)
DAYS = st.builds(
    lambda mask, first, long, added, removed: Days(
        mask, first, first + long, tuple(sorted(added - removed)), tuple(sorted(removed))
    ),
    st.integers(0, 127), st.integers(0, 40_000), st.integers(0, 400), DAY_SETS, DAY_SETS,
)  # fmt: skip
STOPS = st.dictionaries(
    NAMES, st.tuples(LABELS, LABELS, st.integers(-(9 * 10**7), 9 * 10**7), st.integers(-(18 * 10**7), 18 * 10**7)),
    min_size=1, max_size=4,
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    stops = [Stop(name, *rest) for name, rest in draw(STOPS).items()]
    made = []
    for name in draw(st.sets(NAMES, max_size=3)):
        trips = iter(draw(st.lists(NAMES, max_size=6, unique=True)))
        patterns = {}
        for direction in draw(st.lists(st.integers(0, 1), max_size=3)):
            metres = sorted(draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=5)))
            calls = tuple(Call(draw(st.sampled_from(stops)), at) for at in metres)
            shape = draw(st.lists(st.tuples(st.integers(-(9 * 10**7), 9 * 10**7), st.integers(-(18 * 10**7), 18 * 10**7)),
                                  min_size=2, max_size=4, unique=True))  # fmt: skip
            runs = [
                Trip(draw(st.integers(0, 172_799)), trip, draw(DAYS), tuple(sorted([0, *draw(st.lists(
                    st.integers(0, 9_999), min_size=len(calls) - 1, max_size=len(calls) - 1))])))
                for trip in (next(trips, None) for _ in range(2)) if trip is not None
            ]  # fmt: skip
            patterns[direction, tuple(shape)] = Pattern(
                direction,
                draw(LABELS),
                draw(LABELS),
                tuple(shape),
                calls,
                tuple(sorted(runs, key=lambda t: (t.start_s, t.name))),
            )
        made.append(Line(name, draw(LABELS), draw(LABELS), tuple(patterns.values())))
    return sorted(made, key=lambda line: line.name)


def content(line: Line) -> tuple[object, ...]:
    return line.name, line.label, line.label_en, sorted(map(repr, line.patterns))


@settings(deadline=None, max_examples=60)
@given(lines())
def test_what_is_encoded_is_decoded(given_lines: list[Line]) -> None:
    data = encode_lines(given_lines)
    found = decode_lines(data)
    assert list(map(content, found)) == list(map(content, given_lines))
    assert encode_lines(found) == data


def test_the_order_in_which_it_was_written_down_does_not_matter() -> None:
    shuffled = replace(LINE_9, patterns=tuple(replace(p, trips=p.trips[::-1]) for p in LINE_9.patterns[::-1]))
    assert encode_lines([shuffled]) == encode_lines([LINE_9])
    assert cut_timetable([LINE_91, LINE_9]) == cut_timetable([LINE_9, LINE_91])


def test_one_line_that_changes_changes_one_chunk() -> None:
    many = [replace(LINE_9, name=f"{number:03}") for number in range(250)]
    before = cut_timetable(many)
    many[100] = replace(many[100], label="۱۰۰")
    after = cut_timetable(many)
    assert len(before) == 250
    assert len(set(map(name_chunk, before)) ^ set(map(name_chunk, after))) == 2


def test_more_lines_than_chunks_share_chunks() -> None:
    many = [replace(LINE_9, name=f"{number:03}") for number in range(limits.TIMETABLE_CHUNKS * 2 + 1)]
    chunks = cut_timetable(many)
    assert len(chunks) <= limits.TIMETABLE_CHUNKS
    assert [line.name for chunk in chunks for line in decode_lines(chunk)] == [line.name for line in many]


def test_what_no_reader_would_take_is_not_made() -> None:
    with pytest.raises(DuplicateKey):
        cut_timetable([LINE_9, LINE_9])
    with pytest.raises(NotDeterministic):
        encode_lines([LINE_91, LINE_9])
    with pytest.raises(OutOfRange):
        encode_lines([replace(LINE_9, patterns=(replace(OUT, calls=OUT.calls[::-1]),))])
    with pytest.raises(TooLarge):
        encode_lines([replace(LINE_9, patterns=(OUT,) * (limits.TIMETABLE_PATTERNS_MAX + 1))])
    with pytest.raises(DuplicateKey, match="trip twice"):
        encode_lines([replace(LINE_9, patterns=(OUT, replace(OUT, direction=1)))])


@pytest.mark.parametrize(
    ("days", "day", "runs"),
    [
        (WEEKDAYS, 20_717, True),  # Monday 2026-09-21
        (WEEKDAYS, 20_716, False),  # Sunday
        (WEEKDAYS, 20_721, True),  # Friday is the mask's fifth bit
        (WEEKDAYS, 20_720, False),  # removed
        (WEEKDAYS, 20_699, False),  # before
        (WEEKDAYS, 21_064, True),  # the last day, a Thursday… and what comes after it
        (WEEKDAYS, 21_067, False),
        (FRIDAY, 20_724, True),  # added, though no weekday is named
        (FRIDAY, 20_731, False),
    ],
)
def test_on_which_days_a_trip_runs(days: Days, day: int, *, runs: bool) -> None:
    assert days.on(day) is runs
