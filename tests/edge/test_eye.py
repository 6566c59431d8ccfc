"""The eye over real pixels: places are told in the frame's own pixels, whatever was done to the part that was read."""

import numpy as np
import pytest

from edge.adapters.readers.choose import make_readers
from edge.adapters.readers.eye import PixelEye
from edge.core.errors import ReaderMissing
from edge.core.places import Box
from edge.core.reading import Reading
from tests.edge.pictures import pass_picture, pass_text, qr

CODE = pass_picture(scale=5)
LEFT, TOP = 700, 300
AT = Box(LEFT + 20, TOP + 20, LEFT + CODE.shape[1] - 20, TOP + CODE.shape[0] - 20)


def frame(*, colour: bool = False, code: np.ndarray = CODE) -> np.ndarray:
    picture = np.full((720, 1280), 120, np.uint8)
    picture[TOP : TOP + code.shape[0], LEFT : LEFT + code.shape[1]] = code
    return np.dstack([picture] * 3) if colour else picture


@pytest.fixture(params=["zxing", "pyzbar"])
def eye(request: pytest.FixtureRequest) -> PixelEye:
    try:
        return PixelEye(make_readers([request.param]))
    except ReaderMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("colour", [False, True])
def test_every_way_tells_the_place_in_the_frames_pixels(eye: PixelEye, *, colour: bool) -> None:
    whole = eye.open(frame(colour=colour))
    part = AT.padded(60, 1280, 720)
    read = []
    for rung in (eye.glance, eye.peer, eye.quick, eye.look, *eye.harder):
        for box in (whole, part):
            for found in eye.read(rung, box):
                if found.text is not None:
                    assert found.text == pass_text().encode(), rung.name
                    assert found.box.distance(AT) < 25, (rung.name, box)
                    read.append(rung.name)
    assert {"glance", "peer", "quick", "look"} <= set(read)


def test_one_code_is_read_again_on_its_place(eye: PixelEye) -> None:
    eye.open(frame())
    for rung in (eye.glance, eye.peer, eye.quick, eye.look):
        (found,) = eye.again(rung, AT.padded(60, 1280, 720))
        assert found.text == pass_text().encode()
        assert found.box.distance(AT) < 25
        assert eye.again(rung, Box(0, 0, 300, 200)) == []


@pytest.mark.parametrize("box", [Box(0, 0, 0, 0), Box(10, 10, 11, 11), Box(1200, 700, 1280, 720), Box(0, 0, 1280, 3)])
def test_parts_too_small_for_a_code_are_empty(eye: PixelEye, box: Box) -> None:
    eye.open(frame())
    for rung in (eye.glance, eye.peer, eye.quick, eye.look, *eye.harder):
        assert eye.read(rung, box) == []
        assert eye.again(rung, box) == []


def test_a_dark_code_is_read_by_the_loop_in_every_frame() -> None:
    reading = Reading(PixelEye(make_readers(["zxing"])))
    for _ in range(20):
        assert [code.text for code in reading.read(frame(code=255 - CODE))] == [pass_text().encode()]


def test_an_empty_scene_and_a_sticker_in_it_are_let_go_and_a_phone_beside_it_is_read() -> None:
    reading = Reading(PixelEye(make_readers(["zxing"])))
    sticker = qr("https://example.org/", scale=4)
    empty = np.full((720, 1280), 120, np.uint8)
    empty[50 : 50 + sticker.shape[0], 100 : 100 + sticker.shape[1]] = sticker
    first = [code.text for code in reading.read(empty)]
    assert first == [b"https://example.org/"]
    assert [reading.read(empty) for _ in range(30)][-5:] == [[]] * 5
    both = frame()
    both[50 : 50 + sticker.shape[0], 100 : 100 + sticker.shape[1]] = sticker
    assert pass_text().encode() in {code.text for code in reading.read(both)}


def test_what_looks_like_a_code_is_pointed_at_only_where_it_is_new() -> None:
    eye = PixelEye(make_readers(["zxing"]))
    whole = eye.open(frame())
    code = eye.read(eye.look, whole)[0].box
    spot = eye.likely([whole])
    assert spot is not None
    assert spot.covers(code) or code.covers(spot)
    assert spot.area < 3 * code.area
    assert eye.likely([Box(0, 0, whole.right, code.top)]) is None
    eye.open(np.full((720, 1280), 120, np.uint8))
    assert eye.likely([whole]) is None


def test_a_far_code_that_only_harder_ways_read_is_read_in_time() -> None:
    """A code at 1.4 pixels a module: nothing plain reads it."""
    small = np.full((120, 120), 200, np.uint8)
    code = pass_picture(scale=1)[::1, ::1]
    reduced = np.asarray(code, np.uint8)
    small[10 : 10 + reduced.shape[0], 10 : 10 + reduced.shape[1]] = reduced
    shown = np.full((720, 1280), 120, np.uint8)
    shown[300 : 300 + small.shape[0], 600 : 600 + small.shape[1]] = small
    reading = Reading(PixelEye(make_readers(["zxing"])))
    read = {code.text for _ in range(30) for code in reading.read(shown)}
    assert pass_text().encode() in read
