"""What a bus camera sees: a vehicle's inside, and now and then a phone held into the picture.

Everything costly (background, vignette, noise) is made once; a frame warps and blurs only the phone's own region and
adds one slice of noise, so a camera costs a few milliseconds a frame. Same seed, same calls: same bytes.
"""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.camera.codes import Grey
from simulators.camera.phone import MODULE_PX, Screen, draw_phone

SIZE = (1280, 720)  # what the cheap cameras give: width, height
_FOCAL_PX = 1_100.0  # a lens of about 60° over 1280 pixels
_NOISE_SLACK_PX = 64  # the noise bank is larger than a frame by this: a slice at a random place looks new
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """How hard the phones are to read. Ranges are (least, most); chances are 0–1."""

    module_px: tuple[float, float]
    rotate_deg: float  # in the picture, either way
    tilt_deg: float  # out of the picture, either way, about both axes
    blur_px: tuple[float, float]  # sigma
    motion_px: int  # longest smear
    noise: float  # sigma, in grey levels
    white: tuple[int, int]  # the screen's white, from dim to bright
    dark_mode: float  # chance
    glare: float  # chance
    glare_most: int  # grey levels added in its middle
    tremor_px: float


DAILY = Level(
    module_px=(2.8, 5.0), rotate_deg=18, tilt_deg=16, blur_px=(0.5, 1.0), motion_px=3, noise=5.0,
    white=(100, 250), dark_mode=0.12, glare=0.2, glare_most=110, tremor_px=2.0,
)  # fmt: skip
HARD = Level(
    module_px=(2.2, 4.5), rotate_deg=180, tilt_deg=28, blur_px=(0.6, 1.4), motion_px=5, noise=8.0,
    white=(60, 250), dark_mode=0.25, glare=0.5, glare_most=180, tremor_px=4.0,
)  # fmt: skip
LEVELS = {"daily": DAILY, "hard": HARD}


class Scene:
    """One camera's view. `empty` is the vehicle alone; `hold` puts a phone into it. Used by one thread."""

    def __init__(self, seed: str, level: Level = DAILY, size: tuple[int, int] = SIZE) -> None:
        self._seed = seed
        self.level = level
        self.width, self.height = size
        grain = np.random.default_rng(Random(f"grain {seed}").getrandbits(64))  # noqa: S311 - replays from its seed
        self.background = _draw_interior(Random(f"interior {seed}"), size)  # noqa: S311
        self.vignette = _draw_vignette(size)
        self._lit = shade(self.background, self.vignette)
        bank = (self.height + _NOISE_SLACK_PX, self.width + _NOISE_SLACK_PX)
        self._noise = np.clip(grain.normal(128, level.noise, bank), 0, 255).astype(np.uint8)
        self._light = Random(f"light {seed}")  # noqa: S311
        self._drift = 1.0

    def empty(self) -> Grey:
        """The next frame with nobody in front of the camera."""
        return self._expose(self._lit)

    def hold(self, key: str, text: str) -> "Hold":
        """Somebody holds a phone with this text into the picture; `key` seeds how."""
        return Hold(self, Random(f"hold {self._seed} {key}"), text)  # noqa: S311

    def with_region(self, region: Grey, left: int, top: int) -> Grey:
        """The next frame, with a region of it replaced by what stands before the background."""
        frame = self._lit.copy()
        frame[top : top + region.shape[0], left : left + region.shape[1]] = region
        return self._expose(frame)

    def _expose(self, frame: Grey) -> Grey:
        """Light that drifts slowly, and the sensor's noise."""
        self._drift += self._light.uniform(-0.01, 0.01) + (1.0 - self._drift) * 0.02
        x, y = self._light.randrange(_NOISE_SLACK_PX), self._light.randrange(_NOISE_SLACK_PX)
        noise = self._noise[y : y + self.height, x : x + self.width]
        return np.asarray(cv2.addWeighted(frame, self._drift, noise, 1.0, -128.0), np.uint8)


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where the phone is: its middle in the picture, scale in frame pixels per drawn pixel, and three angles."""

    x: float
    y: float
    scale: float
    turn: float
    pitch: float
    yaw: float


class Hold:
    """One phone in one hand: each `frame` is a little later, with the hand's drift and tremor."""

    def __init__(self, scene: Scene, rng: Random, text: str) -> None:
        level = scene.level
        self._scene = scene
        self._rng = rng
        white = rng.randint(*level.white)
        dark = rng.random() < level.dark_mode
        self._phone = draw_phone(
            text, Screen(white=max(white, 170) if dark else white, black=8 + white // 12, dark=dark)
        )
        scale = rng.uniform(*level.module_px) / MODULE_PX
        self._pose = _Pose(
            x=scene.width * rng.uniform(0.35, 0.65),
            y=scene.height * rng.uniform(0.42, 0.58),
            scale=scale,
            turn=rng.uniform(-level.rotate_deg, level.rotate_deg),
            pitch=rng.uniform(-level.tilt_deg, level.tilt_deg),
            yaw=rng.uniform(-level.tilt_deg, level.tilt_deg),
        )
        # A hand that brings something is seldom still: what stands still is taken for a sticker.
        self._drift = (rng.choice((-1, 1)) * rng.uniform(2.5, 5), rng.uniform(-3, 3))
        self._blur = rng.uniform(*level.blur_px)
        if rng.random() < level.glare:
            self._phone = np.asarray(cv2.add(self._phone, self._draw_glare()), np.uint8)

    def frame(self) -> Grey:
        """The next frame of this hold."""
        tremor = self._scene.level.tremor_px
        pose = self._pose
        self._pose = _Pose(
            x=pose.x + self._drift[0] + self._rng.gauss(0, tremor),
            y=pose.y + self._drift[1] + self._rng.gauss(0, tremor),
            scale=pose.scale * self._rng.uniform(0.99, 1.01),
            turn=pose.turn + self._rng.gauss(0, tremor / 3),
            pitch=pose.pitch + self._rng.gauss(0, tremor / 3),
            yaw=pose.yaw + self._rng.gauss(0, tremor / 3),
        )
        matrix, corners = _project(self._pose, self._phone)
        scene = self._scene
        left, top = np.maximum(np.floor(corners.min(0)).astype(int) - 8, 0)
        right = min(int(corners[:, 0].max()) + 8, scene.width)
        bottom = min(int(corners[:, 1].max()) + 8, scene.height)
        if right <= left or bottom <= top:
            return scene.empty()  # drifted out of the picture
        region = scene.background[top:bottom, left:right].copy()
        shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
        cv2.warpPerspective(
            self._phone, shift @ matrix, (region.shape[1], region.shape[0]), dst=region,
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip
        region = self._smear(np.asarray(cv2.GaussianBlur(region, (0, 0), self._blur), np.uint8))
        return scene.with_region(shade(region, scene.vignette[top:bottom, left:right]), int(left), int(top))

    def _smear(self, region: Grey) -> Grey:
        """Motion during the exposure."""
        length = self._rng.randint(1, self._scene.level.motion_px)
        if length == 1:
            return region
        kernel = np.ones((1, length), np.float32) if self._rng.random() < 0.5 else np.ones((length, 1), np.float32)
        return np.asarray(cv2.filter2D(region, -1, kernel / length), np.uint8)

    def _draw_glare(self) -> Grey:
        """A lamp's reflection, somewhere on the screen."""
        height, width = self._phone.shape
        x, y = self._rng.uniform(0, width), self._rng.uniform(0, height)
        size = self._rng.uniform(0.08, 0.25) * width
        across, down = np.meshgrid(np.arange(width), np.arange(height))
        most = self._rng.uniform(0.3, 1.0) * self._scene.level.glare_most
        return np.asarray(most * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * size * size)), np.uint8)


def shade(picture: Grey, vignette: Grey) -> Grey:
    """Darken towards the corners."""
    return np.asarray(cv2.multiply(picture, vignette, scale=1 / 255), np.uint8)


def _project(pose: _Pose, phone: Grey) -> tuple[Matrix, Matrix]:
    """Pose → (3×3 matrix from the phone's pixels to the frame's, the phone's corners in the frame)."""
    height, width = phone.shape
    turn, pitch, yaw = np.radians([pose.turn, pose.pitch, pose.yaw])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * np.array([width, height, 0]) / 2 * pose.scale
    solid = flat @ (about_z @ about_y @ about_x).T
    corners = np.array([pose.x, pose.y]) + solid[:, :2] * (_FOCAL_PX / (_FOCAL_PX + solid[:, 2:]))
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    return np.asarray(matrix, np.float64), np.asarray(corners, np.float64)


def _draw_vignette(size: tuple[int, int]) -> Grey:
    """255 in the middle, about 150 in the corners."""
    across, down = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    return np.asarray(255 - 52 * (across**2 + down**2), np.uint8)


def _draw_interior(rng: Random, size: tuple[int, int]) -> Grey:
    """Windows, seats, poles and a floor, out of focus."""
    width, height = size
    wall = np.tile(np.linspace(rng.uniform(90, 130), rng.uniform(40, 70), height)[:, None], (1, width))
    picture = np.asarray(wall, np.uint8)
    across = 0
    while across < width:
        pane = rng.randrange(width // 7, width // 4)
        top, bottom = height // 14, int(height * rng.uniform(0.3, 0.4))
        cv2.rectangle(picture, (across + 12, top), (across + pane - 12, bottom), rng.randrange(150, 225), cv2.FILLED)
        across += pane
    for _ in range(7):
        seat = (rng.randrange(width), int(height * rng.uniform(0.6, 0.95)))
        axes = (rng.randrange(50, 110), rng.randrange(90, 150))
        cv2.ellipse(picture, seat, axes, 0, 0, 360, rng.randrange(25, 75), cv2.FILLED)
    for _ in range(4):
        x = rng.randrange(width)
        cv2.line(picture, (x, 0), (x + rng.randrange(-40, 40), height), rng.randrange(120, 200), rng.randrange(8, 18))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4.0), np.uint8)
