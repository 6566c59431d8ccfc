"""A timetable from the city's GTFS feed, for the next bundle."""

from pathlib import Path

from provisioning.adapters.feed_files import read_texts
from provisioning.core.feed import FILES, Feed, read_feed


def load_feed(path: Path) -> Feed:
    """A feed's zip, or the folder of its tables → its lines. Raises FeedRefused, FileFailed."""
    return read_feed(read_texts(path, FILES))
