"""A contact sheet: one frame of every kind with its name, for docs/frames.jpg."""

from itertools import islice
from random import Random

import cv2
import numpy as np

from protocol import limits
from protocol.wire.codes import write_code
from simulators.camera.geometry import HEIGHT, WIDTH, corners
from simulators.camera.held import Colour
from simulators.camera.kinds import KINDS, STILL, kind_of
from simulators.camera.streams import Labelled, stream

_TILE = (400, 225)
_COLUMNS = 3
_CAPTION_PX = 26
_LOOKED_AT = 60  # frames of a stream among which the one to show is chosen: a phone comes after 22 to 38


def passes(seed: int | str, length: int = limits.LONG_PASS_BYTES) -> list[str]:
    """A hundred texts as long as a pass of `length` bytes, with a pass's prefix; no validator accepts them."""
    rng = Random(f"passes {seed}")  # noqa: S311 - replays from its seed
    return [write_code(rng.randbytes(length)) for _ in range(100)]


def draw_sheet(seed: int) -> Colour:
    """Every kind, row by row, a frame each; held things are shown larger."""
    tiles = [_tile(kind, seed) for kind in KINDS]
    tiles += [_tile("phones", seed + more) for more in range(1, 1 - len(tiles) % -_COLUMNS)]
    rows = [np.hstack(tiles[at : at + _COLUMNS]) for at in range(0, len(tiles), _COLUMNS)]
    return np.asarray(np.vstack(rows), np.uint8)


def _tile(kind: str, seed: int) -> Colour:
    frames = list(islice(stream(kind, seed, passes(seed), pace=STILL), _LOOKED_AT))
    whole = [one for one in frames if one.whole] or frames
    seen = whole[len(whole) // 4]
    picture = cv2.resize(_near(seen), _TILE, interpolation=cv2.INTER_AREA)
    tile = cv2.copyMakeBorder(picture, 0, _CAPTION_PX, 3, 3, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    words = f"{kind}: {kind_of(kind).about}"  # the font has ASCII only
    cv2.putText(tile, words, (6, _TILE[1] + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (30, 30, 30), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _near(seen: Labelled) -> Colour:
    """The frame; if a thing of ours is held up, the part around its code, at the frame's shape."""
    frame = seen.shot.take().bgr
    if seen.presentation is None:
        return frame
    sight = seen.shot.sights[-1]
    x, y = corners(sight.matrix, *sight.held.symbol).mean(0)
    width, height = WIDTH * 5 // 8, HEIGHT * 5 // 8
    left = int(np.clip(x - width / 2, 0, WIDTH - width))
    top = int(np.clip(y - height / 2, 0, HEIGHT - height))
    return frame[top : top + height, left : left + width]
