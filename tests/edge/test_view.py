"""A frame as small numbers: what is code-like is found, a bus without a phone is not, and grey levels are what they are."""

import cv2
import numpy as np
import pytest

from edge.adapters import view as views
from edge.core.places import Box
from simulators.camera.settable import Held, SimulatedSensor
from tests.edge.pictures import pass_picture, pass_text


def scene(*, code: np.ndarray | None = None, noise: float = 0, at: tuple[int, int] = (400, 200)) -> np.ndarray:
    """A plain wall of 1280 × 720 with a code on it."""
    picture = np.full((720, 1280), 90, np.float32)
    if code is not None:
        left, top = at
        picture[top : top + code.shape[0], left : left + code.shape[1]] = code
    picture += np.random.default_rng(1).normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0, 4, 10])
@pytest.mark.parametrize("scale", [2, 3, 5])
@pytest.mark.parametrize("levels", [(0, 255), (60, 120)], ids=["bright", "dim"])
def test_a_code_is_found_where_it_is(noise: float, scale: int, levels: tuple[int, int]) -> None:
    code = pass_picture(scale=scale).astype(np.float32) / 255 * (levels[1] - levels[0]) + levels[0]
    box = views.find(scene(code=code, noise=noise))
    assert box is not None
    side = 49 * scale
    assert Box(400, 200, 400 + side, 200 + side).padded(4 * scale + 24, 1280, 720).covers(box)
    assert 0.75 * side <= box.side <= 1.35 * side


def test_what_is_left_out_is_not_found() -> None:
    picture = scene(code=pass_picture(scale=4), noise=3)
    small = pass_picture(scale=3)
    picture[300 : 300 + len(small), 900 : 900 + len(small)] = small
    large, other = views.find(picture), Box(900, 300, 900 + len(small), 300 + len(small))
    assert large is not None
    assert large.left < 700
    found = views.find(picture, [large.padded(16, 1280, 720)])
    assert found is not None
    assert other.covers(found)
    assert views.find(picture, [large.padded(16, 1280, 720), other]) is None


@pytest.mark.parametrize("noise", [0, 4, 10, 20])
def test_nothing_is_found_where_nothing_is(noise: float) -> None:
    assert views.find(scene(noise=noise)) is None
    stripes = np.kron(np.arange(1280) // 16 % 2 * 200, np.ones((720, 1))).astype(np.uint8)
    assert views.find(stripes) is None, "bars along one axis are no code"


@pytest.mark.parametrize("shape", [(1, 1), (15, 15), (16, 16), (40, 40), (7, 2_000), (481, 643)])
def test_any_size_of_frame_is_looked_at(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    seen = views.view(grey, views.grid(grey), views.find(grey), read=False)
    assert 0 <= seen.median <= 255
    assert views.sight(grey, Box(0, 0, shape[1] + 9, shape[0] + 9)) is None or min(shape) >= 8


def test_brightness_and_clipping_of_a_frame() -> None:
    grey = np.full((720, 1280), 80, np.uint8)
    grey[:144] = 255
    seen = views.view(grey, views.grid(grey), None, read=True)
    assert (seen.median, seen.clipped_permille, seen.sight, seen.read) == (80, 200, None, True)


@pytest.mark.parametrize(("sigma", "low", "high"), [(0.5, 720, 820), (0.7, 530, 620), (1.0, 370, 440), (1.5, 250, 320)])
def test_steepness_is_that_of_the_blur(sigma: float, low: int, high: int) -> None:
    """A Gaussian of s pixels leaves 1000 / (s √2π) on edges that stand alone, as those of five pixels a module do."""
    code = cv2.GaussianBlur(pass_picture(scale=5), (0, 0), sigma)
    seen = views.sight(code, Box(20, 20, 265, 265))
    assert seen is not None
    assert low <= seen.softest_permille <= seen.sharpest_permille <= high
    assert seen.white >= 240
    assert seen.black <= 15


def test_motion_blurs_one_axis() -> None:
    seen = views.sight(cv2.blur(pass_picture(scale=5), (6, 1)), Box(20, 20, 265, 265))
    assert seen is not None
    assert seen.sharpest_permille > 900
    assert seen.softest_permille < 400


def test_haze_is_the_share_of_the_black() -> None:
    grey = np.where(pass_picture(scale=5) > 0, 200, 50).astype(np.uint8)
    seen = views.sight(grey, Box(20, 20, 265, 265))
    assert seen is not None
    assert (seen.white, seen.black, seen.contrast, seen.haze_permille) == (200, 50, 150, 250)


def test_a_frame_differs_when_something_comes_and_not_when_the_light_changes() -> None:
    sensor = SimulatedSensor(surroundings=60.0, size=(1280, 720))
    change = views.Change()
    frames = [sensor.read() for _ in range(6)]
    assert [change.came(views.grid(frame)) for frame in frames] == [True] + [False] * 5
    bands = (19 + 19 * np.sin(np.arange(720) / 60)).astype(int)[:, None]
    assert not change.came(views.grid(np.clip(frames[0] + bands, 0, 255).astype(np.uint8))), "lamps on mains"
    assert not change.came(views.grid(np.clip(frames[0].astype(int) + 25, 0, 255).astype(np.uint8)))
    sensor.held = Held(pass_text(), white=150, module_px=2.1, left=600, top=300)
    assert change.came(views.grid(sensor.read()))
    assert not change.came(views.grid(sensor.read()))
    sensor.held = None
    assert change.came(views.grid(sensor.read()))
