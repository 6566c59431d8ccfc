"""What a cheap camera adds: lamps that flicker row by row, exposure that wanders, vignette, noise.

And what its rows and pixels make of a screen's pulsed light and its subpixels: bands and moiré.
"""

from functools import cache
from math import ceil, hypot, log2, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.camera.conditions import Conditions, Light
from simulators.camera.geometry import HEIGHT, ROW_US, WIDTH, Matrix
from simulators.camera.held import Colour

_SLACK_PX = 64  # the noise bank is larger than a frame by this: a slice at a random place looks new
_BANK_SIGMA = 16.0
_ONE = 128  # of a gain map of bytes
_HALVINGS_MAX = 5  # 32 pictures along a smear: no reader sees the steps
SUBPIXEL_MM = 0.0635  # of a screen with 400 pixels an inch
Rows = NDArray[np.float64]


def row_times_s(top: int, bottom: int, start_s: float) -> Rows:
    """When the exposure of each row begins."""
    return np.asarray(start_s + np.arange(top, bottom) * (ROW_US * 1e-6), np.float64)


def lamp_rows(light: Light, start_s: float) -> Rows:
    """How much brighter each row is for the lamps, which shine twice a mains cycle; 1 on average over time.

    A row averages over its exposure, so the wave shrinks by sin(πft)/(πft): an exposure of one period shows nothing.
    """
    hertz, exposed_s = 2 * light.mains_hz, light.exposure_ms / 1000
    shrunk = sin(pi * hertz * exposed_s) / (pi * hertz * exposed_s)
    middle = row_times_s(0, HEIGHT, start_s) + exposed_s / 2
    return 1 + light.flicker_depth * shrunk * np.cos(2 * pi * hertz * middle)


def pwm_rows(under: Conditions, light: Light, top: int, bottom: int, start_s: float) -> Rows:
    """How much brighter a screen is in each row for its pulsed light; 1 on average over time."""
    exposed_s = light.exposure_ms / 1000
    begins = row_times_s(top, bottom, start_s)
    on_s = _lit_until(begins + exposed_s, under) - _lit_until(begins, under)
    return 1 - under.pwm_depth + under.pwm_depth * on_s / (under.pwm_duty * exposed_s)


def _lit_until(when_s: Rows, under: Conditions) -> Rows:
    """How long the pulses have been on since 0."""
    cycles = when_s * under.pwm_hz
    whole = np.floor(cycles)
    return np.asarray((whole * under.pwm_duty + np.minimum(cycles - whole, under.pwm_duty)) / under.pwm_hz, np.float64)


def beat(inverse: Matrix, px_per_mm: float, depth: float, box: tuple[int, int, int, int]) -> Colour:
    """Gain map (128 is 1) of a screen's subpixel grid, seen through each pixel's middle; `inverse`: frame → drawing.

    Sampling finer stripes than the pixels are is what makes moiré: nothing is drawn but the stripes.
    """
    left, top, right, bottom = box
    across = np.arange(left, right, dtype=np.float32)
    down = np.arange(top, bottom, dtype=np.float32)
    rows = inverse.astype(np.float32)
    depth_at = (rows[2, 0] * across)[None, :] + (rows[2, 1] * down + rows[2, 2])[:, None]
    phases = []
    for axis in (0, 1):
        place = (rows[axis, 0] * across)[None, :] + (rows[axis, 1] * down + rows[axis, 2])[:, None]
        place /= depth_at
        place *= 256 / (SUBPIXEL_MM * px_per_mm)
        phases.append(place.astype(np.int32).astype(np.uint8))
    waves = np.arange(256)[:, None] / 256 - np.array([0, 1, 2]) / 3  # the three colours lie side by side
    columns = np.asarray(_ONE * (1 + depth * np.cos(2 * pi * waves)), np.uint8)[None]
    lines = np.asarray(_ONE * (1 + 0.5 * depth * np.cos(2 * pi * np.arange(256) / 256)), np.uint8)
    coloured = cv2.LUT(cv2.cvtColor(phases[0], cv2.COLOR_GRAY2BGR), columns)
    lined = cv2.cvtColor(cv2.LUT(phases[1], lines), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.multiply(coloured, lined, scale=1 / _ONE), np.uint8)


@cache
def _noise_bank() -> Colour:
    """Grain for every stream; each frame takes another slice of it."""
    bank = (HEIGHT + _SLACK_PX, WIDTH + _SLACK_PX, 3)
    return np.clip(np.random.default_rng(1).normal(_ONE, _BANK_SIGMA, bank), 0, 255).astype(np.uint8)


class Sensor:
    """Turns light into a frame. Made once a stream."""

    def __init__(self, light: Light) -> None:
        self._light = light
        across, down = np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT)
        self._across = np.repeat(1 - 0.16 * across**2, 3).astype(np.float32)
        self._down = 1 - 0.16 * down**2

    def expose(self, seen: Colour, start_s: float, gain: float, shift: tuple[int, int]) -> Colour:
        """What is seen → what comes out of the camera. `shift`: where the noise is taken from, 0–63 each."""
        rows = (lamp_rows(self._light, start_s) * self._down * (gain * _ONE)).astype(np.float32)
        gains = np.multiply.outer(rows, self._across).astype(np.uint8)
        lit = cv2.multiply(seen.reshape(HEIGHT, -1), gains, scale=1 / _ONE).reshape(HEIGHT, WIDTH, 3)
        x, y = shift
        noise = _noise_bank()[y : y + HEIGHT, x : x + WIDTH]
        share = self._light.noise / _BANK_SIGMA
        return np.asarray(cv2.addWeighted(lit, 1.0, noise, share, -_ONE * share), np.uint8)


def apply_gain(seen: Colour, gains: Colour) -> Colour:
    """Multiply by a gain map (128 is 1)."""
    return np.asarray(cv2.multiply(seen, gains, scale=1 / _ONE), np.uint8)


def gain_map(quad: Matrix, rows: Rows, beats: Colour | None, box: tuple[int, int, int, int]) -> Colour:
    """Gain map (128 is 1) of a region: the screen within `quad` (frame pixels) by its rows and its beats, else 1."""
    left, top, right, bottom = box
    base = np.clip(rows * _ONE, 0, 255).astype(np.uint8)[:, None, None]
    gains = np.empty((bottom - top, right - left, 3), np.uint8)
    gains[:] = base
    if beats is not None:
        gains = np.asarray(cv2.multiply(gains, beats, scale=1 / _ONE), np.uint8)
    outside = np.full((bottom - top, right - left), 255, np.uint8)
    cv2.fillConvexPoly(outside, (quad - (left, top)).astype(np.int32), 0)
    gains[outside > 0] = _ONE
    return gains


def smear(seen: Colour, dx: float, dy: float) -> Colour:
    """What moved by (dx, dy) px while it was exposed; as it was if that is less than a pixel.

    Each halving lays the picture over itself, shifted: n of them are 2**n pictures along the way, the middle one where
    it was.
    """
    halvings = min(ceil(log2(max(1.0, hypot(dx, dy)))), _HALVINGS_MAX)
    if halvings == 0:
        return seen
    seen = _shifted(seen, -dx * (1 - 0.5**halvings) / 2, -dy * (1 - 0.5**halvings) / 2)
    for n in range(1, halvings + 1):
        seen = np.asarray(cv2.addWeighted(seen, 0.5, _shifted(seen, dx / 2**n, dy / 2**n), 0.5, 0), np.uint8)
    return seen


def _shifted(seen: Colour, x: float, y: float) -> Colour:
    way = np.array([[1, 0, x], [0, 1, y]])
    size = (seen.shape[1], seen.shape[0])
    return np.asarray(cv2.warpAffine(seen, way, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
