"""In which order days are counted again of which records came. Pure.

Rules:
- the newest two service days come first, for a case is for tomorrow's talk, and of them something comes each hour;
- of the others the one that waits longest is next, and of those that wait as long the newest. So every day has its turn
  within as many looks as the days that can wait have budgets, whatever comes of however many days meanwhile.
"""

from collections.abc import Sequence
from typing import NamedTuple


class DueDay(NamedTuple):
    """A service day that is to be counted again.

    `since`: how many records the ledger held when it fell due; `newest`: when news of it were last found.
    """

    day: int
    since: int
    newest: int


def in_turn(due: Sequence[DueDay], today: int) -> list[DueDay]:
    """The days that wait, the next one first."""
    return sorted(due, key=lambda it: (it.day < today - 1, it.since, -it.day))
