"""A grey frame → the small numbers that light, focus, hints and lens health need. Cheap: strided, on what changed.

`find` looks for texture as coarse as a code's, on a picture of a quarter of the width; it does not read.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from edge.core.places import Box
from edge.core.ports import GreyImage
from edge.core.view import Sight, View

_ROWS, _COLUMNS = 16, 8  # of the grid: one pixel of so many, for brightness and change; 7,200 of a 1280 × 720 frame
_CLIPPED = 250
_THUMB = (
    4  # `find` works on every fourth pixel: a code's modules become noise of two values, which is what it looks for
)
_CELL = 4  # thumb pixels: 16 pixels of the frame
_CELLS_MIN = 9  # three by three cells, 48 pixels: what is smaller cannot be read, nor told from a printed word
_BUSY = 8  # mean step between thumb pixels along both axes, at least: a code of 16 grey levels' contrast
_OVER_NOISE = 1.5  # times the frame's own median, which is the sensor's noise: 9 at 8 levels, and even to a fifth
_OF_BUSIEST = 0.35  # first only what is nearly as busy as the busiest: a code, without the words around it
_SHAPE_MAX = 2.2  # width to height: codes are square, held askew they are less so
_FILLED_MIN = 0.5  # of its box
_EDGE_SAMPLES = 8_000  # pixels looked at for steepness
_CHANGE_LEVELS = 14  # after averaging 3 × 3 of the looked-at pixels, or five times the noise that is left
_CHANGE_LEVELS_MOST = 30  # when half of the picture changes, noise cannot be told from change
_CHANGE_CELLS = 8  # pixels of the grid: an eighth of the smallest code that is read


def grid(grey: GreyImage) -> GreyImage:
    """The frame's sparse grid: brightness and change are told from it."""
    return np.ascontiguousarray(
        grey[min(_ROWS // 2, len(grey) - 1) :: _ROWS, min(_COLUMNS // 2, grey.shape[1] - 1) :: _COLUMNS]
    )


class Change:
    """Whether a frame differs from the last one that was looked at, apart from its brightness as a whole."""

    def __init__(self) -> None:
        self._last: GreyImage | None = None

    def came(self, cells: GreyImage) -> bool:
        """One frame's grid → whether something in it is new. What is new becomes the frame to compare with."""
        small = cells.astype(np.float32)
        if self._last is None or self._last.shape != small.shape:
            self._last = small
            return True
        step = small - self._last
        # Lamps on mains move bands over a rolling shutter's rows; what fills a part of a row must not shift it.
        step -= cv2.reduce(np.clip(step, -_CHANGE_LEVELS_MOST, _CHANGE_LEVELS_MOST), 1, cv2.REDUCE_AVG)
        step = np.abs(cv2.blur(step, (3, 3)))
        noise = float(np.median(step[::4, ::4])) / 0.6745  # of a normal spread
        least = min(max(_CHANGE_LEVELS, 5 * noise), _CHANGE_LEVELS_MOST)
        if np.count_nonzero(step > least) < _CHANGE_CELLS:
            return False
        self._last = small
        return True


def find(grey: GreyImage, but: Sequence[Box] = ()) -> Box | None:
    """The largest region with the texture of a code, in frame pixels, leaving out some; None where there is none."""
    height, width = (side // (_THUMB * _CELL) * _CELL for side in grey.shape)
    if not height or not width:
        return None
    thumb = np.ascontiguousarray(grey[: height * _THUMB : _THUMB, : width * _THUMB : _THUMB])
    across = cv2.absdiff(thumb[:, 1:], thumb[:, :-1])
    down = cv2.absdiff(thumb[1:], thumb[:-1])
    cells = (width // _CELL, height // _CELL)
    busy = cv2.min(*(cv2.resize(step, cells, interpolation=cv2.INTER_AREA) for step in (across, down)))
    busy = cv2.blur(busy, (3, 3))
    least = max(_BUSY, _OVER_NOISE * float(np.median(busy)))
    scale = _THUMB * _CELL
    for box in but:
        busy[max(box.top, 0) // scale : -(-box.bottom // scale), max(box.left, 0) // scale : -(-box.right // scale)] = 0
    for bound in (max(least, _OF_BUSIEST * float(busy.max())), least):
        found = _squares(busy > bound)
        if found:
            left, top, width, height, _ = max(found, key=lambda box: box[4])
            return Box(left * scale, top * scale, (left + width) * scale, (top + height) * scale)
    return None


def _squares(mask: GreyImage) -> list[tuple[int, int, int, int, int]]:
    """Connected cells → (left, top, width, height, area) of those that may be a code."""
    count, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    every = [tuple(map(int, boxes[n])) for n in range(1, count)]
    return [(x, y, width, height, area) for x, y, width, height, area in every if _is_square(width, height, area)]


def _is_square(width: int, height: int, area: int) -> bool:
    return (
        area >= _CELLS_MIN
        and max(width, height) <= _SHAPE_MAX * min(width, height)
        and area >= _FILLED_MIN * width * height
    )


def sight(grey: GreyImage, box: Box) -> Sight | None:
    """What stands in a box; None if the box is too small or without contrast."""
    part = grey[box.top : box.bottom, box.left : box.right]
    if min(part.shape) < 2 * _CELL:
        return None
    rows = max(1, part.size // _EDGE_SAMPLES)
    lines, columns = part[::rows], part[:, ::rows]
    counts = np.cumsum(np.bincount(lines.ravel(), minlength=256))
    black, white = (int(np.searchsorted(counts, counts[-1] * share)) for share in (0.1, 0.9))
    if white <= black:
        return None
    steepest = sorted(
        min(1000, 1000 * _steep(step) // (white - black))
        for step in (cv2.absdiff(lines[:, 1:], lines[:, :-1]), cv2.absdiff(columns[1:], columns[:-1]))
    )
    return Sight(box, white, black, steepest[1], steepest[0])


def _steep(step: GreyImage) -> int:
    """The step that one in fifty exceeds: edges, and not a hot pixel."""
    counts = np.cumsum(np.bincount(step.ravel(), minlength=256))
    return int(np.searchsorted(counts, counts[-1] * 0.98))


def view(grey: GreyImage, cells: GreyImage, box: Box | None, *, read: bool) -> View:
    """One frame, its grid, and the code-like box in it, if there is one."""
    counts = np.cumsum(cv2.calcHist([cells], [0], None, [256], [0, 256]))
    clipped = 1000 * int(counts[-1] - counts[_CLIPPED - 1]) // int(counts[-1])
    median = int(np.searchsorted(counts, counts[-1] * 0.5))
    return View(median, clipped, None if box is None else sight(grey, box), read)
