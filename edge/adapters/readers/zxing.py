"""QR codes through zxing-cpp: the fast reader, and the one that reads dark-mode codes."""

import zxingcpp

from edge.core.ports import GreyImage

_QR_CODES = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


class ZxingReader:
    """Releases the GIL while it works; stateless, so threads may share one."""

    name = "zxing"
    reads_dark_mode = True

    def read(self, grey: GreyImage) -> list[bytes]:
        """The exact bytes of every QR code found."""
        if not grey.size:
            return []
        found = zxingcpp.read_barcodes(
            grey,
            formats=_QR_CODES,
            try_rotate=False,  # finder patterns are found at any angle; measured: no extra read
            try_downscale=True,  # a code that fills the frame
            try_invert=True,  # dark-mode wallets
        )
        return [bytes(code.bytes) for code in found if code.valid]
