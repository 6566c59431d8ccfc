"""The inside of a bus behind whatever is held up: windows with a street, seats, poles; passengers and bags that move.

Everything is drawn once a stream; a frame copies the background and lays the moving pieces over it. Where a piece is
follows from the frame's number alone, so frames may be drawn in any order.
"""

from dataclasses import dataclass
from math import sin, tau
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.camera.geometry import HEIGHT, WIDTH
from simulators.camera.held import Colour

_STREET_PX = 2_400  # of street drawn before it comes again
_SOFT_PX = 5.0  # sigma: the lens is focused at a hand's length, the cabin lies behind
_CLOTHES = ((60, 50, 45), (90, 60, 40), (50, 60, 120), (120, 110, 100), (40, 40, 48), (70, 95, 60), (140, 130, 170))
_SKIN = ((120, 150, 205), (95, 125, 180), (75, 100, 150))
_BAGS = ((40, 60, 140), (30, 30, 34), (120, 70, 30), (60, 110, 130))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passenger or a bag: how it looks, what it covers, and how it moves: sways, or walks through and comes again."""

    picture: Colour
    cover: NDArray[np.float32]
    rest: NDArray[np.float32]  # 1 - cover
    x: float
    y: float
    sway_px: float
    period: float  # frames
    phase: float
    walk_px: float  # a frame; 0: stays

    def place(self, number: int) -> tuple[int, int]:
        """Left and top in this frame."""
        swing = sin(tau * (number / self.period + self.phase))
        x = self.x + self.sway_px * swing
        if self.walk_px:
            span = WIDTH + 2 * self.picture.shape[1]
            x = (self.x + self.walk_px * number) % span - self.picture.shape[1]
        return int(x), int(self.y + 0.25 * self.sway_px * swing)


class Cabin:
    """One bus. `moves`: people move and the street passes; else nothing does but light and noise."""

    def __init__(self, rng: Random, ambient: float, *, moves: bool) -> None:
        self.moves = moves
        self._panes = _lay_panes(rng)
        self._street = _draw_street(rng, ambient)
        self._street_px = rng.uniform(6, 40)  # a frame
        self._background = _draw_interior(rng, ambient, self._panes)
        self._pieces = [_draw_piece(rng, ambient, number) for number in range(5)]
        self._lay(self._background, 0)
        if not moves:
            for piece in self._pieces:
                _blend(self._background, piece, 0)

    def frame(self, number: int) -> Colour:
        """A fresh picture of the cabin in this frame."""
        frame = self._background.copy()
        if self.moves:
            self._lay(frame, number)
            for piece in self._pieces:
                _blend(frame, piece, number)
        return frame

    def _lay(self, frame: Colour, number: int) -> None:
        """The street behind each pane."""
        for left, top, right, bottom in self._panes:
            at = int(left + self._street_px * number) % _STREET_PX
            frame[top:bottom, left:right] = self._street[top:bottom, at : at + right - left]


def _blend(frame: Colour, piece: _Piece, number: int) -> None:
    """Lay a piece over the frame, as far as it lies in it."""
    left, top = piece.place(number)
    high, wide = piece.cover.shape
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + wide, WIDTH), min(top + high, HEIGHT)
    if right <= x or bottom <= y:
        return
    part = np.s_[y - top : bottom - top, x - left : right - left]
    under = frame[y:bottom, x:right]
    frame[y:bottom, x:right] = cv2.blendLinear(
        np.ascontiguousarray(piece.picture[part]), np.ascontiguousarray(under),
        np.ascontiguousarray(piece.cover[part]), np.ascontiguousarray(piece.rest[part]),
    )  # fmt: skip


def _lay_panes(rng: Random) -> list[tuple[int, int, int, int]]:
    """Windows along the upper part: left, top, right, bottom."""
    panes, across = [], rng.randrange(-60, 0)
    bottom = int(HEIGHT * rng.uniform(0.3, 0.42))
    while across < WIDTH:
        pane = rng.randrange(WIDTH // 6, WIDTH // 4)
        panes.append((max(0, across + 14), 40, min(WIDTH, across + pane - 14), bottom))
        across += pane
    return [pane for pane in panes if pane[2] - pane[0] > 20]


def _soften(picture: Colour, sigma_px: float) -> Colour:
    """Out of focus by about so much; a Gaussian of this size costs five times the time."""
    size = round(sigma_px * 1.7) * 2 + 1
    return np.asarray(cv2.stackBlur(picture, (size, size)), np.uint8)


def _draw_street(rng: Random, ambient: float) -> Colour:
    """Houses, trees, cars and sky, smeared by the drive; wrapped, so that it can be cut anywhere."""
    light = 0.1 + 0.9 * ambient
    street = np.empty((HEIGHT // 2, _STREET_PX, 3), np.uint8)
    street[:] = [int(level * light) for level in (235, 215, 195)]
    for _ in range(46):
        x, width = rng.randrange(_STREET_PX), rng.randrange(40, 190)
        top = rng.randrange(40, 240)
        grey = rng.uniform(60, 190) * light
        warm = rng.uniform(-25, 25) * light
        colour = tuple(int(np.clip(level, 0, 255)) for level in (grey - warm, grey, grey + warm))
        cv2.rectangle(street, (x, top), (x + width, HEIGHT // 2), colour, cv2.FILLED)
    soft = _soften(street, 7.0)
    return np.concatenate([soft, soft[:, :WIDTH]], axis=1)


def _draw_interior(rng: Random, ambient: float, panes: list[tuple[int, int, int, int]]) -> Colour:
    """Walls, seats, poles, a floor; out of focus."""
    light = 0.15 + 0.85 * ambient
    wall = np.linspace(rng.uniform(150, 185), rng.uniform(60, 90), HEIGHT) * light
    tint = np.array([1.0, rng.uniform(0.95, 1.02), rng.uniform(0.9, 1.0)])
    picture = np.repeat((wall[:, None, None] * tint).astype(np.uint8), WIDTH, axis=1)
    for _ in range(8):
        seat = (rng.randrange(WIDTH), int(HEIGHT * rng.uniform(0.6, 0.95)))
        axes = (rng.randrange(50, 110), rng.randrange(90, 160))
        colour = tuple(int(level * light) for level in rng.choice(((110, 50, 30), (40, 40, 90), (60, 70, 40))))
        cv2.ellipse(picture, seat, axes, 0, 0, 360, colour, cv2.FILLED)
    for _ in range(4):
        x = rng.randrange(WIDTH)
        colour = tuple(int(level * light) for level in rng.choice(((60, 190, 220), (170, 170, 170))))
        cv2.line(picture, (x, 0), (x + rng.randrange(-40, 40), HEIGHT), colour, rng.randrange(8, 18))
    for left, top, right, bottom in panes:
        cv2.rectangle(picture, (left - 6, top - 6), (right + 6, bottom + 6), (30, 30, 30), 12)
    return _soften(picture, _SOFT_PX)


def _draw_piece(rng: Random, ambient: float, number: int) -> _Piece:
    """Three that stand and sway, one that walks through, one bag that swings."""
    light = 0.15 + 0.8 * ambient
    bag = number == 4
    width, height = (rng.randrange(120, 190), rng.randrange(130, 200)) if bag else (rng.randrange(170, 270), 560)
    picture = np.zeros((height, width, 3), np.uint8)
    cover = np.zeros((height, width), np.uint8)
    coat = tuple(int(level * light) for level in rng.choice(_BAGS if bag else _CLOTHES))
    skin = tuple(int(level * light) for level in rng.choice(_SKIN))
    middle, edge = width // 2, 14
    picture[:] = coat
    if bag:
        cv2.rectangle(cover, (edge, height // 4), (width - edge, height - edge), 255, cv2.FILLED)
        cv2.ellipse(cover, (middle, height // 4), (width // 4, height // 5), 0, 180, 360, 255, 8)
        cv2.rectangle(picture, (width // 4, height // 2), (3 * width // 4, height // 2 + 10), (200, 200, 200), 3)
    else:
        head = width // 5
        cv2.ellipse(cover, (middle, head + edge), (head, int(head * 1.25)), 0, 0, 360, 255, cv2.FILLED)
        cv2.ellipse(cover, (middle, height), (middle - edge, height - int(3.1 * head)), 0, 0, 360, 255, cv2.FILLED)
        cv2.rectangle(picture, (0, 0), (width, int(2.4 * head)), skin, cv2.FILLED)
        cv2.rectangle(picture, (0, 0), (width, int(0.8 * head)), (18, 18, 22), cv2.FILLED)
        for stripe in range(rng.randrange(3)):
            y = int(3.4 * head) + 60 * stripe
            cv2.line(picture, (0, y), (width, y), tuple(min(255, level + 50) for level in coat), 14)
    soft = _soften(picture, _SOFT_PX)
    covered = np.asarray(_soften(cover, _SOFT_PX * 0.8) / np.float32(255), np.float32)
    walks = number == 3
    return _Piece(
        soft, covered, np.asarray(1 - covered, np.float32),
        x=rng.uniform(0, WIDTH - width), y=HEIGHT - height * rng.uniform(0.75, 0.95),
        sway_px=rng.uniform(20, 60) if bag else rng.uniform(6, 26), period=rng.uniform(18, 50), phase=rng.random(),
        walk_px=rng.choice((-1, 1)) * rng.uniform(4, 14) if walks else 0.0,
    )  # fmt: skip
