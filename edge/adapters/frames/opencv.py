"""Frames through OpenCV: V4L2 cameras, video files, HTTP and RTSP streams. Grey once, here, and nowhere again."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from edge.adapters.frames.v4l2_control import V4l2Control
from edge.core.errors import CameraLost, CameraMissing
from edge.core.limits import (
    CAMERA_HEIGHT_PX,
    CAMERA_OPEN_TIMEOUT_MS,
    CAMERA_READ_TIMEOUT_MS,
    CAMERA_WIDTH_PX,
)
from edge.core.ports import GreyImage


def settle_opencv() -> None:
    """Settings of the whole process, made when the first source opens, not at import.

    One thread: a frame's grey conversion takes 0.1 ms, so a pool gains nothing and would contend with the tap's own
    thread on a small board; cameras have a thread each already. Errors only in OpenCV's log: a missing camera is
    reported by name here and must not also fill the log at every retry. OpenCV reads the V4L2 wait (whole seconds)
    once, at its first frame, and knows no property for it; its default of 10 s would keep `stop` waiting.
    """
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(CAMERA_READ_TIMEOUT_MS // 1000))


def to_grey(picture: GreyImage) -> GreyImage:
    """BGR, or grey already → grey."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return picture[:, :, 0] if picture.ndim == 3 else picture


def _is_utf8(name: str) -> bool:
    """Whether a file name is text; Python carries other bytes as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Capture:
    """What the three sources share: one cv2.VideoCapture."""

    def __init__(self) -> None:
        self._capture: cv2.VideoCapture | None = None

    def _start(self, capture: cv2.VideoCapture, missing: CameraMissing) -> None:
        if not capture.isOpened():
            capture.release()
            raise missing
        self._capture = capture

    def _grab(self) -> GreyImage | None:
        """Next frame in grey, or None if the library has none."""
        if self._capture is None:
            return None
        came, picture = self._capture.read()
        return to_grey(picture) if came else None

    def close(self) -> None:
        """Release it; in any state."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class V4l2Camera(_Capture):
    """A camera of this machine, by number or device path."""

    live = True

    def __init__(self, device: int | str) -> None:
        super().__init__()
        self._device = device
        self.control: V4l2Control | None = None

    def open(self) -> None:
        """Start it at the measured size, or its nearest. Raises CameraMissing."""
        settle_opencv()
        capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
        self._start(capture, CameraMissing(
            f"no camera at {self._name}",
            fix="check its plug and `ls /dev/video*`; the user that runs Savar must be in the group video",
            device=self._name,
        ))  # fmt: skip
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, CAMERA_WIDTH_PX)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, CAMERA_HEIGHT_PX)
        self.control = V4l2Control.take(self._name)

    def close(self) -> None:
        """Release it and its controls; in any state."""
        if self.control is not None:
            self.control.close()
            self.control = None
        super().close()

    def read(self) -> GreyImage:
        """Next frame. Raises CameraLost."""
        grey = self._grab()
        if grey is None:
            raise CameraLost(
                f"camera {self._name} gives no frames", fix="check its plug and cable; it is tried again by itself"
            )
        return grey

    @property
    def _name(self) -> str:
        return f"/dev/video{self._device}" if isinstance(self._device, int) else self._device


class StreamCamera(_Capture):
    """A network camera by http(s):// or rtsp:// address. A password in the address is never shown."""

    live = True
    control = None

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        parts = urlsplit(url)
        self._shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()

    def open(self) -> None:
        """Connect, within the time-outs. Raises CameraMissing."""
        settle_opencv()
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, CAMERA_OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, CAMERA_READ_TIMEOUT_MS,
        ]  # fmt: skip
        self._start(
            cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, timeouts),
            CameraMissing(
                f"no stream at {self._shown}", fix="check the address, its password, and the camera's power and network"
            ),
        )

    def read(self) -> GreyImage:
        """Next frame. Raises CameraLost."""
        grey = self._grab()
        if grey is None:
            raise CameraLost(
                f"stream {self._shown} stopped", fix="check the camera's power and network; it is tried again by itself"
            )
        return grey

    def __repr__(self) -> str:
        """Address without user and password."""
        return f"StreamCamera({self._shown})"


class VideoFile(_Capture):
    """A recorded video, every frame once."""

    live = False
    control = None

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def open(self) -> None:
        """Open it. Raises CameraMissing if it is not there or no video."""
        settle_opencv()
        if not self._path.is_file():
            raise CameraMissing(f"no file {self._path}", fix="check the path", path=str(self._path))
        if not _is_utf8(name := str(self._path)):  # OpenCV ends the whole process on such a name
            raise CameraMissing(f"the name {name!r} is no UTF-8", fix="rename the file", path=name)
        self._start(
            cv2.VideoCapture(name, cv2.CAP_FFMPEG),
            CameraMissing(f"{self._path} is no video that can be read", fix="give an MP4, MKV, AVI or WebM file"),
        )

    def read(self) -> GreyImage | None:
        """Next frame, None at the end."""
        return self._grab()
