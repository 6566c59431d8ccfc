"""Flat things with a code on them, drawn face on: a phone's screen, a paper card. What lies before the lens."""

from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.camera.codes import QUIET_MODULES, Grey, modules_of, picture_of
from simulators.camera.conditions import Conditions
from simulators.camera.geometry import FOCAL_PX
from simulators.camera.wear import age_paper, crack, finger

Colour: TypeAlias = NDArray[np.uint8]  # height × width × 3: blue, green, red

PHONE_MM = (70.0, 146.0)  # body
BEZEL_MM = 2.5
SCREEN_CODE_MM = 58.0  # with its quiet zone: 49 modules of 1.0 mm, the widest that the screen holds
CARD_MM = (85.6, 54.0)  # ISO/IEC 7810 ID-1
CARD_CODE_MM = 48.0
_OVERSAMPLED = 1.25  # pixels of the drawing for each of the frame, so that a warp neither blurs nor aliases
_PX_PER_MM = (1.0, 9.0)
_REFLECTED = 26  # what a screen's glass sends back of a bright day, in grey levels


@dataclass(frozen=True, slots=True)
class Held:
    """A drawing; where in it symbol (without quiet zone) and shining screen lie: left, top, right, bottom, px."""

    picture: Colour
    px_per_mm: float
    symbol: tuple[float, float, float, float]
    screen: tuple[float, float, float, float] | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawing, px."""
        return self.picture.shape[1], self.picture.shape[0]


def scale_at(distance_mm: float) -> float:
    """Pixels a millimetre that a drawing needs when it is seen from there."""
    return float(np.clip(FOCAL_PX / distance_mm * _OVERSAMPLED, *_PX_PER_MM))


def draw_phone(text: str, under: Conditions, ambient: float, rng: Random) -> Held:
    """A phone that shows the code in its app, as bright as it is set and with what happened to its glass."""
    scale = scale_at(under.distance_mm)
    width, height = (round(mm * scale) for mm in PHONE_MM)
    edge = round(BEZEL_MM * scale)
    face = _draw_app(width - 2 * edge, height - 2 * edge, scale, under, rng)
    side = round(SCREEN_CODE_MM * scale)
    modules = modules_of(text)
    code = picture_of(modules, side)
    left, top = (face.shape[1] - side) // 2, round((face.shape[0] - side) * 0.52)
    face[top : top + side, left : left + side] = cv2.cvtColor(
        255 - code if under.dark_mode else code, cv2.COLOR_GRAY2BGR
    )
    if under.notch:
        _draw_notch(face, scale)
    black = 4 + _REFLECTED * ambient
    white = black + (250 - black) * under.brightness
    shine = np.linspace(black, white, 256).astype(np.uint8)
    lit = np.asarray(cv2.LUT(face, shine), np.uint8)
    for _ in range(under.fingerprints):
        finger(lit, scale, ambient, rng)
    for _ in range(under.cracks):
        crack(lit, scale, ambient, rng)
    body = int(12 + 30 * ambient)
    picture = cv2.copyMakeBorder(lit, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(body, body, body))
    _draw_fingers(np.asarray(picture), scale, ambient, rng)
    quiet = side * QUIET_MODULES / (len(modules) + 2 * QUIET_MODULES)
    at = (left + edge + quiet, top + edge + quiet, left + edge + side - quiet, top + edge + side - quiet)
    return Held(np.asarray(picture, np.uint8), scale, at, (edge, edge, width - edge, height - edge))


def _draw_app(width: int, height: int, scale: float, under: Conditions, rng: Random) -> Colour:
    """Title, an amount and some lines, light or dark."""
    paper, ink = ((22, 18, 16), 225) if under.dark_mode else ((255, 255, 255), 30)
    accent = rng.choice(((120, 90, 20), (60, 120, 30), (30, 60, 150)))
    face = np.empty((height, width, 3), np.uint8)
    face[:] = paper
    cv2.rectangle(face, (0, 0), (width, round(9 * scale)), accent, cv2.FILLED)
    cv2.putText(face, "SAVAR", (round(20 * scale), round(22 * scale)), cv2.FONT_HERSHEY_SIMPLEX,
                scale * 0.28, (ink, ink, ink), max(1, round(scale * 0.5)), cv2.LINE_AA)  # fmt: skip
    for line, length in enumerate((0.7, 0.5, 0.6)):
        y = height - round((22 - 5 * line) * scale)
        end = (round(6 * scale + (width - 12 * scale) * length), y)
        cv2.line(face, (round(6 * scale), y), end, (150, 140, 130), max(1, round(scale)), cv2.LINE_AA)
    return face


def _draw_notch(face: Colour, scale: float) -> None:
    """The camera's island at the upper edge."""
    middle, half, deep = face.shape[1] // 2, round(11 * scale), round(5 * scale)
    cv2.rectangle(face, (middle - half, 0), (middle + half, deep), (0, 0, 0), cv2.FILLED)
    cv2.circle(face, (middle, deep // 2), max(1, round(1.6 * scale)), (30, 20, 12), cv2.FILLED, cv2.LINE_AA)


def _draw_fingers(picture: Colour, scale: float, ambient: float, rng: Random) -> None:
    """Finger tips that hold it: over the edge on one side, a thumb on the other. They never reach the code."""
    skin = tuple(int(level * (0.25 + 0.6 * ambient)) for level in (120, 150, 205))
    height, width = picture.shape[:2]
    thumb_left = rng.random() < 0.5
    for number in range(4):
        left = thumb_left == (number == 0)
        y = round(height * (0.86 if number == 0 else 0.62 + 0.12 * number))
        middle = (0 if left else width, y)
        axes = (round((4.5 if number == 0 else 3.0) * scale), round((7 if number == 0 else 5) * scale))
        cv2.ellipse(picture, middle, axes, 0, 0, 360, skin, cv2.FILLED, cv2.LINE_AA)


@dataclass(frozen=True, slots=True)
class Print:
    """A card as it left the printer, 0–255, and where its symbol (without quiet zone) lies: left, top, right, bottom.

    All in pixels of `face`, of which a millimetre has `px_per_mm`.
    """

    face: Grey
    px_per_mm: float
    symbol: tuple[float, float, float, float]


def draw_card(text: str, under: Conditions, ambient: float, rng: Random) -> Held:
    """A printed card or a photocopy of one, as old as it is."""
    scale = scale_at(under.distance_mm)
    return draw_print(_plain_card(text, scale), under, ambient, rng)


def draw_print(printed: Print, under: Conditions, ambient: float, rng: Random) -> Held:
    """What was printed, or a photocopy of it, as old as it is."""
    scale = scale_at(under.distance_mm)
    grows = scale / printed.px_per_mm
    height, width = (round(px * grows) for px in printed.face.shape)
    face = printed.face if grows == 1 else cv2.resize(printed.face, (width, height), interpolation=cv2.INTER_AREA)
    aged = age_paper(np.asarray(face, np.uint8), scale, under, rng)
    tint = np.array([0.9, 0.96, 1.0]) if under.medium.endswith(" card") else np.array([0.98, 0.98, 0.98])
    picture = np.asarray(aged[:, :, None] * (tint * (0.18 + 0.77 * ambient)), np.uint8)
    left, top, right, bottom = (at * grows for at in printed.symbol)
    return Held(picture, scale, (left, top, right, bottom), None)


def _plain_card(text: str, scale: float) -> Print:
    """Code, a name and some lines: nobody's card in particular."""
    width, height = (round(mm * scale) for mm in CARD_MM)
    side = round(CARD_CODE_MM * scale)
    modules = modules_of(text)
    face = np.full((height, width), 255, np.uint8)
    left, top = round(3 * scale), (height - side) // 2
    face[top : top + side, left : left + side] = picture_of(modules, side)
    x = left + side + round(2 * scale)
    for line in range(5):
        y = round((12 + 7 * line) * scale)
        cv2.line(face, (x, y), (width - round((4 + 5 * (line % 3)) * scale), y), 90, max(1, round(scale)), cv2.LINE_AA)
    cv2.putText(face, "SAVAR", (x, round(8 * scale)), cv2.FONT_HERSHEY_SIMPLEX, scale * 0.16, 30, 1, cv2.LINE_AA)
    quiet = side * QUIET_MODULES / (len(modules) + 2 * QUIET_MODULES)
    return Print(face, scale, (left + quiet, top + quiet, left + side - quiet, top + side - quiet))
