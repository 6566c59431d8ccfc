"""A sensor behind a lens that answers to exposure, gain and focus: closes the loop that edge/core/tuning.py controls.

Brightness of the world is told in levels: the grey level that it gives in 10 ms at a gain of 1 on a linear sensor. A
setting is in force some frames after it was told, as with a real driver. Same seed, same calls: same bytes.
"""

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from edge.core.errors import CameraLost
from edge.core.limits import EXPOSURE_START_US, FOCUS_STEPS
from edge.core.setting import Bounds, Setting

BOUNDS = Bounds(exposure_min_us=100, exposure_max_us=33_000, gain_min_milli=1_000, gain_max_milli=16_000, focus=True)
_FULL_WELL = 255
_LEVEL_PARTS = 8  # radiance is kept in eighths of a level, up to 8,191 levels
_DEFOCUS_PX = 12.0  # blur at the other end of the focus range
_HAZE_BLUR_PX = 1.5  # grease blurs as well
_NOISE = 3.0  # grey levels at a gain of 1; grows with its root
_QUIET = 4
_SLACK_PX = 64  # the noise bank is larger than a frame by this
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Held:
    """A screen with a code on it: its white and black in levels, its place, and how a hand holds it."""

    text: str
    white: float
    black: float = 2.0
    module_px: float = 4.0
    left: int = 200
    top: int = 80
    smear_px: int = 1  # motion during one frame
    drift_px: int = 0  # from frame to frame


@dataclass
class SimulatedSensor:
    """Fulfils edge.core.ports.FrameSource and CameraControl. `surroundings`: the bus's own brightness, in levels."""

    seed: int = 0
    bounds: Bounds = BOUNDS
    gamma: float = 1.0
    latency: int = 2
    focused_at: int = FOCUS_STEPS // 2
    surroundings: float = 80.0
    windows: float = 0.0
    haze: float = 0.0
    held: Held | None = None
    poster: Held | None = None  # what hangs there all the time
    size: tuple[int, int] = (640, 360)  # width, height: a fourth of a camera's, for the loop does not mind
    live: bool = True
    applied: list[Setting] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        width, height = self.size
        self._noise = self._rng.normal(0, 1, (height + _SLACK_PX, width + _SLACK_PX)).astype(np.float32)
        self._texture = cv2.GaussianBlur(
            cv2.resize(self._rng.uniform(0.5, 1.5, (9, 16)).astype(np.float32), self.size),
            (0, 0), 6,
        )  # fmt: skip
        self._in_force = Setting(EXPOSURE_START_US, self.bounds.gain_min_milli, FOCUS_STEPS // 2)
        self._told: deque[Setting | None] = deque([None] * self.latency, maxlen=self.latency + 1)
        self._next: Setting | None = None
        self._frame = 0
        self._open = True

    @property
    def control(self) -> "SimulatedSensor | None":
        """Itself, while it is open."""
        return self if self._open else None

    def apply(self, setting: Setting) -> None:
        """Tell it a setting. Raises CameraLost when it is closed, AssertionError for one outside its bounds."""
        if not self._open:
            raise CameraLost("the simulated sensor is closed", fix="open it")
        assert self.bounds.holds(setting), setting
        self.applied.append(setting)
        self._next = setting

    def open(self) -> None:
        """Start."""
        self._open = True

    def close(self) -> None:
        """Stop."""
        self._open = False

    def read(self) -> Grey:
        """The next frame."""
        self._told.append(self._next)
        self._next = None
        due = self._told.popleft()
        if due is not None:
            self._in_force = due
        self._frame += 1
        return self._expose(self._radiance())

    def _radiance(self) -> NDArray[np.float32]:
        """What falls onto the sensor, in levels."""
        world = self._texture * self.surroundings
        if self.windows:
            world[: self.size[1] // 4] = self.windows
        for held in (self.poster, self.held):
            if held is not None:
                self._hold(world, held)
        if self.haze:
            small = cv2.GaussianBlur(cv2.resize(world, (20, 11), interpolation=cv2.INTER_AREA), (0, 0), 1)
            scattered = cv2.resize(small, self.size)
            blurred = cv2.GaussianBlur(world, (0, 0), max(_HAZE_BLUR_PX * self.haze, 0.1))
            world = (1 - self.haze) * blurred + self.haze * scattered
        return np.asarray(world, np.float32)

    def _hold(self, world: NDArray[np.float32], held: Held) -> None:
        symbol = segno.make(held.text, error="l", boost_error=False, micro=False)
        modules = np.pad(1 - np.array(symbol.matrix, np.float32), _QUIET, constant_values=1)
        side = round(len(modules) * held.module_px)
        screen = cv2.resize(modules, (side, side), interpolation=cv2.INTER_AREA)
        screen = held.black + screen * (held.white - held.black)
        swing = held.drift_px * (1 if self._frame // 4 % 2 else -1) * (self._frame % 4)
        left, top = held.left + swing, held.top
        margin = 24
        world[top : top + side, left : left + side] = screen
        patch = world[max(top - margin, 0) : top + side + margin, max(left - margin, 0) : left + side + margin]
        focus = self._in_force.focus
        off = 0.0 if focus is None else abs(focus - self.focused_at) / FOCUS_STEPS
        blur = float(np.hypot(0.4, _DEFOCUS_PX * off))
        patch[:] = cv2.GaussianBlur(patch, (0, 0), blur)
        if held.smear_px > 1:
            patch[:] = cv2.blur(patch, (held.smear_px, 1))

    def _expose(self, radiance: NDArray[np.float32]) -> Grey:
        setting = self._in_force
        light = setting.exposure_us * setting.gain_milli / 1000 / EXPOSURE_START_US
        steps = np.clip(radiance * _LEVEL_PARTS, 0, 65_535).astype(np.uint16)
        curve = np.clip(np.arange(65_536) / _LEVEL_PARTS * light / _FULL_WELL, 0, 1) ** (1 / self.gamma) * _FULL_WELL
        y, x = self._rng.integers(0, _SLACK_PX, 2)
        noise = self._noise[y : y + self.size[1], x : x + self.size[0]]
        grain = np.float32(_NOISE * (setting.gain_milli / 1000) ** 0.5)
        return np.clip(curve.astype(np.float32)[steps] + grain * noise, 0, 255).astype(np.uint8)
