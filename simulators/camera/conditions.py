"""What chance decides about a presentation and about a cabin: ranges, drawn from a seed, and all of it labelled."""

from dataclasses import dataclass, fields
from random import Random
from typing import Any

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One presentation. Levels, depths and chances are 0–1 if no unit is named."""

    medium: str  # screen, worn card, photocopy
    distance_mm: float
    tilt_deg: float
    axis_deg: float
    turn_deg: float
    brightness: float  # of a screen: 1 is full
    dark_mode: bool
    notch: bool
    cracks: int  # points where the glass was hit
    fingerprints: int
    moire: float  # how far the screen's subpixels beat with the sensor's pixels
    pwm_hz: float
    pwm_depth: float
    pwm_duty: float
    glare: float  # how far a lamp's reflection whitens its middle
    blur_px: float  # sigma of what is out of focus
    tremor_px: float
    sweeps: bool  # drawn through the picture without stopping
    fading: float  # of print
    creases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """From where to where conditions are drawn; a chance for what is yes or no. The defaults are an easy phone."""

    medium: tuple[str, ...] = ("screen",)
    distance_mm: Range = (170, 300)
    tilt_deg: Range = (0, 15)
    axis_deg: Range = (0, 360)
    turn_deg: Range = (-15, 15)
    brightness: Range = (0.7, 1.0)
    dark_mode: float = 0.0
    notch: float = 0.6
    cracks: range = range(1)
    fingerprints: range = range(1)
    moire: Range = (0.0, 0.0)
    pwm_hz: Range = (120, 480)
    pwm_depth: Range = (0.0, 0.0)
    pwm_duty: Range = (0.5, 0.9)
    glare: Range = (0.0, 0.0)
    blur_px: Range = (0.5, 0.8)
    tremor_px: Range = (0.2, 0.8)
    sweeps: float = 0.0
    fading: Range = (0.0, 0.0)
    creases: range = range(1)

    def draw(self, rng: Random) -> Conditions:
        """One presentation's conditions."""
        return Conditions(**{field.name: _draw(rng, getattr(self, field.name)) for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """One cabin and its sensor, for a whole stream."""

    ambient: float  # how much falls on what does not shine itself: 1 is a bright day
    mains_hz: float  # lamps flicker at twice this
    flicker_depth: float
    exposure_ms: float
    noise: float  # sigma, in grey levels
    drift: float  # how far the automatic exposure wanders, a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class LightRanges:
    """From where to where a cabin is drawn."""

    ambient: Range = (0.35, 0.9)
    mains_hz: Range = (49.8, 50.2)
    flicker_depth: Range = (0.03, 0.2)
    exposure_ms: Range = (3.0, 9.0)
    noise: Range = (2.5, 6.0)
    drift: Range = (0.002, 0.008)

    def draw(self, rng: Random) -> Light:
        """One cabin's light."""
        return Light(**{field.name: _draw(rng, getattr(self, field.name)) for field in fields(self)})


def _draw(rng: Random, among: Any) -> Any:
    """A value: of a chance whether, of counts and names one, of a range a number to three places."""
    if isinstance(among, float):
        return rng.random() < among
    if isinstance(among, range):
        return rng.choice(among)
    if isinstance(among[0], str):
        return rng.choice(among)
    return round(rng.uniform(*among), 3)
