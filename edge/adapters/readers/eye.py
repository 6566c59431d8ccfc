"""`edge.core.reading.Eye` over OpenCV and the readers: attention, half resolution, recipes, places in pixels."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge.adapters.readers.attention import STEP_Y_PX, Scene
from edge.adapters.readers.rungs import RECIPES, Recipe
from edge.adapters.readers.zxing import ZxingReader
from edge.core.places import Box
from edge.core.ports import Found, GreyImage, QrReader
from edge.core.reading import Rung

# On phone frames a look reads 107, two thirds of the size 102, half the size 82: at 51 % and 20 % of its price.
GLANCE = Rung("glance", 200)
PEER = Rung("peer", 510)
SCALES = {GLANCE.name: 0.5, PEER.name: 0.65}
QUICK = Rung("quick", 500)
LOOK = Rung("look", 1_000)
NEWS_PAD_PX = STEP_Y_PX  # the grid sees a code's edge a cell late
PART_OF = 3  # a third of a frame is made grey by itself
BOX_MIN_PX = 64  # nothing smaller holds a code at two pixels a module


class PixelEye:
    """One camera's. `readers`: the first looks and glances; the others are rungs of their own, after the recipes."""

    def __init__(self, readers: Sequence[QrReader]) -> None:
        self._first, *others = readers
        self._glancing, self._quick, histogram = self._first, self._first, self._first
        if isinstance(self._first, ZxingReader):
            self._glancing = ZxingReader(downscale=False)
            self._quick = ZxingReader(downscale=False, invert=False)
            histogram = ZxingReader(by_histogram=True)
        self._ways: dict[str, tuple[QrReader, Recipe | None]] = {
            QUICK.name: (self._quick, None), LOOK.name: (self._first, None),
        }  # fmt: skip
        for recipe in RECIPES:
            self._ways[recipe.name] = (histogram if recipe.by_histogram else self._first, recipe)
        for reader in others:
            self._ways[reader.name] = (reader, None)
        self.glance, self.peer, self.quick, self.look = GLANCE, PEER, QUICK, LOOK
        self.harder: Sequence[Rung] = (
            *(Rung(recipe.name, recipe.cost_permille) for recipe in RECIPES),
            *(Rung(reader.name, _SLOW_PERMILLE) for reader in others),
        )
        self._pixels: GreyImage = np.zeros((0, 0), np.uint8)
        self._grey: GreyImage | None = None
        self._scene = Scene()

    def open(self, pixels: GreyImage) -> Box:
        """The next frame, grey or BGR."""
        self._pixels, self._grey = pixels, pixels if pixels.ndim == 2 else None
        self._scene.come(pixels)
        return Box(0, 0, pixels.shape[1], pixels.shape[0])

    def _part(self, box: Box) -> GreyImage:
        """These pixels in grey; the whole frame is made grey once, when more than a part of it is asked for."""
        if self._grey is None:
            if box.area * PART_OF < self._pixels.shape[0] * self._pixels.shape[1]:
                return cv2.cvtColor(self._pixels[box.top : box.bottom, box.left : box.right], cv2.COLOR_BGR2GRAY)
            self._grey = cv2.cvtColor(self._pixels, cv2.COLOR_BGR2GRAY)
        return self._grey[box.top : box.bottom, box.left : box.right]

    def news(self) -> list[Box]:
        """Where it shows something that is not known, with a margin."""
        height, width = self._pixels.shape[:2]
        return [box.padded(NEWS_PAD_PX, width, height) for box in self._scene.news()]

    def absorb(self) -> None:
        """The frame had its turn."""
        self._scene.absorb()

    def again(self, rung: Rung, box: Box) -> list[Found]:
        """One code where one is known to be."""
        part = self._part(box)
        if scale := SCALES.get(rung.name):
            return _told(self._glancing.find_one(_smaller(part, scale)), box, (scale, scale))
        return _told((self._quick if rung is QUICK else self._first).find_one(part), box, (1.0, 1.0))

    def read(self, rung: Rung, box: Box) -> list[Found]:
        """Every code that this way finds in these pixels."""
        part = self._part(box)
        if scale := SCALES.get(rung.name):
            return _told(self._glancing.find(_smaller(part, scale)), box, (scale, scale))
        reader, recipe = self._ways[rung.name]
        if recipe is None:
            return _told(reader.find(part), box, (1.0, 1.0))
        return _told(reader.find(recipe.prepare(part)), box, recipe.scale) if part.size else []


def _smaller(part: GreyImage, scale: float) -> GreyImage:
    """Averaged where that is cheap, at half the size; else interpolated."""
    if min(part.shape) < BOX_MIN_PX:
        return part[:0]
    way = cv2.INTER_AREA if scale == 0.5 else cv2.INTER_LINEAR
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=way)


_SLOW_PERMILLE = 16_000  # pyzbar against a look, measured


def _told(found: Sequence[Found], within: Box, scale: tuple[float, float]) -> list[Found]:
    """In the frame's pixels."""
    x, y = scale
    return [
        replace(
            code,
            box=Box(
                int(code.box.left / x), int(code.box.top / y), int(code.box.right / x), int(code.box.bottom / y)
            ).moved(within.left, within.top),
        )
        for code in found
    ]
