"""On which line and in which direction the vehicle runs, and at which stop: from trusted places and the timetable.

    heard(place)      each trusted fix; untrusted ones never come here, so they change nothing
    rolled(driven)    what the wheels turned, and whether the doors stand open: `carry` has the rules
    tell(pair)        the driver's word, two touches: one of `choices`
    guess(now)        line, direction, stop, metres, trip; None where it is not known, and fares decide for the rider

Rules:
- N1 evidence is metres driven along a way in its direction; metres against it or off it count double against it. A
  bus that stands gives no evidence, whatever its receiver's noise;
- N2 a line is known at a confidence of 80 %, against all others and against none; known, it stays until under 40 %:
  two lines that share a road stay two, unless one was known before or does not run now;
- N3 what does not run within the hour by the timetable, under a trusted clock, is less likely; the timetable alone
  never decides;
- N4 at its last stop a trip ends. Then the ways of the same line that begin there are likely: the way back, or a loop;
- N5 a driver's word is taken as it is, until the next end of a trip or his next word;
- N6 without a trusted place a stop is known for a minute, or for as far as the wheels tell; a line for five minutes, as
  after a trusted place after each stop that wheels and doors agree on; a driver's word stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp

from edge.core.carry import Carry
from edge.core.limits import (
    FIX_STALE_MS,
    LINE_HELD_MS,
    LINE_KNOWN_PERMILLE,
    LINE_LOST_PERMILLE,
    ROAD_WITHIN_M,
    STANDS_MPS,
    STEP_GAP_MS,
    STEP_MIN_M,
    STOP_HELD_MS,
    STOP_REACH_M,
    STRANGE_M,
    TERMINUS_M,
    TRIP_MIN_M,
    TURN_M,
    WEIGHT_M,
    WEIGHT_MOST_M,
)
from edge.core.network import Network, Way
from edge.core.position import Fix
from edge.core.runs import closest_trip, runs_now
from edge.core.wheels import Driven
from protocol.geometry import Pass, metres_between
from protocol.wire.records import Instant

Pair = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Guess:
    """What is believed. `permille`: how sure, 1000 for a driver's word. What is not known is None."""

    line: str
    direction: int
    permille: int
    by_driver: bool
    stop: str | None
    metres: int | None
    trip: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a driver may touch: line and direction, as people know them."""

    line: str
    direction: int
    label: str
    label_en: str
    headsign: str
    headsign_en: str
    permille: int


@dataclass(slots=True)
class _Track:
    """The vehicle as if it ran this way: how far along, and how much speaks for it in metres."""

    way: Way
    along_m: float
    score_m: float
    seen_ms: int  # when it was last near this road
    driven_m: float = 0.0


class LineTracker:
    """One bus. Not from several threads at once."""

    def __init__(self, network: Network) -> None:
        self._word: Pair | None = None
        self._word_driven_m = 0.0
        self._fresh_ms: int | None = None  # of the newest trusted place
        self._agreed_ms: int | None = None  # of the newest stop that wheels and doors agree on
        self._carry = Carry()
        self._now: Instant | None = None
        self._begin_anew(network)

    def _begin_anew(self, network: Network) -> None:
        self._network = network
        self._tracks: list[_Track] = []
        self._last: Fix | None = None  # the last place that counted as a step
        self._known: Pair | None = None
        self._trip: tuple[Way, str | None] | None = None
        self._running: dict[int, tuple[int, bool]] = {}  # way → (minute, whether it runs by the timetable)

    def know(self, network: Network) -> None:
        """Another timetable is in force. A word for a line that it does not have lapses."""
        self._begin_anew(network)
        if self._word not in network.pairs:
            self._word = None

    @property
    def pairs(self) -> Mapping[Pair, Way]:
        """Lines and directions that the timetable has."""
        return self._network.pairs

    def tell(self, pair: Pair | None) -> None:
        """The driver's word; None takes it back. Raises KeyError for a pair that the timetable does not have."""
        if pair is not None and pair not in self._network.pairs:
            raise KeyError(pair)
        self._word, self._word_driven_m, self._trip = pair, 0.0, None

    def heard(self, fix: Fix, now: Instant, driven: Driven | None = None) -> None:
        """One trusted place more, and what the wheels had turned by then."""
        self._fresh_ms, self._now = fix.mono_ms, now
        near = self._network.near(fix.lat_e6, fix.lon_e6)
        if self._last is None or fix.mono_ms - self._last.mono_ms > STEP_GAP_MS:
            self._resume(near, fix.mono_ms)
            self._last = fix
            self._carry.placed(driven, fix.mono_ms)
            self._decide()
        else:
            moved_m = metres_between(self._last.lat_e6, self._last.lon_e6, fix.lat_e6, fix.lon_e6)
            if moved_m >= max(STEP_MIN_M, 2 * (fix.accuracy_m or 0)) and not _stands(fix):
                self._step(near, moved_m, fix.mono_ms)
                self._last = fix
                self._carry.placed(driven, fix.mono_ms, moved_m=moved_m)
                self._decide()
                self._see_the_end(fix.mono_ms)
            elif fix.mono_ms - self._last.mono_ms > STEP_GAP_MS // 2:  # it stands, and is not lost
                self._last = Fix(fix.mono_ms, self._last.lat_e6, self._last.lon_e6, fix.accuracy_m)
            self._seen(near, fix.mono_ms)

    def rolled(self, driven: Driven | None, now: Instant, *, at_stop: bool) -> None:
        """No trusted place came; `at_stop`: it stands, and its doors are open."""
        self._carry.rolled(driven, now.mono_ms)
        track = self._carried(now.mono_ms)
        if track is None or not at_stop:
            return
        call = self._carry.stopped(track.along_m, track.way.pattern.calls)
        if call is not None:
            self._agreed_ms, self._now = now.mono_ms, now
            if call is track.way.pattern.calls[-1]:
                self._end_of_trip(track, call.metres, now.mono_ms)

    @property
    def wheels_fit(self) -> bool | None:
        """Whether the wheels turn as far as the sky says; None until that can be told."""
        return self._carry.fits

    @property
    def wheels_to_sky(self) -> float | None:
        """Metres by the wheels for each by the sky; None until that can be told."""
        return self._carry.wheels_to_sky

    def guess(self, now: Instant) -> Guess | None:
        """Line and direction as far as they are known at this time."""
        pair = self._pair(now.mono_ms)
        if pair is None:
            return None
        track = self._best(pair)
        stop = metres = None
        if track is not None and (along_m := self._along(track, now.mono_ms)) is not None:
            metres = round(along_m)
            calls = track.way.pattern.calls
            passed = [call for call in calls if call.metres <= along_m + STOP_REACH_M]
            stop = (passed[-1] if passed else calls[0]).stop.name
        permille = 1000 if self._word is not None else self._weights().get(pair, 0)
        trip = None if self._trip is None or track is None or self._trip[0] is not track.way else self._trip[1]
        return Guess(*pair, permille, self._word is not None, stop, metres, trip)

    def choices(self, most: int = 4) -> list[Choice]:
        """The few most likely lines and directions, best first; then both directions of what was known last."""
        weights = self._weights()
        ordered = sorted(weights, key=lambda pair: (-weights[pair], pair))
        last = self._word or self._known
        pairs = self._network.pairs
        if last is not None:
            back = (last[0], 1 - last[1])
            ordered += [pair for pair in (last, back) if pair not in ordered and pair in pairs]
        return [_choice(pairs[pair], weights.get(pair, 0)) for pair in ordered[:most]]

    # --- evidence -----------------------------------------------------------------------------------------------------

    def _resume(self, near: Iterable[tuple[Way, list[Pass]]], mono_ms: int) -> None:
        """The first place after none for a while: half of what was believed, where the road goes on."""
        kept = []
        passes = {id(way): found for way, found in near}
        for track in self._tracks:
            here = _onward(passes.get(id(track.way), ()), track.along_m, self._carry.along(track.along_m))
            if here is not None:
                kept.append(_Track(track.way, here.along_m, track.score_m / 2, mono_ms, track.driven_m))
        self._tracks = kept
        self._begin(near, mono_ms)

    def _step(self, near: list[tuple[Way, list[Pass]]], moved_m: float, mono_ms: int) -> None:
        """N1: the vehicle has moved."""
        passes = {id(way): found for way, found in near}
        kept = []
        for track in self._tracks:
            here = passes.get(id(track.way), [])
            fitting = [one for one in here if _fits(one.along_m - track.along_m, moved_m)]
            if fitting:
                best = min(fitting, key=lambda one: abs(one.along_m - track.along_m - moved_m))
                track.driven_m += best.along_m - track.along_m
                track.along_m = best.along_m
                gained_m = moved_m * (1 - best.aside_m / (2 * ROAD_WITHIN_M))  # the nearer of two parallel roads
                track.score_m = min(track.score_m + gained_m, WEIGHT_MOST_M)
                track.seen_ms = mono_ms
            else:
                track.score_m -= 2 * moved_m
                if here:
                    track.along_m = min(here, key=lambda one: abs(one.along_m - track.along_m)).along_m
                    track.seen_ms = mono_ms
            if track.score_m > 0:
                kept.append(track)
        self._tracks = kept
        self._word_driven_m += moved_m
        self._begin(near, mono_ms)

    def _seen(self, near: Iterable[tuple[Way, list[Pass]]], mono_ms: int) -> None:
        """It stands, or creeps: still where each track was."""
        for way, passes in near:
            for track in self._tracks:
                if track.way is way and any(abs(one.along_m - track.along_m) <= ROAD_WITHIN_M for one in passes):
                    track.seen_ms = mono_ms

    def _begin(self, near: Iterable[tuple[Way, list[Pass]]], mono_ms: int) -> None:
        """Each coming-by that nothing follows yet is followed from here on."""
        for way, passes in near:
            followed = [track.along_m for track in self._tracks if track.way is way]
            self._tracks += [
                _Track(way, one.along_m, 0.0, mono_ms)
                for one in passes
                if not any(abs(one.along_m - along_m) <= 2 * ROAD_WITHIN_M for along_m in followed)
            ]

    def _weights(self) -> dict[Pair, int]:
        """Per mille for each pair that something speaks for; what is missing to 1000 is for none of them."""
        best: dict[Pair, float] = {}
        for track in self._tracks:
            score = track.score_m
            if not self._runs(track.way):
                score -= STRANGE_M
            best[track.way.pair] = max(best.get(track.way.pair, score), score)
        weights = {pair: exp(score / WEIGHT_M) for pair, score in best.items()}
        total = sum(weights.values()) + exp(STRANGE_M / WEIGHT_M)
        return {pair: round(1000 * weight / total) for pair, weight in weights.items()}

    def _runs(self, way: Way) -> bool:
        """N3; looked up once a minute."""
        now = self._now
        if now is None or not now.trusted:
            return True
        minute, runs = self._running.get(id(way), (-1, True))
        if minute != now.wall_ms // 60_000:
            minute, runs = now.wall_ms // 60_000, runs_now(way.pattern, now)
            self._running[id(way)] = (minute, runs)
        return runs

    def _decide(self) -> None:
        """N2, and the trip that fits best when a way has become known."""
        weights = self._weights()
        best = max(weights, key=lambda pair: (weights[pair], pair), default=None)
        if best is not None and weights[best] >= LINE_KNOWN_PERMILLE:
            self._known = best
        elif self._known is not None and weights.get(self._known, 0) < LINE_LOST_PERMILLE:
            self._known = None
        pair = self._word or self._known
        track = None if pair is None else self._best(pair)
        if track is not None and (self._trip is None or self._trip[0] is not track.way) and self._now is not None:
            trip = closest_trip(track.way.pattern, track.along_m, self._now) if self._now.trusted else None
            self._trip = (track.way, trip)

    def _see_the_end(self, mono_ms: int) -> None:
        """N4, N5: at the last stop of what is believed."""
        pair = self._word or self._known
        track = None if pair is None else self._best(pair)
        if track is not None and track.seen_ms == mono_ms and track.along_m >= track.way.end_m - TERMINUS_M:
            self._end_of_trip(track, track.along_m, mono_ms)

    def _end_of_trip(self, track: _Track, along_m: float, mono_ms: int) -> None:
        """After enough of its way."""
        carried_m = along_m - track.along_m
        if track.driven_m + carried_m < TRIP_MIN_M:
            return
        if self._word is not None and self._word_driven_m + carried_m < TRIP_MIN_M:
            return
        end = track.way.pattern.calls[-1].stop
        self._tracks = [
            _Track(way, way.pattern.calls[0].metres, TURN_M, mono_ms)
            for way in self._network.ways
            if way.line.name == track.way.line.name and _begins_at(way, end.lat_e6, end.lon_e6)
        ]
        self._known = self._word = self._trip = None
        self._carry.anew(mono_ms)
        self._decide()

    # --- what is believed ---------------------------------------------------------------------------------------------

    def _pair(self, mono_ms: int) -> Pair | None:
        """N5, N6."""
        if self._word is not None:
            return self._word
        heard_ms = max((at for at in (self._fresh_ms, self._agreed_ms) if at is not None), default=None)
        return self._known if heard_ms is not None and mono_ms - heard_ms <= LINE_HELD_MS else None

    def _along(self, track: _Track, mono_ms: int) -> float | None:
        """N6."""
        if track is self._carried(mono_ms) and (along_m := self._carry.along(track.along_m)) is not None:
            return along_m
        return track.along_m if mono_ms - track.seen_ms <= STOP_HELD_MS else None

    def _carried(self, mono_ms: int) -> _Track | None:
        """What the wheels carry on: the way that it was on at its last trusted place, once that is past."""
        pair = self._pair(mono_ms)
        track = None if pair is None else self._best(pair)
        if track is None or self._fresh_ms is None or mono_ms - self._fresh_ms <= FIX_STALE_MS:
            return None
        return track if track.seen_ms >= self._fresh_ms else None

    def _best(self, pair: Pair) -> _Track | None:
        tracks = [track for track in self._tracks if track.way.pair == pair]
        return max(tracks, key=lambda track: track.score_m, default=None)


def _stands(fix: Fix) -> bool:
    """Whether the receiver says so: an hour of its noise would drive kilometres."""
    return fix.speed_mps is not None and fix.speed_mps < STANDS_MPS


def _onward(passes: Iterable[Pass], from_m: float, carried_m: float | None) -> Pass | None:
    """Where the road goes on from there: its first coming-by, or the one that the wheels say: a ring has several."""
    onward = [one for one in passes if one.along_m >= from_m - ROAD_WITHIN_M]
    if not onward or carried_m is None:
        return onward[0] if onward else None
    return min(onward, key=lambda one: abs(one.along_m - carried_m))


def _fits(onward_m: float, moved_m: float) -> bool:
    """Whether going so far along the road can have moved the vehicle so far: bends make it more, noise less."""
    return moved_m / 2 - STEP_MIN_M <= onward_m <= 2 * moved_m + 2 * STEP_MIN_M and onward_m > -STEP_MIN_M / 2


def _begins_at(way: Way, lat_e6: int, lon_e6: int) -> bool:
    first = way.pattern.calls[0].stop
    return metres_between(first.lat_e6, first.lon_e6, lat_e6, lon_e6) <= 2 * ROAD_WITHIN_M


def _choice(way: Way, permille: int) -> Choice:
    line, pattern = way.line, way.pattern
    return Choice(
        line.name, pattern.direction, line.label, line.label_en, pattern.headsign, pattern.headsign_en, permille
    )
