"""`edge.core.reading.Eye` over OpenCV and the readers: attention, lower resolution, recipes, places in pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.adapters.readers.attention import STEP_Y_PX, Scene
from edge.adapters.readers.rungs import RECIPES
from edge.adapters.readers.zxing import ZxingReader
from edge.adapters.view import find
from edge.core.places import Box
from edge.core.ports import Found, GreyImage, QrReader
from edge.core.reading import Rung

# On phone frames a look reads 107, two thirds of the size 102, half the size 82: at 51 % and 20 % of its price.
GLANCE = Rung("glance", 200)
PEER = Rung("peer", 510)
PEER_SCALE = 0.65
QUICK = Rung("quick", 500)
LOOK = Rung("look", 1_000)
NEWS_PAD_PX = STEP_Y_PX  # the grid sees a code's edge a cell late
PART_OF = 3  # a third of a frame is made grey by itself
BOX_MIN_PX = 64  # nothing smaller holds a code at two pixels a module
SLOW_PERMILLE = 16_000  # pyzbar against a look, measured


@dataclass(frozen=True, slots=True)
class _Way:
    """Who reads, what is done to the pixels before, and how much larger (x, y) that makes them."""

    reader: QrReader
    prepare: Callable[[GreyImage], GreyImage] | None = None
    scale: tuple[float, float] = (1.0, 1.0)


class PixelEye:
    """One camera's. `readers`: the first looks and glances; the others are rungs of their own, after the recipes."""

    def __init__(self, readers: Sequence[QrReader]) -> None:
        self._first, *others = readers
        glancing, quick, histogram = self._first, self._first, self._first
        if isinstance(self._first, ZxingReader):
            glancing, quick = ZxingReader(downscale=False), ZxingReader(downscale=False, invert=False)
            histogram = ZxingReader(by_histogram=True)
        self._ways = {
            GLANCE.name: _Way(glancing, _half, (0.5, 0.5)),
            PEER.name: _Way(glancing, _two_thirds, (PEER_SCALE, PEER_SCALE)),
            QUICK.name: _Way(quick),
            LOOK.name: _Way(self._first),
        }
        for recipe in RECIPES:
            reader = histogram if recipe.by_histogram else self._first
            self._ways[recipe.name] = _Way(reader, recipe.prepare, recipe.scale)
        for reader in others:
            self._ways[reader.name] = _Way(reader)
        self.glance, self.peer, self.quick, self.look = GLANCE, PEER, QUICK, LOOK
        self.harder: Sequence[Rung] = (
            *(Rung(recipe.name, recipe.cost_permille) for recipe in RECIPES),
            *(Rung(reader.name, SLOW_PERMILLE) for reader in others),
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

    def likely(self, news: Sequence[Box]) -> Box | None:
        """Of what is new, the place with the texture of a code."""
        spot = find(self._part(Box(0, 0, self._pixels.shape[1], self._pixels.shape[0])))
        return spot if spot is not None and any(box.covers(spot) for box in news) else None

    def absorb(self) -> None:
        """The frame had its turn."""
        self._scene.absorb()

    def again(self, rung: Rung, box: Box) -> list[Found]:
        """One code where one is known to be."""
        return self._read(rung, box, one=True)

    def read(self, rung: Rung, box: Box) -> list[Found]:
        """Every code that this way finds in these pixels."""
        return self._read(rung, box, one=False)

    def _read(self, rung: Rung, box: Box, *, one: bool) -> list[Found]:
        way, part = self._ways[rung.name], self._part(box)
        if not part.size:
            return []
        picture = part if way.prepare is None else way.prepare(part)
        return _told(way.reader.find_one(picture) if one else way.reader.find(picture), box, way.scale)


def _half(part: GreyImage) -> GreyImage:
    """Averaged: at half the size that is cheap."""
    return (
        part[:0]
        if min(part.shape) < BOX_MIN_PX
        else cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    )


def _two_thirds(part: GreyImage) -> GreyImage:
    """Interpolated: averaging costs more here than reading."""
    if min(part.shape) < BOX_MIN_PX:
        return part[:0]
    return cv2.resize(part, None, fx=PEER_SCALE, fy=PEER_SCALE, interpolation=cv2.INTER_LINEAR)


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
