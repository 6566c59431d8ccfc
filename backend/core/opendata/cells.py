"""Which counts of a day are told, and which are not. Pure.

What is counted is each hour of each line, and each class of each such hour. Rules:

K1  an hour of a line is told where at least OPEN_DATA_RIDERS_MIN riders are in it. What is not told is not listed, and
    is in nothing else that is: a day with such boardings is told as the same day without them;
K2  a total, of a line's day and of the whole day, is the sum of the hours that are told. Were it of all that boarded,
    it would say on which days somebody rode where nothing is told; hiding others beside these says where to look;
K3  classes are told both or not at all, and then add up to their hour. One alone would say that whoever was seen there
    is of it, and nobody of the other is what a count of nothing would say;
K4  a month is told once no bus can bring anything of it any more (`require_settled`): two releases of one month would
    differ by the few who came late.

All that is told follows from the told hours and their told classes: no two of its numbers differ by anybody else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from backend.core.errors import Refused
from backend.core.limits import OPEN_DATA_AFTER_DAYS, OPEN_DATA_RIDERS_MIN

Key: TypeAlias = tuple[str, ...]  # line, hour, class: as many as the count is of
HOUR = 2  # parts of an hour's key: what is above it is a sum
DEPTH = 3
GROUPS = ("adult", "reduced")


@dataclass(frozen=True, slots=True)
class Count:
    """So many boardings, companions included, of so many riders."""

    boardings: int
    riders: int


def told(counts: Mapping[Key, Count]) -> dict[Key, int]:
    """The counts of a day's hours, and of their classes → those that are told, and totals, with their boardings."""
    shown = {key: count.boardings for key, count in counts.items() if is_told(key, counts)}
    return dict(sorted({**shown, **totals(shown)}.items()))


def is_told(key: Key, counts: Mapping[Key, Count]) -> bool:
    """Whether this count of an hour, or of a class of one, is (K1, K3)."""
    if len(key) == HOUR:
        return not is_small(counts[key])
    return both_told([counts[it] for group in GROUPS if (it := (*key[:HOUR], group)) in counts])


def is_small(count: Count) -> bool:
    """Too few riders (K1)."""
    return count.riders < OPEN_DATA_RIDERS_MIN


def both_told(classes: Sequence[Count]) -> bool:
    """K3: every class has riders enough, and so has their hour."""
    return len(classes) == len(GROUPS) and not any(map(is_small, classes))


def totals(shown: Mapping[Key, int]) -> dict[Key, int]:
    """K2: of each line's day, and of the day, what is told of their hours."""
    found: dict[Key, int] = {}
    for key in shown:
        if len(key) == HOUR:
            for above in range(HOUR):
                found[key[:above]] = found.get(key[:above], 0) + shown[key]
    return found


def require_settled(last_day: int, today: int) -> None:
    """Return where nothing of a month that ends with this day is to come any more (K4). Raises Refused."""
    if today - last_day <= OPEN_DATA_AFTER_DAYS:
        raise Refused(
            f"buses may bring boardings of that month until {OPEN_DATA_AFTER_DAYS} days behind it",
            fix="tell it later, and once: two releases would differ by the few who came late",
            wait_days=OPEN_DATA_AFTER_DAYS + 1 - (today - last_day),
        )
