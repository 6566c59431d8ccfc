"""Codes that are not ours and hang in view: payment stickers, address plates, advertising."""

from random import Random

import cv2
import numpy as np

from simulators.camera.codes import QUIET_MODULES, modules_of, picture_of
from simulators.camera.held import Held, scale_at

# what it is → (width mm, height mm, its code's side mm, colour around it)
_SIGNS = {
    "payment sticker": (90.0, 120.0, 70.0, (40, 140, 230)),
    "address plate": (200.0, 110.0, 70.0, (150, 70, 20)),
    "advertising": (210.0, 297.0, 95.0, (90, 40, 170)),
}
# what it is → how far away it may be, mm: the nearest still leaves room for a phone beside it
SIGNS = {
    "payment sticker": (330.0, 520.0),
    "address plate": (550.0, 800.0),
    "advertising": (900.0, 1_200.0),
}


def draw_sign(what: str, text: str, distance_mm: float, ambient: float, rng: Random) -> Held:
    """A sign of this kind with its code. `text` is somebody else's."""
    wide, high, code, colour = _SIGNS[what]
    scale = scale_at(distance_mm)
    width, height, side = (round(mm * scale) for mm in (wide, high, code))
    picture = np.full((height, width, 3), 235, np.uint8)
    edge = round(5 * scale)
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), colour, edge)
    modules = modules_of(text)
    if what == "address plate":
        picture[:, : width - side - 2 * edge] = colour
        left, top = width - side - edge, (height - side) // 2
        cv2.putText(picture, str(rng.randrange(10, 400)), (2 * edge, height // 2), cv2.FONT_HERSHEY_DUPLEX,
                    scale * 0.9, (240, 240, 240), max(1, round(scale * 1.5)), cv2.LINE_AA)  # fmt: skip
    else:
        left, top = (width - side) // 2, height - side - 2 * edge
        cv2.rectangle(picture, (0, 0), (width, top - edge), colour, cv2.FILLED)
        word = "PAY" if what == "payment sticker" else "SALE"
        cv2.putText(picture, word, (2 * edge, max(top - 2 * edge, edge)), cv2.FONT_HERSHEY_DUPLEX,
                    scale * 0.5, (240, 240, 240), max(1, round(scale)), cv2.LINE_AA)  # fmt: skip
    picture[top : top + side, left : left + side] = cv2.cvtColor(picture_of(modules, side), cv2.COLOR_GRAY2BGR)
    lit = np.asarray(picture * (0.15 + 0.75 * ambient), np.uint8)
    quiet = side * QUIET_MODULES / (len(modules) + 2 * QUIET_MODULES)
    return Held(lit, scale, (left + quiet, top + quiet, left + side - quiet, top + side - quiet), None)
