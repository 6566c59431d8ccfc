"""What counts as new in a frame: a phone does, flicker, noise and slow light do not."""

import numpy as np
import pytest

from edge.adapters.readers.attention import BOXES_MAX, Scene
from edge.core.limits import STILL_FRAMES
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


def knows(picture: np.ndarray) -> Scene:
    """A scene that has had this picture before it for long."""
    scene = Scene()
    for _ in range(STILL_FRAMES):
        scene.come(picture)
        scene.absorb()
    return scene


def news(scene: Scene, picture: np.ndarray) -> list[Box]:
    scene.come(picture)
    return scene.news()


@pytest.mark.parametrize("seen", [
    scene(), scene(noise=10), scene(12), scene(-25), scene(bands=18, phase=2), scene(8, noise=8, bands=12, phase=4),
])  # fmt: skip
def test_flicker_noise_and_slow_light_are_nothing_new(seen: np.ndarray) -> None:
    assert news(knows(scene(noise=6, bands=6)), seen) == []


@pytest.mark.parametrize(("left", "top", "scale"), [(0, 0, 4), (800, 300, 4), (500, 200, 2), (40, 60, 8)])
def test_a_phone_is_new_and_its_box_holds_it_and_little_more(left: int, top: int, scale: int) -> None:
    (box,) = news(knows(scene()), with_phone(scene(3, bands=8, phase=1), left, top, scale))
    side = pass_picture(scale=scale).shape[0]
    phone = Box(left, top, left + side, top + side)
    wide = phone.padded(50, 1280, 720)
    assert box.left >= wide.left
    assert box.top >= wide.top
    assert box.right <= wide.right
    assert box.bottom <= wide.bottom
    assert box.area > phone.area * 0.7


def test_two_phones_far_apart_are_two_boxes_and_the_larger_comes_first() -> None:
    both = with_phone(with_phone(scene(), 60, 40, 2), 800, 300, 4)
    large, small = news(knows(scene()), both)
    assert large.left > 640 > small.right
    assert large.area > small.area


def test_a_crowd_is_told_in_a_bounded_number_of_boxes() -> None:
    crowd = scene()
    for n in range(12):
        crowd = with_phone(crowd, 20 + 210 * (n % 6), 40 + 350 * (n // 6), 2)
    assert len(news(knows(scene()), crowd)) <= BOXES_MAX


def test_the_next_code_at_the_same_place_is_new() -> None:
    """A pass renders anew every 15 s: the same screen, other modules."""
    first, second = scene(noise=0), scene(noise=0)
    for picture, payload in ((first, bytes(range(100))), (second, bytes(range(100, 200)))):
        code = pass_picture(payload, scale=4)
        picture[200 : 200 + code.shape[0], 600 : 600 + code.shape[1]] = code
    assert news(knows(first), second) != []


def test_what_stays_the_same_is_known_part_by_part_while_the_rest_moves() -> None:
    seen = Scene()
    for frame in range(3 * STILL_FRAMES):
        moving = with_phone(scene(), 60 + 40 * (frame % 2), 100 + 30 * (frame % 3))
        boxes = news(seen, moving)
        if frame == 0:
            assert boxes == [Box(0, 0, 1280, 720)]
        seen.absorb()
    (box,) = news(seen, with_phone(scene(), 60, 100))
    assert box.right < 500, "the wall is known"


def test_what_never_had_its_turn_stays_news() -> None:
    seen = Scene()
    for _ in range(5 * STILL_FRAMES):
        assert news(seen, scene()) == [Box(0, 0, 1280, 720)]


def test_a_frame_of_another_size_is_all_new_and_colour_is_looked_at_too() -> None:
    seen = knows(scene())
    assert news(seen, scene()[:360]) == [Box(0, 0, 1280, 360)]
    coloured = knows(np.dstack([scene()] * 3))
    assert news(coloured, scene()) == []
    assert news(Scene(), np.zeros((0, 0), np.uint8)) == []
