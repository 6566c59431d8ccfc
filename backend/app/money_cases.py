"""The desk of money that needs a person: discrepancies, resolved in somebody's name; and what is held for owners."""

from collections.abc import Callable, Sequence

from backend.core.holding import HeldSum, HeldTap
from backend.core.ledger import TapId
from backend.core.reconciliation.case_ports import MoneyCaseStore
from backend.core.reconciliation.discrepancies import Kept
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.two_people import require, require_words


class MoneyCases:
    """Implements `MoneyCaseDesk`. `clock` gives Unix milliseconds."""

    def __init__(self, store: MoneyCaseStore, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    def discrepancies(self, *, open_only: bool, after: str | None, most: int) -> Sequence[Kept]:
        """By name."""
        return self._store.discrepancies(open_only=open_only, after=after, most=most)

    def resolve(self, actor: Actor, name: str, *, why: str, key: str) -> Kept:
        """Somebody says why it needs no more acting. Raises NotFound, Refused, Unfit for a card number."""
        require(actor, Right.RESOLVE_DISCREPANCY)
        return resolve(self._store, name, why=why, by=(actor.name, actor.role.value), now_ms=self._clock(), key=key)

    def held(self, after: TapId | None, limit: int) -> Sequence[HeldTap]:
        """By device, journal and sequence, behind a tap."""
        return self._store.held(after, limit)

    def held_sums(self) -> Sequence[HeldSum]:
        """By vehicle and reason."""
        return self._store.held_sums()


def resolve(
    store: MoneyCaseStore, name: str, *, why: str, by: tuple[str, str], now_ms: int, key: str = ""
) -> Kept:  # fmt: skip
    """Why it needs no more acting, told in the log. `by`: name and role. Raises NotFound, Refused, Unfit."""
    require_words("why", why)
    entry = Entry(now_ms, *by, Right.RESOLVE_DISCREPANCY.value, name, "resolved", key)
    return store.resolve_discrepancy(name, why, entry)
