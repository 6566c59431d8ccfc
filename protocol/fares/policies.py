"""Policies: when a city lets people ride free, which vehicles only rehearse. Signed, bounded in time, counted (P15).

They go down in the bundle and start and stop by the validator's own clock, with no network, at their local minute.
"""

from dataclasses import dataclass
from enum import IntEnum

from protocol.errors import OutOfRange


class Cause(IntEnum):
    """Why nobody pays; written into records as a reason, see `verdicts`."""

    FREE_DAY = 1
    CRISIS = 2
    EVENT = 3  # a football match, a funeral


@dataclass(frozen=True, slots=True)
class BoardFree:
    """Nobody pays from one time until another, on these lines (none named: on all). `order` names the decree."""

    order: str
    cause: Cause
    from_ms: int
    until_ms: int
    lines: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.from_ms < self.until_ms:
            raise OutOfRange("a free ride without an end", order=self.order)

    def holds(self, line: str | None, wall_ms: int) -> bool:
        """Whether it holds now, on this line; where the line is not known, it does (decided for the rider)."""
        return self.from_ms <= wall_ms < self.until_ms and (line is None or not self.lines or line in self.lines)


@dataclass(frozen=True, slots=True)
class Policies:
    """All of a city's. `training`: vehicles that rehearse: what they accept never reaches the ledger."""

    number: int = 0
    board_free: tuple[BoardFree, ...] = ()
    training: frozenset[str] = frozenset()

    def free_on(self, line: str | None, wall_ms: int) -> BoardFree | None:
        """The order under which nobody pays here and now, if there is one."""
        held = (it for it in self.board_free if it.holds(line, wall_ms))
        return min(held, key=lambda it: (it.from_ms, it.order), default=None)  # the first to begin: a record names one


NONE = Policies()
