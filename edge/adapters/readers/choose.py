"""The configured order of readers → those that this machine has."""

import logging
from collections.abc import Callable, Sequence

from edge.adapters.readers.pyzbar import PyzbarReader
from edge.adapters.readers.zxing import ZxingReader
from edge.core.errors import ReaderMissing
from edge.core.ports import QrReader

_log = logging.getLogger(__name__)
READERS: dict[str, Callable[[], QrReader]] = {"zxing": ZxingReader, "pyzbar": PyzbarReader}
DEFAULT_ORDER = ("zxing", "pyzbar")  # by measured reads and speed


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
