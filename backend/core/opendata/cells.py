"""Which counts of a day are told, and which are not. Pure.

A day's boardings are a tree: the day, its lines, the hours of each, the classes of each hour. Rules:

K1  a count is told where at least OPEN_DATA_RIDERS_MIN riders are in it, and its parent is told, too; what is not told
    is not listed at all, as if nobody had boarded;
K2  what is left of a told count, when all told ones below it are taken away, is of no riders, or it is enough to hide
    in: where some below it are too small, neighbours of theirs are not told either. Which ones follows from where they
    stand and not from what they count: were it the smallest, what is told would say how small that is. As many as it
    takes for what is left to be OPEN_DATA_RIDERS_MIN more than these neighbours hold at the least: so the small one
    may be anything below the bound;
K3  classes are told both or not at all. One alone would say that whoever was seen there is of it, and nobody of the
    other is what a count of nothing would say;
K4  a month is told once no bus can bring anything of it any more (`require_settled`): two releases of one month would
    differ by the few who came late.

Told counts sum along this tree alone: there is no second way to add them up, so K2 at each parent is enough.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from backend.core.errors import Refused
from backend.core.limits import OPEN_DATA_AFTER_DAYS, OPEN_DATA_RIDERS_MIN

Key: TypeAlias = tuple[str, ...]  # line, hour, class: as many as the count is of
DEPTH = 3
GROUPS = ("adult", "reduced")


@dataclass(frozen=True, slots=True)
class Count:
    """So many boardings, companions included, of so many riders."""

    boardings: int
    riders: int


def told(counts: Mapping[Key, Count]) -> dict[Key, int]:
    """A day's counts → those that are told, with their boardings. Each has its parent among `counts`."""
    below: dict[Key, dict[Key, Count]] = {}
    for key, count in counts.items():
        if key:
            below.setdefault(key[:-1], {})[key] = count
    shown: dict[Key, int] = {}
    waiting = [key for key, count in counts.items() if not key and not is_small(count)]
    while waiting:
        key = waiting.pop()
        shown[key] = counts[key].boardings
        children = below.get(key, {})
        away = hidden(children)
        waiting += [child for child in children if child not in away]
    return dict(sorted(shown.items()))


def is_small(count: Count) -> bool:
    """Too few riders (K1)."""
    return count.riders < OPEN_DATA_RIDERS_MIN


def hidden(children: Mapping[Key, Count]) -> AbstractSet[Key]:
    """Of the counts below one that is told: those that are not."""
    small = {key for key, count in children.items() if is_small(count)}
    if any(len(key) == DEPTH for key in children):
        return set() if both_told(children, small) else children.keys()
    return small | complement(children, small)


def both_told(children: Mapping[Key, Count], small: AbstractSet[Key]) -> bool:
    """K3: every class has riders enough."""
    return not small and len(children) == len(GROUPS)


def complement(children: Mapping[Key, Count], small: AbstractSet[Key]) -> AbstractSet[Key]:
    """K2: what is hidden besides, so that the small ones are not what is left of their parent."""
    if not small:
        return set()
    keys, first = sorted(children), min(small)
    neighbours = [key for key in (*keys[keys.index(first) :], *keys[: keys.index(first)]) if key not in small]
    left, away = sum(children[key].boardings for key in small), set[Key]()
    for key in neighbours:
        if away and left - OPEN_DATA_RIDERS_MIN * len(away) >= OPEN_DATA_RIDERS_MIN:
            break
        away.add(key)
        left += children[key].boardings
    return away


def require_settled(last_day: int, today: int) -> None:
    """Return where nothing of a month that ends with this day is to come any more (K4). Raises Refused."""
    if today - last_day <= OPEN_DATA_AFTER_DAYS:
        raise Refused(
            f"buses may bring boardings of that month until {OPEN_DATA_AFTER_DAYS} days behind it",
            fix="tell it later, and once: two releases would differ by the few who came late",
            wait_days=OPEN_DATA_AFTER_DAYS + 1 - (today - last_day),
        )
