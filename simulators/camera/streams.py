"""A stream of labelled frames: presentations one after another with empty frames between, all from one seed.

Labels are made as the stream goes on and cost little; a frame is drawn when `shot.take()` is called.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import cos, pi, sin, tau
from random import Random
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from simulators import bad_codes
from simulators.camera.cabin import Cabin
from simulators.camera.conditions import Conditions, Ranges
from simulators.camera.foreign import SIGNS, draw_sign
from simulators.camera.geometry import HEIGHT, WIDTH, Pose
from simulators.camera.held import Held, Print, draw_card, draw_phone, draw_print
from simulators.camera.kinds import BUSY, Kind, Pace, kind_of
from simulators.camera.picture import Shot, Sight, Stage
from simulators.camera.sensor import Sensor

_WAY_FRAMES = 3  # a phone's way in, and its way out: a fifth of a second
_TREMOR_HZ = (3.0, 9.0)  # of a hand
_ROUND_PX = 3_000  # after which a carried sign comes again
_BRIGHT_SCREEN_DARKENS = 0.15  # what the automatic exposure takes back while a phone is near


@dataclass(frozen=True, slots=True)
class Labelled:
    """A frame of a stream and what is truly in it.

    `payload` is the text of the code in view, `presentation` the place of it in `texts`, `whole` whether the entire
    symbol lies in the frame; `foreign` says that the code is not ours. Where a phone and a sign are in view, it is the
    phone's code that is named; `shot.parameters` names all.
    """

    number: int
    shot: Shot
    payload: str | None
    presentation: int | None
    whole: bool
    foreign: bool


def stream(kind: str, seed: int | str, texts: Iterable[str], *, pace: Pace = BUSY) -> Iterator[Labelled]:
    """Frames that show `texts` one presentation after another; as long as `texts`, so endless if those are.

    The kinds without codes are as long, and show nothing of them. Same arguments, same bytes. Raises NoSuchKind
    for a kind that is none of KINDS.
    """
    return _Stream(kind_of(kind), f"{kind} {seed}", pace).frames(texts)


def printed_stream(
    prints: Mapping[str, Print], under: Ranges, seed: int | str, *, pace: Pace = BUSY
) -> Iterator[Labelled]:
    """The same, of what was printed: each text's own print is held up once, worn as `under` says."""
    kind = Kind("what was printed", ((1.0, under),))
    return _Stream(kind, f"printed {seed}", pace, prints).frames(prints)


class _Stream:
    """One camera's stream."""

    def __init__(self, kind: Kind, seed: str, pace: Pace, prints: Mapping[str, Print] = MappingProxyType({})) -> None:
        self._kind, self._prints = kind, prints
        self._seed = seed
        self._pace = pace
        light = kind.light.draw(self._chance("light"))
        moves = pace.moves if kind.moves is None else kind.moves
        self._stage = Stage(Cabin(self._chance("cabin"), light.ambient, moves=moves), Sensor(light), light)
        self._exposure = self._chance("exposure")
        self._drift = 1.0
        self._near = 0.0
        self._number = 0
        self._signs = _Signs(self._chance("signs"), light.ambient, carried=moves) if kind.signs else None

    def _chance(self, what: str) -> Random:
        return Random(f"{what} {self._seed}")  # noqa: S311 - replays from its seed

    def frames(self, texts: Iterable[str]) -> Iterator[Labelled]:
        """All frames: some empty ones before each presentation, and after the last."""
        timing = self._chance("timing")
        for index, text in enumerate(texts):
            yield from self._empty(timing.randint(*self._pace.between))
            shown = timing.randint(*self._pace.shown)
            if self._kind.held:
                yield from self._present(index, text, shown)
            else:
                yield from self._empty(shown)
        yield from self._empty(self._pace.between[0])

    def _empty(self, frames: int) -> Iterator[Labelled]:
        for _ in range(frames):
            yield self._label(None, None)

    def _present(self, index: int, text: str, frames: int) -> Iterator[Labelled]:
        rng = self._chance(f"presentation {index}")
        weights, ranges = zip(*self._kind.held, strict=True)
        chosen: Ranges = rng.choices(ranges, weights)[0]
        under = chosen.draw(rng)
        held = self._draw(text, under, rng)
        for pose, glare_at in _path(under, frames, self._pace.fps, rng):
            yield self._label(Sight(text, held, pose, under, glare_at), index)

    def _draw(self, text: str, under: Conditions, rng: Random) -> Held:
        """What is held up."""
        ambient = self._stage.light.ambient
        if text in self._prints:
            return draw_print(self._prints[text], under, ambient, rng)
        return (draw_phone if under.medium == "screen" else draw_card)(text, under, ambient, rng)

    def _label(self, ours: Sight | None, index: int | None) -> Labelled:
        """The next frame."""
        number = self._number
        self._number += 1
        signs = [] if self._signs is None else self._signs.sights(number, self._pace.fps)
        rng, light = self._exposure, self._stage.light
        self._near += ((ours is not None) - self._near) * 0.2
        self._drift += rng.gauss(0, light.drift) + (1 - self._drift) * 0.03
        shot = Shot(
            self._stage, number, number / self._pace.fps + rng.uniform(0, 2e-4),
            self._drift * (1 - _BRIGHT_SCREEN_DARKENS * self._near), (rng.randrange(64), rng.randrange(64)),
            tuple(signs) if ours is None else (*signs, ours),
        )  # fmt: skip
        if ours is not None and ours.seen:
            return Labelled(number, shot, ours.text, index, ours.whole, foreign=False)
        for one in sorted(signs, key=lambda sign: not sign.whole):  # what hangs lies before what is carried
            if one.seen:
                return Labelled(number, shot, one.text, None, one.whole, foreign=True)
        return Labelled(number, shot, None, None, whole=False, foreign=False)


def _path(under: Conditions, frames: int, fps: float, rng: Random) -> Iterator[tuple[Pose, tuple[float, float]]]:
    """Where a held thing is, frame by frame: in from an edge, held with drift and tremor, out again; or swept by."""
    rest = np.array([WIDTH * rng.uniform(0.4, 0.6), HEIGHT * rng.uniform(0.42, 0.58)])
    heading = rng.choice((rng.uniform(-0.4, 0.4), pi + rng.uniform(-0.4, 0.4), pi / 2 + rng.uniform(-0.4, 0.4)))
    reach = 1_150.0 if abs(cos(heading)) > 0.5 else 900.0
    outside = rest + reach * np.array([cos(heading), sin(heading)])
    beyond = rest - (outside - rest) if under.sweeps else outside
    drift = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1)])
    waves = [(rng.uniform(*_TREMOR_HZ), rng.random(), rng.random()) for _ in range(3)]
    glare = np.array([rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.8)])
    slide = np.array([rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02)])

    def place(at: float) -> NDArray[np.float64]:
        """Middle at this frame (a fraction of one counts too)."""
        if under.sweeps:
            return np.asarray(outside + (beyond - outside) * (at + 1) / (frames + 1), np.float64)
        way = min(at + 1, frames - at, _WAY_FRAMES) / _WAY_FRAMES
        far = (1 - max(way, 0.0)) ** 2
        hand = np.zeros(2)
        for hertz, across, down in waves:
            swing = tau * hertz * at / fps
            hand += np.array([sin(swing + tau * across), sin(swing + tau * down)]) / 3
        return np.asarray(rest + far * (outside - rest) + drift * at + under.tremor_px * hand, np.float64)

    for number in range(frames):
        x, y = place(number)
        speed = (place(number + 0.05) - place(number - 0.05)) * 10 * fps
        lean = under.tremor_px * 0.4
        pose = Pose(
            float(x), float(y), under.distance_mm * rng.uniform(0.99, 1.01), under.turn_deg + rng.gauss(0, lean),
            min(45.0, max(0.0, under.tilt_deg + rng.gauss(0, lean))), under.axis_deg, float(speed[0]), float(speed[1]),
        )  # fmt: skip
        yield pose, (float(glare[0] + slide[0] * number), float(glare[1] + slide[1] * number))


class _Signs:
    """Codes of others: up to two that hang beside the door, and one that is carried through when people move."""

    def __init__(self, rng: Random, ambient: float, *, carried: bool) -> None:
        sides = rng.sample((0.16, 0.84), rng.randint(0 if carried else 1, 2))
        self._hanging = [self._hang(rng, ambient, side) for side in sides]
        self._walks = carried
        self._carried = self._make(rng, ambient)
        self._y = rng.uniform(0.35, 0.6) * HEIGHT
        self._step = rng.choice((-1, 1)) * rng.uniform(6, 20)  # px a frame
        self._start = rng.randrange(_ROUND_PX)

    def _make(self, rng: Random, ambient: float) -> tuple[str, Held, Conditions]:
        text = bad_codes.foreign(rng)
        what, distance_mm = rng.choice(list(SIGNS.items()))
        under = Ranges(medium=(what,), distance_mm=distance_mm, tilt_deg=(0, 30), turn_deg=(-8, 8)).draw(rng)
        return text, draw_sign(what, text, under.distance_mm, ambient, rng), under

    def _hang(self, rng: Random, ambient: float, side: float) -> Sight:
        text, held, under = self._make(rng, ambient)
        x, y = (side + rng.uniform(-0.03, 0.03)) * WIDTH, rng.uniform(0.3, 0.5) * HEIGHT
        return Sight(text, held, Pose(x, y, under.distance_mm, under.turn_deg, under.tilt_deg, under.axis_deg), under)

    def sights(self, number: int, fps: float) -> list[Sight]:
        """What of them is in this frame, the farthest first."""
        if not self._walks:
            return list(self._hanging)
        x = (self._start + self._step * number) % _ROUND_PX - 500  # out of view for a part of its round
        text, held, under = self._carried
        pose = Pose(
            x, self._y, under.distance_mm, under.turn_deg, under.tilt_deg, under.axis_deg, self._step * fps, 0.0
        )
        return [Sight(text, held, pose, under), *self._hanging]
