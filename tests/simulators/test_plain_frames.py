"""The picture: what a daily phone shows is read by the real reader, and the same seed draws the same bytes."""

import itertools

import numpy as np
import pytest
import zxingcpp

from edge.adapters.readers.zxing import ZxingReader
from protocol.wire.codes import write_code
from simulators.camera.codes import Grey
from simulators.camera.phone import Screen, draw_code, draw_phone
from simulators.camera.plain import LEVELS, Scene
from tests.simulators.test_script import play

FRAMES = 6


def frames(scene: Scene, key: str, text: str) -> list[Grey]:
    hold = scene.hold(key, text)
    return [hold.frame() for _ in range(FRAMES)]


def read_fraction(level: str, seed: int) -> tuple[float, float]:
    """(share of presentations that some frame of theirs was read in, share of frames) over 60 presentations."""
    reader = ZxingReader()
    scene = Scene(f"{level} {seed}", LEVELS[level])
    shown = play(seed, 60)
    seen = []
    for one, text, _ in shown:
        seen.append([text.encode() in reader.read(frame) for frame in frames(scene, one.id, text)])
        scene.empty()
    return sum(map(any, seen)) / len(seen), sum(map(sum, seen)) / (len(seen) * FRAMES)


def test_daily_phones_are_read_within_six_frames() -> None:
    presentations, single = read_fraction("daily", 11)
    assert presentations >= 0.95
    assert single >= 0.85


def test_hard_phones_are_harder_and_not_hopeless() -> None:
    presentations, single = read_fraction("hard", 11)
    assert 0.3 < presentations < 0.95
    assert single < 0.85


def test_nothing_is_read_from_the_empty_vehicle() -> None:
    scene = Scene("empty")
    pictures = [scene.empty() for _ in range(20)]
    assert all(zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode) == [] for picture in pictures)
    assert all(picture.shape == (720, 1280) and picture.dtype == np.uint8 for picture in pictures)
    assert any((a != b).any() for a, b in itertools.pairwise(pictures))  # noise: no two alike


def test_the_same_seed_draws_the_same_bytes_and_another_does_not() -> None:
    def draw(seed: str) -> list[bytes]:
        scene = Scene(seed)
        return [picture.tobytes() for picture in (scene.empty(), *frames(scene, "a", "SV1:ABC"), scene.empty())]

    assert draw("7") == draw("7")
    assert draw("7") != draw("8")


def test_a_long_pass_is_version_8_and_fits_its_place() -> None:
    code = draw_code(write_code(bytes(range(183))))
    assert code.shape == (285, 285)  # 49 modules and the quiet zone, five pixels each
    with_persian = draw_code("کرایه را با برنامهٔ شهر بپردازید")
    assert len(with_persian) <= 285


@pytest.mark.parametrize("dark", [False, True])
def test_a_screen_shines_between_its_black_and_its_white(*, dark: bool) -> None:
    phone = draw_phone("SV1:ABC", Screen(white=200, black=20, dark=dark))
    screen = phone[12:-12, 12:-12]
    assert (screen.min(), screen.max()) == (20, 200)
    assert (screen[-1, -1] == 20) is np.bool_(dark)
