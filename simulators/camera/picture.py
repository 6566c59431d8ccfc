"""One frame: what it is made of, and how it is drawn when somebody takes it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from simulators.camera.cabin import Cabin
from simulators.camera.codes import Grey
from simulators.camera.conditions import Conditions, Light
from simulators.camera.geometry import HEIGHT, WIDTH, Matrix, Pose, corners, is_seen, is_whole, project
from simulators.camera.held import Colour, Held
from simulators.camera.sensor import Sensor, apply_gain, beat, gain_map, pwm_rows, smear

_MARGIN_PX = 10  # around a thing, for its blur
_GLARE_PX = 64


@dataclass(frozen=True)
class Picture:
    """A frame as the camera gives it."""

    bgr: Colour

    @cached_property
    def grey(self) -> Grey:
        """Its luminance, made when it is first asked for."""
        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY), np.uint8)


@dataclass(frozen=True, slots=True)
class Sight:
    """A thing before the lens in one frame."""

    text: str
    held: Held
    pose: Pose
    under: Conditions
    glare_at: tuple[float, float] = (0.5, 0.5)  # of its width and height

    @property
    def matrix(self) -> Matrix:
        """From the drawing's pixels to the frame's."""
        return project(self.pose, self.held.size, self.held.px_per_mm)

    @property
    def whole(self) -> bool:
        """Whether its symbol lies in the frame entirely."""
        return is_whole(corners(self.matrix, *self.held.symbol))

    @property
    def seen(self) -> bool:
        """Whether any of its symbol lies in the frame."""
        return is_seen(corners(self.matrix, *self.held.symbol))


@dataclass(frozen=True, slots=True)
class Stage:
    """What all frames of a stream share."""

    cabin: Cabin
    sensor: Sensor
    light: Light


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame that is not drawn yet. Drawing is the same whenever and however often it is done."""

    stage: Stage = field(repr=False)
    number: int
    start_s: float
    gain: float
    noise_at: tuple[int, int]
    sights: Sequence[Sight] = field(repr=False)  # the farthest first

    def take(self) -> Picture:
        """Draw it."""
        frame = self.stage.cabin.frame(self.number)
        for sight in self.sights:
            _paint(frame, sight, self.stage.light, self.start_s)
        return Picture(self.stage.sensor.expose(frame, self.start_s, self.gain, self.noise_at))

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything that chance decided about it, for a label: light, exposure, and each thing in view."""
        return {
            "light": asdict(self.stage.light),
            "start_s": round(self.start_s, 6),
            "gain": round(self.gain, 4),
            "noise_at": self.noise_at,
            "moves": self.stage.cabin.moves,
            "in_view": [
                {"text": one.text, "whole": one.whole, "pose": asdict(one.pose), "conditions": asdict(one.under)}
                for one in self.sights
            ],
        }


def _paint(frame: Colour, sight: Sight, light: Light, start_s: float) -> None:
    """Lay a thing into the frame as the lens, its own speed and the rolling shutter show it."""
    held, under = sight.held, sight.under
    matrix = sight.matrix
    outline = corners(matrix, 0, 0, *held.size)
    left, top = (int(low) for low in np.maximum(np.floor(outline.min(0)) - _MARGIN_PX, 0))
    right = int(min(outline[:, 0].max() + _MARGIN_PX, WIDTH))
    bottom = int(min(outline[:, 1].max() + _MARGIN_PX, HEIGHT))
    if right <= left or bottom <= top:
        return
    box = (left, top, right, bottom)
    region = frame[top:bottom, left:right].copy()
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    cv2.warpPerspective(
        held.picture, shift @ matrix, (right - left, bottom - top), dst=region,
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
    )  # fmt: skip
    if under.glare:
        region = _reflect(region, shift @ matrix, sight)
    region = np.asarray(cv2.GaussianBlur(region, (0, 0), under.blur_px), np.uint8)
    exposed_s = light.exposure_ms / 1000
    region = smear(region, sight.pose.speed_x * exposed_s, sight.pose.speed_y * exposed_s)
    if held.screen is not None and (under.moire or under.pwm_depth):
        inverse = np.asarray(np.linalg.inv(matrix), np.float64)
        beats = beat(inverse, held.px_per_mm, under.moire, box) if under.moire else None
        rows = pwm_rows(under, light, top, bottom, start_s)
        region = apply_gain(region, gain_map(corners(matrix, *held.screen), rows, beats, box))
    frame[top:bottom, left:right] = region


def _reflect(region: Colour, matrix: Matrix, sight: Sight) -> Colour:
    """Add a lamp's reflection: a long soft spot that lies on the thing and slides over it as it tilts."""
    width, height = sight.held.size
    line = np.linspace(-2.2, 2.2, _GLARE_PX)
    spot = np.exp(-(line[None, :] ** 2) * 2.5 - line[:, None] ** 2) * (235 * sight.under.glare)
    across, down = sight.glare_at
    wide, high = 0.9 * width, 0.55 * height
    onto = np.array(
        [[wide / _GLARE_PX, 0, across * width - wide / 2], [0, high / _GLARE_PX, down * height - high / 2], [0, 0, 1]]
    )
    seen = cv2.warpPerspective(spot.astype(np.uint8), matrix @ onto, (region.shape[1], region.shape[0]))
    return np.asarray(cv2.add(region, cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR)), np.uint8)
