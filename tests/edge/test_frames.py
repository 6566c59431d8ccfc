"""Frame sources: one contract over the real ones and the test's fake, and each one's own faults."""

import functools
import sys
import threading
import types
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.adapters.frames.folder import ImageFolder, read_image
from edge.adapters.frames.opencv import StreamCamera, V4l2Camera, VideoFile
from edge.adapters.frames.picamera2 import PiCamera
from edge.adapters.frames.source import make_source
from edge.adapters.readers.zxing import ZxingReader
from edge.core.errors import CameraLost, CameraMissing, NotAnImage, SourceUnknown
from edge.core.limits import CAMERA_HEIGHT_PX, CAMERA_WIDTH_PX, IMAGE_FILE_MAX_BYTES
from edge.core.ports import FrameSource
from tests.edge.cameras import FakeCamera
from tests.edge.pictures import pass_picture, pass_text

SHADES = [0, 90, 180]


def _folder(path: Path) -> FrameSource:
    for number, shade in enumerate(SHADES):
        cv2.imwrite(str(path / f"{number}.png"), np.full((48, 64), shade, np.uint8))
    return ImageFolder(path)


def write_video(path: Path, pictures: list[np.ndarray]) -> None:
    height, width = pictures[0].shape
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (width, height))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()


def _video(path: Path) -> FrameSource:
    write_video(path / "v.avi", [np.full((48, 64), shade, np.uint8) for shade in SHADES])
    return VideoFile(path / "v.avi")


def _fake(_: Path) -> FrameSource:
    return FakeCamera([[np.full((48, 64), shade, np.uint8) for shade in SHADES]], live=False)


@pytest.fixture(params=[_folder, _video, _fake])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    make: Callable[[Path], FrameSource] = request.param
    return make(tmp_path)


def test_a_recording_gives_every_frame_once_in_grey_and_ends(recording: FrameSource) -> None:
    assert recording.live is False
    recording.open()
    pictures = [recording.read() for _ in SHADES]
    assert recording.read() is None
    assert recording.read() is None
    recording.close()
    for picture, shade in zip(pictures, SHADES, strict=True):
        assert picture.shape == (48, 64)
        assert picture.dtype == np.uint8
        assert abs(int(picture.mean()) - shade) < 8


def test_a_recording_can_be_played_again_and_closed_in_any_state(recording: FrameSource) -> None:
    recording.close()
    for _ in range(2):
        recording.open()
        assert abs(int(recording.read().mean()) - SHADES[0]) < 8
        recording.close()
        recording.close()


@pytest.mark.parametrize(
    "source",
    [
        V4l2Camera("/dev/video-that-is-not"), V4l2Camera(97), VideoFile(Path("no-such.mp4")),
        ImageFolder(Path("no-such-folder")), StreamCamera("http://rider:secret@127.0.0.1:9/stream?key=secret"),
        PiCamera(0), FakeCamera([None]),
    ],
    ids=lambda source: type(source).__name__,
)  # fmt: skip
def test_a_missing_source_is_named_with_the_next_step(source: FrameSource) -> None:
    with pytest.raises(CameraMissing) as caught:
        source.open()
    assert caught.value.fix
    assert "secret" not in str(caught.value)
    source.close()


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(CameraMissing, match="no video"):
        VideoFile(tmp_path / "v.mp4").open()


def test_a_file_that_is_no_image_is_named_and_the_rest_still_come(tmp_path: Path) -> None:
    source = _folder(tmp_path)
    (tmp_path / "1a.png").write_text("no image")
    (tmp_path / ".hidden").write_text("left out")
    source.open()
    assert source.read() is not None
    assert source.read() is not None
    with pytest.raises(NotAnImage, match=r"1a\.png"):
        source.read()
    assert source.read() is not None
    assert source.read() is None


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(1000), b"\xff\xd8\xff\xe0" * 50])
def test_broken_pictures_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(NotAnImage, match=r"x\.png"):
        read_image(tmp_path / "x.png")


def test_a_huge_file_is_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(IMAGE_FILE_MAX_BYTES + 1)
    with pytest.raises(NotAnImage, match="larger"):
        read_image(tmp_path / "x.png")


def test_a_picture_of_a_pass_survives_the_file(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "pass.png"), pass_picture())
    assert ZxingReader().read(read_image(tmp_path / "pass.png")) == [pass_text().encode()]


def test_a_stream_is_read_over_http_and_its_end_is_a_loss(tmp_path: Path) -> None:
    """A real server and OpenCV's own client; the stream ends as a camera does that loses its network."""
    write_video(tmp_path / "door.avi", [np.full((48, 64), shade, np.uint8) for shade in SHADES])

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        camera = make_source(f"http://127.0.0.1:{server.server_port}/door.avi")
        camera.open()
        assert [abs(int(camera.read().mean()) - shade) < 8 for shade in SHADES] == [True] * 3
        with pytest.raises(CameraLost, match="stopped"):
            camera.read()
        camera.close()
        server.shutdown()


def test_a_stream_never_shows_its_password() -> None:
    source = StreamCamera("rtsp://rider:secret@10.0.0.9:554/door?token=secret")
    assert repr(source) == "StreamCamera(rtsp://10.0.0.9:554/door)"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("v4l2:0", V4l2Camera), ("v4l2:/dev/video2", V4l2Camera), ("file:a.mp4", VideoFile), ("folder:a", ImageFolder),
        ("http://h/s", StreamCamera), ("https://h/s", StreamCamera), ("rtsp://h/s", StreamCamera),
        ("picamera2:1", PiCamera),
    ],
)  # fmt: skip
def test_the_forms_of_a_source(text: str, kind: type) -> None:
    assert type(make_source(text)) is kind


@pytest.mark.parametrize(
    "text", ["", "v4l2", "v4l2:", "v4l2:front", "usb:0", "picamera2:x", "http:h", "rtsp://", "ftp://u:secret@h/"]
)
def test_an_unknown_form_is_an_error_that_names_the_known(text: str) -> None:
    with pytest.raises(SourceUnknown) as caught:
        make_source(text)
    assert ":" in caught.value.fix
    assert "secret" not in str(caught.value)


def test_relative_paths_are_taken_from_the_given_folder(tmp_path: Path) -> None:
    _folder(tmp_path)
    source = make_source(f"folder:{tmp_path.name}", tmp_path.parent)
    source.open()
    assert source.read() is not None


class _Picamera2:
    """The calls of picamera2 that the adapter makes (its documented API); no Pi was at hand to compare it with."""

    def __init__(self, number: int) -> None:
        if number:
            raise IndexError("list index out of range")
        self.left = 2
        self.camera_controls = {"ExposureTime": (29, 0, 0), "AnalogueGain": (1.0, 16.0, 0)}

    def create_video_configuration(self, main: dict[str, object]) -> dict[str, object]:
        assert main["format"] == "YUV420"
        return main

    def configure(self, configuration: dict[str, object]) -> None: ...

    def start(self) -> None: ...

    def close(self) -> None: ...

    def capture_array(self, name: str, *, wait: bool) -> object:
        assert (name, wait) == ("main", False)
        return object()

    def wait(self, job: object, timeout: float) -> np.ndarray:
        self.left -= 1
        if self.left < 0:
            raise TimeoutError
        return np.full((CAMERA_HEIGHT_PX * 3 // 2, CAMERA_WIDTH_PX + 64), 77, np.uint8)


def test_a_pi_camera_gives_its_y_plane_and_is_lost_when_it_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=_Picamera2))
    with pytest.raises(CameraMissing, match="list index"):
        PiCamera(1).open()
    camera = PiCamera(0)
    assert camera.control is None
    camera.open()
    assert camera.control is not None
    assert [camera.read().shape for _ in range(2)] == [(CAMERA_HEIGHT_PX, CAMERA_WIDTH_PX)] * 2
    with pytest.raises(CameraLost):
        camera.read()
    camera.close()
    assert camera.control is None
    with pytest.raises(CameraLost):
        camera.read()
