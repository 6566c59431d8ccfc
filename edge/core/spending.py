"""What this door let ride under each policy, in rials: a policy that fails open has a bound (P15). Pure.

A door counts its own: two doors that cannot talk may each reach the bound. A policy whose bound is reached holds no
longer here, and riders are judged by what else holds: they pay, or are told what to do. What the driver takes back
counts no more. The journal keeps each sum, in the commit of the ride that it counts or no longer counts, so a start
neither begins a bound anew nor reads records for it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar

from protocol.wire.records import Record, Tap


class LetRide(NamedTuple):
    """Fares forgone under a policy, or taken on its grace, in rials; less than nothing: given back."""

    policy: str
    rials: int


def gives_back(record: Record) -> LetRide | None:
    """What taking the boarding of this record back gives back to the bound of its policy."""
    if not isinstance(record, Tap) or record.policy is None:
        return None
    return LetRide(record.policy[1], -(record.fare_rials + record.forgone_rials))


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
    """By the policy's name. Used under the boarding's lock."""

    def __init__(self) -> None:
        self._rials: Counter[str] = Counter()

    def note(self, let_ride: LetRide) -> None:
        """A ride under it was recorded, or one was taken back."""
        self._rials[let_ride.policy] = max(0, self._rials[let_ride.policy] + let_ride.rials)

    def load(self, kept: Iterable[LetRide]) -> None:
        """What was let ride before a restart."""
        for it in kept:
            self.note(it)

    def spent(self, order: str) -> int:
        """Rials so far."""
        return self._rials[order]

    def first_that_affords(self, policies: Iterable[_Policy], rials: int) -> _Policy | None:
        """The first of them under whose bound a ride for so much still fits."""
        return next((it for it in policies if it.affords(self._rials[it.order], rials)), None)
