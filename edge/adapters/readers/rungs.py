"""Harder ways of reading the same pixels: what is done to them first. In the order in which they add reads.

Chosen greedily on photographs (`savar bench decode --corpus`), each for what it reads that those before it do not;
what a rung is for stands beside it. All take and give grey; a scale says how much larger the given picture is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from edge.core.ports import GreyImage

_SQUARE_3 = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Recipe:
    """`prepare`: grey → grey. `scale`: (x, y) sizes of what it gives to what it takes. `cost_permille`: of a look."""

    name: str
    prepare: Callable[[GreyImage], GreyImage]
    cost_permille: int
    scale: tuple[float, float] = (1.0, 1.0)
    by_histogram: bool = False


def equalised(grey: GreyImage) -> GreyImage:
    """With the same contrast in every eighth of the picture."""
    return cv2.createCLAHE(6.0, (8, 8)).apply(grey)


def _enlarged(grey: GreyImage, times: int) -> GreyImage:
    return cv2.resize(grey, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def _sharpened(grey: GreyImage, sigma: float, amount: float) -> GreyImage:
    return cv2.addWeighted(grey, 1 + amount, cv2.GaussianBlur(grey, (0, 0), sigma), -amount, 0)


def _gamma(exponent: float) -> Callable[[GreyImage], GreyImage]:
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda grey: cv2.LUT(grey, table)


RECIPES = (
    Recipe("equalised", equalised, 1_300),  # shadows across the code, glare
    Recipe("doubled and equalised", lambda grey: equalised(_enlarged(grey, 2)), 4_500, (2.0, 2.0)),  # far and dim
    Recipe("gamma 3", _gamma(3), 1_100),  # glass in the sun
    Recipe("doubled and sharpened", lambda grey: _sharpened(_enlarged(grey, 2), 1.5, 1.0), 4_500, (2.0, 2.0)),  # blur
    Recipe("gamma 0.5", _gamma(0.5), 1_100),  # dim screens
    Recipe("eroded", lambda grey: cv2.erode(grey, _SQUARE_3), 600, by_histogram=True),  # pale ink, holes in modules
    Recipe("smoothed", lambda grey: cv2.medianBlur(grey, 3), 1_100),  # moiré, sensor noise, cracks
    Recipe("dilated", lambda grey: cv2.dilate(grey, _SQUARE_3), 600, by_histogram=True),  # ink that ran
    Recipe("tripled and sharpened", lambda grey: _sharpened(_enlarged(grey, 3), 3.0, 2.0), 12_000, (3.0, 3.0)),  # far
)
