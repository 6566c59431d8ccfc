"""The lines that a driver can choose: out of the timetable, by what people call them, the likely ones first. Pure.

Rules:
- a line of the timetable runs in the directions that it has patterns of; each is named by the headsign of its longest
  pattern, and where there is none by its last stop; without English words the Persian ones stand there;
- offered first is what the road makes likely, a few; the way back of the line that is served is always among them, for
  that is what a driver corrects most.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge.core.limits import LINES_OFFERED_MAX
from protocol.wire.timetable import Line, Pattern

Pair = tuple[str, int]  # route and direction


@dataclass(frozen=True, slots=True)
class LineView:
    """A line that this bus may serve, and where each of its directions leads, in Persian and English.

    A direction that it does not run in is not in `directions`, and leads nowhere: empty words.
    """

    route: str
    label_fa: str
    label_en: str
    directions: tuple[int, ...]
    towards_fa: tuple[str, str]
    towards_en: tuple[str, str]


Lines = Mapping[str, LineView]  # by route


def lines_of(patterns: Iterable[tuple[Line, Pattern]]) -> dict[str, LineView]:
    """The lines of a timetable, from all of their patterns or one for each direction."""
    longest: dict[Pair, tuple[Line, Pattern]] = {}
    for line, pattern in patterns:
        pair = (line.name, pattern.direction)
        known = longest.get(pair)
        if known is None or pattern.calls[-1].metres > known[1].calls[-1].metres:
            longest[pair] = (line, pattern)
    views = {}
    for name in sorted({name for name, _ in longest}, key=_in_order):
        found = {direction: longest[name, direction] for direction in (0, 1) if (name, direction) in longest}
        line = next(iter(found.values()))[0]
        ends = [_end(found[direction][1]) if direction in found else ("", "") for direction in (0, 1)]
        views[name] = LineView(
            name, line.label or name, line.label_en or line.label or name, tuple(found),
            (ends[0][0], ends[1][0]), (ends[0][1], ends[1][1]),
        )  # fmt: skip
    return views


def _in_order(name: str) -> tuple[int, str]:
    """As people count: 9 before 10, and what is no number behind."""
    return int(name) if name.isdecimal() else sys.maxsize, name


def _end(pattern: Pattern) -> tuple[str, str]:
    last = pattern.calls[-1].stop
    fa = pattern.headsign or last.label or last.name
    return fa, pattern.headsign_en or (last.label_en if not pattern.headsign else "") or fa


def runs(lines: Lines, pair: Pair) -> bool:
    """Whether the bus may serve this line in this direction."""
    line = lines.get(pair[0])
    return line is not None and pair[1] in line.directions


def offered(likely: Sequence[Pair], serves: Pair | None, lines: Lines) -> tuple[Pair, ...]:
    """What stands first on the driver's screen, best first."""
    found = [pair for pair in dict.fromkeys(likely) if runs(lines, pair)][:LINES_OFFERED_MAX]
    if serves is not None:
        for pair in (serves, (serves[0], 1 - serves[1])):  # the way back last, so that it is never the one left out
            if pair not in found and runs(lines, pair):
                found = [*found[: LINES_OFFERED_MAX - 1], pair]
    return tuple(found)
