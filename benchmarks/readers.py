"""The readers that `savar bench decode` sets side by side: the usual ones as they are usually called, and our loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import zxingcpp
from pyzbar import pyzbar

from edge.adapters.readers.choose import make_sight
from edge.adapters.readers.wechat import WechatReader
from edge.core.reading import Reading

Picture: TypeAlias = Any  # numpy uint8, height × width × 3 (BGR) or height × width (grey)
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


@dataclass(frozen=True, slots=True)
class Contender:
    """`make` gives a function from a picture to its texts; a new one for each stream, for the loop has a memory."""

    name: str
    make: Callable[[], Callable[[Picture], list[bytes]]]


def _grey(picture: Picture) -> Picture:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture


def _pyzbar(picture: Picture, **how: object) -> list[bytes]:
    try:
        return [bytes(code.data) for code in pyzbar.decode(picture, **how)]
    except ValueError:  # an orientation that its enumeration does not know
        return []


def _zxing(picture: Picture) -> list[bytes]:
    return [bytes(code.bytes) for code in zxingcpp.read_barcodes(picture, formats=_QR)]


def _opencv() -> Callable[[Picture], list[bytes]]:
    detector = cv2.QRCodeDetector()

    def read(picture: Picture) -> list[bytes]:
        try:
            found, texts, _, _ = detector.detectAndDecodeMulti(_grey(picture))
        except (cv2.error, UnicodeDecodeError):
            return []
        return [text.encode() for text in texts if text] if found else []

    return read


def _wechat() -> Callable[[Picture], list[bytes]]:
    reader = WechatReader()
    return lambda picture: reader.read(_grey(picture))


def loop_reading(order: tuple[str, ...] = ("zxing", "pyzbar")) -> Reading:
    """The decode thread's own: the heavy reader is on another thread, and counted by itself."""
    return make_sight(order).reading()


def _loop() -> Callable[[Picture], list[bytes]]:
    reading = loop_reading()
    return lambda picture: [code.text for code in reading.read(picture) if code.text is not None]


def _loop_heavy() -> Callable[[Picture], list[bytes]]:
    """With the heavy reader's answer counted for the frame that it was given; its time is its own thread's."""
    sight = make_sight(("zxing", "pyzbar", "wechat"))
    reading = sight.reading()

    def read(picture: Picture) -> list[bytes]:
        texts = [code.text for code in reading.read(picture) if code.text is not None]
        where = reading.heavy
        if not texts and where is not None and sight.heavy is not None:
            texts = sight.heavy.read(_grey(picture)[where.top : where.bottom, where.left : where.right])
        return texts

    return read


LOOP, ZXING_BGR, ZXING_GREY, NAIVE = "loop", "zxing-cpp BGR", "zxing-cpp grey", "pyzbar.decode(frame)"
CONTENDERS = (
    Contender(NAIVE, lambda: _pyzbar),
    Contender("pyzbar QR grey", lambda: lambda picture: _pyzbar(_grey(picture), symbols=[pyzbar.ZBarSymbol.QRCODE])),
    Contender(ZXING_BGR, lambda: _zxing),
    Contender(ZXING_GREY, lambda: lambda picture: _zxing(_grey(picture))),
    Contender("OpenCV", _opencv),
    Contender("WeChat", _wechat),
    Contender(LOOP, _loop),
    Contender("loop and heavy", _loop_heavy),
)
NAMES = tuple(contender.name for contender in CONTENDERS)
