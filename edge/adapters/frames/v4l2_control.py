"""Exposure, gain and focus of a V4L2 camera, by the kernel's control calls on a descriptor of its own.

OpenCV's capture may be used by one thread only, and that one waits for frames; the kernel takes controls over any
descriptor of the device at any time. Numbers and structures: linux/videodev2.h and linux/v4l2-controls.h.
"""

import fcntl
import logging
import math
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CameraLost
from edge.core.limits import EXPOSURE_MAX_US, FOCUS_STEPS
from edge.core.setting import Bounds, Setting

_log = logging.getLogger(__name__)

Ioctl = Callable[[int, int, bytes], bytes]  # (descriptor, request, structure) → structure; raises OSError

S_CTRL = 0xC008561C  # _IOWR('V', 28, struct v4l2_control)
QUERYCTRL = 0xC0445624  # _IOWR('V', 36, struct v4l2_queryctrl)
_CONTROL = struct.Struct("=Ii")  # id, value
_QUERY = struct.Struct("=II32siiiiI8x")  # id, type, name, minimum, maximum, step, default, flags
_UNUSABLE = 0x0001 | 0x0004  # disabled, read-only

EXPOSURE = 0x009A0902  # EXPOSURE_ABSOLUTE, in units of 100 µs
_EXPOSURE_UNIT_US = 100
GAINS = (0x009E0903, 0x00980913)  # ANALOGUE_GAIN of a bare sensor, GAIN of a USB camera
FOCUS = 0x009A090A  # FOCUS_ABSOLUTE: larger is nearer
# Set once, where the camera has them: its own automata off, mains light at 50 Hz, an even frame rate.
BY_HAND = ((0x009A0901, 1), (0x00980912, 0), (0x009A090C, 0), (0x009A0903, 0), (0x00980918, 1))
_GAIN_SPAN = 16.0  # what the whole range of a gain without a unit is taken for: the loop corrects what is not so


@dataclass(frozen=True, slots=True)
class _Range:
    """One control's numbers, as the driver counts."""

    control: int
    least: int
    most: int


class V4l2Control:
    """Fulfils CameraControl. `take` makes it; `close` may be called while `apply` runs on another thread."""

    def __init__(
        self, descriptor: int, ioctl: Ioctl, exposure: _Range, gain: _Range | None, focus: _Range | None
    ) -> None:
        self._lock = threading.Lock()  # a descriptor that was closed may be another file's by now
        self._descriptor: int | None = descriptor
        self._ioctl = ioctl
        self._exposure, self._gain, self._focus = exposure, gain, focus
        least_us = max(exposure.least, 1) * _EXPOSURE_UNIT_US
        most_us = max(min(exposure.most * _EXPOSURE_UNIT_US, EXPOSURE_MAX_US), least_us)
        most_milli = 1_000 if gain is None else round(1_000 * _GAIN_SPAN)
        self.bounds = Bounds(least_us, most_us, 1_000, most_milli, focus=focus is not None)

    @classmethod
    def take(cls, path: str, ioctl: Ioctl = fcntl.ioctl) -> "V4l2Control | None":
        """The controls of a device; None, and a word in the log, where the exposure cannot be set."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            _log.warning("camera %s keeps its own exposure: %s", path, error)
            return None
        exposure = _range(ioctl, descriptor, EXPOSURE)
        if exposure is None:
            os.close(descriptor)
            _log.warning("camera %s keeps its own exposure: it has no control for it", path)
            return None
        for control, value in BY_HAND:
            if _range(ioctl, descriptor, control) is not None:
                _set(ioctl, descriptor, control, value)
        gains = [found for control in GAINS if (found := _range(ioctl, descriptor, control)) is not None]
        return cls(descriptor, ioctl, exposure, gains[0] if gains else None, _range(ioctl, descriptor, FOCUS))

    def apply(self, setting: Setting) -> None:
        """Tell it. Raises CameraLost."""
        self._tell(self._exposure, setting.exposure_us / _EXPOSURE_UNIT_US)
        if self._gain is not None:
            share = math.log(setting.gain_milli / 1_000, _GAIN_SPAN)
            self._tell(self._gain, self._gain.least + share * (self._gain.most - self._gain.least))
        if self._focus is not None and setting.focus is not None:
            share = setting.focus / FOCUS_STEPS
            self._tell(self._focus, self._focus.least + share * (self._focus.most - self._focus.least))

    def _tell(self, what: _Range, value: float) -> None:
        number = min(max(round(value), what.least), what.most)
        with self._lock:
            if self._descriptor is None:
                raise CameraLost("the camera is closed", fix="open it first")
            try:
                self._ioctl(self._descriptor, S_CTRL, _CONTROL.pack(what.control, number))
            except OSError as error:
                raise CameraLost(f"the camera takes no setting: {error}", fix="check its plug and cable") from error

    def close(self) -> None:
        """Let go of the device."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)


def _range(ioctl: Ioctl, descriptor: int, control: int) -> _Range | None:
    """What the driver says of a control; None if there is none that can be set."""
    try:
        answer = ioctl(descriptor, QUERYCTRL, _QUERY.pack(control, 0, b"", 0, 0, 0, 0, 0))
    except OSError:  # EINVAL: no such control
        return None
    _, _, _, least, most, _, _, flags = _QUERY.unpack(answer)
    return None if flags & _UNUSABLE else _Range(control, least, most)


def _set(ioctl: Ioctl, descriptor: int, control: int, value: int) -> None:
    try:
        ioctl(descriptor, S_CTRL, _CONTROL.pack(control, value))
    except OSError as error:  # a driver that lists what it does not take; exposure and gain still count
        _log.warning("control %#x does not take %d: %s", control, value, error)
