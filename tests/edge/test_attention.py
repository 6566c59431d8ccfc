"""What counts as new in a frame: a phone does, flicker, noise and slow light do not."""

import numpy as np
import pytest

from edge.adapters.readers.attention import Grid
from edge.core.places import Box
from tests.edge.pictures import pass_picture

RNG = np.random.default_rng(4)
ROWS = np.arange(720, dtype=np.float32)[:, None]


def scene(brightness: float = 0, *, noise: float = 4, bands: float = 0, phase: float = 0) -> np.ndarray:
    """A cabin, brighter or darker, with a sensor's noise (σ) and 50 Hz bands (± levels) over its rows."""
    picture = np.tile(np.linspace(60, 170, 1280, dtype=np.float32), (720, 1))
    picture[200:500, 300:420] = 40
    picture += brightness + bands * np.sin(ROWS / 90 + phase) + RNG.normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def with_phone(picture: np.ndarray, left: int, top: int, scale: int = 4) -> np.ndarray:
    phone = pass_picture(scale=scale)
    shown = picture.copy()
    shown[top : top + phone.shape[0], left : left + phone.shape[1]] = phone
    return shown


@pytest.mark.parametrize("seen", [
    scene(), scene(noise=10), scene(12), scene(-25), scene(bands=18, phase=2), scene(8, noise=8, bands=12, phase=4),
])  # fmt: skip
def test_flicker_noise_and_slow_light_are_nothing_new(seen: np.ndarray) -> None:
    known = Grid(scene(noise=6, bands=6))
    assert Grid(seen).news(known) is None
    assert Grid(seen).same(known)


@pytest.mark.parametrize(("left", "top", "scale"), [(0, 0, 4), (800, 300, 4), (500, 200, 2), (40, 60, 8)])
def test_a_phone_is_new_and_its_box_holds_it_and_little_more(left: int, top: int, scale: int) -> None:
    seen = with_phone(scene(3, bands=8, phase=1), left, top, scale)
    box = Grid(seen).news(Grid(scene()))
    assert box is not None
    side = pass_picture(scale=scale).shape[0]
    phone = Box(left, top, left + side, top + side)
    wide = phone.padded(40, 1280, 720)
    assert box.left >= wide.left
    assert box.top >= wide.top
    assert box.right <= wide.right
    assert box.bottom <= wide.bottom
    assert box.area > phone.area * 0.7
    assert not Grid(seen).same(Grid(scene()))


def test_the_next_code_at_the_same_place_is_new() -> None:
    """A pass renders anew every 15 s: the same screen, other modules."""
    first, second = scene(noise=0), scene(noise=0)
    for picture, payload in ((first, bytes(range(100))), (second, bytes(range(100, 200)))):
        code = pass_picture(payload, scale=4)
        picture[200 : 200 + code.shape[0], 600 : 600 + code.shape[1]] = code
    assert Grid(second).news(Grid(first)) is not None


def test_a_frame_of_another_size_is_all_new_and_colour_is_looked_at_too() -> None:
    assert Grid(scene()[:360]).news(Grid(scene())) == Box(0, 0, 1280, 360)
    assert not Grid(scene()[:360]).same(Grid(scene()))
    colour = np.dstack([scene()] * 3)
    assert Grid(colour).news(Grid(scene())) is None
    assert Grid(colour).news(None) == Box(0, 0, 1280, 720)
