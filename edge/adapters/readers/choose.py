"""The configured order of readers → those that this machine has, and how a camera's frames are read with them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.adapters.readers.eye import PixelEye
from edge.adapters.readers.pyzbar import PyzbarReader
from edge.adapters.readers.wechat import WechatReader
from edge.adapters.readers.zxing import ZxingReader
from edge.core.errors import ReaderMissing
from edge.core.ports import QrReader
from edge.core.reading import Reading

_log = logging.getLogger(__name__)
READERS: dict[str, Callable[[], QrReader]] = {"zxing": ZxingReader, "pyzbar": PyzbarReader, "wechat": WechatReader}
DEFAULT_ORDER = ("zxing", "pyzbar", "wechat")  # by measured reads and speed


@dataclass(frozen=True, slots=True)
class Sight:
    """The readers of one door. `readers`: those of the decode threads; `heavy`: the one with a thread of its own."""

    readers: tuple[QrReader, ...]
    heavy: QrReader | None

    def reading(self) -> Reading:
        """A camera's own: it knows the scene before it."""
        return Reading(PixelEye(self.readers))


def make_readers(order: Sequence[str] = DEFAULT_ORDER) -> list[QrReader]:
    """Names in order → readers; one that is missing is left out with a warning.

    Raises ReaderMissing for an unknown name, and when none is left.
    """
    readers = []
    for name in order:
        if name not in READERS:  # a typing slip is not a missing library: nothing is left out for it
            raise ReaderMissing(f"unknown reader “{name}”", fix=f"use {', '.join(READERS)}")
        try:
            readers.append(READERS[name]())
        except ReaderMissing as missing:
            _log.warning("left out: %s", missing)
    if not readers:
        raise ReaderMissing("no reader can be used, so no code can be read", fix="install zxing-cpp (extra edge)")
    return readers


def make_sight(order: Sequence[str] = DEFAULT_ORDER) -> Sight:
    """As `make_readers`. The heavy reader stays off the decode threads, unless it is the only one there is."""
    readers = make_readers(order)
    quick = tuple(reader for reader in readers if not isinstance(reader, WechatReader))
    heavy = next((reader for reader in readers if isinstance(reader, WechatReader)), None)
    return Sight(quick, heavy) if quick else Sight(tuple(readers), None)
