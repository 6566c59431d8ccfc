"""What is out of the ordinary for one of many who do the same work: robust, so that a few dishonest ones move nothing.

Rules:
- whoever is looked at is never part of what he is compared with;
- what is ordinary in a cell (a line in an hour) is the median of the others' shares there. Where too few others worked
  in that cell it is the median of the line's others over the day, and where those are too few, of all others;
- a driver's *excess* is what he did beyond that, as a share of all his work of the day: a line that is crowded at eight
  makes nobody stand out who drives it at eight;
- out of the ordinary is an excess whose modified z-score among the others' is above SCORE_MAX: 0.6745 times its
  distance from their median, over the median of their distances (MAD). Both medians stay among the honest while fewer
  than half of the others are dishonest. (B. Iglewicz, D. Hoaglin, How to Detect and Handle Outliers, ASQC 1993: 3.5.)
- where nearly all of them do it never, that MAD is 0 and everybody else would stand out; so it counts as at least
  `spread_min`, and nobody is told of who is beyond the others by less than 5.2 times that.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from backend.core.limits import OTHERS_MIN, SCORE_MAX

Cell: TypeAlias = tuple[str, int]  # line, hour of the local day
Work: TypeAlias = Mapping[Cell, tuple[int, int]]  # how much was worked there, and how much of it is what is counted

_TO_DEVIATIONS = 0.6745  # MAD of a normal distribution, in standard deviations


@dataclass(frozen=True, slots=True)
class Standing:
    """One among the others. `expected`: how much of it the others would have done in the same hours on the same lines.

    `score`: the modified z-score of the excess.
    """

    counted: int
    worked: int
    expected: float
    score: float

    @property
    def stands_out(self) -> bool:
        """Whether a person should look."""
        return self.score > SCORE_MAX


class _Shares:
    """Shares of several people, asked for the median of all but one."""

    def __init__(self, shares: Iterable[float]) -> None:
        self._sorted = sorted(shares)

    def without(self, share: float | None) -> float | None:
        """The median of all but one who has this share, or of all; None where they are too few."""
        others = len(self._sorted) - (share is not None)
        at = others if share is None else bisect_left(self._sorted, share)
        if others < OTHERS_MIN:
            return None
        low, high = (others - 1) // 2, others // 2
        return (self._sorted[low + (low >= at)] + self._sorted[high + (high >= at)]) / 2


class Ordinary:
    """Everybody's work of one day. `worked_min`: who worked less in a cell is nobody to compare with there."""

    def __init__(self, work: Mapping[str, Work], *, worked_min: int, spread_min: float) -> None:
        self._work, self._spread_min, self._worked_min = work, spread_min, worked_min
        self._lines = {who: _by_line(cells) for who, cells in work.items()}
        self._wholes = {who: _whole(cells) for who, cells in work.items()}
        by_cell: dict[Cell, list[float]] = defaultdict(list)
        by_line: dict[str, list[float]] = defaultdict(list)
        for who, cells in work.items():
            for cell, done in cells.items():
                if done[0] >= worked_min:
                    by_cell[cell].append(_share(done))
            for line, done in self._lines[who].items():
                if done[0] >= worked_min:
                    by_line[line].append(_share(done))
        self._by_cell = {cell: _Shares(shares) for cell, shares in by_cell.items()}
        self._by_line = {line: _Shares(shares) for line, shares in by_line.items()}
        self._all = _Shares(_share(done) for done in self._wholes.values() if done[0] >= worked_min)
        self._excess = {
            who: excess for who in work if self._wholes[who][0] >= worked_min
            and (excess := self._excess_of(who)) is not None
        }  # fmt: skip

    def of(self, who: str) -> Standing | None:
        """How somebody stands; None where there is too little to say."""
        excess = self._excess.get(who)
        others = [it for name, it in self._excess.items() if name != who]
        if excess is None or len(others) < OTHERS_MIN:
            return None
        middle = median(others)
        spread = max(median(abs(it - middle) for it in others), self._spread_min)
        worked, counted = self._wholes[who]
        return Standing(counted, worked, counted - excess * worked, _TO_DEVIATIONS * (excess - middle) / spread)

    def _excess_of(self, who: str) -> float | None:
        expected = 0.0
        for cell, done in self._work[who].items():
            share = self._ordinary(who, cell, done)
            if share is None:
                return None
            expected += share * done[0]
        worked, counted = self._wholes[who]
        return (counted - expected) / worked

    def _ordinary(self, who: str, cell: Cell, done: tuple[int, int]) -> float | None:
        for shares, mine in (
            (self._by_cell.get(cell), done), (self._by_line.get(cell[0]), self._lines[who][cell[0]]),
            (self._all, self._wholes[who]),
        ):  # fmt: skip
            if (
                shares is not None
                and mine[0] >= self._worked_min
                and (found := shares.without(_share(mine))) is not None
            ):
                return found
        return None


def _share(done: tuple[int, int]) -> float:
    return done[1] / done[0]


def _whole(cells: Work) -> tuple[int, int]:
    return _sum(list(cells.values()))


def _by_line(cells: Work) -> dict[str, tuple[int, int]]:
    lines: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (line, _), done in cells.items():
        lines[line].append(done)
    return {line: _sum(parts) for line, parts in lines.items()}


def _sum(parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(worked for worked, _ in parts), sum(counted for _, counted in parts)
