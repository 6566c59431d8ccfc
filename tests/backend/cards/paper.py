"""Cards as they come out of a printer: the PDF's pages as pixels, for a camera to look at."""

import cv2
import numpy as np
import pypdfium2

from backend.adapters.paper.card_pdf import CARD_MM, CODE_AT_MM, CODE_MM, QUIET_MODULES
from simulators.camera.held import Print

PX_PER_MM = 12  # 305 dots an inch: an office's printer
_POINTS_A_MM = 72 / 25.4
_MODULES = 45 + 2 * QUIET_MODULES


def pages(document: bytes, px_per_mm: float = PX_PER_MM) -> list[np.ndarray]:
    """Each page, grey."""
    found = pypdfium2.PdfDocument(document)
    try:
        return [
            cv2.cvtColor(np.array(page.render(scale=px_per_mm / _POINTS_A_MM).to_numpy()), cv2.COLOR_BGR2GRAY)
            for page in found
        ]
    finally:
        found.close()


def sizes_mm(document: bytes) -> list[tuple[float, float]]:
    """Of each page."""
    found = pypdfium2.PdfDocument(document)
    try:
        return [tuple(round(side / _POINTS_A_MM, 1) for side in page.get_size()) for page in found]  # type: ignore[misc]
    finally:
        found.close()


def printed(document: bytes) -> Print:
    """The first page of a PDF of cards of their own size, as a printer leaves it."""
    face = pages(document)[0]
    quiet = CODE_MM * QUIET_MODULES / _MODULES
    left, top = (at + quiet for at in CODE_AT_MM)
    right, bottom = (at + CODE_MM - quiet for at in CODE_AT_MM)
    assert abs(face.shape[1] - CARD_MM[0] * PX_PER_MM) < PX_PER_MM
    return Print(np.asarray(face, np.uint8), PX_PER_MM, tuple(it * PX_PER_MM for it in (left, top, right, bottom)))  # type: ignore[arg-type]
