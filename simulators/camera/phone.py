"""A phone's screen with a code on it, drawn flat: what plain.py then looks at."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.camera.codes import QUIET_MODULES, Grey, modules_of, picture_of

MODULE_PX = 5  # of a long pass (49 modules), before the lens scales it
CODE_PX = MODULE_PX * (49 + 2 * QUIET_MODULES)
WIDTH_PX, HEIGHT_PX = CODE_PX + 56, 2 * CODE_PX  # screen and body, about 9:16
_BODY_PX = 12


@dataclass(frozen=True, slots=True)
class Screen:
    """How a screen shines: grey level of its white and of its black, and whether the app is in dark mode."""

    white: int
    black: int
    dark: bool


def draw_code(text: str) -> Grey:
    """Text → its QR symbol with quiet zone, 0 and 255, at most CODE_PX square, each module whole pixels."""
    modules = modules_of(text)
    scale = CODE_PX // (len(modules) + 2 * QUIET_MODULES)
    return picture_of(modules, scale * (len(modules) + 2 * QUIET_MODULES))


def draw_phone(text: str, screen: Screen) -> Grey:
    """A phone that shows the code in its app: title and lines around it, a dark body around all."""
    paper, ink = (0, 255) if screen.dark else (255, 0)
    face = np.full((HEIGHT_PX, WIDTH_PX), paper, np.uint8)
    soft = 60 if screen.dark else 170
    cv2.rectangle(face, (0, 0), (WIDTH_PX, 34), soft, cv2.FILLED)
    cv2.putText(face, "SAVAR", (WIDTH_PX // 2 - 44, 64), cv2.FONT_HERSHEY_SIMPLEX, 0.9, ink, 2, cv2.LINE_AA)
    for line, length in enumerate((0.7, 0.5, 0.6)):
        y = HEIGHT_PX - 90 + 22 * line
        cv2.line(face, (30, y), (30 + int((WIDTH_PX - 60) * length), y), soft, 6, cv2.LINE_AA)
    code = draw_code(text)
    if screen.dark:
        code = np.asarray(255 - code, np.uint8)
    side = len(code)
    top, left = (HEIGHT_PX - side) // 2, (WIDTH_PX - side) // 2
    face[top : top + side, left : left + side] = code
    shine = screen.black + np.arange(256) * (screen.white - screen.black) / 255
    lit = np.asarray(cv2.LUT(face, shine.astype(np.uint8)), np.uint8)
    return np.pad(lit, _BODY_PX, constant_values=18)
