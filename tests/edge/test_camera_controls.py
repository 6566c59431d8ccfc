"""What is told to a V4L2 driver and to picamera2, over drivers that answer as the kernel's headers say; and the lens file.

No camera was at hand: the structures are those of linux/videodev2.h, the calls those that picamera2 documents.
"""

import errno
import json
import os
import struct
from pathlib import Path

import pytest

from edge.adapters.frames.pi_control import PiControl
from edge.adapters.frames.v4l2_control import BY_HAND, EXPOSURE, FOCUS, GAINS, QUERYCTRL, S_CTRL, V4l2Control
from edge.adapters.lens_file import LensFile
from edge.core.errors import CameraLost
from edge.core.limits import EXPOSURE_MAX_US
from edge.core.setting import Bounds, Setting

AUTO_EXPOSURE, AUTO_FOCUS = 0x009A0901, 0x009A090C


class Driver:
    """Answers VIDIOC_QUERYCTRL and VIDIOC_S_CTRL. `ranges`: id → (least, most, flags)."""

    def __init__(self, ranges: dict[int, tuple[int, int, int]]) -> None:
        self.ranges = ranges
        self.told: list[tuple[int, int]] = []
        self.gone = False

    def __call__(self, descriptor: int, request: int, structure: bytes) -> bytes:
        os.fstat(descriptor)  # it is open
        if self.gone:
            raise OSError(errno.ENODEV, "no such device")
        if request == QUERYCTRL:
            assert len(structure) == 68
            (control,) = struct.unpack_from("=I", structure)
            if control not in self.ranges:
                raise OSError(errno.EINVAL, "invalid argument")
            least, most, flags = self.ranges[control]
            return struct.pack("=II32siiiiI8x", control, 1, b"x", least, most, 1, least, flags)
        assert (request, len(structure)) == (S_CTRL, 8)
        control, value = struct.unpack("=Ii", structure)
        assert self.ranges[control][0] <= value <= self.ranges[control][1]
        self.told.append((control, value))
        return structure


WEBCAM = {
    AUTO_EXPOSURE: (0, 3, 0), AUTO_FOCUS: (0, 1, 0), EXPOSURE: (3, 2_047, 0), GAINS[1]: (0, 255, 0), FOCUS: (0, 250, 0),
}  # fmt: skip


@pytest.fixture
def device(tmp_path: Path) -> str:
    path = tmp_path / "video"
    path.touch()
    return str(path)


def test_the_requests_are_those_of_the_kernel() -> None:
    """_IOWR('V', number, size): direction 3 over the size over the type over the number."""
    assert 3 << 30 | 8 << 16 | ord("V") << 8 | 28 == S_CTRL
    assert 3 << 30 | 68 << 16 | ord("V") << 8 | 36 == QUERYCTRL


def test_a_webcam_is_taken_by_hand_and_told(device: str) -> None:
    driver = Driver(WEBCAM)
    control = V4l2Control.take(device, driver)
    assert control is not None
    assert control.bounds == Bounds(300, EXPOSURE_MAX_US, 1_000, 16_000, focus=True)
    assert driver.told == [(control_id, value) for control_id, value in BY_HAND if control_id in WEBCAM]
    driver.told.clear()
    control.apply(Setting(10_000, 4_000, 500))
    assert driver.told == [(EXPOSURE, 100), (GAINS[1], 128), (FOCUS, 125)]
    driver.told.clear()
    control.apply(Setting(EXPOSURE_MAX_US, 16_000, 1_000))
    control.apply(Setting(300, 1_000, 0))
    assert driver.told == [
        (EXPOSURE, 330), (GAINS[1], 255), (FOCUS, 250), (EXPOSURE, 3), (GAINS[1], 0), (FOCUS, 0)
    ]  # fmt: skip
    control.close()


def test_a_bare_sensor_has_its_own_gain_and_no_motor(device: str) -> None:
    driver = Driver({EXPOSURE: (1, 10_000, 0), GAINS[0]: (16, 248, 0), GAINS[1]: (0, 100, 0), FOCUS: (0, 10, 0x0001)})
    control = V4l2Control.take(device, driver)
    assert control is not None
    assert not control.bounds.focus
    control.apply(Setting(100, 1_000, None))
    assert driver.told == [(EXPOSURE, 1), (GAINS[0], 16)]


@pytest.mark.parametrize("ranges", [{}, {EXPOSURE: (3, 2_047, 0x0001)}, {EXPOSURE: (3, 2_047, 0x0004)}])
def test_a_camera_without_an_exposure_to_set_keeps_its_own(
    ranges: dict[int, tuple[int, int, int]], device: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert V4l2Control.take(device, Driver(ranges)) is None
    assert V4l2Control.take(device + "-that-is-not", Driver(ranges)) is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert caplog.text.count("keeps its own exposure") == 2


def test_a_camera_that_has_gone_is_lost_by_name(device: str) -> None:
    driver = Driver(WEBCAM)
    control = V4l2Control.take(device, driver)
    assert control is not None
    driver.gone = True
    with pytest.raises(CameraLost, match="no such device"):
        control.apply(Setting(10_000, 1_000, 500))
    control.close()
    control.close()
    with pytest.raises(CameraLost, match="closed"):
        control.apply(Setting(10_000, 1_000, 500))


class Module:
    """The part of Picamera2 that is called."""

    def __init__(self, **controls: tuple[float, float, float]) -> None:
        self.camera_controls = controls
        self.told: list[dict[str, object]] = []
        self.gone = False

    def set_controls(self, controls: dict[str, object]) -> None:
        if self.gone:
            raise RuntimeError("camera has gone")
        self.told.append(controls)


def test_a_pi_module_is_told_and_bounded() -> None:
    module = Module(ExposureTime=(26, 220_417_486, 0), AnalogueGain=(1.0, 16.0, 0), LensPosition=(0.0, 32.0, 1.0))
    control = PiControl.take(module)
    assert control is not None
    assert control.bounds == Bounds(26, EXPOSURE_MAX_US, 1_000, 16_000, focus=True)
    control.apply(Setting(10_000, 2_500, 250))
    assert module.told == [
        {"AeEnable": False, "ExposureTime": 10_000, "AnalogueGain": 2.5, "AfMode": 0, "LensPosition": 8.0}
    ]
    module.gone = True
    with pytest.raises(CameraLost, match="has gone"):
        control.apply(Setting(10_000, 2_500, 250))
    control.close()
    with pytest.raises(CameraLost, match="closed"):
        control.apply(Setting(10_000, 2_500, 250))


def test_a_global_shutter_module_has_no_motor_and_may_tell_no_maximum() -> None:
    control = PiControl.take(Module(ExposureTime=(29, 0, 0), AnalogueGain=(1.0, 251.188, 0)))
    assert control is not None
    assert control.bounds == Bounds(29, EXPOSURE_MAX_US, 1_000, 251_188, focus=False)
    control.apply(Setting(10_000, 1_000, None))


def test_a_camera_without_an_exposure_behind_picamera2_keeps_its_own(caplog: pytest.LogCaptureFixture) -> None:
    assert PiControl.take(Module(Brightness=(-1.0, 1.0, 0.0))) is None
    assert "keeps its own exposure" in caplog.text


def test_the_lens_file_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "lens.json"
    lenses = LensFile(path)
    assert lenses.best("front") == 0
    lenses.keep("front", 480)
    lenses.keep("rear", 300)
    again = LensFile(path)
    assert (again.best("front"), again.best("rear"), again.best("middle")) == (480, 300, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["lens.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '"front"', "\ufffe", json.dumps({"front": "sharp", "rear": -3})])
def test_a_lens_file_that_says_nothing_is_measured_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "lens.json").write_text(text, encoding="utf-16" if text == "\ufffe" else "utf-8")
    lenses = LensFile(tmp_path / "lens.json")
    assert (lenses.best("front"), lenses.best("rear")) == (0, 0)
    lenses.keep("front", 400)
    assert LensFile(tmp_path / "lens.json").best("front") == 400


def test_a_card_that_takes_nothing_does_not_stop_the_door(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lenses = LensFile(tmp_path / "no-such-folder" / "lens.json")
    lenses.keep("front", 400)
    assert lenses.best("front") == 400
    assert "not kept" in caplog.text
