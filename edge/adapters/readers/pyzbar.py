"""QR codes through pyzbar and the system's libzbar0: slower, no dark mode, now and then finds what zxing misses."""

import importlib
from typing import Any

from edge.core.errors import ReaderMissing
from edge.core.ports import GreyImage


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
        if not grey.size:
            return []
        try:
            found = self._library.decode(grey, symbols=self._symbols)
        except ValueError as error:
            # zbar reports orientation -1 for some codes and pyzbar's enumeration does not know it.
            if "ZBarOrientation" not in str(error):
                raise
            return []
        return [bytes(code.data) for code in found]
