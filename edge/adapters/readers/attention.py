"""What is new in a frame, on a sparse grid: cheap enough for every frame, deaf to flicker, noise and slow light.

The grid has one pixel of 8 × 12; differences lose their mean along each row (50 Hz light moves bands over a rolling
shutter), taken over what did not change, and are averaged over 3 × 3, which takes two thirds of the sensor's noise.
"""

from typing import Any, TypeAlias

import cv2
import numpy as np

from edge.core.places import Box
from edge.core.ports import GreyImage

STEP_X_PX = 8  # the smallest code that is read, 90 px, covers 11 × 7 of the grid
STEP_Y_PX = 12  # a row costs as much as its cache lines, however few of its pixels are asked for
NEW_LEVELS = 14  # of 255, after averaging: 4 σ of a night's noise (σ 10); a code's modules differ by 40 and more
NEW_CELLS = 10  # of the grid: an eighth of the smallest code; fewer are noise
CLIP_LEVELS = 10  # a phone that fills half of a row must not shift the row's first mean by more than half of this
SAME_LEVELS = 24  # of the first mean: what goes into the second; light that changes by 30 levels at once is followed

Cells: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Marks: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Grid:
    """The grid of one frame, and comparisons with another's."""

    def __init__(self, pixels: GreyImage) -> None:
        plane = pixels[:, :, 1] if pixels.ndim == 3 else pixels  # green is most of grey
        self.cells = plane[STEP_Y_PX // 2 :: STEP_Y_PX, STEP_X_PX // 2 :: STEP_X_PX].astype(np.float32)

    def same(self, other: "Grid") -> bool:
        """Whether it shows what the other shows."""
        return self.cells.shape == other.cells.shape and self._changed(other) is None

    def news(self, known: "Grid | None") -> Box | None:
        """Where it differs, in pixels; None where it does not. Everything is new against nothing."""
        if known is None or known.cells.shape != self.cells.shape:
            rows, columns = self.cells.shape
            return Box(0, 0, columns * STEP_X_PX, rows * STEP_Y_PX)
        new = self._changed(known)
        if new is None:
            return None
        rows, columns = np.flatnonzero(new.any(axis=1)), np.flatnonzero(new.any(axis=0))
        return Box(
            int(columns[0]) * STEP_X_PX, int(rows[0]) * STEP_Y_PX,
            (int(columns[-1]) + 1) * STEP_X_PX, (int(rows[-1]) + 1) * STEP_Y_PX,
        )  # fmt: skip

    def _changed(self, other: "Grid") -> Marks | None:
        """The cells that differ, without their rows' means; None where they are too few."""
        difference = self.cells - other.cells
        difference -= cv2.reduce(np.clip(difference, -CLIP_LEVELS, CLIP_LEVELS), 1, cv2.REDUCE_AVG)
        if np.count_nonzero(_new(difference)) < NEW_CELLS:  # most frames of most days end here
            return None
        same = (np.abs(difference) < SAME_LEVELS).astype(np.float32)
        counted = cv2.reduce(same, 1, cv2.REDUCE_SUM)
        difference -= cv2.reduce(difference * same, 1, cv2.REDUCE_SUM) / np.maximum(counted, 1)
        new = _patches(_new(difference))
        return new if new.any() else None


def _new(difference: Cells) -> Marks:
    return np.abs(cv2.blur(difference, (3, 3))) > NEW_LEVELS


def _patches(new: Marks) -> Marks:
    """Only what hangs together in NEW_CELLS cells or more: scattered ones are noise."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(new.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= NEW_CELLS
    large[0] = False
    return large[labels] if count > 1 else new
