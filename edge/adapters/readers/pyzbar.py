"""QR codes through pyzbar and the system's libzbar0: slower, no dark mode, now and then finds what zxing misses."""

import importlib
from typing import Any

from edge.core.errors import ReaderMissing
from edge.core.places import Box
from edge.core.ports import Found, GreyImage


class PyzbarReader:
    """QR codes only: with all symbologies on, zbar reads codes that are not there, and takes twice as long."""

    name = "pyzbar"
    reads_dark_mode = False

    def __init__(self) -> None:
        """Load the libraries. Raises ReaderMissing."""
        try:
            self._library: Any = importlib.import_module("pyzbar.pyzbar")
        except ImportError as error:  # pyzbar's own word for a missing libzbar, too
            raise ReaderMissing(
                f"reader pyzbar cannot be loaded: {error}",
                fix="apt install libzbar0, or take pyzbar out of [reader] order",
            ) from error
        self._symbols = [self._library.ZBarSymbol.QRCODE]

    def read(self, grey: GreyImage) -> list[bytes]:
        """The exact bytes of every QR code found."""
        return [code.text for code in self.find(grey) if code.text is not None]

    def find_one(self, grey: GreyImage) -> list[Found]:
        """The first of them; it costs as much."""
        return self.find(grey)[:1]

    def find(self, grey: GreyImage) -> list[Found]:
        """Every QR code and where it is."""
        if not grey.size:
            return []
        try:
            found = self._library.decode(grey, symbols=self._symbols)
        except ValueError as error:
            # zbar reports orientation -1 for some codes and pyzbar's enumeration does not know it.
            if "ZBarOrientation" not in str(error):
                raise
            return []
        return [Found(bytes(code.data), _box(code.rect)) for code in found]


def _box(rect: Any) -> Box:
    return Box(rect.left, rect.top, rect.left + max(1, rect.width), rect.top + max(1, rect.height))
