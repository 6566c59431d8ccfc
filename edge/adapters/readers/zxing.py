"""QR codes through zxing-cpp: the fast reader, and the one that reads dark-mode codes."""

import zxingcpp

from edge.core.places import Box, around
from edge.core.ports import Found, GreyImage

_QR_CODES = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])  # no Micro QR: one corner is no trace


class ZxingReader:
    """Releases the GIL while it works; stateless, so threads may share one.

    `downscale`: also smaller copies of a picture (a code that fills the frame). `invert`: dark-mode wallets too.
    `by_histogram`: one threshold for the whole picture instead of one a neighbourhood.
    """

    name = "zxing"
    reads_dark_mode = True

    def __init__(self, *, downscale: bool = True, invert: bool = True, by_histogram: bool = False) -> None:
        self._downscale, self._invert = downscale, invert
        self._binarizer = (
            zxingcpp.Binarizer.GlobalHistogram if by_histogram else zxingcpp.Binarizer.LocalAverage
        )  # fmt: skip

    def read(self, grey: GreyImage) -> list[bytes]:
        """The exact bytes of every QR code found."""
        return [code.text for code in self.find(grey) if code.text is not None]

    def find_one(self, grey: GreyImage) -> list[Found]:
        """The first code that can be read, or none: half the price where one is known to be."""
        if not grey.size:
            return []
        code = zxingcpp.read_barcode(
            grey,
            formats=_QR_CODES,
            try_rotate=False,
            try_downscale=self._downscale,
            try_invert=self._invert,
            binarizer=self._binarizer,
        )
        return [] if code is None or not code.valid else [Found(bytes(code.bytes), _box(code.position))]

    def find(self, grey: GreyImage) -> list[Found]:
        """Every QR code and where it is; also those whose three corners are seen and whose modules cannot be read."""
        if not grey.size:
            return []
        found = zxingcpp.read_barcodes(
            grey,
            formats=_QR_CODES,
            try_rotate=False,  # finder patterns are found at any angle; measured: no extra read
            try_downscale=self._downscale,
            try_invert=self._invert,
            binarizer=self._binarizer,
            return_errors=True,
        )
        return [Found(bytes(code.bytes) if code.valid else None, _box(code.position)) for code in found]


def _box(position: zxingcpp.Position) -> Box:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return around((corner.x, corner.y) for corner in corners)
