"""What is new before a camera, on a sparse grid: cheap enough for every frame, deaf to flicker, noise and slow light.

The grid has one pixel of 16 × 20; differences lose their mean along each row (50 Hz light moves bands over a rolling
shutter), taken over what did not change, and are averaged over 3 × 3, which takes two thirds of the sensor's noise.
"""

from typing import Any, TypeAlias

import cv2
import numpy as np

from edge.core.limits import STILL_FRAMES
from edge.core.places import Box
from edge.core.ports import GreyImage

STEP_X_PX = 16  # the smallest code that is read, 90 px, covers 5 × 4 of the grid
STEP_Y_PX = 20  # a row costs as much as its cache lines, however few of its pixels are asked for
NEW_LEVELS = (
    14  # of 255, after averaging: 4 σ of a night's noise (σ 10); a code on a ground of its own mean needs 90 (see L10)
)
NEW_CELLS = 6  # of the grid: a third of the smallest code; fewer are noise
NEW_MIN_PX = 64  # a patch that is narrower is the edge of something that moves: 37 modules need 75
CLIP_LEVELS = 10  # a phone that fills half of a row must not shift the row's first mean by more than half of this
SAME_LEVELS = 24  # of the first mean: what goes into the second; light that changes by 30 levels at once is followed
BOXES_MAX = 8  # of a crowd's patches that could hold a code; the smallest beyond wait until it thins
JOINED_PERCENT = 140  # of their areas: two patches become one box when that covers little more; a call costs 0.05 ms
Cells: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Turns: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Marks: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Scene:
    """What one camera has seen and tried. Not thread-safe.

    `come` takes the next frame, `news` tells where it differs from the known scene, `absorb` says that the frame had
    its turn: what has looked the same for STILL_FRAMES such turns is known from then on, cell by cell.
    """

    def __init__(self) -> None:
        self._now: Cells = np.zeros((0, 0), np.float32)
        self._known = self._last = self._now
        self._unknown: Marks = np.zeros((0, 0), np.bool_)
        self._turns: Turns = np.zeros((0, 0), np.uint8)

    def come(self, pixels: GreyImage) -> None:
        """The next frame, grey or BGR; one of another size begins anew."""
        plane = pixels[:, :, 1] if pixels.ndim == 3 else pixels  # green is most of grey
        self._now = plane[STEP_Y_PX // 2 :: STEP_Y_PX, STEP_X_PX // 2 :: STEP_X_PX].astype(np.float32)
        if self._known.shape != self._now.shape:
            self._known, self._last = self._now.copy(), self._now.copy()
            self._unknown = np.ones(self._now.shape, np.bool_)
            self._turns = np.zeros(self._now.shape, np.uint8)

    def news(self) -> list[Box]:
        """Where the frame shows something that is not known, in pixels, the largest first."""
        if self._now.size == 0:
            return []
        new = changed(self._now, self._known)
        if self._unknown.any():
            new = self._unknown if new is None else new | self._unknown
        return [] if new is None else _boxes(new)

    def absorb(self) -> None:
        """The frame had its turn."""
        moved = changed(self._now, self._last)
        self._turns += 1
        if moved is not None:
            self._turns[moved] = 0
            self._last[moved] = self._now[moved]
        due = self._turns >= STILL_FRAMES
        if due.any():
            self._known[due] = self._now[due]
            self._last[due] = self._now[due]
            self._unknown[due] = False
            self._turns[due] = 0


def changed(now: Cells, then: Cells) -> Marks | None:
    """The cells that differ, without their rows' means; None where they are too few."""
    difference = now - then
    difference -= cv2.reduce(np.clip(difference, -CLIP_LEVELS, CLIP_LEVELS), 1, cv2.REDUCE_AVG)
    if np.count_nonzero(_new(difference)) < NEW_CELLS:  # most frames of most days end here
        return None
    same = (np.abs(difference) < SAME_LEVELS).astype(np.float32)
    counted = cv2.reduce(same, 1, cv2.REDUCE_SUM)
    difference -= cv2.reduce(difference * same, 1, cv2.REDUCE_SUM) / np.maximum(counted, 1)
    new = _new(difference)
    return new if np.count_nonzero(new) >= NEW_CELLS else None


def _new(difference: Cells) -> Marks:
    return np.abs(cv2.blur(difference, (3, 3))) > NEW_LEVELS


def _boxes(new: Marks) -> list[Box]:
    """What hangs together and could hold a code; smaller patches are noise and edges."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(new.astype(np.uint8), connectivity=8)
    boxes = [
        Box(
            int(left) * STEP_X_PX, int(top) * STEP_Y_PX,
            int(left + width) * STEP_X_PX, int(top + height) * STEP_Y_PX,
        )
        for left, top, width, height, cells in stats[1:]
        if cells >= NEW_CELLS and width * STEP_X_PX >= NEW_MIN_PX and height * STEP_Y_PX >= NEW_MIN_PX
    ]  # fmt: skip
    boxes.sort(key=lambda box: -box.area)
    kept: list[Box] = []
    for box in boxes:
        for place, other in enumerate(kept):
            both = other.joined(box)
            if both.area <= JOINED_PERCENT * (other.area + box.area) // 100:
                kept[place] = both
                break
        else:
            kept.append(box)
    return kept[:BOXES_MAX]
