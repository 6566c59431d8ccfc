"""Policies: when a city lets people ride free, or on grace, and which vehicles only rehearse (P15).

They go down in the bundle, signed, and start and stop by the validator's own clock, with no network, at their local
minute. Rules:
- every one has a name, a cause, a beginning and an end no more than 31 days later: who wants it longer says it again;
- one that fails open, a grace, has a bound in rials as well: the most that each door may let ride under it;
- it holds at a time that is known: without a trusted clock none begins and none goes on. A door that has lost the time
  would prolong it for ever; what a dead clock itself lets ride is a rule of the contract, and is charged;
- what is taken under one is recorded with its name, its cause, and what it cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from protocol import limits
from protocol.errors import OutOfRange


class Cause(IntEnum):
    """Why nobody pays; written into records as a reason, see `verdicts`."""

    FREE_DAY = 1
    CRISIS = 2
    EVENT = 3  # a football match, a funeral
    READER_OUT = 4  # readers of these vehicles fail, and the office knows it


class GraceKind(IntEnum):
    """What is let through that the standing rules refuse; each is charged, and recorded under its own reason."""

    EXPIRED_RIDES = 1  # credentials past their last day: nobody can renew one now
    ALLOWANCE_RAISED = 2  # more may be spent before the backend sees it: the network is down


class _Term:
    """What all policies share: when and where."""

    __slots__ = ()
    order: str
    from_ms: int
    until_ms: int
    lines: frozenset[str]
    vehicles: frozenset[str]
    bound_rials: int

    def holds(self, line: str | None, vehicle: str, wall_ms: int) -> bool:
        """Whether it holds now, on this line and vehicle; where the line is not known, it does (for the rider)."""
        here = line is None or not self.lines or line in self.lines
        return self.from_ms <= wall_ms < self.until_ms and here and (not self.vehicles or vehicle in self.vehicles)

    def affords(self, spent_rials: int, rials: int) -> bool:
        """Whether so much more fits under its bound."""
        return not self.bound_rials or spent_rials + rials <= self.bound_rials

    def _check(self) -> None:
        if not 0 < self.until_ms - self.from_ms <= limits.POLICY_MAX_S * 1000:
            raise OutOfRange(
                "a policy without an end, or a longer one than may be", order=self.order,
                most_days=limits.POLICY_MAX_S // limits.DAY_S,
            )  # fmt: skip
        if not 0 <= self.bound_rials <= limits.RIALS_MAX:
            raise OutOfRange("a policy's bound is out of range", order=self.order, bound_rials=self.bound_rials)


@dataclass(frozen=True, slots=True)
class BoardFree(_Term):
    """Nobody pays from one time until another, on these lines and vehicles (none named: on all).

    `order` names the decree. `bound_rials`: the fares that each door may forgo under it; 0: as many as come.
    """

    order: str
    cause: Cause
    from_ms: int
    until_ms: int
    lines: frozenset[str] = frozenset()
    vehicles: frozenset[str] = frozenset()
    bound_rials: int = 0

    def __post_init__(self) -> None:
        self._check()


@dataclass(frozen=True, slots=True)
class Grace(_Term):
    """Who would be refused rides, and is charged. `bound_rials`: the fares that each door may take so, never 0.

    `rials`: by how much an ALLOWANCE_RAISED raises what each credential may spend on a bus unseen; else 0.
    """

    order: str
    kind: GraceKind
    from_ms: int
    until_ms: int
    bound_rials: int
    rials: int = 0
    lines: frozenset[str] = frozenset()
    vehicles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._check()
        if not self.bound_rials:
            raise OutOfRange("a grace without a bound", order=self.order)
        if not 0 <= self.rials <= limits.ALLOWANCE_RAISE_MAX_RIALS:
            raise OutOfRange("an allowance is raised by too much", order=self.order, rials=self.rials)
        if (self.rials > 0) != (self.kind is GraceKind.ALLOWANCE_RAISED):
            raise OutOfRange("rials raise an allowance, and nothing else does", order=self.order, rials=self.rials)


@dataclass(frozen=True, slots=True)
class Policies:
    """All of a city's. `training`: vehicles that rehearse: what they accept never reaches the ledger."""

    number: int = 0
    board_free: tuple[BoardFree, ...] = ()
    training: frozenset[str] = frozenset()
    graces: tuple[Grace, ...] = ()

    def free_on(self, line: str | None, vehicle: str, wall_ms: int) -> Iterator[BoardFree]:
        """The orders under which nobody pays here and now, the first to begin first: a record names one."""
        held = (it for it in self.board_free if it.holds(line, vehicle, wall_ms))
        yield from sorted(held, key=lambda it: (it.from_ms, it.order))

    def graces_on(self, kind: GraceKind, line: str | None, vehicle: str, wall_ms: int) -> Iterator[Grace]:
        """The graces of this kind that hold here and now, the first to begin first."""
        held = (it for it in self.graces if it.kind is kind and it.holds(line, vehicle, wall_ms))
        yield from sorted(held, key=lambda it: (it.from_ms, it.order))


NONE = Policies()
