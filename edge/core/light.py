"""Exposure and gain of a camera that looks at screens by day and by night. Pure.

Light is exposure × gain, in microseconds at a gain of 1. Rules:
- L1 with something code-like in view its white decides, and nothing else: a screen shines by itself, so daylight behind
  it says nothing of how bright it is;
- L2 with nothing in view the median decides, slowly, and stays within two stops about the light in which codes were
  last seen well: what comes next is a screen, too;
- L3 a patch that comes up white in a dark picture is a screen that drowns: less light at once, for a while;
- L4 inside a band nothing changes, and outside it the step is damped: no hunting;
- L5 exposures are whole half-waves of mains light (10 ms at 50 Hz) where the light allows, else whole waves of the
  240 Hz at which many OLED screens dim, else as short as need be; a longer one costs sharpness in a moving hand, so
  gain up to GAIN_BEFORE_BLUR_MILLI comes first.
"""

from math import ceil

from edge.core.limits import (
    EXPOSURE_START_US,
    GAIN_BEFORE_BLUR_MILLI,
    LIGHT_CEILING_VIEWS,
    LIGHT_IDLE_VIEWS,
    LIGHT_PATCH_PERMILLE,
    MAINS_HALF_WAVE_US,
    SCREEN_WAVE_US,
)
from edge.core.setting import Bounds
from edge.core.view import Sight, View

WHITE_BAND = (140, 235)  # of a code's light modules: readers want contrast, and 235 is still short of clipping
WHITE_WANTED = 190
WHITE_CLIPPED = 250
MEDIAN_BAND = (45, 130)  # of the frame: both the bus and a screen in it can be told apart
MEDIAN_WANTED = 80
_MEDIAN_DARK = 60  # below it a white patch is a screen or a lamp, above it a window
_DAMPED = 0.8  # exponent of a step: a sensor's own curve makes light and grey level disagree by as much
_STEP = 2.0  # one stop at most from one look to the next
_IDLE_STEP = 1.4
_STOPS_ABOUT = 4.0  # L2: two stops
_PATCH_CUTS = 2  # L3: what still drowns after two cuts is a lamp
_PATCH_CUT = 0.4
_LEARN = 0.25  # of a newly seen screen


class LightControl:
    """The light wanted of one camera. Call `step` with each view that shows the setting in force."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.light = self._within(EXPOSURE_START_US * bounds.gain_min_milli / 1000)
        self._screen: float | None = None  # the light in which codes were well lit
        self._ceiling: float = bounds.light_max
        self._idle = 0
        self._cuts = 0
        self._clipped: float | None = None  # permille of the frame that is usually white

    def step(self, view: View) -> bool:
        """One view → whether the light wanted has changed."""
        before = self.light
        if view.sight is not None:
            self._on_code(view.sight)
        elif self._drowns(view):
            self._cuts += 1
            self.light = self._ceiling = self._within(self.light * _PATCH_CUT)
            self._idle = 0
        else:
            self._on_nothing(view)
        return self.light != before

    def _on_code(self, sight: Sight) -> None:
        """L1."""
        self._idle = self._cuts = 0
        if sight.white >= WHITE_CLIPPED:
            self._scale(1 / _STEP)  # by how much it is over cannot be seen
        elif not WHITE_BAND[0] <= sight.white <= WHITE_BAND[1]:
            self._scale(_damped(WHITE_WANTED, sight.white, _STEP))
        else:
            self._ceiling = self._bounds.light_max
            self._screen = self.light if self._screen is None else self._screen + _LEARN * (self.light - self._screen)

    def _on_nothing(self, view: View) -> None:
        """L2."""
        usual = view.clipped_permille if self._clipped is None else self._clipped
        self._clipped = usual + (view.clipped_permille - usual) / LIGHT_IDLE_VIEWS
        self._idle += 1
        if self._idle % LIGHT_CEILING_VIEWS == 0:
            self._cuts = 0
            self._ceiling = min(2 * self._ceiling, self._bounds.light_max)
        if self._idle < LIGHT_IDLE_VIEWS:
            return
        wanted = self.light
        if not MEDIAN_BAND[0] <= view.median <= MEDIAN_BAND[1]:
            wanted *= _damped(MEDIAN_WANTED, view.median, _IDLE_STEP)
        if self._screen is not None:
            wanted = min(max(wanted, self._screen / _STOPS_ABOUT), self._screen * _STOPS_ABOUT)
        self.light = self._within(min(wanted, max(self._ceiling, self._bounds.light_min)))

    def _drowns(self, view: View) -> bool:
        """L3."""
        return (
            self._clipped is not None
            and view.median < _MEDIAN_DARK
            and view.clipped_permille - self._clipped >= LIGHT_PATCH_PERMILLE
            and self._cuts < _PATCH_CUTS
        )

    def _scale(self, ratio: float) -> None:
        self.light = self._within(self.light * ratio)

    def _within(self, light: float) -> float:
        return min(max(light, self._bounds.light_min), self._bounds.light_max)


def _damped(wanted: int, seen: int, step: float) -> float:
    ratio: float = (wanted / max(seen, 1)) ** _DAMPED
    return min(max(ratio, 1 / step), step)


def split(light: float, bounds: Bounds) -> tuple[int, int]:
    """Light → (exposure in microseconds, gain in thousandths), by L5; always within the bounds."""
    gain_min, gain_max = bounds.gain_min_milli, bounds.gain_max_milli
    bare_us = light * 1000 / gain_min  # the exposure that needs no gain
    if bare_us < SCREEN_WAVE_US:
        wanted_us = bare_us
    elif bare_us < MAINS_HALF_WAVE_US:
        wanted_us = SCREEN_WAVE_US * (bare_us // SCREEN_WAVE_US)
    else:
        gain = max(gain_min, min(GAIN_BEFORE_BLUR_MILLI, gain_max))
        wanted_us = MAINS_HALF_WAVE_US * ceil(light * 1000 / (gain * MAINS_HALF_WAVE_US))
    longest_us = bounds.exposure_max_us
    if longest_us >= MAINS_HALF_WAVE_US:
        longest_us -= longest_us % MAINS_HALF_WAVE_US
    exposure_us = max(int(min(wanted_us, longest_us)), bounds.exposure_min_us)
    if light * 1000 > exposure_us * gain_max:  # darker than whole waves allow
        exposure_us = bounds.exposure_max_us
    return exposure_us, min(max(round(light * 1000 / exposure_us), gain_min), gain_max)
