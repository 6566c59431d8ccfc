"""QR codes through WeChat's detector in opencv-contrib: small, blurred and damaged codes; too slow for the hot thread.

Its two networks lie beside this file (models/README.md: where they come from, licence, hashes).
"""

from pathlib import Path
from typing import Any

import cv2

from edge.adapters.readers.rungs import equalised
from edge.core.errors import ReaderMissing
from edge.core.places import around
from edge.core.ports import Found, GreyImage

MODELS = Path(__file__).parent / "models"
_CLASS = "wechat_qrcode_WeChatQRCode"  # in opencv-contrib alone, and not in its type stubs
_FILES = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")


class WechatReader:
    """7 ms on an empty 720p frame, up to 130 ms on a hard one. One a thread: it keeps state while it works."""

    name = "wechat"
    reads_dark_mode = True

    def __init__(self) -> None:
        """Load the networks. Raises ReaderMissing."""
        try:
            self._detector: Any = getattr(cv2, _CLASS)(*(str(MODELS / name) for name in _FILES))
        except (AttributeError, TypeError, cv2.error) as error:  # no contrib; OpenCV 5; files that are not there
            raise ReaderMissing(
                f"reader wechat cannot be loaded: {error}",
                fix="install opencv-contrib-python-headless below 5, or take wechat out of [reader] order",
            ) from error

    def read(self, grey: GreyImage) -> list[bytes]:
        """The bytes of every QR code found, exact for text; a binary code is not read."""
        return [code.text for code in self.find(grey) if code.text is not None]

    def find_one(self, grey: GreyImage) -> list[Found]:
        """The first of them; it costs as much."""
        return self.find(grey)[:1]

    def find(self, grey: GreyImage) -> list[Found]:
        """Every QR code and where it is: as it is, and where that gives nothing with its contrast equalised.

        Of 269 photographs the second reads 20 that neither the first nor zxing-cpp does.
        """
        if min(grey.shape[:2], default=0) < 2:
            return []
        return self._found(grey) or self._found(equalised(grey))

    def _found(self, grey: GreyImage) -> list[Found]:
        try:
            texts, corners = self._detector.detectAndDecode(grey)
        except UnicodeDecodeError:  # a code with binary bytes: none of ours, and the binding has only text
            return []
        return [
            Found(text.encode(), around((int(x), int(y)) for x, y in points))
            for text, points in zip(texts, corners, strict=True)
            if text
        ]
