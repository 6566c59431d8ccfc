"""Exposure, gain and focus of a Raspberry Pi camera module through picamera2."""

import logging
from typing import Any

from edge.core.errors import CameraLost
from edge.core.limits import EXPOSURE_MAX_US, FOCUS_STEPS
from edge.core.setting import Bounds, Setting

_log = logging.getLogger(__name__)


class PiControl:
    """Fulfils CameraControl over a started Picamera2, whose `set_controls` may be called from any thread.

    Focus is told in dioptres, from 0 (far) to what the lens can do; a module without a lens motor has no LensPosition.
    """

    @classmethod
    def take(cls, camera: Any) -> "PiControl | None":
        """The controls of a camera; None, and a word in the log, where exposure or gain cannot be set."""
        if {"ExposureTime", "AnalogueGain"} <= set(camera.camera_controls):
            return cls(camera)
        _log.warning("the Pi camera keeps its own exposure: it has no control for it")
        return None

    def __init__(self, camera: Any) -> None:
        self._camera: Any = camera
        can = camera.camera_controls
        exposure, gain = can["ExposureTime"], can["AnalogueGain"]
        self._nearest = float(can["LensPosition"][1]) if "LensPosition" in can else 0.0
        least_us, least_milli = max(int(exposure[0]), 1), max(round(1000 * float(gain[0])), 1)
        # Some sensors tell a maximum of 0 for "as long as the frame".
        most_us = min(int(exposure[1]) or EXPOSURE_MAX_US, EXPOSURE_MAX_US)
        self.bounds = Bounds(
            least_us, max(most_us, least_us), least_milli, max(round(1000 * float(gain[1])), least_milli),
            focus=self._nearest > 0,
        )  # fmt: skip

    def apply(self, setting: Setting) -> None:
        """Tell it. Raises CameraLost."""
        if self._camera is None:
            raise CameraLost("the Pi camera is closed", fix="open it first")
        controls: dict[str, object] = {
            "AeEnable": False, "ExposureTime": setting.exposure_us, "AnalogueGain": setting.gain_milli / 1000,
        }  # fmt: skip
        if setting.focus is not None:
            controls |= {"AfMode": 0, "LensPosition": self._nearest * setting.focus / FOCUS_STEPS}  # 0: by hand
        try:
            self._camera.set_controls(controls)
        except RuntimeError as error:
            raise CameraLost(f"the Pi camera takes no setting: {error}", fix="check its ribbon cable") from error

    def close(self) -> None:
        """From now on nothing is told."""
        self._camera = None
