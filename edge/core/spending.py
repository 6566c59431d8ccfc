"""What this door let ride under each policy, in rials: a policy that fails open has a bound (P15). Pure.

A door counts its own: two doors that cannot talk may each reach the bound. A policy whose bound is reached holds no
longer here, and riders are judged by what else holds: they pay, or are told what to do. After a restart the journal
says what was counted before it, as far back as it is looked through.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar

from protocol.fares.policies import Policies
from protocol.wire.records import Record, Tap


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

    def recall(self, records: Iterable[Record], policies: Policies) -> None:
        """Count what was let ride before a restart. `records`: of this door, newest first; read while they matter."""
        bounded = [it for it in (*policies.board_free, *policies.graces) if it.bound_rials]
        begins_ms = min((it.from_ms for it in bounded), default=None)
        if begins_ms is None:
            return
        for record in records:
            if record.at.trusted and record.at.wall_ms < begins_ms:
                return
            if isinstance(record, Tap) and record.policy is not None:
                self.note(record.policy[1], record.fare_rials + record.forgone_rials)

    def spent(self, order: str) -> int:
        """Rials so far."""
        return self._rials[order]

    def first_that_affords(self, policies: Iterable[_Policy], rials: int) -> _Policy | None:
        """The first of them under whose bound a ride for so much still fits."""
        return next((it for it in policies if it.affords(self._rials[it.order], rials)), None)
