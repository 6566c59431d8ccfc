"""Line and direction by traces: what a bus drove decides, what is shared stays open, and what is not trusted changes nothing."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.limits import LINE_HELD_MS, STOP_HELD_MS
from edge.core.line import Guess, LineTracker
from edge.core.network import Network
from edge.core.position import Fix, Whereabouts
from edge.core.runs import closest_trip, runs_now
from protocol.wire.records import Doubt, Instant
from protocol.wire.timetable import Days
from tests.edge.streets import CITY, FAR, NINE, NOW_S, RING, TEN, at, both_ways, daily, drive, pattern, place, stand

NETWORK = Network(CITY)
EAST = [(0.0, 0.0), (6_000.0, 0.0)]


def follow(tracker: LineTracker, trace: Iterable[tuple[Fix, Instant]]) -> list[Guess | None]:
    found = []
    for fix, now in trace:
        tracker.heard(fix, now)
        found.append(tracker.guess(now))
    return found


def pairs(guesses: Iterable[Guess | None]) -> list[tuple[str, int] | None]:
    """What was believed one after another, each once."""
    out: list[tuple[str, int] | None] = []
    for guess in guesses:
        pair = None if guess is None else (guess.line, guess.direction)
        if not out or out[-1] != pair:
            out.append(pair)
    return out


def test_nothing_is_known_before_anything_is_heard() -> None:
    tracker = LineTracker(NETWORK)
    assert tracker.guess(at(0)) is None
    assert tracker.choices() == []


@pytest.mark.parametrize(("corners", "pair"), [
    ([(3_500.0, 0.0), (6_000.0, 0.0)], ("9", 0)), ([(5_900.0, 0.0), (3_100.0, 0.0)], ("9", 1)),
    ([(3_000.0, 500.0), (3_000.0, 2_900.0)], ("10", 0)), ([(0.0, 9_000.0), (4_900.0, 9_000.0)], ("77", 0)),
    ([(200.0, 1_000.0), (2_000.0, 1_000.0), (2_000.0, 2_000.0)], ("ring", 0)),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_a_straight_run_is_known_within_a_kilometre(
    corners: list[tuple[float, float]], pair: tuple[str, int], seed: int
) -> None:
    tracker = LineTracker(NETWORK)
    guesses = follow(tracker, drive(corners, seed=seed))
    assert pairs(guesses)[:2] == [None, pair]
    assert pair in pairs(guesses[:100])


def test_a_line_is_never_known_against_its_direction() -> None:
    """The ring runs one way only: a bus that drives it the other way is on no line."""
    tracker = LineTracker(NETWORK)
    assert pairs(follow(tracker, drive([(2_000.0, 3_000.0), (2_000.0, 1_000.0), (0.0, 1_000.0)]))) == [None]


def test_two_lines_that_share_a_road_are_two_until_they_part() -> None:
    tracker = LineTracker(NETWORK)
    shared = follow(tracker, drive([(0.0, 0.0), (3_000.0, 0.0)]))
    assert pairs(shared) == [None]
    assert {(one.line, one.direction) for one in tracker.choices(2)} == {("9", 0), ("10", 0)}
    parted = follow(tracker, drive([(3_000.0, 0.0), (3_000.0, 1_000.0)], start_s=300))
    assert pairs(parted) == [None, ("10", 0)]


def test_known_before_the_shared_road_it_stays_known_on_it() -> None:
    tracker = LineTracker(NETWORK)
    assert pairs(follow(tracker, drive([(3_000.0, 2_900.0), (3_000.0, 0.0), (600.0, 0.0)]))) == [None, ("10", 1)]


def test_what_does_not_run_now_is_less_likely_and_a_clock_without_trust_says_nothing() -> None:
    night = replace(TEN, patterns=tuple(replace(p, trips=(daily(1 * 3600, len(p.calls)),)) for p in TEN.patterns))
    day = replace(NINE, patterns=tuple(replace(p, trips=(daily(NOW_S - 60, len(p.calls)),)) for p in NINE.patterns))
    network = Network([day, night])
    assert pairs(follow(LineTracker(network), drive([(0.0, 0.0), (2_000.0, 0.0)]))) == [None, ("9", 0)]
    blind = ((fix, at(now.mono_ms / 1000, trusted=False)) for fix, now in drive([(0.0, 0.0), (2_000.0, 0.0)]))
    assert pairs(follow(LineTracker(network), blind)) == [None]


def test_at_the_last_stop_the_way_back_is_next() -> None:
    tracker = LineTracker(NETWORK)
    out = follow(tracker, drive([(3_200.0, 0.0), (6_000.0, 0.0)]))
    assert pairs(out) == [None, ("9", 0), ("9", 1)]
    wait = follow(tracker, stand((6_000.0, 0.0), 600, start_s=281))
    assert pairs(wait) == [("9", 1)]
    assert wait[-1] is not None
    assert wait[-1].stop == NINE.patterns[1].calls[0].stop.name
    back = follow(tracker, drive([(6_000.0, 0.0), (3_200.0, 0.0)], start_s=881))
    assert pairs(back) == [("9", 1)]


def test_a_bus_that_leaves_for_the_depot_is_on_no_line() -> None:
    tracker = LineTracker(NETWORK)
    follow(tracker, drive([(3_200.0, 0.0), (6_000.0, 0.0)]))
    away = follow(tracker, drive([(6_000.0, 0.0), (6_000.0, -1_500.0)], start_s=281))
    assert pairs(away) == [("9", 1), None]


def test_a_loop_line_goes_round() -> None:
    tracker = LineTracker(NETWORK)
    corners = [(0.0, 1_000.0), (2_000.0, 1_000.0), (2_000.0, 3_000.0), (0.0, 3_000.0), (0.0, 1_000.0)]
    guesses = follow(tracker, drive(corners * 3))
    assert pairs(guesses) == [None, ("ring", 0)]
    last = [guess.metres for guess in guesses[-100:] if guess is not None and guess.metres is not None]
    assert last[-1] > 7_900 or last[-1] < 100


def test_stop_and_metres_follow_the_bus() -> None:
    tracker = LineTracker(NETWORK)
    guesses = follow(tracker, drive([(3_200.0, 0.0), (5_900.0, 0.0)], noise_m=2))
    calls = NINE.patterns[0].calls
    for second, guess in list(enumerate(guesses))[100:]:
        assert guess is not None
        assert guess.metres == pytest.approx(3_200 + 10 * second, abs=45)
        assert guess.stop == [call for call in calls if call.metres <= (guess.metres or 0) + 60][-1].stop.name


def test_a_parked_bus_stays_where_it_is() -> None:
    tracker = LineTracker(NETWORK)
    known = follow(tracker, drive([(3_200.0, 0.0), (4_500.0, 0.0)]))[-1]
    parked = follow(tracker, stand((4_500.0, 0.0), 3_600, start_s=131, noise_m=12))
    assert known is not None
    assert pairs(parked) == [("9", 0)]
    assert parked[-1] is not None
    assert abs((parked[-1].metres or 0) - 4_500) < 80
    for noise_m in (12, 20, 30, 40):
        fresh = LineTracker(NETWORK)
        assert pairs(follow(fresh, stand((4_500.0, 0.0), 3_600, noise_m=noise_m))) == [None]


def test_a_receiver_that_says_it_stands_gives_no_evidence() -> None:
    still = ((replace(fix, speed_mps=0.4), now) for fix, now in drive([(3_200.0, 0.0), (5_900.0, 0.0)]))
    assert pairs(follow(LineTracker(NETWORK), still)) == [None]


def test_the_drivers_word_holds_until_the_end_of_the_trip() -> None:
    tracker = LineTracker(NETWORK)
    tracker.tell(("10", 0))
    guesses = follow(tracker, drive([(0.0, 0.0), (2_900.0, 0.0)]))
    assert pairs(guesses) == [("10", 0)]
    assert all(guess is not None and guess.by_driver and guess.permille == 1000 for guess in guesses)
    rest = follow(tracker, drive([(3_000.0, 100.0), (3_000.0, 3_000.0)], start_s=300))
    assert pairs(rest) == [("10", 0), ("10", 1)]
    assert rest[-1] is not None
    assert not rest[-1].by_driver


def test_the_drivers_word_holds_against_the_road_and_without_any() -> None:
    tracker = LineTracker(NETWORK)
    tracker.tell(("77", 1))
    assert pairs(follow(tracker, drive(EAST))) == [("77", 1)]
    assert tracker.guess(at(999_999)) == Guess("77", 1, 1000, by_driver=True, stop=None, metres=None, trip=None)
    tracker.tell(None)
    assert tracker.guess(at(600)) is not None  # what the road says
    with pytest.raises(KeyError):
        tracker.tell(("9", 2))


def test_a_word_at_the_first_stop_is_no_end_of_a_trip() -> None:
    """The way back ends where this one begins: he has just been told apart from it."""
    tracker = LineTracker(NETWORK)
    follow(tracker, drive([(3_000.0, 0.0), (60.0, 0.0)]))
    tracker.tell(("9", 0))
    rest = follow(tracker, drive([(60.0, 0.0), (0.0, 0.0), (300.0, 0.0)], start_s=300))
    assert pairs(rest) == [("9", 0)]


def test_a_word_at_the_end_of_a_trip_is_for_the_next_one() -> None:
    tracker = LineTracker(NETWORK)
    follow(tracker, drive([(2_000.0, 1_000.0), (2_000.0, 3_000.0), (0.0, 3_000.0), (0.0, 1_070.0)]))
    tracker.tell(("ring", 0))
    rest = follow(tracker, drive([(0.0, 1_070.0), (0.0, 1_000.0), (300.0, 1_000.0)], start_s=600))
    assert all(guess is not None and guess.by_driver for guess in rest)


def test_at_a_terminus_of_two_lines_the_bus_goes_on_as_the_line_it_was() -> None:
    tracker = LineTracker(NETWORK)
    guesses = follow(tracker, drive([(5_900.0, 0.0), (10.0, 0.0)]))
    assert pairs(guesses) == [None, ("9", 1), ("9", 0)]


def test_choices_are_few_and_the_best_is_first() -> None:
    tracker = LineTracker(NETWORK)
    follow(tracker, drive([(3_000.0, 2_900.0), (3_000.0, 0.0), (1_500.0, 0.0)]))
    offered = tracker.choices()
    assert [(one.line, one.direction) for one in offered][:2] == [("10", 1), ("9", 1)]
    assert offered[0].permille >= 400
    assert offered[0].headsign == "به 1"
    assert len(offered) <= 4
    assert ("10", 0) in [(one.line, one.direction) for one in offered]
    assert len(tracker.choices(1)) == 1


def test_an_hour_of_jamming_changes_nothing_and_is_not_believed_afterwards() -> None:
    tracker, where = LineTracker(NETWORK), Whereabouts()
    where.know(NETWORK.area)
    last = None

    def hear(trace: Iterable[tuple[Fix, Instant]]) -> list[Guess | None]:
        return follow(tracker, (one for one in trace if where.heard(*one) is Doubt.NONE))

    hear(drive([(3_200.0, 0.0), (4_500.0, 0.0)]))
    last = tracker.guess(at(131))
    assert last is not None
    assert last.stop is not None
    for second in range(131, 131 + 3_600):
        jammed = Fix(second * 1000, *place(300_000, 0), 8, 0 if second % 2 else 9, 10.0, at(second).wall_ms)
        if where.heard(jammed, at(second)) is Doubt.NONE:
            tracker.heard(jammed, at(second))
    short, long = tracker.guess(at(130 + STOP_HELD_MS / 1000 + 1)), tracker.guess(at(130 + LINE_HELD_MS / 1000 + 1))
    assert short is not None
    assert (short.line, short.direction, short.stop, short.metres) == ("9", 0, None, None)
    assert long is None
    back = hear(drive([(3_500.0, 0.0), (200.0, 0.0)], start_s=3_731))
    assert ("9", 1) in pairs(back)
    assert ("9", 0) not in pairs(back)[1:]


def test_a_jump_of_300_km_and_back_changes_nothing() -> None:
    tracker, where = LineTracker(NETWORK), Whereabouts()
    seen = []
    for fix, now in drive([(3_200.0, 0.0), (5_900.0, 0.0)]):
        jumps = 150 <= fix.mono_ms / 1000 < 156
        heard = replace(fix, lat_e6=fix.lat_e6 + 2_700_000) if jumps else fix
        if where.heard(heard, now) is Doubt.NONE:
            tracker.heard(heard, now)
        seen.append(tracker.guess(now))
    assert pairs(seen) == [None, ("9", 0)]


def test_another_timetable_keeps_a_word_it_knows() -> None:
    tracker = LineTracker(NETWORK)
    tracker.tell(("9", 1))
    tracker.know(Network([NINE]))
    assert pairs([tracker.guess(at(0))]) == [("9", 1)]
    tracker.know(Network([TEN]))
    assert tracker.guess(at(0)) is None


def test_no_timetable_no_line() -> None:
    tracker = LineTracker(Network([]))
    assert pairs(follow(tracker, drive(EAST))) == [None]
    assert Network([]).area is None


def test_the_trip_is_the_one_that_should_be_here() -> None:
    calls = len(NINE.patterns[0].calls)
    trips = tuple(daily(NOW_S + minutes * 60, calls, 50, f"t{minutes}") for minutes in (-30, -5, 10, 25))
    line = replace(NINE, patterns=(replace(NINE.patterns[0], trips=trips), NINE.patterns[1]))
    guesses = follow(LineTracker(Network([line])), drive([(0.0, 0.0), (5_000.0, 0.0)]))
    assert {guess.trip for guess in guesses if guess is not None} == {"t-5"}


def test_trips_by_the_clock() -> None:
    way = pattern([(0, 0), (1_000, 0)], trips=(daily(NOW_S, 3, 100, "now"), daily(NOW_S + 7 * 3600, 3, 100, "late")))
    assert closest_trip(way, 0, at(0)) == "now"
    assert closest_trip(way, 0, at(1_800)) == "now"
    assert closest_trip(way, 0, at(1_801)) is None
    assert closest_trip(way, 500, at(-500)) == "now"
    assert closest_trip(way, 500, at(-501)) is None
    assert closest_trip(way, 0, at(7 * 3_600)) == "late"  # 00:43, the day after: it belongs to the day before
    assert runs_now(way, at(-3_600))
    assert not runs_now(way, at(-3_601))
    assert runs_now(way, at(200 + 3_600))
    assert not runs_now(way, at(200 + 3_601))
    assert runs_now(pattern([(0, 0), (1_000, 0)]), at(0))
    never = replace(way, trips=tuple(replace(trip, days=Days(0, 0, 0)) for trip in way.trips))
    assert not runs_now(never, at(0))
    assert closest_trip(never, 0, at(0)) is None


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(CITY), st.integers(0, 1), st.floats(4, 18), st.floats(0, 12))
def test_on_any_line_what_is_believed_is_true_or_nothing(
    seed: int, line: object, direction: int, speed: float, noise: float
) -> None:
    """Driven from first stop to last at any city speed: never another line, and this one by its end."""
    patterns = {id(NINE): NINE, id(TEN): TEN, id(RING): RING, id(FAR): FAR}[id(line)].patterns
    way = patterns[min(direction, len(patterns) - 1)]
    corners = {
        "9": [(0.0, 0.0), (6_000.0, 0.0)], "10": [(0.0, 0.0), (3_000.0, 0.0), (3_000.0, 3_000.0)],
        "77": [(0.0, 9_000.0), (5_000.0, 9_000.0)],
        "ring": [(0.0, 1_000.0), (2_000.0, 1_000.0), (2_000.0, 3_000.0), (0.0, 3_000.0), (0.0, 1_000.0)],
    }[line.name]  # type: ignore[attr-defined]  # fmt: skip
    driven = corners[:: -1 if way.direction else 1]
    *before, _ = pairs(follow(LineTracker(NETWORK), drive(driven, speed_mps=speed, noise_m=noise, seed=seed))), None
    believed = [one for one in before[0] if one is not None]
    assert believed[0] == (line.name, way.direction)  # type: ignore[attr-defined]
    assert {name for name, _ in believed} == {line.name}  # type: ignore[attr-defined]


def test_ways_near_a_place_are_those_of_a_search_of_all() -> None:
    ways = [*CITY, *(both_ways(f"x{n}", [(n * 37.0, 0.0), (n * 37.0 + 900, 700.0 + n * 90)]) for n in range(20))]
    network = Network(ways)
    for x in range(-200, 6_300, 170):
        for y in (-130, -59, -20, 0, 33, 61, 400, 1_010):
            spot = place(x, y)
            slow = {(way.pair, one.segment): one for way in network.ways for one in way.road.passes(*spot, within_m=60)}
            fast = {(way.pair, one.segment): one for way, found in network.near(*spot) for one in found}
            assert fast == slow
