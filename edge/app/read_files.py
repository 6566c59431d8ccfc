"""The decode loop over files, for `savar read`: pictures, recordings, folders one level deep; no camera, no clock."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.adapters.frames.folder import read_image
from edge.adapters.frames.opencv import VideoFile
from edge.adapters.readers.choose import Sight
from edge.core.errors import CameraMissing, LocalError, NotAnImage
from edge.core.ports import GreyImage, QrReader
from edge.core.reading import Reading

# By name, not by trial: ffmpeg takes a text file for a video of a terminal.
VIDEO_SUFFIXES = frozenset({".avi", ".h264", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})


@dataclass(frozen=True, slots=True)
class FileRead:
    """What came of one file. `payload`: the first code's bytes, None if there is none; `ms`: time in the readers."""

    file: Path
    payload: bytes | None
    ms: float
    error: LocalError | None = None


def list_files(paths: Iterable[Path]) -> list[Path]:
    """Files as given; of a folder its files, and those of its own folders, in name order. Hidden ones are left out."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            for entry in _visible(path):
                files += [inner for inner in _visible(entry) if inner.is_file()] if entry.is_dir() else [entry]
        else:
            files.append(path)
    return files


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def read_files(files: Sequence[Path], sight: Sight) -> Iterator[FileRead]:
    """Each file's first code; a file that cannot be read carries its error, and the rest still run."""
    for file in files:
        spent_ms = 0.0
        try:
            for spent, texts in _texts(file, sight):
                spent_ms += spent
                if texts:
                    yield FileRead(file, texts[0], spent_ms)
                    break
            else:
                yield FileRead(file, None, spent_ms)
        except (NotAnImage, CameraMissing) as error:
            yield FileRead(file, None, spent_ms, error)


def _texts(file: Path, sight: Sight) -> Iterator[tuple[float, list[bytes]]]:
    """(milliseconds, codes) of each picture in a file."""
    reading = sight.reading()
    if file.suffix.lower() in VIDEO_SUFFIXES:
        for grey in _video(file):
            yield _timed(reading, grey, sight.heavy)
    else:
        yield _timed(reading, read_image(file), sight.heavy, still=True)


def _timed(
    reading: Reading, grey: GreyImage, heavy: QrReader | None, *, still: bool = False
) -> tuple[float, list[bytes]]:
    """The heavy reader has its turn here on what the others could not read: nobody waits at a door."""
    start = time.perf_counter()
    texts = [code.text for code in (reading.read_still(grey) if still else reading.read(grey)) if code.text is not None]
    if not texts and heavy is not None and (where := reading.heavy) is not None:
        texts = heavy.read(grey[where.top : where.bottom, where.left : where.right])
    return (time.perf_counter() - start) * 1000, texts


def _video(file: Path) -> Iterator[GreyImage]:
    source = VideoFile(file)
    try:
        source.open()
    except CameraMissing as error:
        if file.is_file():  # it is there, so it is the file that is wrong
            raise NotAnImage(error.message, fix=error.fix, path=str(file)) from error
        raise
    try:
        while (grey := source.read()) is not None:
            yield grey
    finally:
        source.close()
