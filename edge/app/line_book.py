"""The timetable's lines by name, for a terminal whose bus has no receiver to follow them with."""

from collections.abc import Iterable

from edge.core.lines import LineView, lines_of
from protocol.wire.timetable import decode_lines


class LineBook:
    """Fills `Table`: of each line what a driver reads, and nothing of its roads. Read from any thread."""

    def __init__(self) -> None:
        self.lines: dict[str, LineView] = {}
        self.number = 0

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """Another timetable, from its proven chunks. Raises WireError; then the one before stays in use."""
        self.lines = lines_of(
            (line, pattern) for chunk in chunks for line in decode_lines(chunk) for pattern in line.patterns
        )
        self.number = number
