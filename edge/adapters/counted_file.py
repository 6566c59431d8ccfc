"""`counted` on the card: the last word about its machine's counter (see `edge/core/counting`). Whole, or as before."""

from pathlib import Path

from edge.adapters.whole_file import write_whole
from edge.core.counting import COUNTED_MAX_BYTES
from edge.core.errors import CounterFailed

_FIX = "look at the card, and at who owns the folder"


class CountedFile:
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """What it holds, cut at one byte more than it may; None where there is none. Raises CounterFailed."""
        try:
            with self._path.open("rb") as file:
                return file.read(COUNTED_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CounterFailed(f"{self._path.name} cannot be read: {error}", fix=_FIX) from error

    def keep(self, data: bytes) -> None:
        """On the card, durably. Raises CounterFailed."""
        try:
            write_whole(self._path, data, mode=0o644)
        except OSError as error:
            raise CounterFailed(f"{self._path.name} is not kept: {error}", fix=_FIX) from error
