"""A text as the modules of its QR symbol, and those as a picture of a wanted size."""

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]

QUIET_MODULES = 4  # what the QR standard asks for around a symbol


@lru_cache(maxsize=256)
def modules_of(text: str, *, boost: bool = True) -> NDArray[np.uint8]:
    """Text → its symbol without quiet zone, 1 is dark.

    Error correction is L, boosted where the version does not grow: at equal size fewer modules beat more correction.
    """
    symbol = segno.make(text, error="l", boost_error=boost, micro=False, encoding=None if text.isascii() else "utf-8")
    modules = np.array(symbol.matrix, np.uint8)
    modules.setflags(write=False)  # it is shared: choosing a symbol's mask takes 40 ms
    return modules


def picture_of(modules: NDArray[np.uint8], side_px: int) -> Grey:
    """Modules → 0 and 255, `side_px` square with the quiet zone, edges smoothed where a module is no whole pixels."""
    padded = np.pad(modules, QUIET_MODULES)
    scale = max(1, -(-side_px // len(padded)))
    large = np.kron(1 - padded, np.full((scale, scale), 255, np.uint8))
    return np.asarray(cv2.resize(large, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)
