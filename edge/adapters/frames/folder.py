"""Frames from image files: a folder in name order, each picture once."""

from pathlib import Path

import cv2
import numpy as np

from edge.adapters.frames.opencv import settle_opencv
from edge.core.errors import CameraMissing, NotAnImage
from edge.core.limits import IMAGE_FILE_MAX_BYTES
from edge.core.ports import GreyImage


def read_image(path: Path) -> GreyImage:
    """One image file → grey. Raises CameraMissing (no such file) or NotAnImage, naming the file.

    Python reads the file: given a name that is no UTF-8, cv2.imread ends the whole process.
    """
    settle_opencv()
    try:
        if path.stat().st_size > IMAGE_FILE_MAX_BYTES:
            raise NotAnImage(f"{path} is larger than any picture", fix=_FIX, path=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise CameraMissing(
            f"{path} cannot be read: {error.strerror}", fix="check the path and its rights", path=str(path)
        ) from error
    if not data:
        raise NotAnImage(f"{path} is empty", fix=_FIX, path=str(path))
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:  # a picture beyond OpenCV's size limit
        raise NotAnImage(f"{path} cannot be read as an image: {error.err}", fix=_FIX, path=str(path)) from error
    if grey is None:
        raise NotAnImage(f"{path} is no image", fix=_FIX, path=str(path))
    return grey


_FIX = "give a PNG, JPEG, WebP, BMP or TIFF file, or take it out"


class ImageFolder:
    """The files of a folder, in name order; hidden ones are left out."""

    live = False
    control = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[Path] = []

    def open(self) -> None:
        """List the folder. Raises CameraMissing."""
        if not self._path.is_dir():
            raise CameraMissing(f"no folder {self._path}", fix="check the path", path=str(self._path))
        self._waiting = sorted((f for f in self._path.iterdir() if f.is_file() and f.name[0] != "."), reverse=True)

    def read(self) -> GreyImage | None:
        """Next picture, None at the end. Raises NotAnImage for one file; the next call goes on behind it."""
        return read_image(self._waiting.pop()) if self._waiting else None

    def close(self) -> None:
        """Forget what is left."""
        self._waiting = []
