"""A GTFS feed as it comes: a zip, or a folder of its tables."""

import zipfile
from collections.abc import Collection
from pathlib import Path

from provisioning.core.errors import FeedRefused, FileFailed
from provisioning.core.limits import FEED_FILE_MAX_BYTES


def read_texts(feed: Path, wanted: Collection[str]) -> dict[str, str]:
    """The wanted tables that are there, name → text. Raises FeedRefused, FileFailed."""
    try:
        return _from_folder(feed, wanted) if feed.is_dir() else _from_zip(feed, wanted)
    except zipfile.BadZipFile as error:
        raise FeedRefused(
            f"{feed.name} is no whole zip: {error}",
            fix="give the GTFS feed, a zip or a folder; if it is, fetch it anew",
            file=feed.name,
            line=0,
        ) from error
    except OSError as error:
        raise FileFailed(f"cannot read {feed}: {error.strerror}", fix="look at the path", path=str(feed)) from error


def _from_folder(feed: Path, wanted: Collection[str]) -> dict[str, str]:
    paths = {name: feed / name for name in wanted}
    return {
        name: _text(name, path.read_bytes() if path.stat().st_size <= FEED_FILE_MAX_BYTES else None)
        for name, path in paths.items()
        if path.is_file()
    }


def _from_zip(feed: Path, wanted: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with zipfile.ZipFile(feed) as archive:
        for entry in archive.infolist():
            if entry.filename not in wanted:
                continue
            if entry.filename in found:
                raise FeedRefused(
                    f"{entry.filename} is in the zip twice", fix="zip it anew", file=entry.filename, line=0
                )
            with archive.open(entry) as file:  # what it says of its size is not believed
                data = file.read(FEED_FILE_MAX_BYTES + 1)
            found[entry.filename] = _text(entry.filename, data if len(data) <= FEED_FILE_MAX_BYTES else None)
    return found


def _text(name: str, data: bytes | None) -> str:
    if data is None:
        raise FeedRefused(
            f"{name} is over {FEED_FILE_MAX_BYTES >> 20} MiB", fix="export the city alone", file=name, line=0
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FeedRefused(
            f"{name}, line {line}: is not UTF-8", fix="export it as UTF-8", file=name, line=line
        ) from error
