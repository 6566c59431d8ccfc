"""Frames from a Raspberry Pi camera module through picamera2, which exists on a Pi only.

The Y plane of YUV420 is the grey picture already; nothing is converted.
"""

import importlib
from typing import Any

from edge.adapters.frames.pi_control import PiControl
from edge.core.errors import CameraLost, CameraMissing
from edge.core.limits import CAMERA_HEIGHT_PX, CAMERA_READ_TIMEOUT_MS, CAMERA_WIDTH_PX
from edge.core.ports import GreyImage


class PiCamera:
    """Camera module `number` of a Pi."""

    live = True

    def __init__(self, number: int) -> None:
        self._number = number
        self._camera: Any = None
        self.control: PiControl | None = None

    def open(self) -> None:
        """Start it. Raises CameraMissing (picamera2 not installed, or no such camera)."""
        try:
            library = importlib.import_module("picamera2")
        except ImportError as error:
            raise CameraMissing(
                "picamera2 is not installed, so no Pi camera can be used",
                fix="on a Pi: apt install python3-picamera2 and an environment with system site packages;"
                " elsewhere use a v4l2 source",
            ) from error
        try:
            camera = library.Picamera2(self._number)
            camera.configure(camera.create_video_configuration(
                main={"size": (CAMERA_WIDTH_PX, CAMERA_HEIGHT_PX), "format": "YUV420"}
            ))  # fmt: skip
            camera.start()
        except (IndexError, RuntimeError, OSError) as error:  # no such camera; busy; libcamera's own
            raise CameraMissing(
                f"Pi camera {self._number} does not start: {error}",
                fix="check its ribbon cable and `rpicam-hello --list-cameras`",
                number=self._number,
            ) from error
        self._camera = camera
        self.control = PiControl.take(camera)

    def read(self) -> GreyImage:
        """Next frame. Raises CameraLost when none comes within the time-out."""
        if self._camera is None:
            raise CameraLost(f"Pi camera {self._number} is not open", fix="open it first")
        job = self._camera.capture_array("main", wait=False)
        try:
            planes = self._camera.wait(job, timeout=CAMERA_READ_TIMEOUT_MS / 1000)
        except (TimeoutError, RuntimeError) as error:
            raise CameraLost(
                f"Pi camera {self._number} gives no frames", fix="check its ribbon cable; it is tried again by itself"
            ) from error
        return planes[:CAMERA_HEIGHT_PX, :CAMERA_WIDTH_PX]  # rows below are U and V; columns beyond are padding

    def close(self) -> None:
        """Stop and release it; in any state."""
        if self.control is not None:
            self.control.close()
            self.control = None
        if self._camera is not None:
            self._camera.close()
            self._camera = None
