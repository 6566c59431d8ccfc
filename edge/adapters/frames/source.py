"""The configured text of a camera, `source = "…"`, → the frame source that it names."""

from collections.abc import Callable
from pathlib import Path

from edge.adapters.frames.folder import ImageFolder
from edge.adapters.frames.opencv import StreamCamera, V4l2Camera, VideoFile
from edge.adapters.frames.picamera2 import PiCamera
from edge.core.errors import SourceUnknown
from edge.core.ports import FrameSource

FORMS = (
    "v4l2:N", "v4l2:/dev/videoN", "file:PATH", "folder:PATH", "http://…", "https://…", "rtsp://…", "picamera2:N",
)  # fmt: skip


def make_source(text: str, base: Path = Path()) -> FrameSource:
    """Text → source, not yet open; relative paths from `base`. Raises SourceUnknown naming the known forms."""
    scheme, colon, rest = text.partition(":")
    make = _SCHEMES.get(scheme)
    if make is None or not colon or not rest:
        # Only the scheme is shown: what follows it may carry a password.
        raise SourceUnknown(f"unknown camera source “{scheme[:20]}:”", fix=f"use one of {', '.join(FORMS)}")
    return make(rest, base)


def _v4l2(rest: str, _: Path) -> FrameSource:
    if rest.isascii() and rest.isdigit():
        return V4l2Camera(int(rest))
    if rest.startswith("/"):
        return V4l2Camera(rest)
    raise SourceUnknown(f"v4l2:{rest} names no camera", fix="use v4l2:N or v4l2:/dev/videoN")


def _picamera2(rest: str, _: Path) -> FrameSource:
    if not (rest.isascii() and rest.isdigit()):
        raise SourceUnknown(f"picamera2:{rest} names no camera", fix="use picamera2:N")
    return PiCamera(int(rest))


def _stream(scheme: str) -> Callable[[str, Path], FrameSource]:
    def make(rest: str, _: Path) -> FrameSource:
        if not rest.startswith("//") or len(rest) == 2:
            raise SourceUnknown(f"{scheme}: names no address", fix=f"use {scheme}://HOST/PATH")
        return StreamCamera(f"{scheme}:{rest}")

    return make


_SCHEMES: dict[str, Callable[[str, Path], FrameSource]] = {
    "v4l2": _v4l2,
    "file": lambda rest, base: VideoFile(base / rest),
    "folder": lambda rest, base: ImageFolder(base / rest),
    "picamera2": _picamera2,
    **{scheme: _stream(scheme) for scheme in ("http", "https", "rtsp")},
}
