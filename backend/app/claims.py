"""Claims of a group of batches, those not yet committed over those that the store holds."""

from collections import defaultdict
from collections.abc import Iterable

from backend.core.ledger import TapId, Transfer
from backend.core.ports import IngestStore
from backend.core.repeats import Claim, boardings
from backend.core.standing import Group, Tariffs, group_of, posted, weighed
from protocol.localtime import week_span_ms


class GroupClaims:
    """Takes what arrives into each rider's claims, and says what that changes. One a group; used by the ingest thread.

    It looks at no more of a rider than may change: the boardings that a claim touches, and the weeks of all their taps.
    """

    def __init__(self, store: IngestStore, tariffs: Tariffs) -> None:
        self._store = store
        self._tariffs = tariffs
        self._pending: dict[bytes, dict[TapId, Claim]] = defaultdict(dict)  # by credential
        self._by_tap: dict[TapId, Claim] = {}  # the same

    def at(self, tap: TapId) -> Claim | None:
        """One tap's claim as it stands."""
        return self._by_tap.get(tap) or self._store.claim_at(*tap)

    def take(self, new: Claim, before: Claim | None = None) -> tuple[list[Claim], list[Transfer]]:
        """A claim that is new, or was `before` → every claim that changes, it first, and what is posted for that."""
        pool = self._near(new)
        pool[new.tap] = new
        told, looked_at = {it.tap: it for it in boardings(pool.values())}, len(pool)
        touched = {tap for tap, it in told.items() if _place(it) != _place(pool[tap])} | {new.tap}
        rides = [pool[tap] for tap in touched if _rides(told[tap]) or _rides(pool[tap])]
        groups = {group for it in rides if (group := group_of(it, self._tariffs)) is not None}
        for week in {week for week, _ in groups}:
            self._over(pool, new, self._store.claims_between(new.presentation.credential_id, *week_span_ms(week)))
        stands = weighed(told.values() if len(pool) == looked_at else boardings(pool.values()), self._tariffs)
        return self._keep(new, before, pool, (it for it in stands.values() if self._changes(it, touched, groups)))

    def _changes(self, it: Claim, touched: set[TapId], groups: set[Group]) -> bool:
        """Whether all that it depends on was looked at."""
        return it.tap in touched or group_of(it, self._tariffs) in groups

    def _keep(
        self, new: Claim, before: Claim | None, pool: dict[TapId, Claim], stands: Iterable[Claim]
    ) -> tuple[list[Claim], list[Transfer]]:
        """Remember what changed for the claims after it in this group."""
        changed: list[Claim] = []
        transfers: list[Transfer] = []
        pending = self._pending[new.presentation.credential_id]
        for it in sorted(stands, key=lambda one: (one.tap != new.tap, one.tap)):
            is_new = it.tap == new.tap
            if it == pool[it.tap] and not is_new:
                continue
            after, made = posted(before if is_new else pool[it.tap], it)
            pending[it.tap] = self._by_tap[it.tap] = after
            changed.append(after)
            transfers += made
        return changed, transfers

    def _near(self, new: Claim) -> dict[TapId, Claim]:
        """Every claim of every boarding that a claim may touch, and all that waits of its rider."""
        pool: dict[TapId, Claim] = {}
        self._over(pool, new, self._store.claims_near(new))
        pending = self._pending[new.presentation.credential_id]
        if pending:  # a boarding that waits may have members that only the store holds
            self._over(pool, new, self._store.claims_of({it.boarding for it in pending.values()}))
        return pool

    def _over(self, pool: dict[TapId, Claim], new: Claim, held: Iterable[Claim]) -> None:
        """What the store holds, and over it what waits in this group, and over that the new one."""
        pool |= {it.tap: pool.get(it.tap, it) for it in held}
        pool |= {tap: it for tap, it in self._pending[new.presentation.credential_id].items() if tap != new.tap}


def _place(it: Claim) -> tuple[object, ...]:
    """What `boardings` says of a claim."""
    return it.boarding, it.charged, it.copied_rials, it.rials if it.extends else 0, it.ridden_m, it.ended_rials


def _rides(it: Claim) -> bool:
    """Whether it is weighed with other rides."""
    return it.charged and not it.extends
