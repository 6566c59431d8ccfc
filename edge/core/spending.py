"""What this door let ride under each policy, in rials: a policy that fails open has a bound (P15). Pure.

A door counts its own: two doors that cannot talk may each reach the bound. A policy whose bound is reached holds no
longer here, and riders are judged by what else holds: they pay, or are told what to do.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Bounded(Protocol):
    """A policy."""

    @property
    def order(self) -> str:
        """Its name."""
        ...

    def affords(self, spent_rials: int, rials: int) -> bool:
        """Whether so much more fits under its bound."""
        ...


_Policy = TypeVar("_Policy", bound=Bounded)


class Spending:
    """By the policy's name: fares forgone, or taken on its grace. Used under the boarding's lock."""

    def __init__(self) -> None:
        self._rials: Counter[str] = Counter()

    def note(self, order: str, rials: int) -> None:
        """A ride under it was recorded."""
        self._rials[order] += rials

    def spent(self, order: str) -> int:
        """Rials so far."""
        return self._rials[order]

    def first_that_affords(self, policies: Iterable[_Policy], rials: int) -> _Policy | None:
        """The first of them under whose bound a ride for so much still fits."""
        return next((it for it in policies if it.affords(self._rials[it.order], rials)), None)
